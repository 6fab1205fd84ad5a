"""TIFF kinds that are read with tifffile and imagecodecs: against the numbers that were put in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import LIMITS, read
from PIL import Image, ImageCms
from test_tiff_kinds import packed
from test_without import run_without

from imgpar.core.errors import DamagedError, LimitError
from imgpar.core.limits import Limits
from imgpar.formats.codec import read_header

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")

HEIGHT, WIDTH = 24, 40


def ramp(channels: int, dtype: str = "uint8", bits: int = 0) -> np.ndarray:
    """Channels that all differ, over the whole range."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    values = np.stack([(x + 3 * y + 7 * k) / (WIDTH + 3 * HEIGHT + 7 * k) for k in range(channels)], -1)
    peak = (1 << bits) - 1 if bits else 1 if dtype.startswith("float") else np.iinfo(dtype).max
    return (values * peak).astype(dtype)


def tiff(values: np.ndarray, **how: object) -> bytes:
    """The file that tifffile writes."""
    sink = io.BytesIO()
    if how.get("planarconfig") == "separate":
        values = np.moveaxis(values, -1, 0)
    tifffile.imwrite(sink, values, **how)
    return sink.getvalue()


def in_colours(inks: np.ndarray) -> np.ndarray:
    """CMYK of 8 bits as imgpar shows it in a file that Pillow reads."""
    sink = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(inks), "CMYK").save(sink, "TIFF")
    return read(sink.getvalue())[1][0][..., :3]


