"""Gain maps: a second picture in a JPEG with the brightness gain per pixel for HDR displays.

Ultra HDR (Google, Adobe's `hdrgm`), Apple's, and ISO 21496-1: all are a second JPEG behind the first, listed
in the MPF index. Ultra HDR also stores its length in XMP; ISO has a segment of its own in both pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imgpar.core.blocks import Exif, Xmp, memoized
from imgpar.core.errors import ItemError
from imgpar.formats.jpeg import multi_picture
from imgpar.formats.jpeg.header import (
    APP0,
    COM,
    EXIF,
    MPF,
    SEGMENT,
    Segment,
    join_head,
    parse_segments,
    split_head,
)
from imgpar.formats.metadata.policy import strip_exif, strip_xmp
from imgpar.formats.metadata.xml import Span, elements, without
from imgpar.formats.metadata.xmp import XMP

ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_APPLE = b"HDRGainMap"
_JOINED = re.compile(rb"infe(?:\x02.{7}|\x03.{9})tmap", re.DOTALL)
"""Version, flags, id and protection of an item precede its type."""
_SEMANTIC = re.compile(rb":Semantic\s*(?:=\s*[\"']|>\s*)(\w+)")
_LENGTH = re.compile(rb"(:Length\s*(?:=\s*[\"']|>\s*))\d+")
_DECLARATION = re.compile(rb"(?<!\s)\s+(?:hdrgm|HDRGainMap):\w+\s*=\s*\"[^\"]*\"")
"""XMP attributes of a gain map."""
_CONTAINER = b"""<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/" hdrgm:Version="1.0">
<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">
<Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource">
<Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="%d"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description>"""
_PACKET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta>"""


def look(data: bytes | memoryview, xmp: Xmp) -> tuple[bytes, list[str], list[str]]:
    """Find the gain map of a file.

    Args:
        data: the whole file.
        xmp: of its first picture.

    Returns:
        The gain map; what is lost of other pictures when the file is rewritten; and remarks.
    """
    data = bytes(data)
    others = multi_picture.others(data)
    maps = [picture.data for picture in others if is_gain_map(picture.data)]
    found = maps[0] if maps else behind(data, xmp)
    lost = ["gain map"] if is_promised(xmp) and not found else []
    left = [picture for picture in others if picture.data not in maps and (picture.data or not lost)]
    lost += ["second picture"] if any(not picture.preview for picture in left) else []
    notes = ["the preview beside the picture was dropped"] if any(p.preview for p in left) else []
    return found, lost, notes


def is_gain_map(jpeg: bytes) -> bool:
    """Whether the metadata of a picture declares it a gain map."""
    try:
        xmp: bytes = parse_segments(jpeg).xmp
    except ItemError:
        return False
    return b"hdrgm:" in xmp or _APPLE.lower() in xmp.lower() or any(map(_is_iso, split_head(jpeg)[0]))


@memoized
def is_promised(xmp: Xmp) -> bool:
    """Whether the XMP of a picture declares that a gain map follows."""
    text: bytes = xmp
    return (b"hdrgm:" in text and b"hdrgm:GainMapM" not in text) or _APPLE in text


def has_gain_map_item(head: bytes) -> bool:
    """Whether an AVIF or HEIC has an item that joins a picture and its gain map (tmap).

    Args:
        head: beginning of the file, with its item table.
    """
    return _JOINED.search(head) is not None


def behind(data: bytes, xmp: bytes) -> bytes:
    """A gain map that only XMP declares: the last bytes of the file. Empty where there is none."""
    for start, end in _items(xmp):
        semantic, length = _SEMANTIC.search(xmp, start, end), _LENGTH.search(xmp, start, end)
        if semantic and semantic[1] == b"GainMap" and length:
            found = data[-int(length[0][len(length[1]) :][:19]) :]
            return found if found.startswith(b"\xff\xd8") and is_gain_map(found) else b""
    return b""


def without_promise(xmp: Xmp) -> Xmp:
    """XMP without declarations of a gain map."""
    return Xmp(_without(xmp)) if is_promised(xmp) else xmp


def _without(xmp: bytes) -> bytes:
    xmp = without(xmp, elements(xmp, _declares))
    return _DECLARATION.sub(b"", xmp)


def _declares(name: bytes) -> bool:
    return name == b"Container:Directory" or name.startswith(b"HDRGainMap:")


def _items(xmp: bytes) -> Iterator[Span]:
    return elements(xmp, b"rdf:li".__eq__)


