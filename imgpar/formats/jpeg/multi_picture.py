"""Multi-Picture Format (CIPA DC-007): the index of several pictures in a JPEG file, read and written.

APP2 "MPF\\0" | TIFF header | directory with version, number of pictures and entries
entry (16 bytes): attributes | length | offset | two numbers of dependent pictures

Offsets are relative to the TIFF header. The first picture is the start of the file, its offset is 0.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from imgpar.formats.jpeg.header import APP0, MPF, Segment, join_head, split_head
from imgpar.formats.metadata import exif as tiff

_ENTRIES, _NUMBER, _VERSION = 0xB002, 0xB001, 0xB000
_PRIMARY, _KIND = 0x030000, 0xFFFFFF
_SMALL_COPY = 0x01
"""First byte of the type of large thumbnails."""


class _IndividualImage(NamedTuple):
    """A picture after the first one."""

    kind: int
    data: bytes

    @property
    def preview(self) -> bool:
        """Whether it is a smaller copy of the first one."""
        return self.kind >> 16 == _SMALL_COPY


def others(data: bytes) -> list[_IndividualImage]:
    """The pictures after the first one; empty data where one lies outside of the file."""
    for marker, body in split_head(data)[0]:
        if marker == APP0 + 2 and body.startswith(MPF):
            base = data.find(body) + len(MPF)
            entries = _entries(body[len(MPF) :])[1:]
            return [
                _IndividualImage(kind & _KIND, _cut(data, base + offset, size))
                for kind, size, offset in entries
            ]
    return []


def index(first: int, second: int, offset: int) -> bytes:
    """The segment for two pictures.

    Args:
        first: length of the first picture.
        second: length of the second picture.
        offset: of the second picture from the TIFF header.
    """
    entries = struct.pack("<IIIHHIIIHH", _PRIMARY, first, 0, 0, 0, 0, second, offset, 0, 0)
    directory = struct.pack("<H", 3)
    directory += struct.pack("<HHI4s", _VERSION, 7, 4, b"0100")
    directory += struct.pack("<HHII", _NUMBER, 4, 1, 2)
    directory += struct.pack("<HHII", _ENTRIES, 7, len(entries), 8 + 2 + 3 * 12 + 4)
    return MPF + struct.pack("<2sHI", b"II", 42, 8) + directory + struct.pack("<I", 0) + entries


def with_moved_pictures(before: Sequence[Segment], after: Sequence[Segment]) -> list[Segment]:
    """Segments whose index has the new length of the first picture, and the new offsets of the others.

    Args:
        before: the segments of the file.
        after: the new ones; the scans and the other pictures follow unchanged.
    """
    growth = len(join_head(after)) - len(join_head(before))
    moved = _behind_index(after) - _behind_index(before)
    return [
        (marker, MPF + _moved(body[len(MPF) :], growth, moved)) if _is_index(marker, body) else (marker, body)
        for marker, body in after
    ]


def _is_index(marker: int, body: bytes) -> bool:
    return marker == APP0 + 2 and body.startswith(MPF)


def _behind_index(segments: Sequence[Segment]) -> int:
    """Bytes from the index to the scans."""
    at = next(number for number, segment in enumerate(segments) if _is_index(*segment))
    return len(join_head(segments[at:]))


def _moved(block: bytes, growth: int, moved: int) -> bytes:
    """The index with the first picture longer by `growth`, and the others further away by `moved` bytes."""
    made, order = bytearray(block), tiff.byte_order(block)
    directory = tiff.leading_ifd(block) if order else None
    entry = directory.entries.get(_ENTRIES) if directory else None
    for place in range(entry.value_at, entry.value_at + entry.nbytes - 15, 16) if entry else ():
        kind, size, offset = struct.unpack_from(order + "III", block, place)
        new = (size, offset + moved) if offset else (size + growth, 0)
        struct.pack_into(order + "III", made, place, kind, *new)
    return bytes(made)


def _entries(block: bytes) -> list[tuple[int, int, int]]:
    """Attributes, length and offset of every picture."""
    directory = tiff.leading_ifd(block) if tiff.byte_order(block) else None
    entry = directory.entries.get(_ENTRIES) if directory else None
    if entry is None:
        return []
    code = tiff.byte_order(block) + "III4x"
    whole = entry.nbytes // 16 * 16
    return list(struct.iter_unpack(code, block[entry.value_at : entry.value_at + whole]))


def _cut(data: bytes, start: int, length: int) -> bytes:
    """The picture at an offset, if it is a complete JPEG."""
    found = data[start : start + length]
    return found if found.startswith(b"\xff\xd8") and len(found) == length else b""
