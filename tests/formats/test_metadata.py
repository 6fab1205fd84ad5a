"""EXIF, XMP, profiles and comments: carried, made true, thinned, and named when lost."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, IptcImagePlugin

from imgpar.core.blocks import Exif, Icc, Xmp
from imgpar.core.errors import ItemError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.codec import encode, read_header
from imgpar.formats.jpeg.header import parse_segments
from imgpar.formats.metadata import iptc
from imgpar.formats.metadata.exif import get_orientation, is_sound
from imgpar.formats.metadata.policy import bake, describe_lost, strip
from imgpar.formats.metadata.strip import strip_file
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6" '
    b'exif:GPSLatitude="52,31.2N" drone-dji:GpsLongitude="13.4" dc:title="Garden">'
    b"<exif:GPSLongitude>13,24E</exif:GPSLongitude><tiff:ImageWidth>4000</tiff:ImageWidth>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
MAKER_NOTE = b"MakerNote with offsets \x01\x02\x03"


@cache
def srgb() -> bytes:
    """One and the same profile: LittleCMS writes the time of day into each."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif_block(order: str = "<", orientation: int = 6) -> bytes:
    """Camera name, orientation, sizes, a maker note, GPS and a thumbnail, laid out by hand."""

    def ifd(entries: list[tuple[int, int, int, bytes]], next_at: int = 0) -> bytes:
        body = b"".join(
            struct.pack(order + "HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries
        )
        return struct.pack(order + "H", len(entries)) + body + struct.pack(order + "I", next_at)

    short = lambda value: struct.pack(order + "H", value)  # noqa: E731
    long = lambda value: struct.pack(order + "I", value)  # noqa: E731
    make, thumbnail, latitude = (
        b"Maker\0",
        b"\xff\xd8 the old picture \xff\xd9",
        struct.pack(order + "6I", 52, 1, 31, 1, 12, 1),
    )
    main_at, exif_at = 8, 8 + 2 + 12 * 4 + 4
    gps_at = exif_at + 2 + 12 * 3 + 4
    thumb_ifd_at = gps_at + 2 + 12 * 2 + 4
    values_at = thumb_ifd_at + 2 + 12 * 2 + 4
    make_at, note_at = values_at, values_at + len(make)
    latitude_at = note_at + len(MAKER_NOTE)
    thumbnail_at = latitude_at + len(latitude)
    main = [
        (271, 2, len(make), long(make_at)),
        (274, 3, 1, short(orientation)),
        (0x8769, 4, 1, long(exif_at)),
        (0x8825, 4, 1, long(gps_at)),
    ]
    detail = [
        (0x927C, 7, len(MAKER_NOTE), long(note_at)),
        (0xA002, 4, 1, long(4000)),
        (0xA003, 3, 1, short(3000)),
    ]
    gps = [(1, 2, 2, b"N\0"), (2, 5, 3, long(latitude_at))]
    small = [(0x201, 4, 1, long(thumbnail_at)), (0x202, 4, 1, long(len(thumbnail)))]
    head = (b"II*\0" if order == "<" else b"MM\0*") + long(main_at)
    block = head + ifd(main, thumb_ifd_at) + ifd(detail) + ifd(gps) + ifd(small)
    return block + make + MAKER_NOTE + latitude + thumbnail


def pillow_exif(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    return exif


def frame(layout: str = "RGBX") -> Frame:
    spec = Spec(40, 30, layout)
    return Frame(spec, np.full(spec.shape, 255, np.uint8))


def everything() -> Metadata:
    return Metadata(
        icc=Icc(srgb()), exif=Exif(exif_block()), xmp=Xmp(XMP), comment=b"hello", dpi=(300.0, 300.0)
    )


def test_the_block_of_these_tests_is_what_it_claims_to_be() -> None:
    exif = pillow_exif(exif_block())
    assert exif[271] == "Maker"
    assert exif[274] == 6
    assert exif.get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert exif.get_ifd(0x8825)[2] == (52, 31, 12)
    assert exif.get_ifd(ExifTags.IFD.IFD1)[0x202] > 0


@pytest.mark.parametrize("order", ["<", ">"])
class TestBake:
    def test_orientation_and_size_are_made_true(self, order: str) -> None:
        exif = pillow_exif(bake(Metadata(exif=Exif(exif_block(order))), 640, 480).exif)
        assert exif[274] == 1
        assert exif.get_ifd(0x8769)[0xA002] == 640
        assert exif.get_ifd(0x8769)[0xA003] == 480

    def test_nothing_else_moves_so_maker_notes_stay_right(self, order: str) -> None:
        before = exif_block(order)
        after = bake(Metadata(exif=Exif(before)), 640, 480).exif
        assert after.index(MAKER_NOTE) == before.index(MAKER_NOTE)
        assert pillow_exif(after)[271] == "Maker"

    def test_the_old_thumbnail_is_gone(self, order: str) -> None:
        after = bake(Metadata(exif=Exif(exif_block(order))), 640, 480).exif
        assert b"the old picture" not in after
        assert pillow_exif(after).get_ifd(ExifTags.IFD.IFD1) == {}

    def test_baking_twice_changes_nothing_more(self, order: str) -> None:
        once = bake(Metadata(exif=Exif(exif_block(order)), xmp=Xmp(XMP)), 640, 480)
        assert bake(once, 640, 480) == once

    def test_gps_is_removed_with_its_values(self, order: str) -> None:
        after = strip(Metadata(exif=Exif(exif_block(order))), "gps").exif
        assert 0x8825 not in pillow_exif(after)
        assert struct.pack(order + "6I", 52, 1, 31, 1, 12, 1) not in after
        assert pillow_exif(after).get_ifd(0x8769)[0x927C] == MAKER_NOTE
        assert get_orientation(after) == 6


def test_xmp_is_made_true_too() -> None:
    xmp = bake(Metadata(xmp=Xmp(XMP)), 640, 480).xmp
    assert b'tiff:Orientation="1"' in xmp
    assert b"<tiff:ImageWidth>640<" in xmp


def test_gps_in_xmp_is_removed_in_every_form() -> None:
    xmp = strip(Metadata(xmp=Xmp(XMP)), "gps").xmp
    assert b"GPS" not in xmp.upper()
    assert b'dc:title="Garden"' in xmp


def test_broken_exif_is_dropped_because_its_orientation_is_unknown() -> None:
    assert bake(Metadata(exif=Exif(b"II*\0\xff\xff\xff\xff")), 4, 3).exif == b""


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        ("exif", {"icc", "xmp", "comment"}),
        ("xmp", {"icc", "exif", "comment"}),
        ("all", {"icc"}),
        ("", {"icc", "exif", "xmp", "comment"}),
    ],
)
def test_strip_leaves_out_what_is_named(what: str, kept: set[str]) -> None:
    result = strip(everything(), what)
    assert {kind for kind in ("icc", "exif", "xmp", "comment") if getattr(result, kind)} == kept


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tiff"])
def test_profile_exif_and_xmp_survive(name: str) -> None:
    encoded = encode([frame()], FORMATS[name], everything(), EncodeOptions())
    header = read_header(encoded.data, "", Limits())
    assert header.metadata.icc == srgb()
    assert b'dc:title="Garden"' in header.metadata.xmp
    exif = pillow_exif(header.metadata.exif)
    assert exif[271] == "Maker"
    assert exif.get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert exif.get_ifd(0x8825)[2] == (52, 31, 12)
    assert header.orientation == 1


@pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
def test_pillow_reads_the_same_blocks(name: str) -> None:
    encoded = encode([frame()], FORMATS[name], everything(), EncodeOptions())
    image = Image.open(io.BytesIO(encoded.data))
    assert image.info["icc_profile"] == srgb()
    assert image.getexif()[271] == "Maker"
    assert image.getexif().get(274, 1) == 1
    assert tuple(round(value) for value in image.info["dpi"]) == (300, 300)
    assert image.getxmp is not None


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tiff"])
def test_strip_all_leaves_no_trace_in_the_file(name: str) -> None:
    encoded = encode([frame()], FORMATS[name], everything(), EncodeOptions(strip="all"))
    data = bytes(encoded.data)
    assert b"Maker" not in data
    assert b"Garden" not in data
    assert read_header(data, "", Limits()).metadata.icc == srgb()
    assert encoded.lost == ()


def test_what_a_format_cannot_hold_is_named() -> None:
    encoded = encode([frame()], FORMATS["bmp"], everything(), EncodeOptions())
    assert encoded.lost == ("icc", "exif", "xmp", "comment", "gps")
    assert describe_lost(everything(), FORMATS["webp"]) == ("comment",)
    assert describe_lost(Metadata(), FORMATS["bmp"]) == ()


def test_a_place_is_lost_only_where_there_was_one() -> None:
    bare = Metadata(exif=Exif(b"II*\0\x08\0\0\0\0\0\0\0\0\0"))
    assert describe_lost(bare, FORMATS["bmp"]) == ("exif",)


def test_a_large_profile_spans_several_jpeg_segments() -> None:
    profile = bytearray(srgb())
    profile += bytes(200_000 - len(profile))
    profile[:4] = len(profile).to_bytes(4, "big")
    encoded = encode([frame()], FORMATS["jpeg"], Metadata(icc=Icc(bytes(profile))), EncodeOptions())
    assert read_header(encoded.data, "", Limits()).metadata.icc == bytes(profile)
    assert Image.open(io.BytesIO(encoded.data)).info["icc_profile"] == bytes(profile)


