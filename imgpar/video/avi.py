"""Empty chunks of an AVI, which repeat the previous frame. The header counts them as frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import BinaryIO

from imgpar.formats.tlv import RIFF_CHUNKS, places_in_file

_LARGEST = 64 << 20
"""Maximum bytes of an index that are read."""
_ENTRY = 16
"""Bytes of an index entry: name, flags, offset, length."""


def empty_chunks(file: BinaryIO, stream: int) -> int:
    """Number of empty chunks of a stream, according to the index at the end of the file; 0 without an
    index."""
    index, mark = _index(file), b"%02d" % stream
    lines = (index[at : at + _ENTRY] for at in range(0, len(index) - _ENTRY + 1, _ENTRY))
    return sum(line[:2] == mark and not any(line[12:]) for line in lines)


def missing_frames(times: Sequence[float], length: float) -> int:
    """Number of frames of `length` seconds that are missing in a sequence of timestamps.

    >>> missing_frames([0.0, 0.04, 0.16], 0.04)
    2
    """
    places = [round(time / length) for time in times]
    return sum(after - before - 1 for before, after in pairwise(places) if after > before)


def _index(file: BinaryIO) -> bytes:
    for chunk in places_in_file(file, RIFF_CHUNKS):
        if chunk.kind == b"idx1":
            file.seek(chunk.begin)
            return file.read(min(chunk.stop - chunk.begin, _LARGEST))
    return b""
