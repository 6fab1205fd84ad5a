"""Array helpers shared by operations: fill, paste, premultiply. Heavy imports stay inside functions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imgpar.core.spec import Colour, Frame, Layout, Spec

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

PEAK: dict[str, float] = {"uint8": 255, "uint16": 65_535, "float32": 1.0}
"""Value of white and of opaque alpha for each depth."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma: ITU-R BT.601, as in Pillow and OpenCV."""

_LAST_BYTE = int.from_bytes(b"\0\0\0\xff", sys.byteorder)
_BAND = 128
"""Rows per band: temporaries stay in the cache and never take four times the memory of a picture."""


def colour_channels(spec: Spec) -> int:
    """Number of colour channels: 1 for grey, 3 otherwise."""
    return 1 if spec.grey else 3


def layout_with(spec: Spec, colour: Colour | None) -> Layout:
    """The layout with the fewest additional channels that can hold the picture and `colour`.

    >>> layout_with(Spec(1, 1, "L"), (255, 0, 0, 255)), layout_with(Spec(1, 1, "RGB"), (0, 0, 0, 0))
    ('RGB', 'RGBA')
    """
    if colour is None:
        return spec.layout
    red, green, blue, alpha = colour
    grey = spec.grey and red == green == blue
    if spec.alpha or alpha < 255:
        return "LA" if grey else "RGBA"
    return spec.layout if grey == spec.grey else "RGB"


def pixel(spec: Spec, colour: Colour | None) -> list[float]:
    """The channel values of `colour`; None is transparent where `spec` has alpha, otherwise white."""
    import numpy as np

    if colour is None:
        colour = (255, 255, 255, 0 if spec.alpha else 255)
    rgb = np.array(colour[:3], np.float64) / 255
    values = [float(rgb @ LUMA)] if spec.grey else [float(v) for v in rgb]
    if spec.alpha:
        values.append(colour[3] / 255)
    if spec.layout == "RGBX":
        values.append(1.0)
    peak = PEAK[spec.dtype]
    return [v * peak if spec.dtype == "float32" else round(v * peak) for v in values]


def fill(frame: Frame, colour: Colour | None) -> None:
    """Fill a frame with one colour."""
    # Filling rows is ten times as fast as filling pixels.
    frame.array[0] = pixel(frame.spec, colour)
    frame.array[1:] = frame.array[0]


def seal(frame: Frame) -> None:
    """Set the padding of RGBX to opaque, so that the frame can be read as RGBA."""
    if frame.spec.layout != "RGBX":
        return
    if frame.spec.dtype == "uint8" and frame.array.flags.c_contiguous:
        _seal_bytes(frame.array)
    else:
        frame.array[..., 3] = PEAK[frame.spec.dtype]


def _seal_bytes(array: Array) -> None:
    """Whole pixels instead of every fourth byte: a quarter of the time."""
    import numpy as np

    pixels = array.view(np.uint32)
    np.bitwise_or(pixels, _LAST_BYTE, out=pixels)


def opaque(frame: Frame) -> bool:
    """Whether all pixels are fully opaque."""
    return not frame.spec.alpha or bool(frame.array[..., -1].min() >= PEAK[frame.spec.dtype])


def keep_rest(src: Frame, dst: Frame) -> None:
    """Copy alpha; set padding to opaque."""
    if src.spec.alpha:
        dst.array[..., -1] = src.array[..., -1]
    seal(dst)


def paste(src: Frame, dst: Frame, x: int = 0, y: int = 0) -> None:
    """Copy a frame into a larger one.

    Args:
        src: H×W×C.
        dst: of the same depth, modified in place; its layout may add colour or alpha.
        x: left edge in `dst`, in pixels.
        y: top edge in `dst`, in pixels.
    """
    import numpy as np

    part = dst.array[y : y + src.spec.height, x : x + src.spec.width]
    if src.spec.layout == dst.spec.layout:
        np.copyto(part, src.array)
    else:
        count = colour_channels(dst.spec)
        part[..., :count] = src.array[..., : colour_channels(src.spec)]
        if dst.spec.alpha:
            part[..., -1] = src.array[..., -1] if src.spec.alpha else PEAK[dst.spec.dtype]
    seal(dst)


def flat(array: Array) -> Array:
    """A view without the axis of a single channel, as OpenCV and Pillow expect grey."""
    return array[..., 0] if array.shape[2] == 1 else array


def land(result: Array, dst: Array) -> None:
    """Copy `result` to `dst` if a function with `dst=` has allocated its own array, as OpenCV may."""
    if result.ctypes.data != dst.ctypes.data:
        dst.reshape(result.shape)[...] = result


def bands(height: int) -> Iterator[slice]:
    """Slices of rows that cover the whole height."""
    return (slice(top, min(top + _BAND, height)) for top in range(0, height, _BAND))


def premultiplied(frame: Frame) -> tuple[Array, float]:
    """Premultiply colours by alpha.

    Returns:
        A new array with headroom above white and finer steps, and its value of white. Filters overshoot at
        edges; if that were clipped, alpha would not match the colours. Without alpha, the array itself.
    """
    import numpy as np

    if not frame.spec.alpha:
        return frame.array, PEAK[frame.spec.dtype]
    eight = frame.spec.dtype == "uint8"
    white = 128.0 * 255 if eight else PEAK[frame.spec.dtype]
    result = np.empty(frame.array.shape, np.uint16 if eight else np.float32)
    for rows in bands(frame.spec.height):
        pixels = frame.array[rows].astype(np.float32)
        pixels[..., :-1] *= pixels[..., -1:] * np.float32(1 / PEAK[frame.spec.dtype])
        result[rows] = np.rint(pixels * np.float32(128)) if eight else pixels
    return result, white


def unpremultiply(array: Array, white: float, dst: Frame) -> None:
    """Divide the colours by alpha, into `dst`; fully transparent pixels become black.

    Args:
        array: from `premultiplied`.
        white: its value of white.
        dst: frame to fill; owned by the caller.
    """
    import numpy as np

    peak = PEAK[dst.spec.dtype]
    for rows in bands(dst.spec.height):
        pixels = array[rows].astype(np.float32)
        alpha = pixels[..., -1:]
        inverse = np.divide(np.float32(peak), alpha, out=np.zeros_like(alpha), where=alpha > 0)
        pixels[..., :-1] *= inverse
        np.clip(alpha * np.float32(peak / white), 0, peak, out=alpha)
        store_values(pixels, dst.array[rows])


def store_values(values: Array, dst: Array) -> None:
    """Store float values in an array of any depth: integers are rounded and clipped, floats unchanged."""
    import numpy as np

    if dst.dtype == np.float32:
        np.copyto(dst, values)
    else:
        np.clip(np.rint(values), 0, PEAK[dst.dtype.name], out=dst, casting="unsafe")
