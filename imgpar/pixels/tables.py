"""Functions of single values, applied to every colour channel: look-up tables for integers, arithmetic for
floats.

Colours are straight (not premultiplied), alpha is kept. Heavy imports stay inside functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame, Spec
from imgpar.pixels.arrays import PEAK, bands, colour_channels, flat, keep_rest, land

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Curve = Callable[["Array"], "Array"]
"""Takes values of which 1 is white, and returns as many. Of integers they are float64 from 0 to 1 and the
result is clipped; of floats they are float32, may lie outside of that range, and the result is stored as it
is."""


def apply_curves(src: Frame, dst: Frame, *curves: Curve) -> None:
    """Replace every colour value by the value of a curve.

    Args:
        src: H×W×C of any layout that is not planar, and any depth.
        dst: of the same spec, filled; owned by the caller.
        curves: one for all colour channels, or one for each. They act on each value alone, so that tables are
            exact.
    """
    import numpy as np

    count, peak = colour_channels(src.spec), PEAK[src.spec.dtype]
    if src.spec.dtype == "float32":
        for rows in bands(src.spec.height):
            for channel in range(count):
                curve = curves[channel % len(curves)]
                dst.array[rows, :, channel] = curve(src.array[rows, :, channel])
        return keep_rest(src, dst)
    values = np.arange(peak + 1) / peak
    made = [np.clip(np.rint(curve(values) * peak), 0, peak).astype(src.spec.dtype) for curve in curves]
    return look_up(src, dst, made)


def look_up(src: Frame, dst: Frame, tables: Sequence[Array]) -> None:
    """Replace every colour value by the entry of a table.

    Args:
        src: H×W×C of uint8 or uint16.
        dst: of the same spec, filled; owned by the caller.
        tables: one for all colour channels, or one for each: an entry for each value, of the dtype of the
            frames.
    """
    import cv2
    import numpy as np

    count = colour_channels(src.spec)
    if src.spec.dtype == "uint16":
        if len(tables) == 1:
            np.take(tables[0], src.array[..., :count], out=dst.array[..., :count], mode="clip")
            return keep_rest(src, dst)
        for channel in range(count):
            dst.array[..., channel] = tables[channel % len(tables)][src.array[..., channel]]
        return keep_rest(src, dst)
    # One pass over all channels: identity table for alpha, constant for padding.
    whole = np.empty((256, src.spec.channels), np.uint8)
    for channel in range(count):
        whole[:, channel] = tables[channel % len(tables)]
    if src.spec.channels > count:
        whole[:, -1] = np.arange(256) if src.spec.alpha else 255
    land(cv2.LUT(flat(src.array), flat(whole[None]), dst=flat(dst.array)), dst.array)
    return None


def linear(src: Frame, dst: Frame, scale: float, offset: float) -> None:
    """colour · scale + offset; alpha is kept.

    Args:
        src: H×W×C.
        dst: of the same spec, filled; owned by the caller.
        scale: factor.
        offset: relative to white.
    """
    import numpy as np

    peak = PEAK[src.spec.dtype]
    if src.spec.dtype == "float32":
        count = colour_channels(src.spec)
        np.multiply(src.array[..., :count], np.float32(scale), out=dst.array[..., :count])
        dst.array[..., :count] += np.float32(offset)
        return keep_rest(src, dst)
    table = np.arange(peak + 1) * scale + offset * peak
    return look_up(src, dst, [np.clip(np.rint(table), 0, peak).astype(src.spec.dtype)])


def curve_filter(spec: Spec, *curves: str) -> str | None:
    """A curve as an ffmpeg filter for RGB; values beyond black and white are clipped. None for more than 8
    bits, which this filter would lose.

    Args:
        spec: of the frames.
        curves: expressions of x from 0 to 1, one for all channels or one for each.

    >>> str(curve_filter(Spec(64, 48), "1-x")).split(":")[0]
    "lutrgb=r='clip(1-(val/maxval),0,1)*maxval+0.5'"
    """
    if spec.dtype != "uint8":
        return None
    written = [re.sub(r"\bx\b", "(val/maxval)", curve) for curve in curves] * (3 // len(curves))
    channels = (f"{name}='{_clipped(curve)}'" for name, curve in zip("rgb", written, strict=True))
    return "lutrgb=" + ":".join(channels)


def _clipped(curve: str) -> str:
    before, found, last = curve.rpartition(";")
    return f"{before}{found}clip({last},0,1)*maxval+0.5"  # lutrgb cuts fractions off


def power(values: Array, exponent: float) -> Array:
    """Values to a power; negative ones, which only floats have, keep their sign.

    >>> import numpy as np
    >>> power(np.array([-4.0, 0.0, 4.0]), 0.5).tolist()
    [-2.0, 0.0, 2.0]
    """
    import numpy as np

    result: Array = np.copysign(np.abs(values) ** exponent, values)
    return result
