"""A table of formats and features: what imgpar reads against libvips, OpenCV or values put in by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from codec_pictures import read, saved
from conftest import make_photo
from libvips import needs_vips, pyvips
from PIL import Image

from imgpar.core.spec import Frame
from imgpar.pixels.layouts import convert_layout, orient, oriented

PHOTO = make_photo(92, 61, seed=4)
ALPHA = np.dstack([PHOTO, np.tile(np.linspace(0, 255, 92).astype(np.uint8), (61, 1))])
DEEP = np.random.default_rng(5).integers(0, 65536, (61, 92, 3), np.uint16)


def seen(data: bytes, layout: str = "RGBA") -> np.ndarray:
    """Upright, in one layout, so that decoders can be compared."""
    header, arrays = read(data, "a.tga" if data[1:3] in (b"\0\2", b"\0\3") else "")
    upright = oriented(header.spec, header.orientation)
    turned = Frame(upright, np.empty(upright.shape, upright.dtype))
    orient(Frame(header.spec, arrays[0]), turned, header.orientation)
    spec = upright.converted(layout)
    result = Frame(spec, np.empty(spec.shape, spec.dtype))
    convert_layout(turned, result)
    return result.array


def by_vips(data: bytes) -> np.ndarray:
    image = pyvips.Image.new_from_buffer(data, "").autorot()
    if image.bands < 3:
        image = image.colourspace("rgb16" if image.format == "ushort" else "srgb")
    return (image if image.hasalpha() else image.addalpha()).numpy()


def by_opencv(data: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    code = {2: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA}
    kind = pixels.ndim if pixels.ndim == 2 or pixels.shape[2] == 3 else 4
    return cv2.cvtColor(pixels, code.get(kind, cv2.COLOR_BGRA2RGBA))


def pillow(array: np.ndarray, kind: str, mode: str = "", **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        image = Image.fromarray(array)
        return saved(image.convert(mode) if mode else image, kind, **options)

    return make


def vips(array: np.ndarray, suffix: str, **options: object) -> Callable[[], bytes]:
    return lambda: pyvips.Image.new_from_array(array).write_to_buffer(suffix, **options)


def opencv(array: np.ndarray, suffix: str, *settings: int) -> Callable[[], bytes]:
    order = [2, 1, 0, 3][: array.shape[2]] if array.shape[2] > 1 else [0]
    return lambda: bytes(cv2.imencode(suffix, np.ascontiguousarray(array[..., order]), settings)[1])


def gif_without_global_table() -> bytes:
    data = pillow(PHOTO, "GIF", "P")()
    size = 3 * 2 ** ((data[10] & 7) + 1)
    table, rest = data[13 : 13 + size], data[13 + size :]
    at = rest.index(b",")
    local = bytes([rest[at + 9] | 0x80 | data[10] & 7])
    return (
        data[:10] + bytes([data[10] & 0x78]) + data[11:13] + rest[: at + 9] + local + table + rest[at + 10 :]
    )


VIPS = {
    "GIF interlaced": (vips(PHOTO, ".gif", interlace=True), 0),
    "GIF, local table": (gif_without_global_table, 0),
    "GIF of one pixel": (pillow(PHOTO[:1, :1], "GIF", "P"), 0),
    "WebP lossless": (pillow(PHOTO, "WEBP", lossless=True), 0),
    "WebP lossless, alpha": (pillow(ALPHA, "WEBP", lossless=True, exact=True), 0),
    "WebP lossy, alpha": (pillow(ALPHA, "WEBP", quality=90), 0),
    "AVIF 4:2:0": (pillow(PHOTO, "AVIF", quality=90, subsampling="4:2:0"), 20),  # two ways to enlarge chroma
    "AVIF 4:4:4": (pillow(PHOTO, "AVIF", quality=90, subsampling="4:4:4"), 1),
    "AVIF alpha": (pillow(ALPHA, "AVIF", quality=90, subsampling="4:4:4"), 1),
    "AVIF monochrome": (pillow(PHOTO[..., 0], "AVIF", quality=90, subsampling="4:0:0"), 1),
    **{
        f"AVIF turned by {number}": (
            pillow(PHOTO, "AVIF", quality=90, subsampling="4:4:4", exif=struct.pack(
                "<2sHIHHHIHHI", b"II", 42, 8, 1, 274, 3, 1, number, 0, 0)), 1)
        for number in (2, 3, 6, 8)
    },
    "TIFF fax 4": (lambda: vips(PHOTO[..., 0], ".tif", compression="ccittfax4", bitdepth=1)(), 0),
    "TIFF tiled, LZW": (vips(PHOTO, ".tif", tile=True, compression="lzw", predictor="horizontal"), 0),
    "TIFF pyramid": (vips(PHOTO, ".tif", tile=True, pyramid=True, tile_width=32, tile_height=32), 0),
    "TIFF of 16 bits, alpha": (lambda: vips(np.dstack([DEEP, DEEP[..., :1]]), ".tif")(), 0),
    "TIFF 4 bits": (vips(PHOTO[..., 0], ".tif", bitdepth=4), 0),
    "TIFF white is 0": (vips(PHOTO[..., 0], ".tif", miniswhite=True), 0),
    "TIFF big": (vips(PHOTO, ".tif", bigtiff=True, compression="deflate"), 0),
    "TIFF JPEG": (vips(PHOTO, ".tif", compression="jpeg", Q=90), 1),
    "JPEG progressive": (pillow(PHOTO, "JPEG", quality=90, progressive=True), 1),
    "JPEG grey": (pillow(PHOTO[..., 0], "JPEG", quality=90), 0),
    "PNG interlaced": (vips(PHOTO, ".png", interlace=True), 0),
    "PNG palette, transparent": (pillow(PHOTO, "PNG", "P", transparency=3), 0),
    "PNG 1 bit": (pillow(PHOTO[..., 0], "PNG", "1"), 0),
    "PNG of 16 bits": (opencv(DEEP, ".png"), 0),
}  # fmt: skip
OPENCV = {
    "BMP 8 bits": (pillow(PHOTO, "BMP", "P"), 0),
    "BMP 24 bits": (pillow(PHOTO, "BMP"), 0),
    "BMP 1 bit": (pillow(PHOTO[..., 0], "BMP", "1"), 0),
    "JPEG 2000": (pillow(PHOTO, "JPEG2000"), 0),
    "JPEG 2000 of 16 bits": (opencv(DEEP, ".jp2", cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000), 0),
    "PNM": (pillow(PHOTO, "PPM"), 0),
    "PNM of 16 bits": (opencv(DEEP, ".ppm"), 0),
    "PNM bits": (pillow(PHOTO[..., 0], "PPM", "1"), 0),
    "TIFF of 16 bits": (opencv(DEEP, ".tiff"), 0),
    "WebP": (opencv(PHOTO, ".webp", cv2.IMWRITE_WEBP_QUALITY, 101), 0),
    "GIF": (pillow(PHOTO, "GIF", "P"), 0),
}


def check(ours: np.ndarray, theirs: np.ndarray, allowed: int) -> None:
    """Colours count as much as they can be seen."""
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    peak = float(np.iinfo(ours.dtype).max)
    weight = ours[..., 3:] / peak
    error = np.abs(ours[..., :3].astype(float) - theirs[..., :3]) * weight
    assert error.max() <= allowed
    assert np.array_equal(ours[..., 3], theirs[..., 3])


@needs_vips
@pytest.mark.parametrize("feature", VIPS)
def test_libvips_sees_the_same(feature: str) -> None:
    make, allowed = VIPS[feature]
    data = make()
    check(seen(data), by_vips(data), allowed)


@pytest.mark.parametrize("feature", OPENCV)
def test_opencv_sees_the_same(feature: str) -> None:
    make, allowed = OPENCV[feature]
    data = make()
    check(seen(data), by_opencv(data), allowed)


@pytest.mark.parametrize("top_down", [False, True])
def test_bmp_of_16_bits(top_down: bool) -> None:
    steps = PHOTO.astype(int) >> np.array([3, 2, 3])
    rows = (steps[..., 0] << 11 | steps[..., 1] << 5 | steps[..., 2]).astype("<u2")
    body = (rows if top_down else rows[::-1]).tobytes()
    height = -61 if top_down else 61
    info = struct.pack("<IiiHHIIiiII", 40, 92, height, 1, 16, 3, len(body), 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    data = struct.pack("<2sIHHI", b"BM", 66 + len(body), 0, 0, 66) + info + masks + body
    wanted = steps * 255 / np.array([31, 63, 31])
    assert np.abs(seen(data, "RGB") - wanted).max() <= 1


def test_bmp_packed_in_runs_of_four_bits() -> None:
    codes = np.add.outer(np.arange(8), np.arange(20)) % 16
    table = np.array([[17 * at, 255 - 17 * at, 40 * at % 256] for at in range(16)], np.uint8)
    body = b""
    for row in codes[::-1]:
        pairs = row.reshape(10, 2) @ [16, 1]
        body += bytes([0, 10, *pairs[:5], 0]) + b"".join(bytes([2, pair]) for pair in pairs[5:]) + b"\0\0"
    body += b"\0\1"
    info = struct.pack("<IiiHHIIiiII", 40, 20, 8, 1, 4, 2, len(body), 0, 0, 16, 16)
    colours = np.pad(table[:, ::-1], ((0, 0), (0, 1))).tobytes()
    data = struct.pack("<2sIHHI", b"BM", 118 + len(body), 0, 0, 118) + info + colours + body
    assert np.array_equal(seen(data, "RGB"), table[codes])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bottom_up", [False, True])
def test_targa(bottom_up: bool, packed: bool) -> None:
    rows = (ALPHA[::-1] if bottom_up else ALPHA)[..., [2, 1, 0, 3]]
    flags = 8 if bottom_up else 0x28
    body = rows.tobytes()
    if packed:
        body = b"".join(bytes([91]) + row.tobytes() for row in rows)
    data = struct.pack("<BBB9xHHBB", 0, 0, 10 if packed else 2, 92, 61, 32, flags) + body
    header, (array,) = read(data, "a.tga")
    assert header.spec.layout == "RGBA"
    assert np.array_equal(array, ALPHA)


def test_qoi() -> None:
    """Every pixel spelled out, then one repeated: two of the operations of the specification."""
    body = b"".join(b"\xff" + bytes(pixel) for pixel in ALPHA.reshape(-1, 4)[:-10].tolist()) + b"\xc9"
    data = struct.pack(">4sIIBB", b"qoif", 92, 61, 4, 0) + body + bytes(7) + b"\1"
    wanted = ALPHA.reshape(-1, 4).copy()
    wanted[-10:] = wanted[-11]
    assert np.array_equal(seen(data), wanted.reshape(ALPHA.shape))


def test_of_an_icon_the_largest_picture_is_read() -> None:
    image = Image.fromarray(ALPHA).resize((128, 128))
    data = saved(image, "ICO", sizes=[(16, 16), (128, 128), (48, 48)])
    assert np.array_equal(seen(data), np.asarray(image))


@pytest.mark.parametrize("kind", ["BC1", "BC3"])
def test_dds_blocks(kind: str) -> None:
    """Four colours on the line between two ends, by arithmetic."""
    codes = np.arange(16).reshape(4, 4) % 4
    block = struct.pack("<HH", 0xF800, 0x001F)
    block += bytes(int(row @ [1, 4, 16, 64]) for row in codes)
    line = np.array([[255, 0, 0], [0, 0, 255], [170, 0, 85], [85, 0, 170]])
    alpha = np.full((4, 4), 255)
    if kind == "BC3":
        steps = np.arange(16).reshape(4, 4) % 8
        bits = sum(int(step) << 3 * at for at, step in enumerate(steps.ravel()))
        block = bytes([240, 30]) + bits.to_bytes(6, "little") + block
        alpha = np.array([240, 30, 210, 180, 150, 120, 90, 60])[steps]
    name = b"DXT1" if kind == "BC1" else b"DXT5"
    pixel = struct.pack("<II4s5I", 32, 4, name, 0, 0, 0, 0, 0)
    head = struct.pack("<4sIIIIIII44x", b"DDS ", 124, 0x1007, 4, 4, len(block), 0, 0) + pixel
    found = seen(head + struct.pack("<I16x", 0x1000) + block)
    assert np.abs(found[..., :3].astype(int) - line[codes]).max() <= 1
    assert np.abs(found[..., 3].astype(int) - alpha).max() <= 1


def test_dds_of_floats_says_that_they_became_8_bits() -> None:
    block = bytes(16)
    head = struct.pack("<4sIIIIIII44x", b"DDS ", 124, 0x1007, 4, 4, len(block), 0, 0)
    head += struct.pack("<II4s5I", 32, 4, b"DX10", 0, 0, 0, 0, 0) + struct.pack(
        "<I16x5I", 0x1000, 95, 3, 0, 1, 0
    )
    assert read(head + block)[0].lost == ("depth",)


@needs_vips
def test_svg() -> None:
    pytest.importorskip("resvg_py", reason="SVG needs resvg-py")
    drawing = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><rect x="10" y="10" width="40" '
        b'height="30" fill="#c04010"/><circle cx="60" cy="30" r="20" fill="#0080ff" fill-opacity=".5"/></svg>'
    )
    ours, theirs = seen(drawing).astype(float), by_vips(drawing).astype(float)
    assert ours.shape == theirs.shape
    error = np.abs(ours[..., :3] * ours[..., 3:] - theirs[..., :3] * theirs[..., 3:]) / 255
    assert (error.mean() < 0.6, np.quantile(error, 0.95) <= 1) == (
        True,
        True,
    )  # edges are smoothed differently


def test_radiance() -> None:
    """Three mantissas and an exponent for each pixel, as they stand in a file that is not packed."""
    stored = np.random.default_rng(6).integers(128, 256, (4, 6, 4), np.uint8)
    stored[..., 3] = 128 + stored[..., 3] % 3 - 2
    data = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 6\n" + stored.tobytes()
    light = stored[..., :3] * 2.0 ** (stored[..., 3:].astype(float) - 136)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    _, (ours,) = read(data)
    assert np.abs(ours - shown).max() * 255 < 1
