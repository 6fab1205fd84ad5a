"""Composition of a picture over a frame, and where: shared by watermarks, QR codes and composite."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame
from imgpar.pixels.arrays import LUMA, PEAK, colour_channels, paste, store_values
from imgpar.pixels.geometry import GRAVITIES, Length, parse_gravity, parse_length, place

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


BLENDS = ("over", "under", "multiply", "screen", "overlay", "darken", "lighten", "difference")
"""How colours are mixed: Porter-Duff over, its reverse, and blend modes of the W3C."""

_MARGIN = Length(3, percent=True)

parse_blend = parsing.choice(*BLENDS)


def gravity_option(default: str = "southeast") -> Any:
    """The setting that says where a mark is placed."""
    return option(
        parse_gravity,
        "the corner or side at which it is placed",
        default=default,
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )


def margin_option(default: Length = _MARGIN) -> Any:
    """The setting that says how far from the edges that is."""
    return option(
        parse_length,
        "distance from the edges in pixels, or in percent of the shorter side",
        default=default,
        metavar="LENGTH",
        example="5%",
    )


def lay(
    src: Frame, dst: Frame, mark: Array, gravity: str, margin: int, *, tile: bool = False, blend: str = "over"
) -> None:
    """Copy `src` into `dst` and compose `mark` over it.

    Args:
        src: H×W×C.
        dst: of the same size, filled; owned by the caller.
        mark: H×W×4 float32, red, green, blue and straight alpha from 0 to 1; clipped at the edges.
        gravity: position of the mark.
        margin: distance from the edges in pixels, and between tiles.
        tile: whether to repeat the mark over the whole picture.
        blend: one of BLENDS.
    """
    paste(src, dst)
    height, width = mark.shape[:2]
    x, y = place(gravity, dst.spec.size, (width, height), margin)
    if not tile:
        return _blend(dst, mark, x, y, blend)
    across, down = width + max(margin, 1), height + max(margin, 1)
    for top in range(y % down - down, dst.spec.height, down):
        for left in range(x % across - across, dst.spec.width, across):
            _blend(dst, mark, left, top, blend)
    return None


def _blend(dst: Frame, mark: Array, x: int, y: int, blend: str) -> None:
    """Compose the mark in place, in bands of rows."""
    height = mark.shape[0]
    for top in range(0, height, _ROWS):
        _blend_rows(dst, mark[top : min(top + _ROWS, height)], x, y + top, blend)


def _blend_rows(dst: Frame, mark: Array, x: int, y: int, blend: str) -> None:
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
    backdrop = part[..., -1:].astype(np.float32) / peak if dst.spec.alpha else np.float32(1)
    if blend not in ("over", "under"):
        # Where the backdrop is transparent, the mark has its own colours.
        colours = colours + (_MIXED[blend](below / peak, colours) - colours) * backdrop
    if not dst.spec.alpha:
        if blend == "under":
            return None
        return store_values(below + (colours * peak - below) * alpha, part[..., :count])
    over = alpha * (1 - backdrop) if blend == "under" else alpha
    under = backdrop if blend == "under" else backdrop * (1 - alpha)
    together = over + under
    total = colours * peak * over + below * under
    mixed = np.divide(total, together, out=below.copy(), where=together > 0)
    store_values(mixed, part[..., :count])
    store_values(together * peak, part[..., -1:])
    return None


def _overlaid(below: Array, above: Array) -> Array:
    import numpy as np

    dark, bright = 2 * below * above, 1 - 2 * (1 - below) * (1 - above)
    result: Array = np.where(below <= np.float32(0.5), dark, bright)
    return result


def _extreme(name: str) -> Callable[[Array, Array], Array]:
    def work(below: Array, above: Array) -> Array:
        import numpy as np

        result: Array = getattr(np, name)(below, above)
        return result

    return work


_ROWS = 256
"""Rows of a mark that are composed at once: temporaries are float."""
_MIXED: dict[str, Callable[[Array, Array], Array]] = {
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: below + above - below * above,
    "overlay": _overlaid,
    "darken": _extreme("minimum"),
    "lighten": _extreme("maximum"),
    "difference": lambda below, above: abs(below - above),
}
"""Colours of an opaque mark over an opaque backdrop, each from 0 to 1."""
