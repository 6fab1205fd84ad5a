"""Motion photos: a picture with a short clip behind it (Google, Samsung), which is not kept in outputs.

Google stores the distance of the clip from the end in XMP; Samsung lists it in a trailer of the file (SEFH …
SEFT); HEIC has a box for it (mpvd).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from imgpar.core.blocks import Xmp, memoized
from imgpar.formats.metadata.xml import Span, elements, without
from imgpar.formats.tlv import BOXES, places

_DECLARATION = re.compile(rb"(?<!\s)\s+\w+:(?:MotionPhoto|MicroVideo)\w*\s*=\s*(?:\"[^\"]*\"|'[^']*')")
"""A run of spaces is matched from its start only: packets are padded with thousands of them."""
_NAMED = re.compile(rb"[\"'>]\s*+MotionPhoto")
_LENGTH = re.compile(rb"\bItem:Length\s*=\s*[\"'](\d{1,19})|<Item:Length>(\d{1,19})<")
_OFFSET = re.compile(rb"\bMicroVideoOffset\s*=\s*[\"'](\d{1,19})|<\w+:MicroVideoOffset>(\d{1,19})<")
_SAMSUNG_CLIP = 0x0A30
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"mfra", b"sidx", b"styp",
          b"meta", b"udta"}  # fmt: skip
"""Boxes of a clip; other data may follow."""
CLIP = "motion clip"
"""Its name in the report."""


@memoized
def has_clip(xmp: Xmp) -> bool:
    """Whether XMP declares that a clip follows the picture.

    >>> has_clip(Xmp(b'<rdf:Description GCamera:MotionPhoto="1"/>'))
    True
    """
    text: bytes = xmp
    named = b"MotionPhoto" in text or b"MicroVideo" in text
    return named and (_DECLARATION.search(xmp) is not None or any(True for _ in _items(xmp)))


def without_clip(xmp: bytes) -> Xmp:
    """XMP without declarations of a clip.

    >>> without_clip(b'<rdf:Description GCamera:MotionPhoto="1" dc:title="Sky"/>')
    b'<rdf:Description dc:title="Sky"/>'
    """
    xmp = _DECLARATION.sub(b"", xmp)
    return Xmp(without(xmp, _items(xmp)))


def _items(xmp: bytes) -> Iterator[Span]:
    """Directory items of a clip."""
    for start, end in elements(xmp, b"rdf:li".__eq__):
        if _NAMED.search(xmp, start, end):
            yield start, end


def find_clip(data: bytes | memoryview, xmp: bytes) -> memoryview | None:
    """The clip behind a picture, or None; declared positions are verified.

    Args:
        data: the whole file.
        xmp: of the picture.
    """
    view = memoryview(data)
    for begin in _places(view, xmp):
        if 0 < begin <= len(view) - 8 and bytes(view[begin + 4 : begin + 8]) == b"ftyp":
            end = _end_of_clip(view, begin)
            if end > begin + 16:
                return view[begin:end]
    return None


def has_trailer(data: bytes | memoryview) -> bool:
    """Whether a Samsung trailer lists a clip, which XMP may not declare."""
    return bytes(data[-4:]) == b"SEFT" and any(True for _ in _samsung(memoryview(data)))


def _places(view: memoryview, xmp: bytes) -> Iterator[int]:
    """Possible offsets of the clip."""
    yield from _samsung(view)
    lengths = (_LENGTH.search(xmp, start, end) for start, end in _items(xmp))
    for found in (*lengths, _OFFSET.search(xmp)):
        if found is not None:
            yield len(view) - int(found[1] or found[2])
    if bytes(view[4:8]) == b"ftyp":  # HEIC consists of boxes
        yield from (box.begin for box in places(view, BOXES) if box.kind == b"mpvd")


def _samsung(view: memoryview) -> Iterator[int]:
    """Offsets of the clips in the trailer."""
    if len(view) < 32 or bytes(view[-4:]) != b"SEFT":
        return
    (size,) = struct.unpack("<I", view[-8:-4])
    head = len(view) - 8 - size
    if head < 12 or bytes(view[head : head + 4]) != b"SEFH":
        return
    (count,) = struct.unpack("<I", view[head + 8 : head + 12])
    for entry in range(head + 12, min(head + 12 + 12 * count, len(view) - 20 + 1), 12):
        _, kind, back, length = struct.unpack("<HHII", view[entry : entry + 12])
        begin = head - back
        if kind == _SAMSUNG_CLIP and begin > 0 and length > 8:
            (name,) = struct.unpack("<I", view[begin + 4 : begin + 8])
            yield begin + 8 + name


def _end_of_clip(view: memoryview, at: int) -> int:
    """The offset behind the last box of a clip; the end of the file where that is truncated, which its reader
    will notice."""
    end = at
    for box in places(view[at:], BOXES):
        if box.kind not in _BOXES:
            break
        end = at + box.end
    return end
