"""Gain maps: the small second picture in a JPEG that tells how much brighter each place is on an HDR screen.

Ultra HDR (Google, Adobe's `hdrgm`), Apple's, and ISO 21496-1: all are a second JPEG behind the first, named
in the index of pictures. Ultra HDR also tells its length in XMP; ISO has a segment of its own in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imgpar.core.errors import ItemError
from imgpar.core.model import Metadata
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
from imgpar.formats.metadata.policy import strip
from imgpar.formats.metadata.xml import Span, elements, without
from imgpar.formats.metadata.xmp import XMP

ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_APPLE = b"HDRGainMap"
_JOINED = re.compile(rb"infe(?:\x02.{7}|\x03.{9})tmap", re.DOTALL)
"""Version, flags, number and protection of an item stand before its type."""
_SEMANTIC = re.compile(rb":Semantic\s*(?:=\s*[\"']|>\s*)(\w+)")
_LENGTH = re.compile(rb"(:Length\s*(?:=\s*[\"']|>\s*))\d+")
_PROMISE = re.compile(rb"(?<!\s)\s+(?:hdrgm|HDRGainMap):\w+\s*=\s*\"[^\"]*\"")
"""What XMP says of a gain map, beside elements."""
_CONTAINER = b"""<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/" hdrgm:Version="1.0">
<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">
<Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource">
<Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="%d"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description>"""
_PACKET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta>"""


def look(data: bytes | memoryview, xmp: bytes) -> tuple[bytes, list[str], list[str]]:
    """The gain map in a file; what of its other pictures is lost when it is written anew; and remarks.

    `xmp` is that of its first picture.
    """
    data = bytes(data)
    others = multi_picture.others(data)
    maps = [picture.data for picture in others if is_gain_map(picture.data)]
    found = maps[0] if maps else behind(data, xmp)
    lost = ["gain map"] if is_promised(xmp) and not found else []
    left = [picture for picture in others if picture.data not in maps and (picture.data or not lost)]
    lost += ["second picture"] if any(not picture.preview for picture in left) else []
    notes = ["the preview beside the picture was left out"] if any(p.preview for p in left) else []
    return found, lost, notes


def is_gain_map(jpeg: bytes) -> bool:
    """Whether a picture says of itself that it is one."""
    try:
        xmp = parse_segments(jpeg).xmp
    except ItemError:
        return False
    return b"hdrgm:" in xmp or _APPLE.lower() in xmp.lower() or any(map(_is_iso, split_head(jpeg)[0]))


def is_promised(xmp: bytes) -> bool:
    """Whether the XMP of a picture says that a gain map follows it."""
    return (b"hdrgm:" in xmp and b"hdrgm:GainMapM" not in xmp) or _APPLE in xmp


def has_gain_map_item(head: bytes) -> bool:
    """Whether an AVIF or HEIC declares an item that joins a picture and its gain map (tmap).

    Args:
        head: the beginning of the file, with its directory of items.
    """
    return _JOINED.search(head) is not None


def behind(data: bytes, xmp: bytes) -> bytes:
    """The gain map that XMP alone tells of: so many bytes at the file's end. Empty where there is none."""
    for start, end in _items(xmp):
        semantic, length = _SEMANTIC.search(xmp, start, end), _LENGTH.search(xmp, start, end)
        if semantic and semantic[1] == b"GainMap" and length:
            found = data[-int(length[0][len(length[1]) :][:19]) :]
            return found if found.startswith(b"\xff\xd8") and is_gain_map(found) else b""
    return b""


def without_promise(xmp: bytes) -> bytes:
    """XMP that no longer speaks of a gain map, because there is none any more."""
    return _without(xmp) if is_promised(xmp) else xmp


def _without(xmp: bytes) -> bytes:
    xmp = without(xmp, elements(xmp, _promises))
    return _PROMISE.sub(b"", xmp)


def _promises(name: bytes) -> bool:
    return name == b"Container:Directory" or name.startswith(b"HDRGainMap:")


def _items(xmp: bytes) -> Iterator[Span]:
    return elements(xmp, b"rdf:li".__eq__)


def attached(primary: bytes, gain_map: bytes) -> bytes:
    """A file of both pictures; lengths and offsets are those of these two. Empty where XMP has no room."""
    segments = [segment for segment in split_head(primary)[0] if not segment[1].startswith(MPF)]
    rest = primary[split_head(primary)[1] :]
    said = parse_segments(gain_map)
    if b"hdrgm:" in said.xmp:
        segments = _promising(segments, len(gain_map))
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
    """New pixels of a gain map with what the old one says of itself, less the metadata that `what` strips."""
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
    """XMP stays, whatever is stripped: it describes the map itself, and names at most a place."""
    if body.startswith(EXIF):
        block = strip(Metadata(exif=body[len(EXIF) :]), what).exif
        return EXIF + block if block else b""
    if body.startswith(XMP):
        return XMP + strip(Metadata(xmp=body[len(XMP) :]), "gps" if what else "").xmp
    gone = body.startswith(MPF) or (what == "all" and marker in (COM, APP0 + 13))
    return b"" if gone else body


def _promising(segments: list[Segment], length: int) -> list[Segment]:
    """The segments, their XMP telling of a gain map of this length and of no other part."""
    at = next((i for i, segment in enumerate(segments) if segment[1].startswith(XMP)), None)
    packet = segments[at][1][len(XMP) :] if at is not None else _PACKET

    items = list(_items(packet))
    if any(_semantic(packet[start:end]) == b"GainMap" for start, end in items):
        parts, done = list[bytes](), 0
        for start, end in items:
            parts += packet[done:start], _told(packet[start:end], length)
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


def _told(item: bytes, length: int) -> bytes:
    """An item of the list of pictures in a file of two: with the map's length, or gone from the list."""
    what = _semantic(item)
    if what in (b"", b"Primary"):
        return item
    return _LENGTH.sub(rb"\g<1>%d" % length, item) if what == b"GainMap" else b""


def _semantic(item: bytes) -> bytes:
    """What an item of the list of pictures is; empty where it does not say."""
    found = _SEMANTIC.search(item)
    return found[1] if found else b""


def _after_exif(segments: list[Segment]) -> int:
    """Where XMP belongs: behind JFIF and EXIF, which readers expect first."""
    first = (i for i, (marker, body) in enumerate(segments) if marker != APP0 and not body.startswith(EXIF))
    return next(first, len(segments))


def _behind_applications(segments: list[Segment]) -> int:
    places = (i + 1 for i, (marker, _) in enumerate(segments) if APP0 <= marker <= APP0 + 15)
    return max(places, default=0)


def _is_iso(segment: Segment) -> bool:
    return segment[1].startswith(ISO)
