"""bilevel: black and white without greys, for scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import PEAK
from imgpar.pixels.tones import WHITE, exact_luma, histogram, parse_tone, visible_pixels

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

WORDS = ("auto", "adaptive")
_WINDOW = 8
"""The window of `adaptive` is this part of the shorter side."""
_DARKER = 0.85
"""Of the local mean: darker pixels are black. Paper stays white in spite of noise."""


@parsing.accepts('float | str | Literal["auto", "adaptive"]')
def parse_limit(value: object) -> str | float:
    """`auto`, `adaptive`, or a tone from 0 to 255 or in percent.

    >>> parse_limit("auto"), parse_limit("50%")
    ('auto', 127.5)
    """
    if isinstance(value, str) and value.strip().lower() in WORDS:
        return value.strip().lower()
    try:
        return parse_tone(value)
    except BadValueError:
        wanted = "auto, adaptive, or a tone from 0 to 255 or in percent"
        raise bad_value(parsing.VALUE, wanted, value, WORDS) from None


@dataclass(frozen=True)
class Bilevel(Operation):
    """Turn luma (BT.601) into black or white; the result has one channel, and alpha if the picture had it.

    A pixel is white if its luma is at least the given tone. `auto` finds the tone that separates two groups
    best (Otsu's method). `adaptive` compares with the mean around each pixel (a window of 1/8 of the shorter
    side; black is less than 85 % of it), for scans and photos of paper in uneven light. Fully transparent
    pixels do not count. PNG, TIFF and BMP are written with 1 bit (TIFF as CCITT group 4). Clips and
    animations: on RGB, each frame by itself.

    >>> Bilevel("auto").plan(Spec(4, 3, "RGBA")).layout
    'LA'
    """

    name: ClassVar[str] = "bilevel"
    summary: ClassVar[str] = (
        "black and white without greys, for scans: auto, adaptive, or the tone from which on is white"
    )

    few_colours: ClassVar[bool] = True

    limit: str | float = option(
        parse_limit,
        "auto, adaptive, or a tone (0 to 255, or percent)",
        metavar="auto|adaptive|TONE",
        example="auto",
    )

    def plan(self, spec: Spec) -> Spec:
        return spec.converted("LA" if spec.alpha else "L")

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        values, mask = exact_luma(src), visible_pixels(src)
        if self.limit == "adaptive":
            _adaptive(values, mask, dst)
        else:
            limit = otsu(histogram(values, mask)) if self.limit == "auto" else float(self.limit) / WHITE
            # Half a step of 16 bits below: decimals are not exact.
            dst.array[..., 0] = np.where(values >= limit - 0.5 / 65535, PEAK[src.spec.dtype], 0)
        if dst.spec.alpha:
            dst.array[..., 1] = src.array[..., -1]


def otsu(counts: Array) -> float:
    """The least tone of the brighter group, 0 to 1, where the variance between two groups is greatest.

    Args:
        counts: a histogram.
    """
    import numpy as np

    tones = np.arange(len(counts), dtype=np.float64)
    below = np.cumsum(counts, dtype=np.float64)
    sums = np.cumsum(counts * tones)
    above, whole = below[-1] - below, sums[-1]
    valid = (below > 0) & (above > 0)
    if not valid.any():
        return 0.5
    means = sums / np.maximum(below, 1) - (whole - sums) / np.maximum(above, 1)
    between = np.where(valid, below * above * means**2, 0)
    return float(np.argmax(between) + 1) / (len(counts) - 1)


def _adaptive(values: Array, mask: Array | None, dst: Frame) -> None:
    """Compare with the mean of what is visible around each pixel."""
    import cv2
    import numpy as np

    size = max(3, min(values.shape) // _WINDOW | 1)
    counted = np.ones(values.shape, np.float32) if mask is None else mask.astype(np.float32)
    seen = values * counted
    border = cv2.BORDER_REPLICATE
    total = cv2.boxFilter(seen, cv2.CV_32F, (size, size), normalize=False, borderType=border)
    number = cv2.boxFilter(counted, cv2.CV_32F, (size, size), normalize=False, borderType=border)
    white = values * number >= total * np.float32(_DARKER)
    dst.array[..., 0] = np.where(white, PEAK[dst.spec.dtype], 0)
