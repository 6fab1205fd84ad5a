"""Functions of one pixel's colours, in bands of rows: every depth and layout, straight colours, alpha
kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.pixels.arrays import PEAK, bands, colour_channels, keep_rest, land, store_values

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


_MOST_FACTOR = 2.0
"""Of ffmpeg's colorchannelmixer."""


def map_colours(src: Frame, dst: Frame, work: Callable[[Array], Array]) -> None:
    """Replace the colours of every pixel.

    Args:
        src: H×W×C of any layout that is not planar.
        dst: of the same size and depth, filled; owned by the caller. Its layout may add colours.
        work: takes h×W×N float32, of which 1 is white, and returns as many: N is 1 if `dst` is grey,
            otherwise 3.
            The array is new. Results are clipped for integers only.
    """
    import numpy as np

    peak = np.float32(PEAK[src.spec.dtype])
    count = colour_channels(dst.spec)
    for rows in bands(src.spec.height):
        colours = src.array[rows, :, : colour_channels(src.spec)].astype(np.float32)
        colours *= 1 / peak
        if colours.shape[2] < count:
            colours = colours.repeat(count, axis=2)
        store_values(work(colours) * peak, dst.array[rows, :, :count])
    if dst.spec.alpha and not src.spec.alpha:
        dst.array[..., -1] = PEAK[dst.spec.dtype]
    else:
        keep_rest(src, dst)


def matrix_filter(matrix: Array) -> str | None:
    """The multiplication as an ffmpeg filter for RGB, or None where a factor is outside of its range.

    Args:
        matrix: as for `transform`.

    >>> import numpy as np
    >>> matrix_filter(np.eye(3)[::-1])
    'colorchannelmixer=0:0:1:0:0:1:0:0:1:0:0:0'
    """
    if abs(matrix).max() > _MOST_FACTOR:
        return None
    return "colorchannelmixer=" + ":".join(f"{value:.9g}" for row in matrix for value in (*row, 0.0))


def transform(src: Frame, dst: Frame, matrix: Array) -> None:
    """Multiply the colours of every pixel by a matrix.

    Args:
        src: H×W×C of any layout that is not planar.
        dst: with colours, otherwise of the same spec, filled; owned by the caller.
        matrix: 3×3, from red, green and blue to red, green and blue.
    """
    import cv2

    if src.spec.grey:
        sums = matrix.sum(axis=1).astype("float32")
        return map_colours(src, dst, lambda colours: colours * sums)
    if src.spec.channels == 3:
        return land(cv2.transform(src.array, matrix, dst=dst.array), dst.array)
    # OpenCV is thirty times as fast on three channels as on four.
    for rows in bands(src.spec.height):
        colours = cv2.transform(cv2.cvtColor(src.array[rows], cv2.COLOR_RGBA2RGB), matrix)
        land(cv2.cvtColor(colours, cv2.COLOR_RGB2RGBA, dst=dst.array[rows]), dst.array[rows])
    return keep_rest(src, dst)
