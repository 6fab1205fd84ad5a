"""Chunks of an AVI that hold nothing: the frame before them stays. Its header counts them as frames."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import BinaryIO

_LARGEST = 64 << 20
"""Bytes of an index that are read."""
_ENTRY = 16
"""Bytes of one line of the index: name, flags, place, length."""


def empty_chunks(file: BinaryIO, stream: int) -> int:
    """How many chunks of a stream hold nothing, by the index at the end of the file; 0 where it has none."""
    index, mark = _index(file), b"%02d" % stream
    lines = (index[at : at + _ENTRY] for at in range(0, len(index) - _ENTRY + 1, _ENTRY))
    return sum(line[:2] == mark and not any(line[12:]) for line in lines)


def missing_frames(times: Sequence[float], length: float) -> int:
    """How many frames of `length` seconds are missing in a row of times.

    >>> missing_frames([0.0, 0.04, 0.16], 0.04)
    2
    """
    places = [round(time / length) for time in times]
    return sum(after - before - 1 for before, after in pairwise(places) if after > before)


def _index(file: BinaryIO) -> bytes:
    file.seek(12)  # after RIFF, its length, and AVI
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if kind == b"idx1":
            return file.read(min(length, _LARGEST))
        file.seek(length + length % 2, 1)
    return b""