def attached(primary: bytes, gain_map: bytes) -> bytes:
    """Join a picture and its gain map, with their lengths and offsets. Empty where XMP does not fit."""
    segments = [segment for segment in split_head(primary)[0] if not segment[1].startswith(MPF)]
    rest = primary[split_head(primary)[1] :]
    xmp: bytes = parse_segments(gain_map).xmp
    if b"hdrgm:" in xmp:
        segments = _declaring(segments, len(gain_map))
    if any(map(_is_iso, split_head(gain_map)[0])) and not any(map(_is_iso, segments)):
        segments.insert(_behind_applications(segments), (APP0 + 2, ISO + bytes(4)))
    if any(len(body) > SEGMENT for _, body in segments):
        return b""
    place = _behind_applications(segments)
    head, coding = join_head(segments[:place]), join_head(segments[place:])[2:] + rest
    base = len(head) + 4 + len(MPF)
    total = len(head) + 4 + len(multi_picture.index(0, 0, 0)) + len(coding)
    body = multi_picture.index(total, len(gain_map), total - base)
    return head + join_head([(APP0 + 2, body)])[2:] + coding + gain_map


def with_gain_map_metadata(stream: bytes, gain_map: bytes, what: str) -> bytes:
    """Re-encoded gain map with its old metadata, without what `what` strips."""
    kept = [
        (marker, left)
        for marker, body in split_head(gain_map)[0]
        if marker == COM or APP0 < marker <= APP0 + 13
        if (left := _thinned(marker, body, what))
    ]
    segments, at = split_head(stream)
    own = [segment for segment in segments if segment[0] != COM and not APP0 < segment[0] <= APP0 + 13]
    first = [segment for segment in own if segment[0] == APP0]
    return join_head([*first, *kept, *(s for s in own if s not in first)]) + stream[at:]


def _thinned(marker: int, body: bytes, what: str) -> bytes:
    """XMP is always kept: it describes the map, and may only contain a location."""
    if body.startswith(EXIF):
        block = strip_exif(Exif(body[len(EXIF) :]), what)
        return EXIF + block if block else b""
    if body.startswith(XMP):
        return XMP + strip_xmp(Xmp(body[len(XMP) :]), "gps" if what else "")
    gone = body.startswith(MPF) or (what == "all" and marker in (COM, APP0 + 13))
    return b"" if gone else body


def _declaring(segments: list[Segment], length: int) -> list[Segment]:
    """The segments with XMP that declares a gain map of this length and no other part."""
    at = next((i for i, segment in enumerate(segments) if segment[1].startswith(XMP)), None)
    packet = segments[at][1][len(XMP) :] if at is not None else _PACKET

    items = list(_items(packet))
    if any(_semantic(packet[start:end]) == b"GainMap" for start, end in items):
        parts, done = list[bytes](), 0
        for start, end in items:
            parts += packet[done:start], _directory_item(packet[start:end], length)
            done = end
        packet = b"".join((*parts, packet[done:]))
    else:
        before, closing, after = _without(packet).rpartition(b"</rdf:RDF>")
        packet = before + _CONTAINER % length + closing + after if closing else packet
    new = (APP0 + 1, XMP + packet)
    if at is not None:
        return [*segments[:at], new, *segments[at + 1 :]]
    place = _after_exif(segments)
    return [*segments[:place], new, *segments[place:]]


def _directory_item(item: bytes, length: int) -> bytes:
    """An item of the directory for two pictures: with the length of the gain map, or removed."""
    what = _semantic(item)
    if what in (b"", b"Primary"):
        return item
    return _LENGTH.sub(rb"\g<1>%d" % length, item) if what == b"GainMap" else b""


def _semantic(item: bytes) -> bytes:
    """Semantic of a directory item; empty where there is none."""
    found = _SEMANTIC.search(item)
    return found[1] if found else b""


def _after_exif(segments: list[Segment]) -> int:
    """Position of XMP: behind JFIF and EXIF, which readers expect first."""
    first = (i for i, (marker, body) in enumerate(segments) if marker != APP0 and not body.startswith(EXIF))
    return next(first, len(segments))


def _behind_applications(segments: list[Segment]) -> int:
    places = (i + 1 for i, (marker, _) in enumerate(segments) if APP0 <= marker <= APP0 + 15)
    return max(places, default=0)


def _is_iso(segment: Segment) -> bool:
    return segment[1].startswith(ISO)