@pytest.mark.parametrize("compression", ["webp", "jpeg2000", "lerc", "zstd", "lzma", "png"])
def test_rare_compressions_are_unpacked(compression: str) -> None:
    values = ramp(3)
    how = {"compressionargs": {"lossless": True}} if compression == "webp" else {}
    header, (array,) = read(tiff(values, compression=compression, photometric="rgb", **how))
    assert (header.spec.layout, header.lost) == ("RGB", ())
    assert np.array_equal(array, values)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_any_byte_order_and_size_of_offsets(byteorder: str, bigtiff: bool, dtype: str) -> None:
    values = ramp(3, dtype)
    data = tiff(values, byteorder=byteorder, bigtiff=bigtiff, photometric="rgb")
    header, (array,) = read(data)
    assert header.spec.dtype == dtype
    assert np.array_equal(array[..., :3], values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_one_channel_more_is_transparency(dtype: str, planar: str) -> None:
    values = ramp(4, dtype)
    header, (array,) = read(
        tiff(values, photometric="rgb", planarconfig=planar, extrasamples=["unspecified"])
    )
    assert (header.spec.layout, header.lost) == ("RGBA", ())
    assert np.array_equal(array, values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_grey_with_transparency(dtype: str, planar: str) -> None:
    values = ramp(2, dtype)
    header, (array,) = read(
        tiff(values, photometric="minisblack", planarconfig=planar, extrasamples=["unassalpha"])
    )
    assert (header.spec.layout, header.lost) == ("LA", ())
    assert np.array_equal(array, values)


@pytest.mark.parametrize(("photometric", "colours"), [("minisblack", 1), ("rgb", 3)])
def test_spot_colours_are_named_as_lost(photometric: str, colours: int) -> None:
    values = ramp(colours + 2)
    header, (array,) = read(tiff(values, photometric=photometric, extrasamples=["unspecified"] * 2))
    assert header.lost == ("channels",)
    assert np.array_equal(array[..., :colours], values[..., :colours])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_inks_become_the_same_colours_however_they_are_stored(planar: str, dtype: str) -> None:
    values = ramp(4, dtype)
    _, (array,) = read(tiff(values, photometric="separated", planarconfig=planar))
    eight = values if dtype == "uint8" else np.rint(values / 257).astype("uint8")
    assert np.abs(array[..., :3].astype(int) - in_colours(eight)).max() <= 2


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_inks_with_transparency(dtype: str) -> None:
    values = ramp(5, dtype)
    header, (array,) = read(tiff(values, photometric="separated", extrasamples=["unassalpha"]))
    eight = values if dtype == "uint8" else np.rint(values / 257).astype("uint8")
    assert header.spec.layout == "RGBA"
    assert np.array_equal(array[..., 3], eight[..., 4])
    assert np.abs(array[..., :3].astype(int) - in_colours(eight[..., :4])).max() <= 2


def test_inks_with_transparency_and_a_spot_colour() -> None:
    values = ramp(6)
    header, (array,) = read(tiff(values, photometric="separated", extrasamples=["unassalpha", "unspecified"]))
    assert header.lost == ("channels",)
    assert np.array_equal(array[..., 3], values[..., 4])


def test_inks_go_through_their_own_profile() -> None:
    values = ramp(5)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # for other channels: not used
    header, _ = read(tiff(values, photometric="separated", extrasamples=["unassalpha"], iccprofile=icc))
    assert header.metadata.icc in (b"", icc)
    assert "CMYK was converted to sRGB" in header.notes[0]


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_bits_between_8_and_16_reach_from_black_to_white(bits: int, channels: int) -> None:
    values = ramp(channels, "uint16", bits)
    places = np.arange(bits - 1, -1, -1)
    stream = (values.reshape(HEIGHT, -1, 1) >> places & 1).astype(np.uint8).reshape(HEIGHT, -1)
    strips = [np.packbits(stream, axis=1).tobytes()]
    photometric = {"262": [1 if channels == 1 else 2]}
    _, (array,) = read(packed(strips, WIDTH, HEIGHT, channels, bits, 1, "<", HEIGHT, 1, **photometric))
    right = np.rint(values.astype(float) * 65535 / ((1 << bits) - 1))
    assert np.abs(array[..., :channels] - right).max() <= 1


def test_tiles_are_put_together() -> None:
    values = ramp(4)
    _, (array,) = read(tiff(values, photometric="rgb", tile=(16, 16), extrasamples=["unspecified"]))
    assert np.array_equal(array, values)


def test_colours_multiplied_with_transparency_are_divided() -> None:
    values = np.full((HEIGHT, WIDTH, 2), (60, 120), np.uint8)
    how = {"extrasamples": ["assocalpha"], "planarconfig": "separate"}
    _, (array,) = read(tiff(values, photometric="minisblack", **how))
    assert array[0, 0].tolist() == [round(60 * 255 / 120), 120]


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("compression", [None, "zstd", "webp"])
def test_what_is_cut_off_is_damaged(compression: str | None, cut: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 4), np.uint8)
    data = tiff(noise, photometric="rgb", compression=compression, extrasamples=["unspecified"])
    at = data.index(noise[0, :2].tobytes()) if compression is None else 300
    with pytest.raises(DamagedError):
        read(data[: at + int((len(data) - at) * cut)])


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    data = tiff(ramp(4), photometric="rgb", extrasamples=["unspecified"])
    with pytest.raises(LimitError):
        read_header(data, "a.tif", Limits(max_pixels=WIDTH * HEIGHT - 1))


def test_a_small_copy_before_the_picture_is_no_page() -> None:
    sink = io.BytesIO()
    with tifffile.TiffWriter(sink) as writer:
        writer.write(np.zeros((8, 12, 3), np.uint8), photometric="rgb", subfiletype=1)
        writer.write(ramp(3), photometric="rgb")
    header, (array,) = read(sink.getvalue())
    assert (header.spec.size, header.frames) == ((WIDTH, HEIGHT), 1)
    assert np.array_equal(array[..., :3], ramp(3))


def test_without_the_packages_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(ramp(5), photometric="separated", extrasamples=["unassalpha"]))
    done = run_without(
        tmp_path, ["tifffile"], "convert", str(tmp_path / "a.tif"), "-o", str(tmp_path / "out")
    )
    assert done.returncode == 1
    assert "it needs the packages tifffile and imagecodecs" in done.stderr + done.stdout
    assert "truncated or corrupt" not in done.stderr + done.stdout


def test_headers_agree_with_the_limits() -> None:
    assert read_header(tiff(ramp(4), photometric="rgb", extrasamples=["unspecified"]), "", LIMITS).frames == 1
