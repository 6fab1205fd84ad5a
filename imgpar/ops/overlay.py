"""Composition of a small picture over a frame, shared by both watermarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.pixels.arrays import LUMA, PEAK, colour_channels, paste, store_values
from imgpar.pixels.geometry import place

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def lay(src: Frame, dst: Frame, mark: Array, gravity: str, margin: int, *, tile: bool = False) -> None:
    """Copy `src` into `dst` and compose `mark` over it.

    Args:
        src: H×W×C.
        dst: of the same size, filled; owned by the caller.
        mark: H×W×4 float32, red, green, blue and straight alpha from 0 to 1; clipped at the edges.
        gravity: position of the mark.
        margin: distance from the edges in pixels, and between tiles.
        tile: whether to repeat the mark over the whole picture.
    """
    paste(src, dst)
    height, width = mark.shape[:2]
    x, y = place(gravity, dst.spec.size, (width, height), margin)
    if not tile:
        return _blend(dst, mark, x, y)
    across, down = width + max(margin, 1), height + max(margin, 1)
    for top in range(y % down - down, dst.spec.height, down):
        for left in range(x % across - across, dst.spec.width, across):
            _blend(dst, mark, left, top)
    return None


def _blend(dst: Frame, mark: Array, x: int, y: int) -> None:
    """Compose the mark in place (Porter-Duff "over")."""
    import numpy as np

    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + mark.shape[1], dst.spec.width), min(y + mark.shape[0], dst.spec.height)
    if left >= right or top >= bottom:
        return None
    part = dst.array[top:bottom, left:right]
    mark = mark[top - y : bottom - y, left - x : right - x]
    count, peak = colour_channels(dst.spec), np.float32(PEAK[dst.spec.dtype])
    colours = mark[..., :3] if count == 3 else mark[..., :3] @ np.array(LUMA, np.float32)[:, None]
    alpha = mark[..., 3:]
    below = part[..., :count].astype(np.float32)
    if not dst.spec.alpha:
        return store_values(below + (colours * peak - below) * alpha, part[..., :count])
    under = part[..., -1:].astype(np.float32) / peak * (1 - alpha)
    together = alpha + under
    total = colours * peak * alpha + below * under
    mixed = np.divide(total, together, out=below.copy(), where=together > 0)
    store_values(mixed, part[..., :count])
    store_values(together * peak, part[..., -1:])
    return None
