"""Tones: given values, histograms of what is visible, and their ends. Heavy imports stay inside functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from imgpar.core.errors import bad_value
from imgpar.core.parsing import VALUE, accepts
from imgpar.core.spec import Frame
from imgpar.pixels.arrays import PEAK, bands, colour_channels

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

WHITE = 255.0
"""Tones are given as for 8 bits, whatever the depth of the picture."""


@accepts("float | str")
def parse_tone(value: object) -> float:
    """A tone or a difference of tones from 0 to 255 (white), for pictures of any depth; `4%` is percent of
    white.

    >>> parse_tone("51"), parse_tone("20%"), parse_tone(12.5)
    (51.0, 51.0, 12.5)
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", str(value).strip())
    tone = float(match[1]) if match else -1.0
    tone = tone * WHITE / 100 if match and match[2] else tone
    if isinstance(value, bool) or not 0 <= tone <= WHITE:
        raise bad_value(VALUE, "a tone from 0 to 255, or in percent of white such as 4%,", value)
    return tone


def luma(frame: Frame) -> Array:
    """Luma (BT.601) of every pixel.

    Args:
        frame: H×W×C of any layout that is not planar.

    Returns:
        H×W of the same depth; a view of a grey frame, otherwise new.
    """
    import cv2

    if frame.spec.grey:
        return frame.array[..., 0]
    return cv2.cvtColor(frame.array, cv2.COLOR_RGB2GRAY if frame.spec.channels == 3 else cv2.COLOR_RGBA2GRAY)


def exact_luma(frame: Frame) -> Array:
    """Luma (BT.601) of every pixel, without rounding to the depth of the frame.

    Args:
        frame: H×W×C of any layout that is not planar.

    Returns:
        H×W float32 of which 1 is white, new.
    """
    import cv2
    import numpy as np

    made = np.empty(frame.spec.shape[:2], np.float32)
    scale, count = np.float32(1 / PEAK[frame.spec.dtype]), colour_channels(frame.spec)
    for rows in bands(frame.spec.height):
        colours = frame.array[rows, :, :count].astype(np.float32) * scale
        made[rows] = colours[..., 0] if count == 1 else cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    return made


def visible_pixels(frame: Frame) -> Array | None:
    """H×W bool, whether a pixel is not fully transparent; None where none is."""
    if not frame.spec.alpha:
        return None
    mask: Array = frame.array[..., -1] > 0
    return None if bool(mask.all()) else mask


def histogram(values: Array, mask: Array | None = None) -> Array:
    """How often each tone occurs: 256 counts for uint8, 65,536 for uint16 and for floats from 0 to 1, whose
    ends count what lies outside.

    Args:
        values: H×W.
        mask: H×W bool, which of them count; None is all.
    """
    import numpy as np

    if values.dtype == np.float32:
        values = np.rint(np.clip(values, 0, 1) * np.float32(65535)).astype(np.uint16)
    chosen = values.ravel() if mask is None else values[mask]
    size = 256 if values.dtype == np.uint8 else 65536
    return np.bincount(chosen, minlength=size)


class Ends(NamedTuple):
    """The darkest and the brightest tone, 0 to 1."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        """The factor that stretches them to black and white."""
        return 1 / (self.high - self.low)


def ends(counts: Array, share: float) -> Ends | None:
    """The tones that are left after the darkest and the brightest pixels have been cut off.

    Args:
        counts: a histogram.
        share: of all pixels, cut off at each end, 0 to 0.5.

    Returns:
        None where a single tone is left, or nothing.
    """
    import numpy as np

    cut = int(counts.sum() * share + 1e-9)
    low = int(np.argmax(np.cumsum(counts) > cut))
    high = len(counts) - 1 - int(np.argmax(np.cumsum(counts[::-1]) > cut))
    last = len(counts) - 1
    return Ends(low / last, high / last) if low < high and counts.any() else None


def channel_histograms(frame: Frame) -> list[Array]:
    """The histogram of each colour channel, of pixels that are not fully transparent."""
    mask = visible_pixels(frame)
    return [histogram(frame.array[..., channel], mask) for channel in range(colour_channels(frame.spec))]


def extremes(frame: Frame) -> Ends | None:
    """The least and the greatest value of all colour channels, of pixels that are not fully transparent.
    Floats may lie outside of 0 to 1. None where they are equal."""
    mask = visible_pixels(frame)
    colours = frame.array[..., : colour_channels(frame.spec)]
    colours = colours if mask is None else colours[mask]
    if not colours.size:
        return None
    peak = PEAK[frame.spec.dtype]
    low, high = float(colours.min()) / peak, float(colours.max()) / peak
    return Ends(low, high) if low < high else None
