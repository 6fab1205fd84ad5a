"""XMP that is too large for one segment of a JPEG: one packet in memory, two parts in the file."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from codec_pictures import LIMITS, picture, written
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgpar.core.blocks import Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.codec import read_header
from imgpar.formats.jpeg import gain_map, motion_photo
from imgpar.formats.metadata import xmp
from imgpar.formats.metadata.strip import strip_file

RDF = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = b'xmlns:dc="http://purl.org/dc/elements/1.1/"'
LARGE = b"A" * 150_000
PLACE = b'<exif:GPSLatitude xmlns:exif="http://ns.adobe.com/exif/1.0/">48,12N</exif:GPSLatitude>'
SECOND = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + RDF + b' xmlns:note="http://example.com/note/">'
    b'<rdf:Description rdf:about=""><note:Data>' + LARGE + b"</note:Data>" + PLACE + b"</rdf:Description>"
    b"</rdf:RDF></x:xmpmeta>"
)


def first(name: bytes) -> bytes:
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' + RDF + b">"
        b'<rdf:Description rdf:about="" ' + DC + b' xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
        b' dc:source="Sky" xmpNote:HasExtendedXMP="' + name + b'"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def jpeg(second: bytes = SECOND, name: bytes = b"") -> bytes:
    """A JPEG with both parts, the second in pieces, written here as XMP part 3 (1.1.3.1) says."""
    name = name or hashlib.md5(second).hexdigest().upper().encode()
    parts = [b"http://ns.adobe.com/xap/1.0/\0" + first(name)]
    for at in range(0, len(second), 60_000):
        head = b"http://ns.adobe.com/xmp/extension/\0" + name + struct.pack(">II", len(second), at)
        parts.append(head + second[at : at + 60_000])
    data = written(picture("RGBX"), "jpeg")
    segments = b"".join(struct.pack(">BBH", 0xFF, 0xE1, len(part) + 2) + part for part in parts)
    return data[:20] + segments + data[20:]


def parts_of(data: bytes) -> tuple[bytes, bytes]:
    """Both parts as Pillow's list of segments has them; the second must have the name that the first says."""
    with Image.open(io.BytesIO(data)) as image:
        bodies = [body for kind, body in image.applist if kind == "APP1"]
    head = b"http://ns.adobe.com/xmp/extension/\0"
    (one,) = (body for body in bodies if body.startswith(b"http://ns.adobe.com/xap/1.0/\0"))
    pieces = sorted((int.from_bytes(b[len(head) + 36 :][:4], "big"), b) for b in bodies if b.startswith(head))
    second = b"".join(piece[len(head) + 40 :] for _, piece in pieces)
    if second:
        name = hashlib.md5(second).hexdigest().upper().encode()
        assert name in one
        assert all(name in piece for _, piece in pieces)
    return one, second


def test_both_parts_are_read_as_one_packet() -> None:
    header = read_header(jpeg(), "", LIMITS)
    assert header.lost == ()
    packet = ElementTree.fromstring(header.metadata.xmp)
    assert packet.findtext(".//{http://example.com/note/}Data") == LARGE.decode()
    assert b"HasExtendedXMP" not in header.metadata.xmp
    assert b'dc:source="Sky"' in header.metadata.xmp


@pytest.mark.parametrize("name", ["png", "webp", "tiff", "avif"])
def test_other_formats_hold_it_whole(name: str) -> None:
    metadata = Metadata(xmp=read_header(jpeg(), "", LIMITS).metadata.xmp)
    assert LARGE in read_header(written(picture("RGBX"), name, metadata), "", LIMITS).metadata.xmp


def test_a_jpeg_gets_both_parts_again() -> None:
    metadata = Metadata(xmp=read_header(jpeg(), "", LIMITS).metadata.xmp)
    data = written(picture("RGBX"), "jpeg", metadata)
    one, second = parts_of(data)
    assert b"Sky" in one
    assert LARGE in second
    again = read_header(data, "", LIMITS)
    assert again.lost == ()
    assert LARGE in again.metadata.xmp


def test_places_are_taken_out_of_both_parts() -> None:
    edited = strip_file(jpeg(), "jpeg", "gps")
    assert edited is not None
    one, second = parts_of(edited)
    assert b"Sky" in one
    assert LARGE in second
    assert b"48,12N" not in edited


@pytest.mark.parametrize(
    "data", [jpeg(name=b"0" * 32), jpeg(SECOND.replace(b"</note:Data>", b""))], ids=["other name", "not XML"]
)
def test_a_second_part_that_does_not_fit_is_named(data: bytes) -> None:
    header = read_header(data, "", LIMITS)
    assert header.lost == ("extended xmp",)
    assert b"Sky" in header.metadata.xmp


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_can_be_joined_and_parted(one: bytes, other: bytes) -> None:
    head = b"<x:xmpmeta>" + RDF + b">"
    for packet in (one, head + one + b"</rdf:RDF></x:xmpmeta>"):
        joined = xmp.joined(packet, head + other + b"</rdf:RDF></x:xmpmeta>")
        assert not joined or xmp.is_well_formed(joined)
        assert all(len(body) <= 700 for body in xmp.segments(packet, 700))


PADDED = Xmp(b"<x hdrgm:Version='1' MotionPhoto>" + b" " * (1 << 20) + b"</x>")


@pytest.mark.parametrize(
    ("look", "found"),
    [(motion_photo.has_clip, False), (gain_map.without_promise, PADDED), (xmp.extension_name, b"")],
    ids=["clip", "gain map", "extension"],
)
def test_padding_is_looked_at_once(look: Callable[[Xmp], object], found: object) -> None:
    """Packets are padded with spaces: a pattern that begins at each of them never comes to an end."""
    assert look(PADDED) == found
