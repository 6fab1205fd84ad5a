"""Metadata wherever files keep them: laid out here byte by byte, as other programs write them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from codec_pictures import LIMITS, picture, saved, written
from PIL import Image
from test_metadata import RECORDS, exif_block, srgb

import imgpar
from imgpar import Pipeline
from imgpar.core.blocks import Exif, Icc, Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.codec import read_header
from imgpar.formats.metadata import density, iptc
from imgpar.formats.metadata.exif import is_sound
from imgpar.formats.metadata.strip import strip_file

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="Garden"/></x:xmpmeta>'
EXIF = exif_block("<", 1)


def jpeg(dpi: tuple[int, int] | None = None, orientation: int = 1, size: tuple[int, int] = (64, 48)) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    options = {"dpi": dpi} if dpi else {}
    return saved(Image.linear_gradient("L").resize(size), "JPEG", exif=exif, **options)


def density_in(data: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        told = image.info.get("dpi") or (exif.get(282, 0), exif.get(283, 0))
        return tuple(round(float(value)) for value in told)


class TestDensity:
    """A fax has other densities across than down."""

    @pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif", "tiff", "bmp", "jp2"])
    @pytest.mark.parametrize(
        ("orientation", "degrees", "wanted"),
        [(1, 0, (204, 98)), (6, 0, (98, 204)), (1, 90, (98, 204)), (8, 270, (204, 98)), (3, 180, (204, 98))],
    )
    def test_it_turns_with_the_picture(
        self, target: str, orientation: int, degrees: int, wanted: tuple[int, int]
    ) -> None:
        data = Pipeline().rotate(degrees).encode(jpeg((204, 98), orientation), to=target, effort=0)
        assert density_in(data) == wanted

    def test_it_turns_where_no_pixel_is_made_anew(self) -> None:
        assert density_in(Pipeline().encode(jpeg((204, 98), 6))) == (98, 204)

    def test_that_of_exif_turns_too(self) -> None:
        exif = Image.Exif()
        exif[282], exif[283], exif[296] = 204.0, 98.0, 2
        turned = density.turn_density(Metadata(exif=Exif(exif.tobytes().removeprefix(b"Exif\0\0"))))
        assert density.density_of(turned) == (98, 204)

    def test_that_of_exif_becomes_that_of_the_format(self) -> None:
        exif = Image.Exif()
        exif[282], exif[283], exif[296] = 100.0, 50.0, 3  # a centimetre
        data = saved(Image.new("L", (8, 8)), "WEBP", exif=exif)
        assert density_in(Pipeline().encode(data, to="png")) == (254, 127)

    def test_exif_that_is_there_gets_it_without_moving_a_value(self) -> None:
        data = written(picture(), "webp", Metadata(exif=Exif(EXIF), dpi=(300.0, 150.0)))
        with Image.open(io.BytesIO(data)) as image:
            exif = image.getexif()
        assert (exif[271], exif[282], exif[283]) == ("Maker", 300, 150)
        assert exif.get_ifd(0x8825)[2] == (52, 31, 12)

    def test_72_means_that_nobody_knows(self) -> None:
        assert b"EXIF" not in written(picture(), "webp", Metadata(dpi=(72.0, 72.0)))

    @pytest.mark.parametrize("name", ["jpeg", "png", "tiff", "bmp", "jp2"])
    def test_none_is_made_up(self, name: str) -> None:
        with Image.open(io.BytesIO(written(picture(), name))) as image:
            assert image.info.get("dpi", (0, 0)) in ((0, 0), (1, 1))


class TestGif:
    @staticmethod
    def extended(name: bytes, content: bytes) -> bytes:
        data = saved(Image.new("P", (9, 9), 3), "GIF")
        at = 13 + (3 << (data[10] & 7) + 1)
        return b"GIF89a" + data[6:at] + b"\x21\xff\x0b" + name + content + data[at:]

    def test_xmp_is_read(self) -> None:
        trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
        header = read_header(self.extended(b"XMP DataXMP", XMP + trailer), "", LIMITS)
        assert (header.metadata.xmp, header.detail.complete) == (XMP, True)

    def test_xmp_is_written(self) -> None:
        data = written(picture("L"), "gif", Metadata(xmp=Xmp(XMP)))
        assert b"\x21\xff\x0bXMP DataXMP" + XMP + b"\x01\xff\xfe" in data
        with Image.open(io.BytesIO(data)) as image:
            assert (np.asarray(image.convert("L")) == picture("L").array[..., 0]).all()

    def test_a_profile_is_read(self) -> None:
        profile = srgb()
        pieces = [profile[at : at + 255] for at in range(0, len(profile), 255)]
        content = b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"
        assert read_header(self.extended(b"ICCRGBG1012", content), "", LIMITS).metadata.icc == profile


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


class TestJpeg2000:
    @pytest.fixture
    def file(self) -> bytes:
        """Boxes of metadata behind the picture, as exiftool puts them."""
        return saved(Image.new("RGB", (9, 9)), "JPEG2000") + b"".join(
            box(b"uuid", name + block)
            for name, block in (
                (b"JpgTiffExif->JP2", EXIF),
                (bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), XMP),
                (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), RECORDS),
            )
        )

    def test_all_kinds_are_read(self, file: bytes) -> None:
        metadata = read_header(file, "", LIMITS).metadata
        assert (metadata.exif, metadata.xmp, metadata.iptc) == (EXIF, XMP, RECORDS)

    def test_a_program_that_speaks_of_itself_is_no_comment(self, file: bytes) -> None:
        assert b"Created by" in file
        assert read_header(file, "", LIMITS).metadata.comment == b""

    def test_what_is_written_is_read(self) -> None:
        everything = Metadata(
            icc=Icc(srgb()), exif=Exif(EXIF), xmp=Xmp(XMP), iptc=RECORDS, comment=b"hello", dpi=(300.0, 150.0)
        )
        found = read_header(written(picture(), "jp2", everything), "", LIMITS).metadata
        assert (found.icc, found.xmp, found.iptc, found.comment) == (srgb(), XMP, RECORDS, b"hello")
        assert is_sound(found.exif)
        assert density.density_of(found) == pytest.approx((300, 150), abs=0.1)

    def test_a_broken_box_ends_the_search(self, file: bytes) -> None:
        assert read_header(file + b"\0\0\0\3uuid", "", LIMITS).metadata.xmp == XMP


def resource(number: int, body: bytes) -> bytes:
    return struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + bytes(len(body) % 2)


def test_photoshops_own_files_hold_everything() -> None:
    dpi = struct.pack(">IHHIHH", 300 << 16, 1, 2, 150 << 16, 1, 2)
    resources = b"".join(
        resource(*pair) for pair in ((1028, RECORDS), (1039, srgb()), (1058, EXIF), (1060, XMP), (1005, dpi))
    )
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 2, 4, 8, 3)
    data = head + struct.pack(">II", 0, len(resources)) + resources + struct.pack(">IH", 0, 0) + bytes(24)
    metadata = read_header(data, "", LIMITS).metadata
    assert (metadata.exif, metadata.xmp, metadata.iptc) == (EXIF, XMP, RECORDS)
    assert (metadata.icc, metadata.dpi) == (srgb(), (300, 150))


class TestRawProfiles:
    """As ImageMagick writes metadata into PNG files."""

    @staticmethod
    def file(name: str, block: bytes, kind: bytes = b"zTXt") -> bytes:
        text = f"\n{name}\n{len(block):8}\n{block.hex()}\n".encode()
        packed = b"\0" + zlib.compress(text) if kind == b"zTXt" else text
        body = f"Raw profile type {name}\0".encode() + packed
        chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        data = saved(Image.new("L", (9, 5)), "PNG")
        return data[:33] + chunk + data[33:]

    @pytest.mark.parametrize("kind", [b"zTXt", b"tEXt"])
    @pytest.mark.parametrize(
        ("name", "before", "block", "field"),
        [
            ("exif", b"Exif\0\0", EXIF, "exif"),
            ("APP1", b"Exif\0\0", EXIF, "exif"),
            ("xmp", b"", XMP, "xmp"),
            ("APP1", b"http://ns.adobe.com/xap/1.0/\0", XMP, "xmp"),
            ("iptc", b"", RECORDS, "iptc"),
            ("iptc", b"8BIM\4\4\0\0\0\0" + struct.pack(">H", len(RECORDS)), RECORDS, "iptc"),
            ("icc", b"", None, "icc"),
        ],
    )
    def test_they_are_read(
        self, kind: bytes, name: str, before: bytes, block: bytes | None, field: str
    ) -> None:
        block = srgb() if block is None else block
        metadata = read_header(self.file(name, before + block, kind), "", LIMITS).metadata
        assert getattr(metadata, field) == block

    def test_a_broken_one_is_nothing(self) -> None:
        body = self.file("exif", b"Exif\0\0" + EXIF, b"tEXt").replace(b"4578", b"45zz")
        assert read_header(body, "", LIMITS).metadata.exif == b""

    def test_their_orientation_counts(self) -> None:
        data = self.file("exif", b"Exif\0\0" + exif_block("<", 6))
        assert Image.open(io.BytesIO(Pipeline().encode(data))).size == (5, 9)

    @pytest.mark.parametrize("what", ["gps", "exif", "all"])
    def test_they_go_with_what_they_hold(self, what: str) -> None:
        left = strip_file(self.file("exif", b"Exif\0\0" + EXIF), "png", what)
        assert left is not None
        assert read_header(left, "", LIMITS).metadata.exif == b""

    def test_captions_stay_when_places_go(self) -> None:
        data = written(picture("L"), "png", Metadata(iptc=RECORDS))
        left = strip_file(data, "png", "gps")
        assert left is not None
        assert read_header(left, "", LIMITS).metadata.iptc == iptc.iptc_without_places(RECORDS) != RECORDS


def test_captions_that_a_tiff_calls_long_numbers() -> None:
    records = RECORDS.ljust(-(-len(RECORDS) // 4) * 4, b"\0")
    image = Image.new("L", (8, 8))
    tags = {33723: records}
    data = bytearray(saved(image, "TIFF", tiffinfo=tags))
    at = data.find(struct.pack("<HH", 33723, 7))
    assert at > 0
    struct.pack_into("<HI", data, at + 2, 4, len(records) // 4)
    assert read_header(bytes(data), "", LIMITS).metadata.iptc == RECORDS


class TestUpright:
    """Nothing to do but to stand upright."""

    def test_a_tiff_is_written_anew(self, tmp_path) -> None:
        exif = Image.Exif()
        exif[274] = 6
        image = Image.fromarray(picture("RGB").array)
        (tmp_path / "a.tif").write_bytes(saved(image, "TIFF", exif=exif))
        (line,) = imgpar.convert(tmp_path / "a.tif", tmp_path / "out", jobs=1).items
        with Image.open(line.outputs[0].path) as made:
            assert made.tag_v2.get(274, 1) == 1
            assert (np.asarray(made) == np.asarray(image.transpose(Image.Transpose.ROTATE_270))).all()

    def test_an_avif_turns_itself(self) -> None:
        exif = Image.Exif()
        exif[274] = 6
        data = saved(Image.fromarray(picture("RGB").array), "AVIF", exif=exif)
        assert Pipeline().encode(data) == data

    def test_a_lossless_webp_stays_lossless(self) -> None:
        exif = Image.Exif()
        exif[274] = 6
        noise = np.random.default_rng(1).integers(0, 255, (9, 7, 3), np.uint8)
        data = saved(Image.fromarray(noise), "WEBP", exif=exif, lossless=True)
        with Image.open(io.BytesIO(Pipeline().encode(data))) as made:
            assert (np.asarray(made.convert("RGB")) == np.rot90(noise, -1)).all()


def test_an_outline_of_photoshop_is_named() -> None:
    block = b"Photoshop 3.0\0" + resource(2000, bytes(26))
    data = jpeg()
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert "paths" in read_header(data, "", LIMITS).lost
    assert "paths" not in read_header(jpeg(), "", LIMITS).lost