def test_exif_that_is_too_large_for_jpeg_is_named() -> None:
    big = exif_block()[:-1] + b"x" * 70_000
    assert encode([frame()], FORMATS["jpeg"], Metadata(exif=Exif(big)), EncodeOptions()).lost == ("exif",)


def test_a_profile_for_other_channels_is_left_out_and_named() -> None:
    other = bytearray(srgb())
    other[16:20] = b"CMYK"
    encoded = encode([frame()], FORMATS["png"], Metadata(icc=Icc(bytes(other))), EncodeOptions())
    assert encoded.lost == ("icc",)
    assert "icc_profile" not in Image.open(io.BytesIO(encoded.data)).info


def test_an_srgb_profile_on_grey_is_no_loss() -> None:
    assert encode([frame("L")], FORMATS["png"], Metadata(icc=Icc(srgb())), EncodeOptions()).lost == ()


def test_a_gain_map_is_named_and_no_longer_promised() -> None:
    xmp = b'<rdf:Description xmlns:hdrgm="ns.adobe.com" hdrgm:Version="1.0" dc:title="Sky"/>'
    sink = io.BytesIO()
    Image.new("RGB", (9, 9)).save(sink, "JPEG", xmp=xmp)
    header = read_header(sink.getvalue(), "", Limits())
    assert header.lost == ("gain map",)
    assert b"hdrgm:Version" not in header.metadata.xmp
    assert b'dc:title="Sky"' in header.metadata.xmp


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_exif_can_be_baked_and_stripped(tail: bytes) -> None:
    for block in (tail, b"II*\0" + tail, exif_block()[:60] + tail):
        metadata = strip(bake(Metadata(exif=Exif(block), xmp=Xmp(tail)), 4, 3), "gps")
        assert metadata.exif == b"" or is_sound(metadata.exif)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_are_a_jpeg_header_or_an_item_error(tail: bytes, cut: int) -> None:
    good = bytes(encode([frame()], FORMATS["jpeg"], everything(), EncodeOptions()).data)
    for data in (b"\xff\xd8\xff" + tail, good[:cut] + tail):
        try:
            header = parse_segments(data)
        except ItemError:
            continue
        assert header.frame.width > 0
        assert header.frame.height > 0


RECORDS = b"".join(
    b"\x1c\x02" + bytes((number, 0, len(value))) + value
    for number, value in ((0x05, b"Title"), (0x5A, b"Vienna"), (0x78, b"A caption"))
)


class TestIptc:
    """Captions as news agencies write them, read back by Pillow."""

    @staticmethod
    def seen(data: bytes) -> dict[tuple[int, int], bytes]:
        with Image.open(io.BytesIO(data)) as image:
            return IptcImagePlugin.getiptcinfo(image) or {}

    @pytest.mark.parametrize("name", ["jpeg", "tiff"])
    def test_captions_survive(self, name: str) -> None:
        encoded = encode([frame()], FORMATS[name], Metadata(iptc=RECORDS), EncodeOptions())
        assert self.seen(bytes(encoded.data))[(2, 0x78)] == b"A caption"
        assert encoded.lost == ()
        assert read_header(encoded.data, "", Limits()).metadata.iptc == RECORDS

    def test_other_formats_name_the_loss(self) -> None:
        assert encode([frame()], FORMATS["webp"], Metadata(iptc=RECORDS), EncodeOptions()).lost == ("iptc",)

    def test_places_go_with_gps(self) -> None:
        encoded = encode([frame()], FORMATS["jpeg"], Metadata(iptc=RECORDS), EncodeOptions(strip="gps"))
        assert set(self.seen(bytes(encoded.data))) == {(2, 0x05), (2, 0x78)}
        edited = strip_file(
            bytes(encode([frame()], FORMATS["jpeg"], Metadata(iptc=RECORDS), EncodeOptions()).data),
            "jpeg",
            "gps",
        )
        assert edited is not None
        assert set(self.seen(edited)) == {(2, 0x05), (2, 0x78)}

    def test_other_blocks_of_photoshop_are_stepped_over(self) -> None:
        other = b"8BIM\x03\xed\x03abc\0\0\0\x05hello\0"
        assert iptc.find_iptc(other + iptc.wrap(RECORDS)) == RECORDS

    @settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes_are_blocks_or_nothing(self, tail: bytes) -> None:
        for blocks in (tail, b"8BIM\x04\x04" + tail):
            assert isinstance(iptc.iptc_without_places(iptc.find_iptc(blocks)), bytes)
