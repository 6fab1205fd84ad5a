"""Reading pictures: every format against other decoders and plain arithmetic."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from codec_pictures import LIMITS, picture, read, saved, written
from PIL import Image, ImageCms

from imgpar.core.errors import DamagedError
from imgpar.core.spec import Frame
from imgpar.formats.codec import decode, read_header, shrink
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.pixels.colour import cmyk as inks


class TestReading:
    @pytest.mark.parametrize(
        ("mode", "layout", "dtype"),
        [("1", "L", "uint8"), ("L", "L", "uint8"), ("LA", "LA", "uint8"), ("RGB", "RGBX", "uint8"),
         ("RGBA", "RGBA", "uint8"), ("P", "RGBX", "uint8"), ("I;16", "L", "uint16")],
    )  # fmt: skip
    @pytest.mark.parametrize("name", ["PNG", "TIFF"])
    def test_pillows_modes_become_frames_of_the_same_values(
        self, name: str, mode: str, layout: str, dtype: str
    ) -> None:
        rgba = Image.fromarray(picture("RGBA" if "A" in mode else "RGB").array)
        image = (
            Image.fromarray(picture("L", "uint16").array[..., 0]) if mode == "I;16" else rgba.convert(mode)
        )
        if (name, mode) == ("TIFF", "P"):
            image = image.convert("RGB").quantize(64)
        header, (array,) = read(saved(image, name))
        assert (header.spec.layout, header.spec.dtype, header.spec.size) == (layout, dtype, (64, 48))
        wanted = np.asarray(image if mode == "I;16" else image.convert({"RGBX": "RGB"}.get(layout, layout)))
        if layout == "RGBX":
            assert (array[..., 3] == 255).all()
            array = array[..., :3]
        assert (array == wanted.reshape(array.shape)).all()

    @pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBA"])
    def test_sixteen_bits_of_png_and_tiff_survive_to_the_last(self, layout: str) -> None:
        frame = picture(layout, "uint16")
        for name in ("png", "tiff"):
            header, (array,) = read(written(frame, name))
            assert header.spec.dtype == "uint16"
            # Grey with alpha is written to TIFF as colour, which every reader takes.
            wanted = frame.array[..., [0, 0, 0, 1]] if (name, layout) == ("tiff", "LA") else frame.array
            assert array.shape == wanted.shape, name
            assert (array == wanted).all(), name

    def test_a_transparent_colour_of_sixteen_bits_becomes_alpha(self) -> None:
        data = written(picture("RGB", "uint16"), "png")
        colour = picture("RGB", "uint16").array[5, 7].astype(">u2").tobytes()
        from imgpar.formats.png.chunks import build_chunk

        header, (array,) = read(data[:33] + build_chunk(b"tRNS", colour) + data[33:])
        assert header.spec.layout == "RGBA"
        assert np.argwhere(array[..., 3] == 0).tolist() == [[5, 7]]

    @pytest.mark.parametrize("mode", ["L", "RGB", "P"])
    def test_a_transparent_colour_of_eight_bits_becomes_alpha(self, mode: str) -> None:
        image = Image.new(mode, (4, 3), 0)
        image.putpixel((1, 2), 9 if mode != "RGB" else (9, 9, 9))
        key = 0 if mode != "RGB" else (0, 0, 0)
        header, (array,) = read(saved(image, "PNG", transparency=key))
        assert header.spec.alpha
        assert np.argwhere(array[..., -1] == 255).tolist() == [[2, 1]]

    def test_floats_of_a_tiff_survive(self) -> None:
        for layout in ("L", "RGB"):
            frame = picture(layout, "float32")
            header, (array,) = read(written(frame, "tiff"))
            assert header.spec == frame.spec
            assert (array == frame.array).all()

    @pytest.mark.parametrize("suffix", ["tga", "ppm", "qoi", "ico", "dds"])
    def test_older_formats_are_read_through_pillow(self, suffix: str) -> None:
        image = Image.fromarray(picture("RGB").array)
        name = {"ppm": "PPM", "ico": "ICO"}.get(suffix, suffix.upper())
        data = saved(image, name, **({"sizes": [(64, 48)]} if suffix == "ico" else {}))
        _, (array,) = read(data, f"a.{suffix}")
        assert (array[..., :3] == picture("RGB").array).all()

    def test_a_cmyk_picture_becomes_srgb_without_a_cmyk_profile(self) -> None:
        plates = Image.fromarray(picture("RGB").array).convert("CMYK")
        header, (array,) = read(saved(plates, "JPEG", quality=98))
        assert header.spec.layout == "RGBX"
        assert header.metadata.icc == b""
        assert "CMYK" in header.notes[0]
        wanted = ImageCms.profileToProfile(
            plates, ImageCms.ImageCmsProfile(io.BytesIO(inks.cmyk_profile())), ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
        )  # fmt: skip
        assert np.abs(array[..., :3].astype(int) - np.asarray(wanted)).mean() < 3

    @pytest.mark.parametrize(("name", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
    def test_orientation_is_told_or_already_applied(self, name: str, options: dict[str, bool]) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        header, (array,) = read(saved(Image.fromarray(picture("RGB").array), name, exif=exif, **options))
        if header.orientation == 6:
            array = np.rot90(array, -1)
        assert (array[..., :3] == np.rot90(picture("RGB").array, -1)).all()

    def test_the_rotation_of_an_avif_container_is_told_once(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        data = saved(Image.fromarray(picture("RGB").array), "AVIF", exif=exif, quality=95)
        header, (array,) = read(data)
        assert header.orientation == 6
        assert np.abs(array[..., :3].astype(int) - picture("RGB").array).mean() < 4


class TestJpegScale:
    @pytest.mark.parametrize(
        ("want", "scale"), [((500, 1), 1), ((342, 100), 2), ((171, 100), 4), ((86, 10), 4), ((64, 10), 8)]
    )
    def test_a_scale_is_half_as_large_again_both_ways_and_an_eighth_twice_as_large(
        self, want: tuple[int, int], scale: int
    ) -> None:
        header = read_header(written(picture(width=1025, height=803), "jpeg"), "", LIMITS)
        small = shrink(header, *want)
        assert small.scale == scale
        assert small.spec.size == (-(-1025 // scale), -(-803 // scale))

    @pytest.mark.parametrize("wide", [32, 61, 64, 1025])
    def test_a_scaled_decode_shows_the_same_picture(self, wide: int) -> None:
        frame = picture(width=wide, height=75)
        data = written(frame, "jpeg", quality=95)
        header = shrink(read_header(data, "", LIMITS), 2, 2)
        _, (array,) = read(data, header=header)
        padded = np.pad(frame.array[..., :3], ((0, -75 % 8), (0, -wide % 8), (0, 0)), mode="edge")
        blocks = padded.reshape(padded.shape[0] // 8, 8, padded.shape[1] // 8, 8, 3).mean(axis=(1, 3))
        assert header.scale == 8
        assert np.abs(array[..., :3] - blocks).mean() < 3

    def test_pillows_fallback_fills_the_scaled_frame_too(self) -> None:
        cmyk = Image.fromarray(picture("RGB", width=1025, height=803).array).convert("CMYK")
        data = saved(cmyk, "JPEG", quality=95)
        header = shrink(read_header(data, "", LIMITS), 100, 100)
        assert header.spec.size == (257, 201)
        _, (array,) = read(data, header=header)
        _, (whole,) = read(data)
        reduced = Image.fromarray(whole[..., :3].copy()).resize((257, 201), Image.Resampling.BOX)
        assert np.abs(array[..., :3].astype(int) - np.asarray(reduced)).mean() < 3

    def test_other_formats_are_not_scaled(self) -> None:
        header = read_header(written(picture(), "png"), "", LIMITS)
        assert shrink(header, 2, 2) is header


@pytest.mark.parametrize("layout", ["RGB", "RGBA"])
def test_a_deep_jpeg_2000_keeps_every_bit(layout: str) -> None:
    frame = picture(layout, "uint16", 96, 64)
    order = [2, 1, 0, 3][: frame.spec.channels]
    lossless = (cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    done, stream = cv2.imencode(".jp2", np.ascontiguousarray(frame.array[..., order]), lossless)
    assert done
    header, (array,) = read(stream.tobytes())
    assert header.spec == frame.spec
    assert (array == frame.array).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_found_at_any_depth(bits: int) -> None:
    """Every value once; the last but one is transparent. The file is put together by hand."""
    count = min(1 << bits, 16)
    values = [number * ((1 << bits) - 1) // (count - 1) for number in range(count)]
    row = 0
    for value in values:
        row = row << bits | value
    padding = -count * bits % 8
    line = b"\0" + (row << padding).to_bytes((count * bits + padding) // 8, "big")
    data = SIGNATURE + build_chunk(b"IHDR", struct.pack(">IIBBBBB", count, 1, bits, 0, 0, 0, 0))
    data += build_chunk(b"tRNS", struct.pack(">H", values[-2]))
    data += build_chunk(b"IDAT", zlib.compress(line)) + build_chunk(b"IEND", b"")
    header, (array,) = read(data)
    peak = np.iinfo(header.spec.dtype).max
    assert header.spec.layout == "LA"
    assert array[0, :, 1].tolist() == [peak] * (count - 2) + [0, peak]
    assert array[0, :, 0].tolist() == [round(value * peak / ((1 << bits) - 1)) for value in values]


@pytest.mark.parametrize(("bits", "dtype"), [(8, "uint8"), (10, "uint16"), (12, "uint16")])
def test_an_avif_of_more_than_eight_bits_keeps_them(bits: int, dtype: str) -> None:
    pixels = np.full((16, 24, 3), 100, np.uint8 if bits == 8 else np.uint16)
    done, stream = cv2.imencode(".avif", pixels, (cv2.IMWRITE_AVIF_DEPTH, bits))
    assert done
    header = read_header(stream.tobytes(), "", LIMITS)
    assert (header.spec.dtype, header.lost) == (dtype, ())


def _of_a_future_jfif(data: bytes) -> bytes:
    return data[:11] + b"\3" + data[12:]


def _of_an_unknown_transform(data: bytes) -> bytes:
    return data[:2] + b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\x05" + data[20:]


def _with_bytes_before_a_table(data: bytes) -> bytes:
    at = data.index(b"\xff\xdb")
    return data[:at] + bytes(5) + data[at:]


ODD_HEADS = [_of_a_future_jfif, _of_an_unknown_transform, _with_bytes_before_a_table]


def _plain_jpeg() -> bytes:
    return saved(Image.fromarray(picture("RGB", width=640, height=480).array), "JPEG")


@pytest.mark.parametrize("odd", ODD_HEADS)
def test_a_jpeg_with_an_odd_head_is_read_and_remarked(odd: Callable[[bytes], bytes]) -> None:
    header = read_header(odd(_plain_jpeg()), "a.jpg", LIMITS)
    frame = Frame(header.spec, np.zeros(header.spec.shape, np.uint8))
    notes = decode(odd(_plain_jpeg()), header, [frame])
    assert "decoder warning" in notes[0]
    assert np.array_equal(frame.array, read(_plain_jpeg())[1][0])


@pytest.mark.parametrize("odd", ODD_HEADS)
def test_an_odd_head_hides_no_damage(odd: Callable[[bytes], bytes]) -> None:
    data = _plain_jpeg()
    with pytest.raises(DamagedError):
        read(odd(data[: len(data) * 3 // 4] + data[-2:]))


@pytest.mark.parametrize("kind", [b"IDAT", b"PLTE"])
def test_a_png_whose_pixels_fail_their_checksum_is_damaged(kind: bytes) -> None:
    data = bytearray(saved(Image.new("RGB", (40, 30), "red").quantize(4), "PNG"))
    at = data.index(kind)
    length = int.from_bytes(data[at - 4 : at], "big")
    data[at + 4 + length] ^= 1
    with pytest.raises(DamagedError, match=f"checksum.*{kind.decode()}"):
        read(bytes(data))


def test_a_png_with_a_wrong_checksum_can_be_accepted() -> None:
    data = bytearray(saved(Image.new("RGB", (40, 30), "red"), "PNG"))
    at = data.index(b"IDAT")
    data[at + 4 + int.from_bytes(data[at - 4 : at], "big")] ^= 1
    _, (array,) = read(bytes(data), accept_damaged=True)
    assert (array[..., :3] == (255, 0, 0)).all()
