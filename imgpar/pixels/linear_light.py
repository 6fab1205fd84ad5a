"""Processing in linear light: decode the sRGB transfer function, process, encode.

Between the passes of a filter, light may be below black or above white: if it were clipped there, it would
be missing in the next pass. Floats have room for that, and so have 16-bit steps here, as black and white lie
within their range. A step is 1/43690 of white; the darkest codes of 8 bits are 13 steps apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Frame, Spec
from imgpar.pixels.arrays import PEAK, bands, colour_channels, flat, seal
from imgpar.pixels.resampling import LANCZOS, Box, resample

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BLACK, _WHITE = 10_922, 54_612
"""Steps of black and white: a quarter of the range between them is left on either side."""
_SUPPORT = 3
"""Half of the widest kernel in pixels of the smaller of both pictures: Lanczos 3."""
_BAND_ROWS, _BAND_VALUES = 64, 1 << 20
"""Least rows of the result in a band, as the source rows of neighbouring bands overlap by six pixels of the
result; and values of source and result together, so that a band stays in the cache."""


def in_linear_light(src: Frame, dst: Frame, work: Callable[[Frame, Frame], None]) -> None:
    """Call `work` with linear versions of both frames, float32, and encode its result into `dst`. Alpha is
    unchanged."""
    import numpy as np

    light, result = (spec.converted(spec.layout, "float32") for spec in (src.spec, dst.spec))
    source, target = (Frame(spec, np.empty(spec.shape, np.float32)) for spec in (light, result))
    for rows in bands(src.spec.height):
        source.array[rows] = _decoded(src.array[rows], src.spec)
    work(source, target)
    for rows in bands(dst.spec.height):
        _encode(target.array[rows], dst.array[rows], dst.spec)


def resample_light(src: Frame, dst: Frame, box: Box | None = None, kernel: str = LANCZOS) -> None:
    """Scale `src` or a box of it to the size of `dst` in linear light; alpha as `resample` does.

    8 bits without alpha are resampled in 16-bit steps of light, anything else as float32. It works on bands
    of rows, and gives what the whole would give.

    Args:
        src: H×W×C, encoded with the transfer function of sRGB.
        dst: of the same layout and depth, filled; its array may be a part of a larger one.
        box: part of `src` in pixels; None is the whole.
        kernel: one of `resampling.KERNELS`, but not nearest.
    """
    import numpy as np

    whole = (0.0, 0.0, float(src.spec.width), float(src.spec.height))
    if src.spec.size == dst.spec.size and box in (None, whole):
        return resample(src, dst, box, kernel)
    steps = src.spec.dtype == "uint8" and not src.spec.alpha
    dtype = "uint16" if steps else "float32"
    for rows, top, bottom, part in _parts(src.spec, dst.spec, box or whole):
        coded = src.array[top:bottom]
        light = _looked_up(coded, _to_steps()) if steps else _decoded(coded, src.spec)
        source = Spec(src.spec.width, bottom - top, src.spec.layout, dtype)
        result = Spec(dst.spec.width, rows.stop - rows.start, dst.spec.layout, dtype)
        scaled = Frame(result, np.empty(result.shape, dtype))
        resample(Frame(source, light), scaled, part, kernel)
        if steps:
            dst.array[rows] = _looked_up(scaled.array, _from_steps())
        else:
            _encode(scaled.array, dst.array[rows], dst.spec)
    return seal(dst)


def _parts(src: Spec, dst: Spec, box: Box) -> Iterator[tuple[slice, int, int, Box]]:
    """Bands of a resize: rows of the result, first and last row of the source that they need, and the box in
    these rows."""
    left, top, right, bottom = box
    scale = (bottom - top) / dst.height
    reach = _SUPPORT * max(scale, 1.0) + 1
    row_values = (src.width * scale + dst.width) * src.channels
    count = max(_BAND_ROWS, int(_BAND_VALUES / row_values))
    for start in range(0, dst.height, count):
        rows = slice(start, min(start + count, dst.height))
        above, below = top + rows.start * scale, top + rows.stop * scale
        first, last = max(0, floor(above - reach)), min(src.height, ceil(below + reach))
        yield rows, first, last, (left, above - first, right, below - first)


def _decoded(coded: Array, spec: Spec) -> Array:
    """Light of encoded values, as a new array of float32; alpha and padding from 0 to 1."""
    import numpy as np

    from imgpar.pixels.colour import transfer

    count, peak = colour_channels(spec), np.float32(PEAK[spec.dtype])
    if spec.dtype == "uint8":
        light = _looked_up(coded, transfer.srgb_to_light_table())
    elif spec.dtype == "uint16":
        light = _looked_up(coded, _deep_to_light())
    else:
        light = np.empty(coded.shape, np.float32)
        light[..., :count] = transfer.srgb_to_light(coded[..., :count])
    if spec.channels > count:
        np.divide(coded[..., count:], peak, out=light[..., count:])
    return light


def _encode(light: Array, coded: Array, spec: Spec) -> None:
    """Encode light into `coded`; integers are rounded and clipped, floats are not."""
    import numpy as np

    from imgpar.pixels.colour import transfer

    count, peak = colour_channels(spec), np.float32(PEAK[spec.dtype])
    if spec.dtype == "uint8":
        steps = np.rint(light.clip(0, 1) * np.float32(65535)).astype(np.uint16)
        coded[...] = _looked_up(steps, transfer.light_to_srgb_table())
        if spec.channels > count:
            coded[..., count:] = (steps[..., count:].astype(np.uint32) + 128) // 257
        return
    values = light.copy()
    values[..., :count] = transfer.light_to_srgb(values[..., :count])
    values *= peak
    coded[...] = values if peak == 1 else np.rint(values.clip(0, peak))


def _looked_up(array: Array, table: Array) -> Array:
    """The entry of a table for each value; a new array."""
    import cv2
    import numpy as np

    try:
        return cv2.LUT(flat(array), table).reshape(array.shape)
    except cv2.error:  # 16-bit values before OpenCV 5
        return np.take(table, array, mode="clip")


@cache
def _to_steps() -> Array:
    """Step of light of every 8-bit sRGB code."""
    import numpy as np

    from imgpar.pixels.colour import transfer

    light = transfer.srgb_to_light(np.arange(256) / 255)
    steps: Array = np.rint(_BLACK + light * (_WHITE - _BLACK)).astype(np.uint16)
    return steps


@cache
def _from_steps() -> Array:
    """8-bit sRGB code of every step of light."""
    import numpy as np

    from imgpar.pixels.colour import transfer

    light = (np.arange(65536) - _BLACK) / (_WHITE - _BLACK)
    codes: Array = np.rint(transfer.light_to_srgb(light.clip(0, 1)) * 255).astype(np.uint8)
    return codes


@cache
def _deep_to_light() -> Array:
    """Light of every 16-bit sRGB code, as float32."""
    import numpy as np

    from imgpar.pixels.colour import transfer

    light: Array = transfer.srgb_to_light(np.arange(65536) / 65535).astype(np.float32)
    return light
