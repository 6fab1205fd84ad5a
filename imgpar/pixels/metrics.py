"""How far a picture is from its original: PSNR, SSIM and SSIMULACRA 2.

    reference = Reference("ssim", original)
    reference.score(decoded)              as often as wanted: what depends on the original only is kept

Large pictures are measured on nine square tiles, spread evenly over the picture (`sample`), so a score costs
about the same for 2 and for 100 megapixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from imgpar.pixels.layouts import PEAK

Array = np.ndarray[Any, Any]
Measure = Literal["psnr", "ssim", "ssimulacra2"]
MEASURES: tuple[Measure, ...] = ("psnr", "ssim", "ssimulacra2")

TILE = 480
"""Side of a tile in pixels: enough for the six scales of SSIMULACRA 2, and a multiple of the block
sizes of the encoders, whose blocks stay whole."""
_TILES = 3
"""Tiles across and down."""
_SIGMA = 1.5
"""Of the Gaussian window of SSIM, as in Wang et al. 2004."""
_WINDOW = 11
"""Its width in pixels."""
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def sample(array: Array) -> Array:
    """The part of a picture that is measured.

    >>> sample(np.zeros((4000, 6000, 3), np.uint8)).shape, sample(np.zeros((1200, 1600, 3), np.uint8)).shape
    ((1440, 1440, 3), (1200, 1600, 3))

    Args:
        array: H×W×C or H×W, of any type; not modified.

    Returns:
        The array itself, if it has no more pixels than nine tiles, or is too narrow for them; else a new
        array of 1440×1440 pixels: 3×3 tiles from evenly spread places, at offsets that are multiples of 16.
    """
    height, width = array.shape[:2]
    side = _TILES * TILE
    if height * width <= side * side or min(height, width) < side:
        return array
    rows, columns = (_starts(length) for length in (height, width))
    bands = [
        np.concatenate([array[row : row + TILE, column : column + TILE] for column in columns], axis=1)
        for row in rows
    ]
    return np.concatenate(bands)


def _starts(length: int) -> list[int]:
    room = (length - TILE) // (_TILES - 1)
    return [number * room // 16 * 16 for number in range(_TILES)]


def psnr(original: Array, other: Array) -> float:
    """Peak signal-to-noise ratio over all channels.

    >>> round(psnr(np.full((8, 8, 3), 100, np.uint8), np.full((8, 8, 3), 110, np.uint8)), 2)
    28.13

    Args:
        original: H×W×C or H×W, uint8, uint16 or float32 (0 to 1); not modified.
        other: of the same shape and type; not modified.

    Returns:
        Decibels; infinite for equal arrays.

    Raises:
        ValueError: the arrays have different shapes or types.
    """
    return Reference("psnr", original).score(other)


def ssim(original: Array, other: Array) -> float:
    """Structural similarity (Wang et al. 2004) of the luma, with a Gaussian window of 11 pixels, sigma 1.5.

    The mean is over all windows that lie inside of the picture; in one with a side below 11 pixels, over all
    pixels.

    >>> ssim(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16, 3), np.uint8))
    1.0

    Args:
        original: H×W×C (grey, RGB or RGBX) or H×W, uint8, uint16 or float32 (0 to 1); not modified.
        other: of the same shape and type; not modified.

    Returns:
        −1 to 1; 1 for equal pictures.

    Raises:
        ValueError: the arrays have different shapes or types.
    """
    return Reference("ssim", original).score(other)


def ssimulacra2(original: Array, other: Array) -> float:
    """SSIMULACRA 2.1, a perceptual score of compressed pictures.

    90 is visually lossless, 70 high quality, 50 medium. In a picture with a side below 256 pixels it is less
    reliable: it has fewer than six scales.

    >>> ssimulacra2(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16, 3), np.uint8))
    100.0

    Args:
        original: H×W×C (grey, RGB or RGBX) or H×W in sRGB, uint8, uint16 or float32 (0 to 1); not modified.
        other: of the same shape and type; not modified.

    Returns:
        At most 100, for equal pictures; negative for very bad ones.

    Raises:
        ValueError: the arrays have different shapes or types.
    """
    return Reference("ssimulacra2", original).score(other)


class Reference:
    """An original with which several pictures are compared; what depends on it alone is computed once.

    >>> original = np.zeros((32, 32, 3), np.uint8)
    >>> Reference("psnr", original).score(original)
    inf

    Args:
        measure: one of `MEASURES`.
        original: H×W×C or H×W, uint8, uint16 or float32 (0 to 1). It must not be modified
            as long as this is used.
    """

    def __init__(self, measure: Measure, original: Array) -> None:
        self._shape, self._dtype = original.shape, original.dtype
        self._score = _SCORERS[measure](original)

    def score(self, other: Array) -> float:
        """The score of a picture: see the function of the measure.

        Raises:
            ValueError: it has another shape or type than the original.
        """
        if (other.shape, other.dtype) != (self._shape, self._dtype):
            raise ValueError(f"cannot compare {other.shape} {other.dtype} with {self._shape} {self._dtype}")
        return self._score(other)


def _psnr_of(original: Array) -> Callable[[Array], float]:
    peak = PEAK[original.dtype.name]

    def score(other: Array) -> float:
        difference = original.astype(np.float32) - other
        error = float(np.mean(np.square(difference), dtype=np.float64))
        return 10 * math.log10(peak * peak / error) if error else math.inf

    return score


def _ssim_of(original: Array) -> Callable[[Array], float]:
    one = _luma(original)
    mean1, square1 = _window(one), _window(one * one)
    variance1 = square1 - mean1 * mean1

    def score(other: Array) -> float:
        two = _luma(other)
        mean2 = _window(two)
        variance2 = _window(two * two) - mean2 * mean2
        covariance = _window(one * two) - mean1 * mean2
        # The samples are centred on zero, the formula is not.
        first, second = mean1 + 128, mean2 + 128
        structure = (2 * covariance + _C2) / (variance1 + variance2 + _C2)
        luminance = (2 * first * second + _C1) / (first * first + second * second + _C1)
        return float(np.mean(_inside(structure * luminance), dtype=np.float64))

    return score


def _luma(array: Array) -> Array:
    """The luma (Rec. 601), −128 to 127, H×W float32: centred, so that squares keep more digits."""
    scale = np.float32(255 / PEAK[array.dtype.name])
    if array.ndim == 2 or array.shape[2] < 3:
        grey = array if array.ndim == 2 else array[..., 0]
        return grey * scale - np.float32(128)
    red, green, blue = (array[..., channel] for channel in range(3))
    luma = red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114)
    return luma * scale - np.float32(128)


def _window(plane: Array) -> Array:
    import cv2

    return cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_REFLECT_101)


def _inside(plane: Array) -> Array:
    border = _WINDOW // 2
    return plane[border:-border, border:-border] if min(plane.shape) > 2 * border else plane


def _ssimulacra2_of(original: Array) -> Callable[[Array], float]:
    from imgpar.pixels.ssimulacra2 import scorer

    return scorer(original)


_SCORERS: dict[str, Callable[[Array], Callable[[Array], float]]] = {
    "psnr": _psnr_of,
    "ssim": _ssim_of,
    "ssimulacra2": _ssimulacra2_of,
}
