"""MP4 and MOV boxes that PyAV does not expose: sample entry types and Dolby Vision records."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

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
    moov = _moov(file)
    return [_track(body) for kind, body in _boxes(moov) if kind == b"trak"]


def kinds(file: BinaryIO) -> list[bytes]:
    """The types of the top-level boxes of a file, in order."""
    return [kind for kind, _, _ in _top(file)]


def _top(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset and length of each top-level box; the last one may be longer than the file."""
    file.seek(0, 2)
    end, at = file.tell(), 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        length = length or end - at
        yield kind, at, length
        if length < 8:
            return
        at += length


def _moov(file: BinaryIO) -> memoryview:
    for kind, at, length in _top(file):
        if kind == b"moov" and 8 <= length <= _LARGEST:
            file.seek(at + 8)
            return memoryview(file.read(length - 8))
    return memoryview(b"")


def _boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and body of every box."""
    at = 0
    while at + 8 <= len(view):
        length = int.from_bytes(view[at : at + 4], "big") or len(view) - at
        if length < 8:
            return
        yield bytes(view[at + 4 : at + 8]), view[at + 8 : at + length]
        at += length


def _track(body: memoryview) -> Track:
    for name in _ON_THE_WAY:
        body = dict(_boxes(body)).get(name, memoryview(b""))
    entries = dict(_boxes(body)).get(b"stsd", memoryview(b""))[8:]
    for kind, entry in _boxes(entries):
        inside = dict(_boxes(entry[_VISUAL - 8 :]))
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
