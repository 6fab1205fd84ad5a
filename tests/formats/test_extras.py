"""Formats with optional packages: each against values that the test knows, skipped where it is missing."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from codec_pictures import LIMITS, picture, read, saved, written
from PIL import Image

import imgpar
from imgpar.core.blocks import Exif, Xmp
from imgpar.core.errors import DamagedError, EncodeError, LimitError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats import exr
from imgpar.formats.codec import encode, read_header
from imgpar.formats.jxl import ffmpeg
from imgpar.formats.jxl.header import jxl_boxes, parse_codestream
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format

EXIF = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
"""Nothing but the orientation 6."""


def srgb_curve(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def tags(*entries: tuple[int, int, bytes], pixels: bytes) -> bytes:
    """A little-endian TIFF: a directory, the values that are too long for it, the pixels of one strip."""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
    count = len(entries) + 1
    outside_at = 8 + 2 + 12 * count + 4
    outside = b""
    body = b""
    long = sum(len(value) + len(value) % 2 for _, _, value in entries if len(value) > 4)
    strip = (273, 4, struct.pack("<I", outside_at + long))
    for tag, kind, value in sorted((*entries, strip)):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack("<I", outside_at + len(outside))
            outside += value + bytes(len(value) % 2)
        body += struct.pack("<HHI", tag, kind, len(value) // sizes[kind]) + place
    return b"II*\0" + struct.pack("<IH", 8, count) + body + bytes(4) + outside + pixels


def drawing(attributes: str, content: str = "") -> bytes:
    """An SVG with these attributes of its root element."""
    head = f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" {attributes}>'
    return f"{head}{content}</svg>".encode()


def grey_dng(width: int = 64, height: int = 48, orientation: int = 6) -> bytes:
    """A raw picture of an even grey: a quarter of full scale behind every filter."""
    pixels = np.full((height, width), 16384, "<u2").tobytes()
    short = struct.Struct("<H").pack
    ratios = struct.pack("<18i", *(part for value in (1, 0, 0, 0, 1, 0, 0, 0, 1) for part in (value, 1)))
    return tags(
        (254, 4, bytes(4)), (256, 4, struct.pack("<I", width)), (257, 4, struct.pack("<I", height)),
        (258, 3, short(16)), (259, 3, short(1)), (262, 3, short(32803)), (271, 2, b"Maker\0"),
        (274, 3, short(orientation)), (277, 3, short(1)), (278, 4, struct.pack("<I", height)),
        (279, 4, struct.pack("<I", len(pixels))), (33421, 3, struct.pack("<2H", 2, 2)),
        (33422, 1, bytes((0, 1, 1, 2))), (50706, 1, bytes((1, 4, 0, 0))), (50708, 2, b"Maker One\0"),
        (50717, 4, struct.pack("<I", 65535)), (50721, 10, ratios),
        (50728, 5, struct.pack("<6I", 1, 1, 1, 1, 1, 1)), (50778, 3, short(21)),
        pixels=pixels,
    )  # fmt: skip


class TestJpegXl:
    @pytest.fixture(autouse=True)
    def codecs(self):
        return pytest.importorskip("imagecodecs")

    @pytest.mark.parametrize("layout", ["L", "LA", "RGB", "RGBA"])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_lossless_keeps_every_value(self, layout: str, dtype: str) -> None:
        frame = picture(layout, dtype, 23, 17)
        header, (array,) = read(written(frame, "jxl", lossless=True))
        assert header.spec == frame.spec
        assert (array == frame.array).all()

    def test_another_writer_is_read(self, codecs) -> None:
        frame = picture("RGB", "uint16", 40, 30)
        _, (array,) = read(codecs.jpegxl_encode(frame.array, lossless=True))
        assert (array == frame.array).all()

    @pytest.mark.parametrize(("bits", "dtype"), [(6, np.uint8), (10, np.uint16), (12, np.uint16)])
    def test_other_depths_fill_the_scale(self, codecs, bits: int, dtype: type) -> None:
        peak = (1 << bits) - 1
        ramp = np.linspace(0, peak, 64).round().astype(dtype).reshape(1, 64, 1).repeat(3, axis=2)
        data = codecs.jpegxl_encode(ramp, lossless=True, bitspersample=bits)
        _, (array,) = read(data)
        full = np.iinfo(dtype).max
        assert (array == np.rint(ramp * (full / peak))).all()

    @pytest.mark.parametrize("size", [(8, 8), (256, 256), (400, 300), (513, 1), (1920, 1080), (7, 300)])
    def test_the_size_is_known_before_decoding(self, codecs, size: tuple[int, int]) -> None:
        data = codecs.jpegxl_encode(np.zeros((size[1], size[0], 3), np.uint8), effort=1)
        assert read_header(data, "", LIMITS).spec.size == size
        with pytest.raises(LimitError):
            read_header(data, "", Limits(max_pixels=size[0] * size[1] - 1))

    def test_without_times_the_first_frame_is_read_and_the_loss_is_named(self, codecs, monkeypatch) -> None:
        monkeypatch.setattr(ffmpeg, "_ffmpeg", lambda: "there-is-no-such-program")
        frames = np.stack([picture("RGB", shift=shift).array for shift in (0, 20, 40)])
        header, (array,) = read(codecs.jpegxl_encode(frames, lossless=True))
        assert header.lost == ("frames",)
        assert (array == frames[0]).all()

    def test_exif_and_xmp_lie_in_boxes(self) -> None:
        data = written(picture("RGB"), "jxl", Metadata(exif=Exif(EXIF), xmp=Xmp(b"<x/>")))
        found = dict(jxl_boxes(data))
        assert bytes(found[b"xml "]) == b"<x/>"
        header = read_header(data, "", LIMITS)
        assert header.orientation == 1
        assert header.metadata.exif == EXIF.replace(b"\x06\0\0\0\0\0\0\0", b"\x01\0\0\0\0\0\0\0")

    def test_packed_boxes_are_unpacked(self, codecs) -> None:
        data = written(picture("RGB"), "jxl")
        packed = b"xml " + codecs.brotli_encode(b"<packed/>")
        box = struct.pack(">I", len(packed) + 8) + b"brob" + packed
        assert read_header(data[:32] + box + data[32:], "", LIMITS).metadata.xmp == b"<packed/>"

    def test_quality_decides_the_size(self) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        frame = Frame(Spec(64, 64, "RGB"), noise)
        sizes = [len(written(frame, "jxl", quality=number)) for number in (20, 50, 80, 95)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1] / 2


def test_bits_of_a_jpeg_xl_header_from_the_specification() -> None:
    # small (1), height/8-1 = 1 (5 bits), ratio 1:1 (3 bits), then everything as usual (1)
    bits = 1 | 1 << 1 | 1 << 6 | 1 << 9
    header = parse_codestream(b"\xff\x0a" + bits.to_bytes(2, "little"))
    assert header is not None
    assert (header.width, header.height, header.bits, header.alpha) == (16, 16, 8, False)


class TestHeic:
    @pytest.fixture(autouse=True)
    def library(self):
        return pytest.importorskip("pillow_heif")

    @pytest.mark.parametrize("layout", ["L", "RGB", "RGBA"])
    def test_another_reader_sees_the_picture(self, library, layout: str) -> None:
        frame = picture(layout, width=64, height=48)
        seen = np.asarray(library.open_heif(io.BytesIO(written(frame, "heic", quality=95))))
        assert seen.reshape(48, 64, -1).shape[2] >= frame.spec.channels
        difference = seen.reshape(48, 64, -1)[..., : frame.spec.channels].astype(int) - frame.array
        assert np.abs(difference).mean() < 2

    def test_metadata_travel_and_the_orientation_is_baked(self) -> None:
        exif = EXIF.replace(b"\x06\0\0\0\0\0\0\0", b"\x01\0\0\0\0\0\0\0")
        header = read_header(
            written(picture("RGB"), "heic", Metadata(exif=Exif(EXIF), xmp=Xmp(b"<x/>"))), "", LIMITS
        )
        assert (header.metadata.exif, header.metadata.xmp) == (exif, b"<x/>")

    def test_sixteen_bits_become_twelve_and_the_loss_is_named(self) -> None:
        frame = picture("RGB", "uint16")
        encoded = encode([frame], find_format("heic"), Metadata(), EncodeOptions(quality=100))
        assert encoded.lost == ("depth",)
        header, (array,) = read(bytes(encoded.data))
        assert header.spec.dtype == "uint16"
        assert np.abs(array.astype(int) - frame.array).mean() < 300

    def test_lossless_is_refused(self) -> None:
        with pytest.raises(EncodeError, match="lossless"):
            written(picture("RGB"), "heic", lossless=True)


class TestRaw:
    @pytest.fixture(autouse=True)
    def _rawpy(self):
        pytest.importorskip("rawpy")

    def test_grey_light_becomes_grey(self) -> None:
        header, (array,) = read(grey_dng(), "a.dng")
        assert (header.spec, header.orientation) == (Spec(64, 48, "RGB", "uint16"), 6)
        middle = array[8:-8, 8:-8].astype(int)
        assert middle.std(axis=(0, 1)).max() < 300
        assert np.ptp(middle.mean(axis=(0, 1))) < 2000
        assert middle.mean() > 10000

    def test_the_camera_is_kept(self) -> None:
        exif = Image.Exif()
        exif.load(read_header(grey_dng(), "a.dng", LIMITS).metadata.exif)
        assert exif[271] == "Maker"

    def test_a_truncated_file_is_damaged(self) -> None:
        with pytest.raises(DamagedError, match=r"6,\d\d\d, it has 3,000"):
            read(grey_dng()[:3000], "a.dng")

    def test_a_file_without_pixels_is_no_picture(self) -> None:
        whole = grey_dng(1600, 1200)
        without = whole.replace(struct.pack("<I", 1600 * 1200 * 2), struct.pack("<I", 22))[:4000]
        assert len(without) == 4000
        with pytest.raises(DamagedError, match="it holds no pixels"):
            read(without, "a.dng")


class TestSvg:
    @pytest.fixture(autouse=True)
    def _resvg(self):
        pytest.importorskip("resvg_py")

    @pytest.mark.parametrize(
        ("attributes", "size"),
        [
            ('width="40" height="20"', (40, 20)),
            ("width='1in' height='0.5in'", (96, 48)),
            ('width="2.54cm" height="25.4mm"', (96, 96)),
            ('width="72pt" height="6pc"', (96, 96)),
            ('viewBox="0 0 30 15"', (30, 15)),
            ('width="60" viewBox="0 0 30 15"', (60, 30)),
            ('width="100%" height="100%" viewBox="0,0,30,15"', (30, 15)),
            ("", (300, 150)),
        ],
    )
    def test_the_size_is_that_of_the_root_element(self, attributes: str, size: tuple[int, int]) -> None:
        header, _ = read(drawing(attributes), "a.svg")
        assert header.spec == Spec(*size, "RGBA")

    @pytest.mark.parametrize("packed", [False, True])
    def test_half_a_canvas_is_red_and_half_is_clear(self, packed: bool) -> None:
        text = drawing('width="20" height="10"', '<path d="M0 0h10v10H0z" fill="red"/>')
        _, (array,) = read(gzip.compress(text) if packed else text, "a.svgz" if packed else "a.svg")
        assert (array[:, :10] == (255, 0, 0, 255)).all()
        assert (array[:, 10:] == 0).all()

    def test_a_density_enlarges_the_drawing(self) -> None:
        text = drawing('width="20" height="10"', '<circle cx="5" cy="5" r="5"/>')
        header = read_header(text, "a.svg", Limits(density=192))
        assert header.spec.size == (40, 20)
        _, (array,) = read(text, header=header)
        assert abs(float(array[..., 3].sum()) / 255 - np.pi * 100) < 3

    def test_a_huge_canvas_is_refused(self) -> None:
        with pytest.raises(LimitError):
            read_header(drawing('width="1e6" height="1e6"'), "a.svg", LIMITS)


class TestPdf:
    @pytest.fixture(autouse=True)
    def _pdfium(self):
        pytest.importorskip("pypdfium2")

    @staticmethod
    def document(*pages: Image.Image) -> bytes:
        sink = io.BytesIO()
        pages[0].save(sink, "PDF", save_all=True, append_images=pages[1:], resolution=72)
        return sink.getvalue()

    def test_every_page_is_a_frame(self) -> None:
        pages = [Image.new("RGB", (60, 40), colour) for colour in ("red", "lime", "blue")]
        header, arrays = read(self.document(*pages))
        assert (header.spec, header.frames, header.lost) == (Spec(125, 84, "RGBX"), 3, ())
        for array, page in zip(arrays, pages, strict=True):
            assert np.abs(array[2:-2, 2:-2, :3].astype(int) - page.getpixel((0, 0))).max() <= 3

    def test_pages_of_other_sizes_are_named(self) -> None:
        data = self.document(Image.new("RGB", (60, 40)), Image.new("RGB", (40, 60)))
        header = read_header(data, "", Limits(density=72))
        assert (header.spec.size, header.frames, header.lost) == ((60, 40), 1, ("pages",))

    def test_one_page_can_be_chosen(self) -> None:
        data = self.document(Image.new("RGB", (60, 40), "red"), Image.new("RGB", (40, 60), "blue"))
        header, (array,) = read(data, header=read_header(data, "", Limits(density=72, pages="2")))
        assert (header.spec.size, header.lost) == ((40, 60), ())
        assert array[30, 20, 2] > 250

    def test_a_broken_document_is_damaged(self) -> None:
        with pytest.raises(DamagedError):
            read_header(b"%PDF-1.7\n%%EOF", "", LIMITS)


class TestLight:
    def test_radiance_gets_the_curve_of_srgb(self) -> None:
        light = np.tile(np.linspace(0, 2, 40, dtype=np.float32)[None, :, None], (8, 1, 3))
        light[..., 1] *= 0.5
        _, stream = cv2.imencode(".hdr", light[..., ::-1])
        header, (array,) = read(stream.tobytes())
        assert header.spec == Spec(40, 8, "RGB", "float32")
        # One exponent for three mantissas of 8 bits.
        assert np.abs(array - srgb_curve(light)).max() < 0.02

    def test_open_exr_is_unmultiplied_and_gets_the_curve(self, tmp_path: Path) -> None:
        library = pytest.importorskip("OpenEXR")
        light = np.tile(np.linspace(0, 2, 40, dtype=np.float32)[None, :, None], (8, 1, 4))
        light[..., 3] = 0.5
        stored = light * (0.5, 0.5, 0.5, 1)
        facts = {"compression": library.ZIP_COMPRESSION, "type": library.scanlineimage}
        library.File(facts, {"RGBA": stored.astype(np.float32)}).write(str(tmp_path / "a.exr"))
        header, (array,) = read((tmp_path / "a.exr").read_bytes())
        assert header.spec == Spec(40, 8, "RGBA", "float32")
        assert np.abs(array[..., :3] - srgb_curve(light[..., :3])).max() < 1e-5
        assert (array[..., 3] == 0.5).all()

    @pytest.mark.parametrize("step", [1, 2])
    def test_a_sample_of_chroma_is_shared_by_pixels(self, step: int) -> None:
        samples = np.arange(12, dtype=np.float32).reshape(3, 4)
        channel = SimpleNamespace(pixels=samples, xSampling=step, ySampling=step)
        spread = exr._spread(channel, Spec(4 * step, 3 * step))
        assert np.array_equal(spread[::step, ::step], samples)

    def test_luminance_and_chroma_become_colours(self, tmp_path: Path) -> None:
        library = pytest.importorskip("OpenEXR")
        colour = np.array([0.6, 0.3, 0.1], np.float32)
        luminance = float(colour @ np.array([0.2126, 0.7152, 0.0722], np.float32))
        flat = {"Y": luminance, "RY": colour[0] / luminance - 1, "BY": colour[2] / luminance - 1}
        channels = {name: np.full((8, 12), value, np.float32) for name, value in flat.items()}
        facts = {"compression": library.ZIP_COMPRESSION, "type": library.scanlineimage}
        library.File(facts, channels).write(str(tmp_path / "a.exr"))
        header, (array,) = read((tmp_path / "a.exr").read_bytes())
        assert (header.spec, header.lost) == (Spec(12, 8, "RGB", "float32"), ())
        assert np.abs(array - srgb_curve(colour)).max() < 1e-4


@pytest.mark.parametrize("kind", ["byte", "sbyte", "short", "sshort", "long", "slong"])
def test_an_orientation_is_obeyed_whatever_kind_of_number_it_is(kind: str) -> None:
    code = {"byte": "B", "sbyte": "b", "short": "H", "sshort": "h", "long": "I", "slong": "i"}[kind]
    number = {"byte": 1, "sbyte": 6, "short": 3, "sshort": 8, "long": 4, "slong": 9}[kind]
    value = struct.pack(f"<{code}", 6).ljust(4, b"\0")
    block = struct.pack("<2sHIHHHI", b"II", 42, 8, 1, 274, number, 1) + value + bytes(4)
    data = saved(Image.new("RGB", (40, 20)), "JPEG", exif=b"Exif\0\0" + block)
    assert read_header(data, "", LIMITS).orientation == 6
    upright = imgpar.Pipeline().encode(data, to="png")
    with Image.open(io.BytesIO(upright)) as image:
        assert image.size == (20, 40)
        assert image.getexif().get(274, 1) in (1, b"\x01")
