"""`--strip` takes tags out of a TIFF and touches no pixel, on any page and in any compression."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import saved
from few_pictures import chart, page
from PIL import Image, TiffImagePlugin, features

import imgpar
from imgpar import Pipeline
from imgpar.formats.metadata import iptc
from imgpar.formats.tiff.strip import strip_tiff

PIPE = Pipeline()
ARTIST, DESCRIPTION, XMP, IPTC, PHOTOSHOP, GPS = 315, 270, 700, 33723, 34377, 34853
PLACE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:Description exif:GPSLatitude="48,12N" dc:title="Tower"/></x:xmpmeta>'
)
CITY = b"\x1c\x02\x5a\0\x06Vienna\x1c\x02\x78\0\x02Hi"
needs_libtiff = pytest.mark.skipif(not features.check("libtiff"), reason="Pillow has no libtiff here")


def tagged(image: Image.Image, **options: object) -> bytes:
    """A TIFF that tells who made it, and where."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[ARTIST], info[DESCRIPTION] = "Ana Example", "A long description of a tower"
    info[XMP], info[IPTC] = PLACE, CITY
    info.tagtype[XMP], info.tagtype[IPTC] = 1, 7
    if "compression" not in options:  # libtiff, in Pillow, writes no directory of places
        info[GPS] = {2: (48.0, 12.0, 33.0)}
    return saved(image, "TIFF", tiffinfo=info, dpi=(300, 300), **options)


def tags(data: bytes, number: int = 0) -> set[int]:
    image = Image.open(io.BytesIO(data))
    image.seek(number)
    return set(image.tag_v2)


def pixels(data: bytes) -> list[np.ndarray]:
    image = Image.open(io.BytesIO(data))
    made = []
    for number in range(image.n_frames):
        image.seek(number)
        made.append(np.asarray(image.convert("RGBA")))
    return made


@needs_libtiff
@pytest.mark.parametrize("kind", ["group4", "group3", "packbits", "tiff_lzw", "raw"])
def test_a_page_keeps_its_compression_and_size(kind: str) -> None:
    source = tagged(page(), compression=kind)
    made = PIPE.encode(source, strip="all")
    image = Image.open(io.BytesIO(made))
    assert (image.info["compression"], len(made)) == (kind, len(source))
    assert np.array_equal(pixels(made), pixels(source))


@needs_libtiff
def test_a_lossy_tiff_is_not_decoded_and_encoded() -> None:
    source = tagged(chart(12).convert("RGB"), compression="jpeg", quality=40)
    made = PIPE.encode(source, strip="all")
    assert Image.open(io.BytesIO(made)).info["compression"] == "jpeg"
    assert np.array_equal(pixels(made), pixels(source))


@pytest.mark.parametrize(
    ("what", "gone", "left"),
    [
        ("all", {ARTIST, DESCRIPTION, XMP, IPTC, GPS}, {282, 283, 296}),
        ("exif", {ARTIST, DESCRIPTION, GPS}, {XMP, IPTC, 282}),
        ("xmp", {XMP}, {ARTIST, IPTC, GPS}),
        ("gps", {GPS}, {ARTIST, XMP, IPTC}),
    ],
)
def test_what_is_asked_for_goes(what: str, gone: set[int], left: set[int]) -> None:
    made = PIPE.encode(tagged(chart()), strip=what)
    assert not tags(made) & gone
    assert left <= tags(made)


@pytest.mark.parametrize("words", [b"Ana Example", b"a tower", b"48,12N", b"Vienna"])
def test_no_byte_of_it_stays(words: bytes) -> None:
    source = tagged(chart())
    assert words in source
    assert words not in PIPE.encode(source, strip="all")


@pytest.mark.parametrize("words", [b"48,12N", b"Vienna", struct.pack("<II", 33, 1)])
def test_no_place_stays(words: bytes) -> None:
    source = tagged(chart())
    assert words in source
    made = PIPE.encode(source, strip="gps")
    assert words not in made
    assert b"Tower" in made
    assert b"Ana Example" in made


