"""Kinds of pictures that are whole, although the usual decoders refuse them: against what was put in."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import read, saved
from PIL import Image
from test_without import run_without

import imgpar
from imgpar.core.errors import DamagedError, LimitError, LockedError, UnsupportedError
from imgpar.core.limits import Limits
from imgpar.formats.base import refused
from imgpar.formats.codec import read_header

W, H = 37, 23
Y, X = np.mgrid[0:H, 0:W]
RGB = np.dstack([X * 255 // (W - 1), Y * 255 // (H - 1), (X + Y) * 255 // (W + H - 2)]).astype(np.uint8)
ALPHA = (255 - X * 255 // (W - 1)).astype(np.uint8)
PALETTE = np.dstack([np.arange(256), np.arange(256) // 2, 255 - np.arange(256)])[0].astype(np.uint8)


def rows(pixels: np.ndarray) -> bytes:
    """Rows of bytes, the lowest first, each as long as a multiple of four."""
    flat = pixels.reshape(H, -1)
    return b"".join(row.tobytes().ljust(-(-row.size * row.itemsize // 4) * 4, b"\0") for row in flat[::-1])


def bmp(head: bytes, body: bytes, between: bytes = b"") -> bytes:
    at = 14 + len(head) + len(between)
    return struct.pack("<2sIHHI", b"BM", at + len(body), 0, 0, at) + head + between + body


def info(bits: int, packing: int, length: int = 40, height: int = H) -> bytes:
    return struct.pack("<IiiHHIIiiII", length, W, height, 1, bits, packing, 0, 2835, 2835, 0, 0)


def in_fields(masks: tuple[int, ...]) -> np.ndarray:
    """The picture with each channel in the bits of its mask."""
    total = np.zeros((H, W), np.uint64)
    for channel, mask in zip((RGB[..., 0], RGB[..., 1], RGB[..., 2], ALPHA), masks, strict=False):
        low = (mask & -mask).bit_length() - 1
        total |= np.rint(channel * ((mask >> low) / 255)).astype(np.uint64) << np.uint64(low)
    return total


FIELDS = {
    "565": (16, (0xF800, 0x7E0, 0x1F)),
    "swapped 565": (16, (0x1F, 0x7E0, 0xF800)),
    "444": (16, (0xF00, 0xF0, 0xF)),
    "888": (32, (0xFF0000, 0xFF00, 0xFF)),
    "888 from the low end": (32, (0xFF, 0xFF00, 0xFF0000)),
    "888 from the high end": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "888 at odd places": (32, (0xFF000000, 0xFF000, 0xFF0)),
    "10 bits": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "444 with alpha": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "888 with alpha": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "888 with alpha first": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
}


class TestBmp:
    @pytest.mark.parametrize("length", [40, 56, 108, 124])
    @pytest.mark.parametrize("kind", FIELDS)
    def test_bit_fields(self, kind: str, length: int) -> None:
        bits, masks = FIELDS[kind]
        if len(masks) > 3 and length == 40:
            pytest.skip("the shortest header has no mask for alpha")
        told = struct.pack("<4I", *(*masks, 0)[:4])
        head = info(bits, 3, length)
        body = rows(in_fields(masks).astype(f"<u{bits // 8}"))
        data = bmp(head, body, told[:12]) if length == 40 else bmp((head + told).ljust(length, b"\0"), body)
        header, (array,) = read(data)
        fewest = min(bin(mask).count("1") for mask in masks)
        assert np.abs(array[..., :3].astype(int) - RGB).max() <= 255 / ((1 << fewest) - 1) / 2 + 1
        assert header.spec.alpha == (len(masks) > 3)
        if header.spec.alpha:
            assert np.abs(array[..., 3].astype(int) - ALPHA).max() <= 255 / ((1 << fewest) - 1) / 2 + 1

    @pytest.mark.parametrize("length", [12, 16, 64])
    def test_headers_of_os2(self, length: int) -> None:
        head = struct.pack("<IHHHH", 12, W, H, 1, 24) if length == 12 else info(24, 0, length)[:length]
        _, (array,) = read(bmp(head.ljust(length, b"\0"), rows(RGB[..., ::-1])))
        assert np.array_equal(array[..., :3], RGB)

    @pytest.mark.parametrize("bits", [1, 2, 4, 8])
    def test_palettes(self, bits: int) -> None:
        numbers = (RGB[..., 0] >> (8 - bits)).astype(np.uint8)
        single = np.unpackbits(numbers[..., None], axis=-1)[..., 8 - bits :].reshape(H, -1)
        table = np.pad(PALETTE[: 1 << bits, ::-1], ((0, 0), (0, 1)))
        body = rows(np.packbits(single, axis=1))
        _, (array,) = read(bmp(info(bits, 0), body, table.tobytes()))
        shown = array if array.shape[-1] >= 3 else np.dstack([array] * 3)
        assert np.array_equal(shown[..., :3], PALETTE[numbers])

    def test_rows_from_the_top(self) -> None:
        masks = FIELDS["10 bits"][1]
        body = in_fields(masks).astype("<u4").tobytes()
        _, (array,) = read(bmp(info(32, 3, height=-H), body, struct.pack("<3I", *masks)))
        assert np.abs(array[..., :3].astype(int) - RGB).max() <= 1

    @pytest.mark.parametrize("cut", [0.1, 0.5, 0.95])
    def test_what_is_cut_off_is_damaged(self, cut: float) -> None:
        masks = FIELDS["10 bits"][1]
        data = bmp(info(32, 3), rows(in_fields(masks).astype("<u4")), struct.pack("<3I", *masks))
        with pytest.raises(DamagedError):
            read(data[: 66 + int((len(data) - 66) * cut)])

    @pytest.mark.parametrize(("bits", "packing"), [(1, 77), (24, 4), (0, 4), (0, 5), (64, 0)])
    def test_an_unknown_kind_is_not_called_damaged(self, bits: int, packing: int) -> None:
        with pytest.raises(UnsupportedError) as caught:
            read(bmp(info(bits, packing), bytes(8 * W * H), bytes(8)))
        assert "corrupt" not in str(caught.value)

    @pytest.mark.parametrize("length", [56, 108, 124])
    def test_a_bit_for_transparency(self, length: int) -> None:
        masks = (0x7C00, 0x3E0, 0x1F, 0x8000)
        head = (info(16, 3, length) + struct.pack("<4I", *masks)).ljust(length, b"\0")
        header, (array,) = read(bmp(head, rows(in_fields(masks).astype("<u2"))))
        assert header.spec.layout == "RGBA"
        assert np.array_equal(array[..., 3], np.rint(ALPHA / 255).astype(np.uint8) * 255)

    def test_a_bomb_is_refused(self) -> None:
        masks = FIELDS["10 bits"][1]
        data = bmp(info(32, 3), rows(in_fields(masks).astype("<u4")), struct.pack("<3I", *masks))
        with pytest.raises(LimitError):
            read_header(data, "a.bmp", Limits(max_pixels=W * H - 1))


def tga(origin: int, *, across: bool, depth: int = 24) -> bytes:
    """Packed runs; `across`: they go on over the ends of rows."""
    pixels = np.dstack([RGB[..., ::-1], ALPHA]) if depth == 32 else RGB[..., ::-1]
    pixels = (pixels // 64 * 64)[:: 1 if origin & 2 else -1, :: -1 if origin & 1 else 1]
    lines = [pixels.reshape(-1, depth // 8)] if across else list(pixels)
    out = b""
    for line in lines:
        at = 0
        while at < len(line):
            count = 1
            while at + count < len(line) and count < 128 and (line[at + count] == line[at]).all():
                count += 1
            out += bytes((127 + count,)) + line[at].tobytes()
            at += count
    head = struct.pack(
        "<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, W, H, depth, origin << 4 | (8 * (depth == 32))
    )
    return head + out


class TestTarga:
    @pytest.mark.parametrize("across", [False, True])
    @pytest.mark.parametrize("depth", [24, 32])
    @pytest.mark.parametrize("origin", [0, 1, 2, 3])
    def test_origins_and_runs(self, origin: int, depth: int, across: bool) -> None:
        _, (array,) = read(tga(origin, across=across, depth=depth), "a.tga")
        assert np.array_equal(array[..., :3], RGB // 64 * 64)
        if depth == 32:
            assert np.array_equal(array[..., 3], ALPHA // 64 * 64)

    def test_15_bits(self) -> None:
        five = (RGB >> 3).astype("<u2")
        values = five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]
        head = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, W, H, 15, 0x20)
        header, (array,) = read(head + values.tobytes(), "a.tga")
        assert not header.spec.alpha
        assert np.abs(array[..., :3] - five * (255 / 31)).max() <= 1

    @pytest.mark.parametrize("bits", [15, 24, 32])
    def test_palettes(self, bits: int) -> None:
        table = PALETTE[:, ::-1]
        if bits == 15:
            five = (PALETTE >> 3).astype("<u2")
            table = five[:, 0] << 10 | five[:, 1] << 5 | five[:, 2]
        elif bits == 32:
            table = np.hstack([table, np.arange(256, dtype=np.uint8)[:, None]])
        alpha = 8 * (bits == 32)
        head = struct.pack("<BBBHHBHHHHBB", 0, 1, 1, 0, 256, bits, 0, 0, W, H, 8, 0x20 | alpha)
        header, (array,) = read(head + np.ascontiguousarray(table).tobytes() + RGB[..., 0].tobytes(), "a.tga")
        right = PALETTE[RGB[..., 0]]
        assert np.abs(array[..., :3].astype(int) - right).max() <= (8 if bits == 15 else 0)
        assert header.spec.alpha == (bits == 32)
        if bits == 32:
            assert np.array_equal(array[..., 3], RGB[..., 0])

    @pytest.mark.parametrize("cut", [0.3, 0.7, 0.97])
    def test_what_is_cut_off_is_damaged(self, cut: float) -> None:
        data = tga(0, across=True)
        with pytest.raises(DamagedError):
            read(data[: int(len(data) * cut)], "a.tga")


class TestJpeg:
    @pytest.fixture(autouse=True)
    def codecs(self):
        return pytest.importorskip("imagecodecs")

    @pytest.mark.parametrize("bits", [8, 12, 16])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_lossless_keeps_every_value(self, codecs, bits: int, channels: int) -> None:
        dtype = np.uint8 if bits == 8 else np.uint16
        values = (RGB[..., :channels].astype(np.uint32) * ((1 << bits) - 1) // 255).astype(dtype)
        data = codecs.jpeg8_encode(values.squeeze(), lossless=True, bitspersample=bits)
        header, (array,) = read(data)
        assert header.spec.dtype == dtype.__name__
        top = np.iinfo(dtype).max
        right = np.rint(values.astype(float) * top / ((1 << bits) - 1))
        assert np.abs(array[..., :channels].astype(float) - right).max() <= (0 if bits != 12 else 0.5)

    def test_12_bits_with_loss(self, codecs) -> None:
        values = (X.astype(np.uint32) * 4095 // (W - 1)).astype(np.uint16)
        header, (array,) = read(codecs.jpeg8_encode(values, level=98, bitspersample=12))
        assert header.spec.dtype == "uint16"
        assert np.abs(array[..., 0].astype(float) - values * (65535 / 4095)).max() < 65535 / 4095 * 12

    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_jpeg_ls(self, codecs, channels: int, dtype: str) -> None:
        values = RGB[..., :channels].astype(dtype) * (np.iinfo(dtype).max // 255)
        data = codecs.jpegls_encode(values.squeeze())
        header, (array,) = read(data)
        assert (header.spec.dtype, header.spec.size) == (dtype, (W, H))
        assert np.array_equal(array, values)
        with pytest.raises(DamagedError):
            read(data[: len(data) // 2])

    @pytest.mark.parametrize("cut", [0.4, 0.8])
    def test_what_is_cut_off_is_damaged(self, codecs, cut: float) -> None:
        data = codecs.jpeg8_encode(RGB, lossless=True)
        with pytest.raises(DamagedError):
            read(data[: int(len(data) * cut)])

    def test_without_the_package_it_is_named(self, codecs, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(codecs.jpeg8_encode(RGB, lossless=True))
        done = run_without(
            tmp_path, ["imagecodecs"], "convert", str(tmp_path / "a.jpg"), "-o", str(tmp_path / "out")
        )
        assert "needs the package imagecodecs" in done.stdout + done.stderr
        assert "truncated or corrupt" not in done.stdout + done.stderr


@pytest.mark.parametrize("accept", [False, True])
def test_a_bad_marker_of_a_profile_costs_no_picture(accept: bool) -> None:
    data = saved(Image.fromarray(RGB), "JPEG", quality=95)
    broken = data[:2] + b"\xff\xe2\x00\x14ICC_PROFILE\0\x05\x02junk" + data[2:]
    header, (array,) = read(broken, accept_damaged=accept)
    assert header.metadata.icc == b""
    assert np.array_equal(array[..., :3], read(data)[1][0][..., :3])


def test_a_size_line_with_several_blanks(tmp_path: Path) -> None:
    import cv2

    _, stream = cv2.imencode(".hdr", RGB.astype(np.float32) / 255)
    usual = stream.tobytes()
    line = f"-Y {H} +X {W}\n".encode()
    _, (right,) = read(usual)
    header, (array,) = read(usual.replace(line, f"-Y  {H} +X   {W}\n".encode()))
    assert header.spec.size == (W, H)
    assert np.array_equal(array, right)


@pytest.mark.parametrize(
    ("axes", "turned"),
    [
        ("-Y +X", lambda a: a), ("-Y -X", lambda a: a[:, ::-1]), ("+Y -X", lambda a: a[::-1, ::-1]),
        ("+Y +X", lambda a: a[::-1]), ("+X -Y", lambda a: a.swapaxes(0, 1)),
        ("-X -Y", lambda a: a[:, ::-1].swapaxes(0, 1)), ("-X +Y", lambda a: a[::-1, ::-1].swapaxes(0, 1)),
        ("+X +Y", lambda a: a[::-1].swapaxes(0, 1)),
    ],
)  # fmt: skip
def test_the_order_of_rows_in_a_radiance_file(axes: str, turned) -> None:
    light = (RGB.astype(np.float32) + 1) / 256
    stored = turned(light)
    exponent = np.ceil(np.log2(stored.max(-1))).astype(int) + 1
    parts = (stored / 2.0 ** exponent[..., None] * 256).astype(np.uint8)
    body = np.dstack([parts, (exponent + 128).astype(np.uint8)]).tobytes()
    (first, second), (high, wide) = axes.split(), stored.shape[:2]
    data = f"#?RADIANCE\n\n{first} {high} {second} {wide}\n".encode() + body
    png = imgpar.Pipeline().encode(data, to="png")
    found = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float) / 255
    assert found.shape == (H, W, 3)
    right = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(found - right).max() < 0.06


def test_radiance_in_xyz_is_not_called_damaged() -> None:
    with pytest.raises(UnsupportedError, match="CIE XYZ"):
        read(b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\n\x80\x80\x80\x80", "a.hdr")


@pytest.mark.parametrize("order", ["iso", "libjxl"])
def test_jpeg_xl_boxes_whose_length_has_64_bits(order: str) -> None:
    codecs = pytest.importorskip("imagecodecs")
    stream = codecs.jpegxl_encode(RGB, lossless=True, usecontainer=False)
    length, kind = struct.pack(">Q", 16 + len(stream)), b"jxlc"
    long = b"\0\0\0\1" + (kind + length if order == "iso" else length + kind) + stream
    start = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    _, (array,) = read(start + long)
    assert np.array_equal(array[..., :3], RGB)


def psb(pixels: np.ndarray, *, packed: bool) -> bytes:
    """A large Photoshop file without layers: planes of rows."""
    planes = np.moveaxis(pixels, -1, 0).astype(f">u{pixels.itemsize}")
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 2, len(planes), H, W, 8 * pixels.itemsize, 3)
    sections = struct.pack(">IIQ", 0, 0, 0)
    if not packed:
        return head + sections + b"\0\0" + planes.tobytes()
    lines = [row.tobytes() for plane in planes for row in plane]
    runs = [b"".join(bytes((0, value)) for value in line) for line in lines]
    return head + sections + b"\0\1" + struct.pack(f">{len(runs)}I", *map(len, runs)) + b"".join(runs)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("deep", [False, True])
def test_large_photoshop_files(packed: bool, deep: bool) -> None:
    values = RGB.astype(np.uint16) * 257 if deep else RGB
    _, (array,) = read(psb(values, packed=packed))
    assert array.dtype == values.dtype
    assert np.array_equal(array[..., :3], values)


def test_a_palette_in_jpeg_2000_gives_colours() -> None:
    pytest.importorskip("imagecodecs")
    numbers = RGB[..., 0]
    plain = saved(Image.fromarray(numbers), "JPEG2000")
    at = plain.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">I", plain, at)
    body = plain[at + 8 : at + length]
    table = b"pclr" + struct.pack(">HB3B", 256, 3, 7, 7, 7) + PALETTE.tobytes()
    channels = b"cmap" + b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3))
    body = body.replace(b"colr\1\0\0\0\0\0\x11", b"colr\1\0\0\0\0\0\x10")  # sRGB, not grey
    more = b"".join(struct.pack(">I", len(box) + 4) + box for box in (table, channels))
    whole = struct.pack(">I", len(body) + len(more) + 8) + b"jp2h" + body + more
    header, (array,) = read(plain[:at] + whole + plain[at + length :])
    assert header.spec.layout == "RGB"
    assert np.array_equal(array, PALETTE[numbers])


def test_black_in_a_bitmap_of_photoshop_stays_black() -> None:
    white = RGB[..., 0] > 127
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, H, W, 1, 0)
    data = head + bytes(12) + b"\0\0" + np.packbits(~white, axis=1).tobytes()
    _, (array,) = read(data)
    assert np.array_equal(array[..., 0], white * 255)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_photoshop_with_32_bits(channels: int, packed: bool, large: bool) -> None:
    values = (RGB[..., :channels] / 255).astype(np.float32) * 1.5
    planes = np.moveaxis(values, -1, 0).astype(">f4")
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1 + large, channels, H, W, 32, 3 if channels == 3 else 1)
    head += bytes(16 if large else 12) + bytes((0, packed))
    lines = [row.tobytes() for plane in planes for row in plane]
    if packed:
        lines = [b"".join(bytes((0, value)) for value in line) for line in lines]
        head += struct.pack(f">{len(lines)}{'I' if large else 'H'}", *map(len, lines))
    header, (array,) = read(head + b"".join(lines))
    assert header.spec.dtype == "float32"
    right = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    assert np.abs(array - right).max() < 1e-5


def test_photoshop_with_32_bits_and_transparency() -> None:
    values = (RGB / 255).astype(np.float32)
    alpha = (ALPHA / 255).astype(np.float32)[..., None]
    planes = np.moveaxis(np.dstack([values * alpha + 1 - alpha, alpha]), -1, 0).astype(">f4")
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 4, H, W, 32, 3) + bytes(8)
    layers = struct.pack(">IIh", 10, 6, -1) + bytes(4)
    header, (array,) = read(head + layers + b"\0\0" + planes.tobytes())
    assert header.spec.layout == "RGBA"
    right = np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    seen = ALPHA > 20
    assert np.abs(array[seen][:, :3] - right[seen]).max() < 1e-3


def test_photoshop_of_another_kind_is_not_called_damaged() -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 4, H, W, 32, 4)
    with pytest.raises(UnsupportedError, match="CMYK, 32 bits"):
        read(head + bytes(14) + bytes(16 * W * H))


@pytest.mark.parametrize("bits", [1, 2, 4, 6])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_2000_of_few_bits_reaches_white(bits: int, channels: int) -> None:
    codecs = pytest.importorskip("imagecodecs")
    values = RGB[..., :channels] >> (8 - bits)
    data = codecs.jpeg2k_encode(values.squeeze(), level=0, reversible=True, bitspersample=bits)
    _, (array,) = read(data)
    right = np.rint(values * (255 / ((1 << bits) - 1)))
    assert np.array_equal(array[..., :channels], right)


@pytest.mark.parametrize("bits", [10, 16])
def test_jpeg_2000_of_deep_grey_with_transparency(bits: int) -> None:
    codecs = pytest.importorskip("imagecodecs")
    values = np.dstack([RGB[..., 0], ALPHA]).astype(np.uint16) * np.uint16(((1 << bits) - 1) // 255)
    values[ALPHA == 255, 1] = (1 << bits) - 1
    data = codecs.jpeg2k_encode(values, level=0, reversible=True, bitspersample=bits)
    header, (array,) = read(data)
    assert (header.spec.layout, header.spec.dtype) == ("LA", "uint16")
    assert np.abs(array - values * (65535 / ((1 << bits) - 1))).max() <= 0.5


@pytest.mark.parametrize("handler", ["Standard", "Adobe.APS"])
def test_an_encrypted_pdf_is_locked(handler: str) -> None:
    pytest.importorskip("pypdfium2")
    parts = [
        "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 40 30]>>",
        f"<</Filter/{handler}/V 1/R 2/Length 40/P -4/O<{'1f' * 32}>/U<{'2e' * 32}>>>",
    ]  # fmt: skip
    data, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{part}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = (
        f"xref\n0 5\n0000000000 65535 f \n{table}trailer\n<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<01><01>]>>\n"
    )
    with pytest.raises(LockedError, match=r"encrypted|locked") as caught:
        read(data + end.encode() + f"startxref\n{len(data)}\n%%EOF\n".encode(), "a.pdf")
    assert "corrupt" not in str(caught.value)


def test_photoshop_pixels_packed_otherwise_are_not_called_damaged() -> None:
    data = bytearray(psb(RGB, packed=False))
    data[26 + 16 : 26 + 18] = b"\0\2"
    with pytest.raises(UnsupportedError, match="unknown compression"):
        read(bytes(data))


def test_channels_without_colours_are_not_called_damaged(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    depth = {"Z": np.ones((4, 5), np.float32)}
    head = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(head, depth).write(str(tmp_path / "a.exr"))
    with pytest.raises(UnsupportedError, match="no colours, only Z"):
        read((tmp_path / "a.exr").read_bytes(), "a.exr")


def test_a_kind_that_a_library_does_not_know_is_not_called_damaged() -> None:
    told = refused("OpenEXR", "compression method 99 is not supported")
    assert isinstance(told, UnsupportedError)
    assert "corrupt" not in str(told)
    assert isinstance(refused("PNG", "broken data stream, unknown error"), DamagedError)


def test_a_density_that_makes_no_sense_is_left_out() -> None:
    sink = io.BytesIO()
    Image.fromarray(RGB).save(sink, "TIFF", dpi=(1e9, 1e9))
    header, _ = read(sink.getvalue())
    assert header.metadata.dpi is None
    assert "dots per inch was dropped" in header.notes[0]
    assert imgpar.Pipeline().encode(sink.getvalue(), to="png")


def test_the_kind_of_a_failure_reaches_the_report(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "rare.bmp").write_bytes(bmp(info(24, 4), bytes(99)))
    (tmp_path / "in" / "cut.bmp").write_bytes(bmp(info(24, 0), bytes(99)))
    report = imgpar.convert(str(tmp_path / "in"), str(tmp_path / "out"), to="png", jobs=1)
    kinds = {Path(item.source).name: (item.kind, "corrupt" in item.error) for item in report.items}
    assert kinds == {"rare.bmp": ("UnsupportedError", False), "cut.bmp": ("DamagedError", True)}
    assert report.exit_code == 1
    assert not report.can_retry


def test_the_log_of_opencv_is_not_for_the_user(capfd) -> None:
    codecs = pytest.importorskip("imagecodecs")
    data = codecs.jpeg2k_encode(RGB.astype(np.uint16) * 257, level=0)
    with pytest.raises(DamagedError):
        read(data[: len(data) // 2])
    assert capfd.readouterr().err == ""
