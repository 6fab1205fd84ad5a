"""Animated PNGs with 16 bits, which Pillow and OpenCV read and write with 8: frame by frame, as single PNGs.

The frames of a file are parts of a canvas: each says where it lies, whether it covers or is laid over what is
there, and what becomes of its place afterwards (PNG specification, third edition, 11.3.6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Chunk = tuple[bytes, bytes | memoryview]

_TO_BACKGROUND, _TO_PREVIOUS, _OVER = 1, 2, 1
_PEAK = 65535


@dataclass(slots=True)
class StoredFrame:
    """One frame as it is stored: its place, and the pieces of its stream."""

    width: int
    height: int
    left: int
    top: int
    dispose: int
    over: bool
    stream: list[bytes] = field(default_factory=list)


def stored_frames(chunks: Iterable[Chunk]) -> list[StoredFrame]:
    """The frames in their order; none where the picture before them is not part of the animation."""
    parts = list[StoredFrame]()
    for kind, body in chunks:
        if kind == b"fcTL" and len(body) >= 26:
            width, height, left, top = struct.unpack_from(">4I", body, 4)
            parts.append(StoredFrame(width, height, left, top, body[24], body[25] == _OVER))
        elif kind == b"IDAT":
            if not parts:
                return []
            parts[0].stream.append(bytes(body))
        elif kind == b"fdAT" and parts:
            parts[-1].stream.append(bytes(body[4:]))
    return parts


def composed(parts: Iterable[tuple[StoredFrame, Array]], canvas: Array) -> Iterator[Array]:
    """The canvas as it is seen with each frame; `canvas` is H×W×4 uint16 and is drawn on."""
    canvas[...] = 0
    for part, pixels in parts:
        place = canvas[part.top : part.top + part.height, part.left : part.left + part.width]
        before = place.copy() if part.dispose == _TO_PREVIOUS else None
        place[...] = _laid_over(pixels, place) if part.over else pixels
        yield canvas
        if part.dispose == _TO_BACKGROUND:
            place[...] = 0
        elif before is not None:
            place[...] = before


def assembled(stills: Sequence[Sequence[Chunk]], durations: Sequence[int], loop: int) -> list[Chunk]:
    """The chunks of an animation, from those of one PNG per frame; each covers the whole canvas."""
    head = bytes(next(body for kind, body in stills[0] if kind == b"IHDR"))
    result: list[Chunk] = [(b"IHDR", head), (b"acTL", struct.pack(">II", len(stills), loop))]
    number = 0
    for index, (chunks, duration) in enumerate(zip(stills, durations, strict=True)):
        time = struct.pack(">HH", min(duration, 65535), 1000)
        result.append((b"fcTL", struct.pack(">I", number) + head[:8] + bytes(8) + time + bytes(2)))
        number += 1
        for body in (body for kind, body in chunks if kind == b"IDAT"):
            if index:
                result.append((b"fdAT", struct.pack(">I", number) + body))
                number += 1
            else:
                result.append((b"IDAT", body))
    return [*result, (b"IEND", b"")]


def _laid_over(pixels: Array, below: Array) -> Array:
    """One picture over another, both with alpha that is not multiplied in."""
    cover, rest = pixels[..., 3:] / _PEAK, below[..., 3:] / _PEAK
    rest = rest * (1 - cover)
    alpha = cover + rest
    mixed = pixels[..., :3] * cover + below[..., :3] * rest
    colours = np.divide(mixed, alpha, out=np.zeros_like(mixed), where=alpha > 0)
    result: Array = np.rint(np.concatenate([colours, alpha * _PEAK], axis=-1)).astype(np.uint16)
    return result
