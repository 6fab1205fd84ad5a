"""PNG of few colours: grey of 1, 2 and 4 bits, or a palette of up to 256 colours with their transparency."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from imgpar.codecs.few_colours import bits_for, greys, indexed, packed_rows
from imgpar.model import Frame

Array = np.ndarray[Any, Any]
Chunk = tuple[bytes, bytes]

_GREY, _PALETTE = 0, 3


def chunks(frames: list[Frame], level: int, *, grey_profile: bool = False) -> list[list[Chunk]] | None:
    """The chunks of one PNG for each frame, without metadata; None where they have more colours, or nothing
    would be smaller.

    Args:
        frames: 8 bits of any layout, all of one size; they share one palette.
        level: of deflate.
        grey_profile: whether the picture has a profile for grey, which no palette may have.
    """
    whole = _stacked(frames)
    if found := greys(whole):
        key = b"" if found.clear is None else struct.pack(">H", found.clear)
        return _files(frames, found.levels, found.bits, _GREY, [(b"tRNS", key)] * bool(key), level)
    if whole.spec.grey and grey_profile:
        return None
    colours = indexed(whole)
    if colours is None or (whole.spec.layout == "L" and bits_for(len(colours.palette)) == 8):
        return None
    told = [(b"PLTE", colours.palette[:, :3].tobytes())]
    if colours.clear:
        told.append((b"tRNS", colours.palette[: colours.clear, 3].tobytes()))
    return _files(frames, colours.numbers, colours.bits, _PALETTE, told, level)


def _stacked(frames: list[Frame]) -> Frame:
    """All frames as one, below each other."""
    if len(frames) == 1:
        return frames[0]
    spec = frames[0].spec
    array = np.concatenate([frame.array for frame in frames])
    return Frame(spec.resized(spec.width, spec.height * len(frames)), array)


def _files(
    frames: list[Frame], values: Array, bits: int, kind: int, told: list[Chunk], level: int
) -> list[list[Chunk]]:
    width, height = frames[0].spec.size
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    rows = packed_rows(values, bits)
    lines = np.zeros((len(rows), rows.shape[1] + 1), np.uint8)
    lines[:, 1:] = rows  # not filtered: neighbours of an index are no nearer to it than others
    parts = [lines[number * height : (number + 1) * height] for number in range(len(frames))]
    return [
        [head, *told, (b"IDAT", zlib.compress(np.ascontiguousarray(part), level)), (b"IEND", b"")]
        for part in parts
    ]
