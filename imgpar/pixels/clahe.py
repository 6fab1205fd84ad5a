"""Contrast limited adaptive histogram equalisation of luma, as OpenCV's `createCLAHE`, for every depth.
 OpenCV does it for opaque 8-bit pictures. For others the tables of the tiles are made here from luma in 256
steps, without fully transparent pixels, and are interpolated between steps, so that all depths look the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.pixels.arrays import PEAK, bands, colour_channels, keep_rest, store_values
from imgpar.pixels.tones import luma, visible_pixels

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_STEPS = 256


def equalise(src: Frame, dst: Frame, clip: float, grid: tuple[int, int]) -> None:
    """Equalise luma (BT.601) and add its change to every colour channel; alpha is kept.

    Args:
        src: H×W×C of any layout that is not planar.
        dst: of the same spec, filled; owned by the caller.
        clip: greatest count of a histogram's step, relative to the mean count.
        grid: number of tiles across and down.
    """
    import cv2
    import numpy as np

    values, mask = luma(src), visible_pixels(src)
    count, peak = colour_channels(src.spec), np.float32(PEAK[src.spec.dtype])
    if src.spec.dtype == "uint8" and mask is None:
        tiles = None
        equal = cv2.createCLAHE(clip, grid).apply(np.ascontiguousarray(values))
    else:
        tiles, equal = _Tiles(values, mask, clip, grid), values
    for rows in bands(src.spec.height):
        before = values[rows].astype(np.float32)
        after = equal[rows].astype(np.float32) if tiles is None else tiles(before / peak, rows.start) * peak
        change = (after - before)[..., None]
        store_values(src.array[rows, :, :count] + change, dst.array[rows, :, :count])
    keep_rest(src, dst)


class _Tiles:
    """The table of each tile, and their interpolation.

    Args:
        values: H×W luma.
        mask: which pixels count; None is all.
        clip: as for `equalise`.
        grid: as for `equalise`.
    """

    def __init__(self, values: Array, mask: Array | None, clip: float, grid: tuple[int, int]) -> None:
        import cv2
        import numpy as np

        height, width = values.shape
        self._across, self._down = grid
        unit = np.clip(values / np.float32(PEAK[values.dtype.name]), 0, 1)
        steps: Array = np.rint(unit * (_STEPS - 1)).astype(np.uint8)
        counted: Array = np.ones(values.shape, np.uint8) if mask is None else mask.astype(np.uint8)
        if width % self._across or height % self._down:
            more = (0, self._down - height % self._down, 0, self._across - width % self._across)
            steps, counted = (
                np.atleast_2d(cv2.copyMakeBorder(part, *more, cv2.BORDER_REFLECT_101))
                for part in (steps, counted)
            )
        self._height, self._width = steps.shape[0] // self._down, steps.shape[1] // self._across
        tables = [
            _table(self._part(steps, row, column), self._part(counted, row, column), clip)
            for row in range(self._down)
            for column in range(self._across)
        ]
        self._tables = np.array(tables, np.float32).reshape(self._down, self._across, _STEPS)

    def _part(self, array: Array, row: int, column: int) -> Array:
        down, across = self._height, self._width
        return array[row * down : (row + 1) * down, column * across : (column + 1) * across].ravel()

    def __call__(self, values: Array, top: int) -> Array:
        """The equalised luma of some rows.

        Args:
            values: h×W float32 from 0 to 1.
            top: number of their first row.
        """
        import numpy as np

        y0, y1, below = _between(np.arange(top, top + len(values)), self._height, self._down)
        x0, x1, right = _between(np.arange(values.shape[1]), self._width, self._across)
        place = np.clip(values, 0, 1) * np.float32(_STEPS - 1)
        step = np.minimum(place.astype(np.intp), _STEPS - 2)
        part = place - step

        def tile(y: Array, x: Array) -> Array:
            low = self._tables[y[:, None], x[None], step]
            mixed: Array = low + part * (self._tables[y[:, None], x[None], step + 1] - low)
            return mixed

        upper = tile(y0, x0) * (1 - right) + tile(y0, x1) * right
        lower = tile(y1, x0) * (1 - right) + tile(y1, x1) * right
        # Beyond black and white, as floats may be, luma keeps its distance to them.
        beyond = values - np.clip(values, 0, 1)
        result: Array = upper * (1 - below[:, None]) + lower * below[:, None] + beyond
        return result


def _between(positions: Array, side: int, number: int) -> tuple[Array, Array, Array]:
    """The tiles before and after each position, and the weight of the second one."""
    import numpy as np

    place = positions.astype(np.float32) / np.float32(side) - np.float32(0.5)
    first = np.floor(place).astype(np.intp)
    return np.maximum(first, 0), np.minimum(first + 1, number - 1), place - first.astype(np.float32)


def _table(steps: Array, counted: Array, clip: float) -> Array:
    """What each step becomes, 0 to 1: the cumulative histogram, whose counts above the limit are spread over
    all."""
    import numpy as np

    counts = np.bincount(steps[counted > 0], minlength=_STEPS)
    total = int(counts.sum())
    if not total:
        return np.linspace(0, 1, _STEPS)
    limit = max(int(clip * total / _STEPS), 1)
    excess = int(np.maximum(counts - limit, 0).sum())
    counts = np.minimum(counts, limit) + excess // _STEPS
    if rest := excess % _STEPS:
        stride = max(_STEPS // rest, 1)
        counts[: stride * rest : stride] += 1
    table: Array = np.cumsum(counts) / total
    return table
