"""A JPEG cut into strips that threads decode side by side, where it has restart markers (DRI, RSTn).

At a restart marker the decoder begins anew: what follows needs nothing of what was before. Cut where a row of
blocks ends, and with a frame header of its own, each strip is a JPEG. Its planes are those of the whole, bit
by bit: there is no interpolation between blocks, at no scale. Anything unusual is decoded as a whole, which
also says what is wrong.

Each strip goes on into the next one, up to a restart marker: superfluous bytes before a marker are only
counted by a decoder that goes on behind it. The rows that two strips have are the same in both.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imgpar.formats.jpeg.header import SOS, FrameHeader
from imgpar.formats.tlv import segments

_DRI, _RST0, _EOI = 0xDD, 0xD0, 0xD9
_SEQUENTIAL = (0xC0, 0xC1)
_END = b"\xff\xfe\x00\x02\xff\xd9"
"""EOI behind an empty comment: superfluous bytes that were counted before are reported at the next marker for
which the decoder has to look, and it may have seen the one behind the last block."""
_CYCLE = 8
"""Restart markers are numbered from 0 to 7; a strip begins with 0."""


class Strip(NamedTuple):
    """Some rows of the picture."""

    top: int
    rows: int
    data: bytes
    """A JPEG of its own."""


def cut(data: bytes, frame: FrameHeader, count: int) -> list[Strip]:
    """Up to `count` strips of about the same height; none where it has to be decoded as a whole.

    Args:
        data: the whole file.
        frame: its frame header.
        count: 2 or more.
    """
    found = list(segments(data, SOS))
    frames = [one for one in found if one.marker in _SEQUENTIAL]
    every = [struct.unpack(">H", one.body)[0] for one in found if one.marker == _DRI and len(one.body) == 2]
    usual = len(frames) == 1 and len(every) == 1 and every[0] and frame.sampling[1:] == ((1, 1), (1, 1))
    if not usual or found[-1].marker != SOS or found[-1].body[0] != frame.components:
        return []
    begin = found[-1].end
    across, down = (8 * factor for factor in frame.sampling[0])
    row, rows = -(-frame.width // across), -(-frame.height // down)
    marks = _restarts(data, begin)
    if marks is None or len(marks) != -(-row * rows // every[0]):
        return []
    starts = _starts(every[0], row, rows, count)
    tops = [(0, begin), *((place * down, marks[number - 1] + 2) for place, number in starts)]
    overlap = math.lcm(row, every[0]) // row
    ends = [(place + overlap, number + overlap * row // every[0]) for place, number in starts]
    bottoms = [(place * down, marks[number - 1]) for place, number in ends if place < rows]
    bottoms += [(frame.height, marks[-1])] * (len(tops) - len(bottoms))
    return list(_strips(data, frames[0].at + 5, begin, tops, bottoms)) if starts else []


def _restarts(data: bytes, begin: int) -> list[int] | None:
    """Offsets of the restart markers, and that of the end; None where there are others, or wrong numbers."""
    coded = np.frombuffer(data, np.uint8, offset=begin)
    places = np.flatnonzero(coded[:-1] == 0xFF)
    kinds = coded[places + 1]
    places, kinds = places[kinds != 0], kinds[kinds != 0]  # a zero makes an ordinary byte of it
    if _EOI not in kinds:
        return None
    last = int(np.argmax(kinds == _EOI))
    numbers = _RST0 + np.arange(last) % _CYCLE
    if not last or not np.array_equal(kinds[:last], numbers):
        return None
    offsets: list[int] = (places[: last + 1] + begin).tolist()
    return offsets


def _starts(every: int, row: int, rows: int, count: int) -> list[tuple[int, int]]:
    """First row of blocks of each strip but the first, and how many restart markers stand before it."""
    made: list[tuple[int, int]] = []
    for number in range(1, count):
        wanted = rows * number // count
        # The next row that begins with a restart marker of number 0.
        for place in range(wanted, rows):
            if place * row % (every * _CYCLE) == 0:
                if place and (not made or place > made[-1][0]):
                    made.append((place, place * row // every))
                break
    return made


def _strips(
    data: bytes, size_at: int, begin: int, tops: list[tuple[int, int]], bottoms: list[tuple[int, int]]
) -> Iterator[Strip]:
    """The strips, from the first row and the row below of each, with their offsets; `size_at` is that of the
    height."""
    for (top, start), (bottom, end) in zip(tops, bottoms, strict=True):
        head = data[:size_at] + struct.pack(">H", bottom - top) + data[size_at + 2 : begin]
        yield Strip(top, bottom - top, head + data[start:end] + _END)
