"""Transfer functions: encoded values ("codes") to light and back, on arrays of floats.

Functions of a pair are inverse to each other. Light is relative (1 is white), except that of PQ. Results are
new arrays of the shape and float dtype of the argument, and are not clipped.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SRGB_POWER, SRGB_SCALE, SRGB_OFFSET, SRGB_SLOPE = 2.4, 1.055, 0.055, 12.92
"""Exponent, scale and offset of the power segment, and slope of the linear one (IEC 61966-2-1)."""
SRGB_CODE_LIMIT, _SRGB_LIGHT_LIMIT = 0.04045, 0.0031308
"""Ends of the linear segment."""
PQ_PEAK = 10000.0
"""Luminance in cd/m² of the PQ code 1."""

_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073


def srgb_to_light(codes: Array) -> Array:
    """Decode sRGB (IEC 61966-2-1); negative values follow the linear segment.

    >>> srgb_to_light(np.array([0.0, 0.04045, 1.0])).round(7).tolist()
    [0.0, 0.0031308, 1.0]
    """
    bright = ((np.maximum(codes, 0) + SRGB_OFFSET) / SRGB_SCALE) ** SRGB_POWER
    result: Array = np.where(codes <= SRGB_CODE_LIMIT, codes / SRGB_SLOPE, bright)
    return result


def light_to_srgb(light: Array) -> Array:
    """Encode sRGB (IEC 61966-2-1); negative values follow the linear segment."""
    bright = SRGB_SCALE * np.maximum(light, 0) ** (1 / SRGB_POWER) - SRGB_OFFSET
    result: Array = np.where(light <= _SRGB_LIGHT_LIMIT, light * SRGB_SLOPE, bright)
    return result


@cache
def srgb_to_light_table() -> Array:
    """Light of every 8-bit sRGB code: 256 values of float32, not to be modified."""
    table: Array = srgb_to_light(np.arange(256) / 255).astype(np.float32)
    table.flags.writeable = False
    return table


@cache
def light_to_srgb_table() -> Array:
    """8-bit sRGB code of every 16-bit step of light: 65,536 values of uint8, not to be modified."""
    table: Array = np.rint(light_to_srgb(np.arange(65536) / 65535) * 255).astype(np.uint8)
    table.flags.writeable = False
    return table


def gamma_to_light(codes: Array, gamma: float) -> Array:
    """Decode a pure power function; codes are at least 0."""
    result: Array = codes**gamma
    return result


def pq_to_light(codes: Array) -> Array:
    """Decode PQ (SMPTE ST 2084): luminance in cd/m², up to `PQ_PEAK`.

    >>> round(float(pq_to_light(np.array(0.5807))))
    203
    """
    power = codes ** (1 / _PQ_M2)
    light = (np.maximum(power - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * power)) ** (1 / _PQ_M1)
    result: Array = PQ_PEAK * light
    return result


def light_to_pq(light: Array) -> Array:
    """Encode luminance in cd/m² with PQ (SMPTE ST 2084); negative luminance is taken as 0."""
    power = (light / PQ_PEAK).clip(0) ** _PQ_M1
    result: Array = ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2
    return result


def hlg_to_scene(codes: Array) -> Array:
    """Decode HLG (ARIB STD-B67, ITU-R BT.2100): scene light from 0 to 1, of each channel by itself.

    >>> hlg_to_scene(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.0833, 1.0]
    """
    bright = (np.exp((codes - _HLG_C) / _HLG_A) + _HLG_B) / 12
    result: Array = np.where(codes <= 0.5, codes**2 / 3, bright)
    return result


def scene_to_hlg(scene: Array) -> Array:
    """Encode scene light from 0 to 1 with HLG (ARIB STD-B67, ITU-R BT.2100)."""
    bright = _HLG_A * np.log(np.maximum(12 * scene - _HLG_B, 1e-9)) + _HLG_C
    result: Array = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    return result
