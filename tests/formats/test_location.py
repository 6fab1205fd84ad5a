"""`--strip gps` takes out every place: from EXIF, maker notes, XMP and IPTC, in every format."""

from __future__ import annotations

import io
import struct
from xml.etree import ElementTree

import pytest
from codec_pictures import WRITABLE, picture, written
from PIL import Image, IptcImagePlugin
from test_metadata import RECORDS

from imgpar import Pipeline
from imgpar.core.blocks import Exif, Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.metadata.location import xmp_without_places
from imgpar.formats.metadata.policy import strip
from imgpar.formats.metadata.strip import strip_file
from imgpar.formats.registry import FORMATS

SECRETS = (b"48,12", b"Vienna", b"Austria", b"Graben", b"4236", b"16.37", b"198.31")
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,12.0N"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City='Vienna' photoshop:Credit="Ana"
 xmlns:drone="http://www.dji.com/drone-dji/1.0/" drone:AbsoluteAltitude="+198.31" drone:Speed="3"/>
<rdf:Description rdf:about="" xmlns:cell="http://developer.sonyericsson.com/cell/1.0/"
 xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" xmlns:dc="http://purl.org/dc/elements/1.1/">
<cell:lac>4236</cell:lac><core:Location>Graben</core:Location><geo:long>16.37</geo:long>
<ext:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:City>Vienna</ext:City>
<ext:CountryName>Austria</ext:CountryName></rdf:li></rdf:Bag></ext:LocationShown>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Sky</rdf:li></rdf:Alt></dc:title></rdf:Description>
</rdf:RDF></x:xmpmeta>"""


def exif_with(note: bytes, make: bytes) -> bytes:
    """EXIF with a position and this maker note; the note stands at offset 100."""
    make += b"\0" * (len(make) < 4)
    make_at, detail_at = 50 + 30, 50
    main = struct.pack("<H", 3) + struct.pack("<HHII", 271, 2, len(make), make_at)
    main += struct.pack("<HHII", 0x8769, 4, 1, detail_at) + struct.pack(
        "<HHII", 0x8825, 4, 1, 100 + len(note)
    )
    block = (b"II*\0" + struct.pack("<I", 8) + main + bytes(4)).ljust(detail_at, b"\0")
    block += struct.pack("<HHHII", 1, 0x927C, 7, len(note), 100) + bytes(4)
    block = block.ljust(make_at, b"\0") + make
    gps_at = 100 + len(note)
    gps = struct.pack("<HHHI4s", 2, 1, 2, 2, b"N\0") + struct.pack("<HHII", 2, 5, 3, gps_at + 30) + bytes(4)
    gps += struct.pack("<6I", 48, 1, 12, 1, 7, 1)
    return block.ljust(100, b"\0") + note + gps


def ifd(order: str, base: int, entries: dict[int, bytes]) -> bytes:
    """A directory at `base`, its values behind it, offsets counted from where `base` is."""
    at = base + 2 + 12 * len(entries) + 4
    body, values = struct.pack(order + "H", len(entries)), b""
    for tag, value in entries.items():
        body += struct.pack(order + "HHII", tag, 7, len(value), at + len(values))
        values += value
    return body + bytes(4) + values


NOTES = {
    "Panasonic": b"Panasonic\0\0\0"
    + ifd("<", 112, {0x25: b"serial number", 0x69: b"Austria", 0x6D: b"Vienna"}),
    "NIKON": b"Nikon\0\2\x10\0\0MM\0*\0\0\0\x08"
    + ifd(">", 8, {0x1D: b"serial number", 0x39: b"0100Vienna Austria"}),
}
SAMSUNG = ifd("<", 100, {0x01: b"serial number", 0x30: b"Vienna, Austria"})


@pytest.mark.parametrize("make", list(NOTES))
def test_the_places_in_a_maker_note_are_cleared_and_nothing_else_moves(make: str) -> None:
    before = exif_with(NOTES[make], make.encode())
    assert Image.Exif().load(b"Exif\0\0" + before) is None
    after = strip(Metadata(exif=Exif(before)), "gps").exif
    assert len(after) == len(before)
    assert after.index(b"serial number") == before.index(b"serial number")
    assert not any(secret in after for secret in SECRETS)


def test_a_note_of_samsung_with_a_place_goes() -> None:
    before = exif_with(SAMSUNG, b"SAMSUNG\0")
    assert b"Vienna" not in strip(Metadata(exif=Exif(before)), "gps").exif
    assert b"serial" in strip(Metadata(exif=Exif(exif_with(SAMSUNG, b"Pentax\0"))), "gps").exif


def test_xmp_says_no_place_any_more_and_is_still_xmp() -> None:
    left = xmp_without_places(Xmp(XMP))
    assert not any(secret in left for secret in SECRETS)
    text = "".join(ElementTree.fromstring(left).itertext())
    assert "Sky" in text
    assert b'photoshop:Credit="Ana"' in left
    assert b'drone:Speed="3"' in left


@pytest.mark.parametrize("name", [name for name in WRITABLE if FORMATS[name].exif or FORMATS[name].xmp])
def test_no_new_file_knows_the_place(name: str) -> None:
    metadata = Metadata(exif=Exif(exif_with(NOTES["Panasonic"], b"Panasonic\0")), xmp=Xmp(XMP), iptc=RECORDS)
    data = written(picture("RGB"), name, metadata, strip="gps")
    assert not any(secret in data for secret in SECRETS)
    assert b"Sky" in data
    assert (b"serial number" in data) is FORMATS[name].exif


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_no_edited_file_knows_the_place(name: str) -> None:
    metadata = Metadata(exif=Exif(exif_with(NOTES["NIKON"], b"NIKON\0")), xmp=Xmp(XMP), iptc=RECORDS)
    data = written(picture("RGB"), name, metadata)
    edited = strip_file(data, name, "gps")
    assert edited is not None
    assert not any(secret in edited for secret in SECRETS)
    assert 2 not in Image.open(io.BytesIO(edited)).getexif().get_ifd(0x8825)
    if name == "jpeg":
        assert set(IptcImagePlugin.getiptcinfo(Image.open(io.BytesIO(edited)))) == {(2, 5), (2, 0x78)}


@pytest.mark.parametrize("what", ["gps", "exif", "xmp", "all"])
def test_segments_of_cameras_go_with_what_they_repeat(what: str) -> None:
    data = written(picture("RGB"), "jpeg")
    extra = ((0xE6, b"GoPro\0 48,12"), (0xE3, b"Meta\0\0 4236"), (0xE5, b"RMETA\0 198.31"))
    segments = b"".join(bytes((0xFF, m)) + (len(b) + 2).to_bytes(2, "big") + b for m, b in extra)
    edited = Pipeline().encode(data[:20] + segments + data[20:], strip=what)
    assert (b"GoPro" in edited) is (what in ("exif", "xmp"))
    assert (b"Meta" in edited) is (what in ("gps", "xmp"))
    assert (b"RMETA" in edited) is (what != "all")
