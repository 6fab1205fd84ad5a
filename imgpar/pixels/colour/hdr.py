"""HDR (PQ, HLG) to SDR.

    code ─► luminance in cd/m² (BT.2100) ─► highlight roll-off (BT.2390) ─► sRGB or P3

White is 203 cd/m² (BT.2408). Up to 43 % of that, luminance is kept; from there to 1000 cd/m² it is compressed
along the curve of BT.2390, on the largest of the three channels, so that hues are kept. HLG is rendered for a
display of 1000 cd/m².
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgpar.core.spec import Frame
from imgpar.pixels.colour import matrix_profiles, profiles
from imgpar.pixels.colour.cicp import PRIMARIES
from imgpar.pixels.colour.transfer import hlg_to_scene, light_to_pq, pq_to_light, scene_to_hlg
from imgpar.pixels.layouts import BAND, PEAK

Array = np.ndarray[Any, Any]

WHITE = 203.0
"""SDR white in cd/m²."""
BRIGHTEST = 1000.0
"""Luminance in cd/m² that becomes white; more is clipped."""
_PQ = 16
_LUMA = np.array([0.2627, 0.6780, 0.0593])


def to_sdr(frames: Sequence[Frame], cicp: tuple[int, ...], target: bytes) -> list[Frame]:
    """Convert frames to SDR.

    Args:
        frames: H×W×C, not modified.
        cicp: primaries and transfer characteristics.
        target: one of imgpar's own profiles.

    Returns:
        New frames of the same layout and depth.
    """
    source = matrix_profiles.parse_profile(profiles.rgb_profile("Light", PRIMARIES[cicp[0]], gamma=1.0))
    space = matrix_profiles.parse_profile(target)
    assert source is not None
    assert space is not None
    matrix = matrix_profiles.conversion_matrix(source, space)
    return [_shown(frame, cicp[1], matrix, space) for frame in frames]


def _shown(frame: Frame, transfer: int, matrix: Array, space: matrix_profiles.ColourSpace) -> Frame:
    spec, result = frame.spec, Frame(frame.spec, frame.array.copy())
    count = 1 if spec.grey else 3
    rows = max(BAND // max(spec.width, 1), 1)
    for top in range(0, spec.height, rows):
        band = result.array[top : top + rows, :, :count]
        codes = (band / PEAK[spec.dtype]).clip(0, 1).repeat(3 // count, axis=-1)
        light = (pq_to_light(codes) if transfer == _PQ else hlg_light(codes)) / WHITE
        values = space.from_linear(rolled_off(light) @ matrix.T)[..., :count] * PEAK[spec.dtype]
        np.copyto(band, values if spec.dtype == "float32" else np.rint(values), casting="unsafe")
    return result


def hlg_light(codes: Array) -> Array:
    """Luminance of HLG values (BT.2100) in cd/m² on a display of 1000 cd/m², channels last.

    >>> [round(float(value)) for value in hlg_light(np.full(3, 0.75))]
    [203, 203, 203]
    """
    scene = hlg_to_scene(codes)
    luma = scene @ _LUMA
    result: Array = BRIGHTEST * scene * (luma**0.2)[..., None]
    return result


def from_srgb(values: Array, cicp: tuple[int, ...]) -> Array:
    """Convert sRGB values, channels last, to HDR values with these code points; white is `WHITE`.

    >>> from_srgb(np.ones(3), (9, 16)).round(2).tolist()
    [0.58, 0.58, 0.58]
    >>> from_srgb(np.ones(3), (9, 18)).round(2).tolist()
    [0.75, 0.75, 0.75]
    """
    srgb = matrix_profiles.parse_profile(profiles.srgb())
    target = matrix_profiles.parse_profile(profiles.rgb_profile("Light", PRIMARIES[cicp[0]], gamma=1.0))
    assert srgb is not None
    assert target is not None
    linear = srgb.to_linear(values) @ matrix_profiles.conversion_matrix(srgb, target).T
    light: Array = linear.clip(0) * WHITE
    return light_to_pq(light) if cicp[1] == _PQ else _hlg_code(light)


def _hlg_code(light: Array) -> Array:
    """Inverse of `hlg_light`."""
    shown = light / BRIGHTEST
    luma = (shown @ _LUMA)[..., None] ** (0.2 / 1.2)
    scene = np.divide(shown, luma, out=np.zeros_like(shown), where=luma > 0)
    return scene_to_hlg(scene).clip(0, 1)


def rolled_off(light: Array) -> Array:
    """Compress luminance relative to white to at most white; hues are kept."""
    largest = light.max(axis=-1, keepdims=True)
    result: Array = light * np.divide(_curve(largest), largest, out=np.zeros_like(largest), where=largest > 0)
    return result


def _curve(light: Array) -> Array:
    """The curve of BT.2390: linear up to a knee, then a Hermite spline, on PQ values."""
    ceiling = float(light_to_pq(np.array(BRIGHTEST)))
    highest = float(light_to_pq(np.array(WHITE))) / ceiling
    knee = 1.5 * highest - 0.5
    values = np.minimum(light_to_pq(light * WHITE) / ceiling, 1)
    t = (values - knee) / (1 - knee)
    start, slope, end = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, 3 * t**2 - 2 * t**3
    spline = start * knee + slope * (1 - knee) + end * highest
    result: Array = np.where(values <= knee, light, pq_to_light(spline.clip(0, 1) * ceiling) / WHITE)
    return result
