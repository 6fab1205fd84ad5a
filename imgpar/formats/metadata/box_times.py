"""Clears creation times in ISO base media files: an output depends on its input and settings only, not on the
time of writing."""

from __future__ import annotations

from imgpar.formats.tlv import BOXES, Buffer, walk

_FOLDERS = (b"moov", b"trak", b"mdia")
_HEADS = (b"mvhd", b"tkhd", b"mdhd")
"""Boxes that start with a version (0: 32-bit times, 1: 64-bit), flags, and two times."""


def without_times(data: bytes) -> bytes:
    """The file with every creation and modification time set to 0. No box moves."""
    out = bytearray(data)
    _clear(out)
    return bytes(out)


def _clear(boxes: Buffer) -> None:
    for box in walk(boxes, BOXES):
        if not box.complete:
            return
        if box.kind in _FOLDERS:
            _clear(box.body)
        elif box.kind in _HEADS and box.body:
            size = 16 if box.body[0] == 1 else 8
            if 4 + size <= len(box.body):
                box.body[4 : 4 + size] = bytes(size)