def test_every_page_is_stripped() -> None:
    sink = io.BytesIO()
    pages = [chart(5), chart(9)]
    with TiffImagePlugin.AppendingTiffWriter(sink) as file:
        for image in pages:
            image.save(file, "TIFF", tiffinfo={ARTIST: "Ana Example"})
            file.newFrame()
    made = PIPE.encode(sink.getvalue(), strip="all")
    assert [ARTIST in tags(made, number) for number in (0, 1)] == [False, False]
    assert all(map(np.array_equal, pixels(made), pixels(sink.getvalue())))


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_pages_that_differ_are_stripped_and_stay(tmp_path: Path, schedule: str) -> None:
    source = tmp_path / "a.tif"
    with TiffImagePlugin.AppendingTiffWriter(str(source), new=True) as file:
        for image in (page(), chart(9)):
            image.save(file, "TIFF", tiffinfo={ARTIST: "Ana Example"}, compression="packbits")
            file.newFrame()
    imgpar.convert(source, tmp_path / "out", strip="all", schedule=schedule, jobs=1, memory="64M")
    made = (tmp_path / "out" / "a.tif").read_bytes()
    assert len(made) == source.stat().st_size
    assert all(map(np.array_equal, pixels(made), pixels(source.read_bytes())))
    assert not any(ARTIST in tags(made, number) for number in (0, 1))


def test_a_big_tiff_is_stripped() -> None:
    source = tagged(chart(), big_tiff=True)
    made = PIPE.encode(source, strip="all")
    assert made[:4] == b"II+\0"
    assert ARTIST not in tags(made)
    assert np.array_equal(pixels(made), pixels(source))


def test_a_value_that_two_tags_share_stays_for_the_one_that_is_kept() -> None:
    """The numbers of the density and a description may lie at one place."""
    source = bytearray(tagged(chart()))
    image = Image.open(io.BytesIO(bytes(source)))
    offset = image.tag_v2.offset if hasattr(image.tag_v2, "offset") else image.tag_v2._offset
    entries = {}
    for number in range(struct.unpack_from("<H", source, offset)[0]):
        at = offset + 2 + 12 * number
        entries[struct.unpack_from("<H", source, at)[0]] = at
    (density_at,) = struct.unpack_from("<I", source, entries[282] + 8)
    struct.pack_into("<HII", source, entries[DESCRIPTION] + 2, 2, 8, density_at)
    made = Image.open(io.BytesIO(PIPE.encode(bytes(source), strip="all")))
    assert made.tag_v2[282] == 300


def test_a_directory_that_leads_to_itself_ends() -> None:
    entry = struct.pack("<HHII", 34665, 4, 1, 8)
    loop = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)
    assert strip_tiff(loop, "all") is not None


def test_directories_that_cannot_be_read_are_left_to_the_decoder() -> None:
    assert strip_tiff(b"II*\0" + struct.pack("<IH", 8, 9000), "all") is None


def with_photoshop() -> bytes:
    """A TIFF with an outline, and with EXIF and a city among Photoshop's resources."""
    parts = ((0x0422, b"MM\0*GPS."), (iptc.RESOURCE, CITY), (2000, b"outline!"))
    blocks = b"".join(struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body for number, body in parts)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[PHOTOSHOP], info.tagtype[PHOTOSHOP] = blocks, 1
    return saved(chart(), "TIFF", tiffinfo=info)


def test_photoshop_keeps_what_is_no_place() -> None:
    made = PIPE.encode(with_photoshop(), strip="gps")
    block = Image.open(io.BytesIO(made)).tag_v2[PHOTOSHOP]
    found = {number: body for number, body, _ in iptc.resources(block)}
    assert found == {iptc.RESOURCE: CITY[-7:], 2000: b"outline!"}
    assert b"Vienna" not in made
    assert b"GPS." not in made


def test_an_outline_that_goes_with_all_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(with_photoshop())
    report = imgpar.convert(tmp_path / "a.tif", tmp_path / "out", strip="all", jobs=1, memory="64M")
    assert report.items[0].lost == ("paths",)
    assert PHOTOSHOP not in tags((tmp_path / "out" / "a.tif").read_bytes())
