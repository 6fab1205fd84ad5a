"""Animated PNGs with 16 bits, which Pillow and OpenCV reduce to 8: coded frame by frame as single PNGs.

Stored frames are regions of the canvas, each with its position, blend and dispose operation (PNG
specification, third edition, 11.3.6).
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
    """One stored frame: its region, and the pieces of its stream."""

    width: int
    height: int
    left: int
    top: int
    dispose: int
    over: bool
    stream: list[bytes] = field(default_factory=list)


def stored_frames(chunks: Iterable[Chunk]) -> list[StoredFrame]:
    """The frames in order; empty where the default image is not part of the animation."""
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
    """The canvas after each frame.

    Args:
        parts: frames with their decoded pixels, H×W×4 uint16.
        canvas: H×W×4 uint16, modified in place and yielded each time.
    """
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
    """One picture composed over another, both with straight alpha."""
    cover, rest = pixels[..., 3:] / _PEAK, below[..., 3:] / _PEAK
    rest = rest * (1 - cover)
    alpha = cover + rest
    mixed = pixels[..., :3] * cover + below[..., :3] * rest
    colours = np.divide(mixed, alpha, out=np.zeros_like(mixed), where=alpha > 0)
    result: Array = np.rint(np.concatenate([colours, alpha * _PEAK], axis=-1)).astype(np.uint16)
    return result
