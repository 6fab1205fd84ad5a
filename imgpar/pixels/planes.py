"""Planar luma and chroma frames: access to planes, and the resize and rotation of JPEG planes.

A plane has one byte per pixel, and SIMD code is best with four. In vertical scaling, columns are independent,
so four neighbours in a row are treated as one pixel. Horizontal scaling is vertical scaling of the transposed
plane:

    rows × columns/4 × 4 ─► scaled ─► transposed ─► scaled ─► transposed back, or in the requested orientation

The result is bit-identical to that of a plane resized directly, in half the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import CHROMA, Frame
from imgpar.pixels.resampling import LANCZOS, scale_pixels

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_FLIPS = {1: None, 2: 1, 3: -1, 4: 0, 5: None, 6: 1, 7: -1, 8: 0}
"""OpenCV flip code of an upright plane, from 5 on of a transposed plane."""


def parts(frame: Frame) -> tuple[Array, Array]:
    """The memory of luma, and that of both chroma planes side by side, each as rows × bytes."""
    (rows, row), (colour_rows, colour_row) = frame.spec.rooms
    flat = frame.array.reshape(-1)
    return flat[: rows * row].reshape(rows, row), flat[rows * row :].reshape(colour_rows, colour_row)


def planes(frame: Frame) -> tuple[Array, Array, Array]:
    """Luma and both chroma planes, each as rows × columns without padding."""
    luma, chroma = parts(frame)
    columns, half = -(-frame.spec.width // CHROMA[frame.spec.layout][0]), chroma.shape[1] // 2
    whole = luma[: frame.spec.height, : frame.spec.width]
    return whole, chroma[:, :columns], chroma[:, half : half + columns]


def fill_up(frame: Frame) -> None:
    """Repeat the last row and column of luma, so that chroma samples are complete."""
    (width, height), luma = frame.spec.size, parts(frame)[0]
    across = CHROMA[frame.spec.layout][0]
    luma[height:] = luma[height - 1]
    luma[:, width : -(-width // across) * across] = luma[:, width - 1 : width]


def resize(
    src: Frame,
    dst: Frame,
    orientation: int = 1,
    kernel: str = LANCZOS,
    extent: tuple[float, float] | None = None,
) -> None:
    """Scale a planar frame to the size and subsampling of another one, and rotate it upright.

    Chroma samples are centred between the pixels that share them, as in JPEG.

    Args:
        src: planar frame.
        dst: planar frame of the upright size, filled; owned by the caller.
        orientation: EXIF orientation of `src`.
        kernel: one of `resampling.KERNELS`, except for nearest.
        extent: columns and rows of `src` that are picture, from its upper left corner; None is all of it.
    """
    stored, wanted = CHROMA[src.spec.layout], CHROMA[dst.spec.layout]
    size = dst.spec.size
    if orientation > 4:
        size, wanted = size[::-1], wanted[::-1]
    # Mirrored sides begin at their other end.
    across, down = (
        _Axis(whole, made, orientation in mirrored)
        for whole, made, mirrored in zip(
            extent or src.spec.size, size, ((2, 3, 7, 8), (3, 4, 6, 7)), strict=True
        )
    )
    (luma, chroma), (brightness, *colours) = parts(src), planes(dst)
    _scale(luma, [brightness], across, down, orientation, kernel)
    across, down = across.of(stored[0], wanted[0]), down.of(stored[1], wanted[1])
    _scale(chroma, colours, across, down, orientation, kernel)
    fill_up(dst)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One direction of a resize: from `length` samples, of which the last may be partial, to `count`."""

    length: float
    count: float
    mirrored: bool = False

    def of(self, stored: int, wanted: int) -> _Axis:
        """The same for subsampled planes."""
        return _Axis(self.length / stored, self.count / wanted, self.mirrored)

    @property
    def made(self) -> int:
        """Number of output samples."""
        return math.ceil(self.count)

    def pieces(self) -> list[tuple[int, int, float, float]]:
        """Output ranges with their source ranges: all complete samples, and a sample beyond the edge of the
        picture from the part inside."""
        whole, scale = math.floor(self.count), self.length / self.count
        rest = self.length - whole * scale
        if whole == self.made:
            return [(0, whole, 0.0, self.length)]
        if self.mirrored:
            found = [(0, 1, 0.0, rest), (1, self.made, rest, self.length)]
        else:
            found = [(0, whole, 0.0, whole * scale), (whole, self.made, whole * scale, self.length)]
        return [piece for piece in found if piece[0] < piece[1]]


def _scale(
    source: Array, targets: list[Array], across: _Axis, down: _Axis, orientation: int, kernel: str
) -> None:
    """Scale planes side by side into as many others."""
    import cv2
    import numpy as np

    flat = np.empty((down.made, source.shape[1]), np.uint8)
    _scale_down(source[: math.ceil(down.length)], flat, down, kernel)
    columns, apart = math.ceil(across.length), source.shape[1] // len(targets)
    room = -(-down.made // 4) * 4
    side = np.empty((columns, room * len(targets)), np.uint8)
    places = [slice(number * room, number * room + down.made) for number in range(len(targets))]
    for number, place in enumerate(places):
        part = flat[:, number * apart : number * apart + columns]
        _into(side[:, place], partial(cv2.transpose, part))
    small = np.empty((across.made, side.shape[1]), np.uint8)
    _scale_down(side, small, across, kernel)
    for target, place in zip(targets, places, strict=True):
        _turn(small[:, place], target, orientation)


def _scale_down(source: Array, target: Array, way: _Axis, kernel: str) -> None:
    """Scale vertically; row lengths are multiples of four."""
    pixels, made = (array.reshape(len(array), -1, 4) for array in (source, target))
    for first, last, start, end in way.pieces():
        scale_pixels(pixels, made[first:last], (0.0, start, float(pixels.shape[1]), end), kernel)


def _turn(side: Array, target: Array, orientation: int) -> None:
    """Transpose a plane back into the requested orientation."""
    import cv2

    flip = _FLIPS[orientation]
    if flip is None and orientation == 1:
        _into(target, partial(cv2.transpose, side))
    elif flip is None:
        target[...] = side
    else:
        plane = side if orientation > 4 else cv2.transpose(side)
        _into(target, partial(cv2.flip, plane, flip))


def _into(target: Array, function: Callable[..., Any]) -> None:
    """Call an OpenCV function with `target` as its output; OpenCV silently allocates if that does not fit."""
    result = function(dst=target)
    if result is not target:
        target[...] = result.reshape(target.shape)
