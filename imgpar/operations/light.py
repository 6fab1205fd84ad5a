"""Work on amounts of light instead of coded values: the curve of sRGB off, the work, the curve on again.

8 bits become 16 on the way, which is enough for any 8-bit result; more bits become floats.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from imgpar.model import Frame
from imgpar.operations.arrays import PEAK, colours_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def in_linear_light(src: Frame, dst: Frame, work: Callable[[Frame, Frame], None]) -> None:
    """Call `work` with linear versions of both frames; its result is coded into `dst`. Alpha is no light."""
    import numpy as np

    depth = "uint16" if src.spec.dtype == "uint8" else "float32"
    light, result = (spec.converted(spec.layout, depth) for spec in (src.spec, dst.spec))
    source, target = (Frame(spec, np.empty(spec.shape, depth)) for spec in (light, result))
    count = colours_of(src.spec)
    scale = PEAK[depth] / PEAK[src.spec.dtype]
    for coded, linear in zip(src.array, source.array, strict=True):
        if depth == "uint16":
            linear[..., :count] = _decoding()[coded[..., :count]]
            linear[..., count:] = coded[..., count:].astype(np.uint16) * np.uint16(scale)
        else:
            linear[..., :count] = to_light(coded[..., :count] / np.float32(PEAK[src.spec.dtype]))
            linear[..., count:] = coded[..., count:] * np.float32(scale)
    work(source, target)
    for linear, coded in zip(target.array, dst.array, strict=True):
        if depth == "uint16":
            coded[..., :count] = _encoding()[linear[..., :count]]
            coded[..., count:] = (linear[..., count:].astype(np.uint32) + 128) // 257
        else:
            peak = PEAK[dst.spec.dtype]
            values = linear.copy()
            values[..., :count] = from_light(values[..., :count])
            values *= np.float32(peak)
            coded[...] = values if peak == 1 else np.rint(values.clip(0, peak))


def to_light(values: Array) -> Array:
    """The curve of sRGB (IEC 61966-2-1) off; values from 0 to 1."""
    import numpy as np

    bright = ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4
    result: Array = np.where(values <= 0.04045, values / 12.92, bright)
    return result


def from_light(light: Array) -> Array:
    """The curve of sRGB on."""
    import numpy as np

    bright = 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055
    result: Array = np.where(light <= 0.0031308, light * 12.92, bright)
    return result


@cache
def _decoding() -> Array:
    import numpy as np

    table: Array = np.rint(to_light(np.arange(256) / 255) * 65535).astype(np.uint16)
    return table


@cache
def _encoding() -> Array:
    import numpy as np

    table: Array = np.rint(from_light(np.arange(65536) / 65535) * 255).astype(np.uint8)
    return table
