"""Processing in linear light: decode the sRGB transfer function, process, encode.

Linear light is float, so that undershoot of one pass is not clipped before the next.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame
from imgpar.pixels.arrays import PEAK, colour_channels

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def in_linear_light(src: Frame, dst: Frame, work: Callable[[Frame, Frame], None]) -> None:
    """Call `work` with linear versions of both frames, and encode its result into `dst`. Alpha is
    unchanged."""
    import numpy as np

    light, result = (spec.converted(spec.layout, "float32") for spec in (src.spec, dst.spec))
    source, target = (Frame(spec, np.empty(spec.shape, np.float32)) for spec in (light, result))
    count, narrow = colour_channels(src.spec), src.spec.dtype == "uint8"
    peak = np.float32(PEAK[src.spec.dtype])
    for coded, linear in zip(src.array, source.array, strict=True):
        colours = coded[..., :count]
        linear[..., :count] = _decoding()[colours] if narrow else to_light(colours / peak)
        linear[..., count:] = coded[..., count:] / peak
    work(source, target)
    for linear, coded in zip(target.array, dst.array, strict=True):
        if narrow:
            steps = np.rint(linear.clip(0, 1) * np.float32(65535)).astype(np.uint16)
            coded[..., :count] = _encoding()[steps[..., :count]]
            coded[..., count:] = (steps[..., count:].astype(np.uint32) + 128) // 257
        else:
            values = linear.copy()
            values[..., :count] = from_light(values[..., :count])
            values *= peak
            coded[...] = values if peak == 1 else np.rint(values.clip(0, peak))


def to_light(values: Array) -> Array:
    """Decode the sRGB transfer function (IEC 61966-2-1); values from 0 to 1."""
    import numpy as np

    bright = ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4
    result: Array = np.where(values <= 0.04045, values / 12.92, bright)
    return result


def from_light(light: Array) -> Array:
    """Encode with the sRGB transfer function."""
    import numpy as np

    bright = 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055
    result: Array = np.where(light <= 0.0031308, light * 12.92, bright)
    return result


@cache
def _decoding() -> Array:
    import numpy as np

    table: Array = to_light(np.arange(256) / 255).astype(np.float32)
    return table


@cache
def _encoding() -> Array:
    import numpy as np

    table: Array = np.rint(from_light(np.arange(65536) / 65535) * 255).astype(np.uint8)
    return table
