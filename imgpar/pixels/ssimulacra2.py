"""SSIMULACRA 2.1 (Jon Sneyers, Cloudinary, 2023), from its published definition and weights.

On six scales, each half of the one before, and in the three components of XYB:

error       1 − SSIM, with a term for the luminance that suits dark areas
artefacts   edges of the other picture that the original does not have
detail      edges of the original that the other picture does not have

The mean and the fourth root of the mean of the fourth powers of each are weighted (108 weights, fitted to
opinion scores) and mapped to a score of at most 100.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from imgpar.pixels.layouts import PEAK

Array = np.ndarray[Any, Any]

_SCALES, _LEAST = 6, 8
"""Number of scales; and the least side of one in pixels, below which there are fewer."""
_SIGMA, _RADIUS = 1.5, 5
_C2 = 0.0009
_BIAS = 0.0037930732552754493
_ABSORBANCE = np.array(
    (
        (0.30, 1 - 0.30 - 0.078, 0.078),
        (0.23, 1 - 0.23 - 0.078, 0.078),
        (0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821),
    ),
    np.float32,
)
"""From linear sRGB to the responses of the three kinds of cones."""

# The weights that are not zero: component, scale, norm (0: mean, 1: fourth), kind (error, artefacts, detail).
_WEIGHTS = {
    1: 0.0007376606707406586, 4: 0.0007793481682867309, 7: 0.0004371155730107379, 9: 1.1041726426657346,
    10: 0.00066284834129271, 11: 0.00015231632783718752, 13: 0.0016406437456599754, 15: 1.8422455520539298,
    16: 11.441172603757666, 18: 0.0007989109436015163, 19: 0.000176816438078653, 21: 1.8787594979546387,
    22: 10.94906990605142, 24: 0.0007289346991508072, 25: 0.9677937080626833, 27: 0.00014003424285435884,
    28: 0.9981766977854967, 29: 0.00031949755934435053, 30: 0.0004550992113792063, 33: 0.0013648766163243398,
    39: 7.466890328078848, 41: 17.445833984131262, 42: 0.0006235601634041466, 45: 6.683678146179332,
    46: 0.00037724407979611296, 47: 1.027889937768264, 48: 225.20515300849274, 51: 19.213238186143016,
    52: 0.0011401524586618361, 53: 0.001237755635509985, 54: 176.39317598450694, 57: 24.43300999870476,
    58: 0.28520802612117757, 59: 0.0004485436923833408, 63: 34.77906344483772, 64: 44.835625328877896,
    73: 0.0008680556573291698, 79: 0.0005313191874358747, 81: 0.00016533814161379112,
    87: 0.0004179171803251336, 88: 0.0017290828234722833, 90: 0.0020827005846636437, 93: 8.826982764996862,
    94: 23.19243343998926, 96: 95.1080498811086, 97: 0.9863978034400682, 98: 0.9834382792465353,
    99: 0.0012286405048278493, 100: 171.2667255897307, 101: 0.9807858872435379, 105: 0.0005130064588990679,
    107: 0.00010854057858411537,
}  # fmt: skip
_PER_SCALE = 6
"""Weights of a component for one scale."""
_GAIN = 0.9562382616834844
_CUBIC = (2.326765642916932, -0.020884521182843837, 6.248496625763138e-05)
_POWER = 0.6276336467831387


class _Scale(NamedTuple):
    """The original at one scale, each H×W×3 float32."""

    xyb: Array
    mean: Array
    variance: Array
    edges: Array
    """1 + the difference from the mean."""


def scorer(original: Array) -> Callable[[Array], float]:
    """A function that scores pictures against an original: see `metrics.ssimulacra2`.

    Args:
        original: H×W×C (grey, RGB or RGBX) or H×W in sRGB, uint8, uint16 or float32 (0 to 1); not modified.
    """
    scales = [_scale(xyb) for xyb in _pyramid(original)]

    def score(other: Array) -> float:
        total, found = 0.0, [_compared(one, xyb) for one, xyb in zip(scales, _pyramid(other), strict=True)]
        for component in range(3):
            for number, values in enumerate(found):
                # A small picture has fewer scales and uses, as in the definition, the weights without gaps.
                first = (component * len(found) + number) * _PER_SCALE
                weights = (_WEIGHTS.get(first + at, 0.0) for at in range(_PER_SCALE))
                total += sum(weight * values[at][component] for at, weight in enumerate(weights) if weight)
        return _mapped(total)

    return score


def _mapped(total: float) -> float:
    value = total * _GAIN
    first, second, third = _CUBIC
    value = first * value + second * value**2 + third * value**3
    return float(100 - 10 * value**_POWER) if value > 0 else 100.0


def _scale(xyb: Array) -> _Scale:
    mean = _blurred(xyb)
    return _Scale(xyb, mean, _blurred(xyb * xyb) - mean * mean, 1 + np.abs(xyb - mean))


def _compared(one: _Scale, xyb: Array) -> list[Array]:
    """Means and fourth-power means of the three kinds, per component, in the order of the weights."""
    mean = _blurred(xyb)
    variance = _blurred(xyb * xyb) - mean * mean
    covariance = _blurred(one.xyb * xyb) - one.mean * mean
    luminance = 1 - np.square(one.mean - mean)
    error = 1 - luminance * (2 * covariance + _C2) / (one.variance + variance + _C2)
    np.maximum(error, 0, out=error)
    edges = (1 + np.abs(xyb - mean)) / one.edges - 1
    maps = (error, np.maximum(edges, 0), np.maximum(-edges, 0))
    means = [values.mean((0, 1), dtype=np.float64) for values in maps]
    fourth = [np.square(np.square(values)).mean((0, 1), dtype=np.float64) ** 0.25 for values in maps]
    return [*means, *fourth]


def _pyramid(array: Array) -> Iterator[Array]:
    """The picture in positive XYB, H×W×3 float32, at each scale."""
    linear = _linear(array)
    for number in range(_SCALES):
        if min(linear.shape[:2]) < _LEAST:
            return
        if number:
            linear = _halved(linear)
        yield _positive_xyb(linear)


def _linear(array: Array) -> Array:
    """Linear light, H×W×3 float32."""
    import cv2

    if array.ndim == 2 or array.shape[2] < 3:
        grey = array if array.ndim == 2 else array[..., 0]
        array = cv2.merge([np.ascontiguousarray(grey)] * 3)
    colours = array[..., :3]
    if array.dtype == np.uint8:
        return np.take(_linear_bytes(), colours)
    return _from_srgb(colours * np.float32(1 / PEAK[array.dtype.name]))


@cache
def _linear_bytes() -> Array:
    return _from_srgb(np.arange(256, dtype=np.float32) / 255)


def _from_srgb(values: Array) -> Array:
    curve = ((values + 0.055) / 1.055) ** 2.4
    linear: Array = np.where(values <= 0.04045, values / 12.92, curve).astype(np.float32)
    return linear


def _halved(linear: Array) -> Array:
    """Means of 2×2 pixels; the last row and column of an odd size count twice."""
    import cv2

    height, width = linear.shape[:2]
    even = cv2.copyMakeBorder(linear, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = (even.shape[1] // 2, even.shape[0] // 2)
    return cv2.resize(even, size, interpolation=cv2.INTER_AREA)


def _positive_xyb(linear: Array) -> Array:
    import cv2

    cones = cv2.transform(linear, _ABSORBANCE) + np.float32(_BIAS)
    np.maximum(cones, 0, out=cones)
    cones = np.cbrt(cones) - np.float32(np.cbrt(_BIAS))
    first, second, third = cv2.split(cones)
    luma = (first + second) / 2
    xyb: Array = cv2.merge(((first - second) * 7 + 0.42, luma + 0.01, third - luma + 0.55))
    return xyb


def _blurred(values: Array) -> Array:
    """Blurred with a Gaussian of sigma 1.5; beyond the edges there is zero."""
    import cv2

    kernel = _kernel()
    return cv2.sepFilter2D(values, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)


@cache
def _kernel() -> Array:
    """The Gaussian as a sum of three cosines (Charalampidis 2016), which the definition uses: nine taps."""
    order = np.array((1, 3, 5))
    omega = order * np.pi / (2 * _RADIUS)
    signs = np.array((1, -1, 1))
    sums = signs / np.tan(omega / 2)
    moments = signs * sums**2 / np.sin(omega)
    spectrum = np.exp(-0.5 * _SIGMA**2 * omega**2) / _RADIUS

    def cross(one: int, other: int) -> float:
        return float(sums[one] * moments[other] - moments[one] * sums[other])

    zeta = np.array((cross(1, 2) / cross(0, 1), cross(2, 0) / cross(0, 1), 1.0))
    beta = np.linalg.solve(
        np.array((sums, moments, zeta)), np.array((1.0, _RADIUS**2 - _SIGMA**2, zeta @ spectrum))
    )
    taps = np.arange(1 - _RADIUS, _RADIUS)
    kernel: Array = np.cos(np.outer(taps, omega)) @ beta
    return kernel
