"""Processing in linear light: decode the sRGB transfer function, process, encode.

Linear light is float, so that undershoot of one pass is not clipped before the next.
"""

from __future__ import annotations

from collections.abc import Callable
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

    from imgpar.pixels.colour import transfer

    light, result = (spec.converted(spec.layout, "float32") for spec in (src.spec, dst.spec))
    source, target = (Frame(spec, np.empty(spec.shape, np.float32)) for spec in (light, result))
    count, narrow = colour_channels(src.spec), src.spec.dtype == "uint8"
    peak = np.float32(PEAK[src.spec.dtype])
    for coded, linear in zip(src.array, source.array, strict=True):
        colours = coded[..., :count]
        linear[..., :count] = (
            transfer.srgb_to_light_table()[colours] if narrow else transfer.srgb_to_light(colours / peak)
        )
        linear[..., count:] = coded[..., count:] / peak
    work(source, target)
    for linear, coded in zip(target.array, dst.array, strict=True):
        if narrow:
            steps = np.rint(linear.clip(0, 1) * np.float32(65535)).astype(np.uint16)
            coded[..., :count] = transfer.light_to_srgb_table()[steps[..., :count]]
            coded[..., count:] = (steps[..., count:].astype(np.uint32) + 128) // 257
        else:
            values = linear.copy()
            values[..., :count] = transfer.light_to_srgb(values[..., :count])
            values *= peak
            coded[...] = values if peak == 1 else np.rint(values.clip(0, peak))
