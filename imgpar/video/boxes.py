"""MP4 and MOV boxes that PyAV does not expose: sample entry types and Dolby Vision records."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from imgpar.formats.tlv import BOXES, Buffer, places_in_file, walk

_LARGEST = 64 << 20
"""Maximum bytes of a `moov` box that are read."""
_VISUAL = 86
"""Bytes of a video sample entry before its child boxes."""
_ON_THE_WAY = (b"mdia", b"minf", b"stbl")


@dataclass(frozen=True, slots=True)
class Track:
    """A track, in the order of ffmpeg's streams."""

    tag: str
    """Type of its first sample entry: avc1, mp4a, mebx, gpmd …"""
    layer: str = ""
    """Additional HEVC layer: a second view, or alpha."""
    dolby_vision: str = ""
    """Profile and level, such as "8.1 level 6"."""


def tracks(file: BinaryIO) -> list[Track]:
    """The tracks of a file; empty where it is not an MP4, or damaged."""
    return [_track(box.body) for box in walk(_moov(file), BOXES) if box.kind == b"trak"]


def kinds(file: BinaryIO) -> list[bytes]:
    """The types of the top-level boxes of a file, in order."""
    return [box.kind for box in places_in_file(file, BOXES)]


def _moov(file: BinaryIO) -> bytes:
    """The body of the movie box; empty where there is none, or too large."""
    for box in places_in_file(file, BOXES):
        if box.kind == b"moov" and box.stop - box.begin <= _LARGEST:
            file.seek(box.begin)
            return file.read(box.stop - box.begin)
    return b""


def _children(body: Buffer) -> dict[bytes, memoryview]:
    return {box.kind: box.body for box in walk(body, BOXES)}


def _track(body: memoryview) -> Track:
    for name in _ON_THE_WAY:
        body = _children(body).get(name, memoryview(b""))
    entries = _children(body).get(b"stsd", memoryview(b""))[8:]
    for kind, entry, _, _ in walk(entries, BOXES):
        inside = _children(entry[_VISUAL - 8 :])
        record = inside.get(b"dvcC") or inside.get(b"dvvC")
        layer = "second view" if b"vexu" in inside else "second layer"
        return Track(
            kind.decode("latin-1"),
            layer if b"lhvC" in inside else "",
            _dolby_vision(record) if record else "",
        )
    return Track("")


def _dolby_vision(record: memoryview) -> str:
    """
    >>> _dolby_vision(memoryview(bytes([1, 0, 0x10, 0x35, 0x10])))
    '8.1 level 6'
    """
    if len(record) < 5:
        return "unknown profile"
    bits, last = struct.unpack_from(">HB", record, 2)
    compatible = f".{last >> 4}" if last >> 4 else ""
    return f"{bits >> 9}{compatible} level {bits >> 3 & 63}"
