"""Filters of neighbouring colours: in bands with the rows around them, without what is fully transparent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.pixels.arrays import colour_channels, keep_rest

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ROWS = 256
"""Rows per band, besides those around it."""


def filter_colours(src: Frame, dst: Frame, reach: int, work: Callable[[Array], Array]) -> None:
    """Filter the colours of a frame; alpha is kept. Fully transparent pixels are given the mean colour of the
    visible ones within reach before, so that their own colours have no influence.

    Args:
        src: H×W×C of any layout that is not planar.
        dst: of the same spec, filled; owned by the caller.
        reach: greatest distance in pixels at which a pixel has an influence.
        work: takes h×W (grey) or h×W×3 of the depth of the frames, C-contiguous and new, and returns as many.
            It
            extends the edges itself.
    """
    import numpy as np

    count, height = colour_channels(src.spec), src.spec.height
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        first, last = max(top - reach, 0), min(bottom + reach, height)
        part = src.array[first:last]
        colours = np.array(part[..., 0] if count == 1 else part[..., :count], order="C")
        if src.spec.alpha and not part[..., -1].all():
            _fill_hidden(colours, part[..., -1] == 0, reach)
        made = work(colours)[top - first : bottom - first]
        dst.array[top:bottom, :, :count] = made[..., None] if count == 1 else made
    keep_rest(src, dst)


def _fill_hidden(colours: Array, hidden: Array, reach: int) -> None:
    """Replace the colours of hidden pixels by the mean of visible ones around them, in place; black where
    none is."""
    import cv2
    import numpy as np

    shown = (~hidden).astype(np.float32)
    weighted = colours.astype(np.float32) * (shown if colours.ndim == 2 else shown[..., None])
    size = (2 * reach + 1, 2 * reach + 1)
    total = cv2.boxFilter(weighted, cv2.CV_32F, size, normalize=False, borderType=cv2.BORDER_REPLICATE)
    number = cv2.boxFilter(shown, cv2.CV_32F, size, normalize=False, borderType=cv2.BORDER_REPLICATE)[hidden]
    number = np.maximum(number if colours.ndim == 2 else number[:, None], 1)
    means = total[hidden] / number
    colours[hidden] = means if colours.dtype == np.float32 else np.rint(means)
