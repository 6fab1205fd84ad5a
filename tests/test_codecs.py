"""Reading and writing: every format against generated pictures, other decoders and plain arithmetic.

One file, longer than others, because all its facts are about the same few generated pictures.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imgpar.codecs import (
    FORMATS,
    EncodeOptions,
    decode,
    encode,
    find_format,
    format_of_suffix,
    read_header,
    shrink,
    sniff,
    storable,
)
from imgpar.errors import (
    BadValueError,
    DamagedError,
    EncodeError,
    ItemError,
    LimitError,
    MissingExtraError,
    UnknownFormatError,
)
from imgpar.model import Frame, Header, Limits, Metadata, Spec

LIMITS = Limits()
WRITABLE = [name for name, record in FORMATS.items() if record.writable]
PEAK = {"uint8": 255, "uint16": 65535, "float32": 1.0}


def picture(
    layout: str = "RGBX", dtype: str = "uint8", width: int = 64, height: int = 48, shift: int = 0
) -> Frame:
    """A smooth picture whose channels, rows and columns all differ."""
    spec = Spec(width, height, layout, dtype)
    y, x = np.mgrid[0:height, 0:width]
    channels = [(x + shift) / (width + shift), y / height, (x + y) / (width + height), 1 - x / width / 2]
    if layout in ("L", "LA"):
        channels = [channels[0], channels[3]]
    values = np.stack(channels[: spec.channels], axis=-1)
    if layout == "RGBX":
        values[..., 3] = 1
    array = values.astype(np.float32) if dtype == "float32" else np.rint(values * PEAK[dtype]).astype(dtype)
    return Frame(spec, np.ascontiguousarray(array))


def written(
    frames: Frame | Sequence[Frame], name: str, metadata: Metadata | None = None, **options: object
) -> bytes:
    frames = [frames] if isinstance(frames, Frame) else frames
    encoded = encode(frames, find_format(name), metadata or Metadata(), EncodeOptions(**options))
    return bytes(encoded.data)


def read(
    data: bytes, name: str = "", header: Header | None = None, **options: bool
) -> tuple[Header, list[np.ndarray]]:
    header = header or read_header(data, name, LIMITS)
    frames = [
        Frame(header.spec, np.full(header.spec.shape, 77, header.spec.dtype)) for _ in range(header.frames)
    ]
    decode(data, header, frames, **options)
    return header, [frame.array for frame in frames]


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, name, **options)
    return sink.getvalue()


class TestFormats:
    @pytest.mark.parametrize(
        ("word", "name"),
        [("jpg", "jpeg"), (".JPG", "jpeg"), ("JPEG", "jpeg"), ("tif", "tiff"), ("heif", "heic")],
    )
    def test_a_format_is_found_by_name_and_suffix(self, word: str, name: str) -> None:
        assert find_format(word).name == name

    def test_a_wrong_name_says_which_one_is_near(self) -> None:
        with pytest.raises(BadValueError, match="Did you mean 'webp'"):
            find_format("webpp")

    def test_no_suffix_belongs_to_two_formats(self) -> None:
        suffixes = [suffix for record in FORMATS.values() for suffix in record.suffixes]
        assert len(suffixes) == len(set(suffixes))

    def test_an_unknown_suffix_is_no_format(self) -> None:
        assert format_of_suffix("a/b.txt") is None

    @pytest.mark.parametrize("name", WRITABLE)
    def test_what_is_written_is_recognised_by_its_first_64_bytes(self, name: str) -> None:
        spec, _ = storable(Spec(64, 48, "RGBX"), FORMATS[name])
        data = written(picture(spec.layout), name)
        assert sniff(data[:64]) is FORMATS[name]

    @pytest.mark.parametrize(
        ("head", "name"),
        [
            (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "heic"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "avif"),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "mp4"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mov"),
            (b"RIFF\0\0\0\0AVI LIST", "avi"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", "mkv"),
            (b"\xff\x0a\xfa", "jxl"),
            (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
            (b'<?xml version="1.0"?><svg xmlns="', "svg"),
            (b"hello, world", None),
            (b"", None),
        ],
    )
    def test_content_decides(self, head: bytes, name: str | None) -> None:
        found = sniff(head)
        assert (found.name if found else None) == name

    def test_formats_need_neither_numpy_nor_cv2_nor_pillow(self) -> None:
        code = "import sys, imgpar.codecs.formats; print({'numpy', 'cv2', 'PIL'} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


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
        from imgpar.codecs.png import build

        header, (array,) = read(data[:33] + build(b"tRNS", colour) + data[33:])
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
        rgb = Image.fromarray(picture("RGB").array)
        header, (array,) = read(saved(rgb.convert("CMYK"), "JPEG", quality=98))
        assert header.spec.layout == "RGBX"
        assert header.metadata.icc == b""
        assert "CMYK" in header.notes[0]
        assert np.abs(array[..., :3].astype(int) - np.asarray(rgb)).mean() < 3

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
        ("want", "scale"), [((500, 1), 1), ((256, 100), 2), ((100, 100), 4), ((10, 10), 8)]
    )
    def test_the_smallest_scale_keeps_twice_the_pixels_both_ways(
        self, want: tuple[int, int], scale: int
    ) -> None:
        header = read_header(written(picture(width=1025, height=803), "jpeg"), "", LIMITS)
        small = shrink(header, *want)
        assert small.detail["scale"] == scale
        assert small.spec.size == (-(-1025 // scale), -(-803 // scale))

    @pytest.mark.parametrize("wide", [32, 61, 64, 1025])
    def test_a_scaled_decode_shows_the_same_picture(self, wide: int) -> None:
        frame = picture(width=wide, height=75)
        data = written(frame, "jpeg", quality=95)
        header = shrink(read_header(data, "", LIMITS), 2, 2)
        _, (array,) = read(data, header=header)
        padded = np.pad(frame.array[..., :3], ((0, -75 % 8), (0, -wide % 8), (0, 0)), mode="edge")
        blocks = padded.reshape(padded.shape[0] // 8, 8, padded.shape[1] // 8, 8, 3).mean(axis=(1, 3))
        assert header.detail["scale"] == 8
        assert np.abs(array[..., :3] - blocks).mean() < 3

    def test_pillows_fallback_fills_the_scaled_frame_too(self) -> None:
        cmyk = Image.fromarray(picture("RGB", width=1025, height=803).array).convert("CMYK")
        data = saved(cmyk, "JPEG", quality=95)
        header = shrink(read_header(data, "", LIMITS), 100, 100)
        assert header.spec.size == (257, 201)
        _, (array,) = read(data, header=header)
        reduced = cmyk.convert("RGB").resize((257, 201), Image.Resampling.BOX)
        assert np.abs(array[..., :3].astype(int) - np.asarray(reduced)).mean() < 3

    def test_other_formats_are_not_scaled(self) -> None:
        header = read_header(written(picture(), "png"), "", LIMITS)
        assert shrink(header, 2, 2) is header


class TestWriting:
    @pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBX", "RGBA"])
    @pytest.mark.parametrize("name", WRITABLE)
    def test_every_layout_that_a_format_takes_comes_back(self, name: str, layout: str) -> None:
        if layout not in FORMATS[name].layouts:
            assert storable(Spec(4, 3, layout), FORMATS[name])[0].layout in FORMATS[name].layouts
            return
        frame = picture(layout)
        lossless = FORMATS[name].lossless != "never" and layout != "LA"
        header, (array,) = read(
            written(frame, name, lossless=lossless and FORMATS[name].lossless == "optional")
        )
        assert header.spec.size == (64, 48)
        colour, wanted = array.astype(int), frame.array.astype(int)
        if layout in ("L", "LA") and not header.spec.grey:
            wanted = wanted[..., [0, 0, 0, -1]]
        channels = min(colour.shape[-1], wanted.shape[-1], 3 if layout in ("RGBX", "L", "RGB") else 4)
        error = np.abs(colour[..., :channels] - wanted[..., :channels])
        if name == "gif" and frame.spec.alpha:
            assert set(np.unique(array[..., 3])) <= {0, 255}
            error = error[..., :3]
        assert error.mean() <= (0 if lossless else 5 if name == "gif" else 3)

    def test_a_jpeg_is_what_another_decoder_reads(self) -> None:
        frame = picture()
        decoded = np.asarray(Image.open(io.BytesIO(written(frame, "jpeg", quality=95))))
        assert np.abs(decoded.astype(int) - frame.array[..., :3]).mean() < 2

    def test_a_tiff_is_what_another_decoder_reads(self) -> None:
        for layout in ("L", "RGB", "RGBA"):
            frame = picture(layout, width=700, height=900)
            decoded = np.asarray(Image.open(io.BytesIO(written(frame, "tiff"))))
            assert (decoded.reshape(frame.array.shape) == frame.array).all()

    def test_what_a_format_cannot_hold_is_named_before_encoding(self) -> None:
        assert storable(Spec(4, 3, "RGBA", "uint16"), FORMATS["jpeg"]) == (
            Spec(4, 3, "RGBX"),
            ("alpha", "depth"),
        )
        assert storable(Spec(4, 3, "RGBA", "uint16"), FORMATS["png"])[1] == ()
        assert storable(Spec(4, 3, "LA"), FORMATS["webp"])[0].layout == "RGBA"

    def test_jpeg_says_that_it_has_no_lossless_mode(self) -> None:
        with pytest.raises(EncodeError, match="no lossless mode"):
            written(picture(), "jpeg", lossless=True)

    @pytest.mark.parametrize(("name", "side"), [("webp", 16384), ("jpeg", 65501)])
    def test_a_side_that_is_too_long_is_named(self, name: str, side: int) -> None:
        with pytest.raises(EncodeError, match=str(side)):
            written(picture("RGBX", width=side, height=1), name)

    def test_reading_only_formats_cannot_be_written(self) -> None:
        with pytest.raises(EncodeError, match="cannot write HEIC"):
            storable(Spec(4, 3), FORMATS["heic"])

    @pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
    def test_lower_quality_makes_smaller_files(self, name: str) -> None:
        noise = np.random.default_rng(0).normal(0, 20, (96, 128, 1))
        base = picture(width=128, height=96)
        array = np.clip(base.array + noise, 0, 255).astype(np.uint8)
        array[..., 3] = 255
        frame = Frame(base.spec, array)
        sizes = [len(written(frame, name, quality=quality)) for quality in (20, 50, 80, 95)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1] / 2

    def test_chroma_keeps_its_resolution_from_92_on(self) -> None:
        assert simplejpeg.decode_jpeg_header(written(picture(), "jpeg", quality=91))[3] == "420"
        assert simplejpeg.decode_jpeg_header(written(picture(), "jpeg", quality=92))[3] == "444"

    def test_few_colours_of_a_gif_are_exact(self) -> None:
        frame = picture()
        frame.array[..., :3] &= 0xC0
        _, (array,) = read(written(frame, "gif"))
        assert (array == frame.array).all()


class TestAnimations:
    @pytest.mark.parametrize("layout", ["RGBX", "RGBA"])
    @pytest.mark.parametrize("name", ["gif", "webp", "png", "avif"])
    def test_frames_and_times_come_back(self, name: str, layout: str) -> None:
        frames = [picture(layout, shift=40 * number) for number in range(3)]
        if layout == "RGBA":
            for number, frame in enumerate(frames):
                frame.array[..., 3] = 255
                frame.array[10 * number : 10 * number + 8, :20] = 0
        metadata = Metadata(durations=(100, 250, 40), loop=3)
        header, arrays = read(written(frames, name, metadata, quality=95))
        assert header.frames == 3
        assert header.metadata.durations == (100, 250, 40)
        assert header.metadata.loop == (0 if name == "avif" else 3)
        for frame, array in zip(frames, arrays, strict=True):
            if layout == "RGBA":
                assert np.abs(array[..., 3].astype(int) - frame.array[..., 3]).max() < 30
            shown = frame.array[..., 3:] > 128
            assert (np.abs(array.astype(int) - frame.array) * shown)[..., :3].mean() < 6

    def test_only_the_first_frame_is_filled_when_one_is_given(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        data = written(frames, "webp", Metadata(durations=(100,) * 3), lossless=True)
        header = read_header(data, "", LIMITS)
        frame = Frame(header.spec, np.zeros(header.spec.shape, np.uint8))
        decode(data, header, [frame])
        assert (frame.array == frames[0].array).all()

    def test_a_still_format_keeps_the_first_frame_and_says_so(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        encoded = encode(frames, FORMATS["jpeg"], Metadata(durations=(100,) * 3), EncodeOptions())
        assert encoded.lost == ("frames",)
        assert read_header(encoded.data, "", LIMITS).frames == 1

    def test_alike_pages_of_a_tiff_are_frames(self) -> None:
        frames = [picture("RGB", shift=40 * number) for number in range(3)]
        header, arrays = read(written(frames, "tiff"))
        assert header.metadata.durations == ()
        assert [
            (array[..., :3] == frame.array).all() for frame, array in zip(frames, arrays, strict=True)
        ] == [True] * 3

    def test_pages_of_other_sizes_are_named_as_lost(self) -> None:
        pages = [Image.new("L", (8, 8)), Image.new("L", (9, 9))]
        header = read_header(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "", LIMITS)
        assert (header.frames, header.lost) == (1, ("pages",))

    def test_pages_do_not_become_an_animation(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        encoded = encode(frames, FORMATS["webp"], Metadata(), EncodeOptions())
        assert encoded.lost == ("pages",)

    def test_gif_times_are_rounded_so_that_their_sum_stays(self) -> None:
        frames = [picture(shift=40 * number) for number in range(4)]
        header = read_header(written(frames, "gif", Metadata(durations=(33, 33, 33, 33))), "", LIMITS)
        assert abs(sum(header.metadata.durations) - 132) <= 5


class TestRefusing:
    @pytest.mark.parametrize("name", WRITABLE)
    def test_a_truncated_file_is_damaged(self, name: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8)
        noise[..., 3] = 255
        spec, _ = storable(Spec(64, 48, "RGBX"), FORMATS[name])
        data = written(Frame(spec, np.ascontiguousarray(noise[..., : spec.channels])), name)
        for part in (0.5, 0.9):
            with pytest.raises(DamagedError):
                read(data[: int(len(data) * part)])

    @pytest.mark.parametrize("name", ["jpeg", "png", "gif"])
    def test_a_truncated_file_can_be_accepted(self, name: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
        noise[..., 3] = 255
        data = written(Frame(Spec(64, 64, "RGBX"), noise), name)
        _, (whole,) = read(data)
        _, (array,) = read(data[: len(data) * 3 // 4], accept_damaged=True)
        assert (array[:16] == whole[:16]).all()

    def test_a_sixteen_bit_png_without_its_end_is_damaged(self) -> None:
        noise = np.random.default_rng(0).integers(0, 65536, (48, 64, 3), np.uint16)
        data = written(Frame(Spec(64, 48, "RGB", "uint16"), noise), "png")
        with pytest.raises(DamagedError):
            read(data[: len(data) // 2])

    def test_a_bomb_is_refused_by_its_header(self) -> None:
        data = bytearray(written(picture(), "png"))
        data[16:24] = (32000).to_bytes(4, "big") * 2
        import zlib

        data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
        with pytest.raises(LimitError, match=r"32000×32000 = 1,024,000,000 .* --max-pixels 1024000000"):
            read_header(bytes(data), "", LIMITS)

    @pytest.mark.parametrize("name", WRITABLE)
    def test_the_limit_counts_pixels_of_every_format(self, name: str) -> None:
        spec, _ = storable(Spec(64, 48, "RGBX"), FORMATS[name])
        data = written(picture(spec.layout), name)
        with pytest.raises(LimitError, match="3,072"):
            read_header(data, "", Limits(max_pixels=3071))
        assert read_header(data, "", Limits(max_pixels=3072)).spec.size == (64, 48)

    def test_too_many_frames_are_refused(self) -> None:
        frames = [picture(shift=40 * number) for number in range(3)]
        data = written(frames, "gif", Metadata(durations=(100,) * 3))
        with pytest.raises(LimitError, match="3 frames"):
            read_header(data, "", Limits(max_frames=2))

    def test_a_gif_frame_far_beyond_its_canvas_is_refused(self) -> None:
        frames = [picture(shift=40 * number) for number in range(2)]
        data = bytearray(written(frames, "gif", Metadata(durations=(100, 100))))
        second = data.rindex(b"\x2c\0\0\0\0")
        data[second + 1 : second + 3] = (60000).to_bytes(2, "little")
        with pytest.raises(DamagedError, match="far beyond the canvas"):
            read_header(bytes(data), "", Limits(max_pixels=10_000))

    def test_a_jpeg_of_twelve_bits_is_of_a_rare_kind_not_damaged(self) -> None:
        data = bytearray(written(picture(), "jpeg"))
        data[data.index(b"\xff\xc0") + 4] = 12
        with pytest.raises(UnknownFormatError, match="12 bits"):
            read_header(bytes(data), "", LIMITS)

    def test_text_named_as_a_picture_is_unknown(self) -> None:
        with pytest.raises(UnknownFormatError, match="its name says JPEG"):
            read_header(b"hello, world", "a.jpg", LIMITS)

    def test_an_empty_file_is_named_so(self) -> None:
        with pytest.raises(UnknownFormatError, match="empty"):
            read_header(b"", "a.jpg", LIMITS)

    def test_a_clip_says_that_it_is_one(self) -> None:
        with pytest.raises(ItemError, match="clip"):
            read_header(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "a.mp4", LIMITS)

    def test_a_missing_extra_names_the_exact_command(self) -> None:
        with pytest.raises(MissingExtraError, match=r'pip install "imgpar\[jxl\]"'):
            read_header(b"\xff\x0a\xfa\x00", "a.jxl", LIMITS)

    def test_a_frame_of_another_size_is_a_mistake_of_the_caller(self) -> None:
        data = written(picture(), "png")
        header = read_header(data, "", LIMITS)
        wrong = Frame(header.spec.resized(9, 9), np.zeros((9, 9, 4), np.uint8))
        with pytest.raises(ValueError, match="header says"):
            decode(data, header, [wrong])

    def test_a_broken_profile_of_a_png_costs_the_profile_only(self) -> None:
        data = written(
            picture(), "png", Metadata(icc=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        )
        at = data.index(b"iCCP")
        broken = data[: at + 20] + b"\xff\xff\xff\xff" + data[at + 24 :]
        header, (array,) = read(broken)
        assert header.metadata.icc == b""
        assert header.notes
        assert (array == picture().array).all()


SEEDS = [
    written(picture(storable(Spec(64, 48, "RGBX"), FORMATS[n])[0].layout, width=9, height=7), n)
    for n in WRITABLE
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.data(),
)
def test_any_bytes_are_a_picture_or_an_item_error(
    seed: bytes, changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    data = bytearray(seed[: more.draw(st.integers(0, len(seed)))])
    for at, value in changes:
        if at < len(data):
            data[at] = value
    try:
        header = read_header(bytes(data), "a.tga", Limits(max_pixels=10_000, max_frames=5))
        read(bytes(data), header=header)
    except ItemError:
        pass
