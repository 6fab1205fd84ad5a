"""Matrix/TRC and grey profiles as arithmetic, for depths that LittleCMS in Pillow does not support.

    values ─► tone curve ─► linear ─► matrix (XYZ, D50) ─► matrix of the target ─► inverse curve ─► values

Table-based profiles are left to LittleCMS.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.transfer import gamma_to_light

Array = np.ndarray[Any, Any]

STEP = 0.004
"""Invisible difference: less than one step of 8 bits."""
_STEPS = 4096
"""Sample points of a tone curve, interpolated linearly."""
_GRID = np.linspace(0, 1, _STEPS + 1)


@dataclass(frozen=True)
class ColourSpace:
    """Tone curves and matrix of a profile. `curves` has one row per channel: linear values at even steps from
    0 to 1."""

    curves: Array
    matrix: Array
    """3 × 3, from linear values to XYZ; for grey one unused column."""

    @property
    def grey(self) -> bool:
        """Whether it is a grey profile."""
        return len(self.curves) == 1

    def to_linear(self, values: Array) -> Array:
        """Decode values from 0 to 1, channels last, to linear light."""
        result = np.empty(values.shape, np.float64)
        for channel, curve in enumerate(self.curves):
            result[..., channel] = np.interp(values[..., channel], _GRID, curve)
        return result

    def from_linear(self, light: Array) -> Array:
        """Encode linear light; values outside of 0 to 1 are clipped."""
        result = np.empty(light.shape, np.float64)
        for channel, curve in enumerate(self.curves):
            result[..., channel] = np.interp(light[..., channel], curve, _GRID)
        return result


def conversion_matrix(source: ColourSpace, target: ColourSpace) -> Array:
    """The matrix from linear values of one space to those of the other."""
    result: Array = np.linalg.solve(target.matrix, source.matrix)
    return result


def alike(one: ColourSpace, other: ColourSpace) -> bool:
    """Whether all differences are below one step of 8 bits."""
    if one.grey != other.grey or np.abs(one.curves - other.curves).max() > STEP:
        return False
    return one.grey or bool(np.abs(conversion_matrix(one, other) - np.eye(3)).max() < STEP)


def has_curve_of_srgb(icc: bytes) -> bool:
    """Whether the tone curves equal that of sRGB, within one step of 8 bits."""
    one, other = parse_profile(icc), parse_profile(profiles.srgb())
    return one is not None and other is not None and bool(np.abs(one.curves - other.curves).max() < STEP)


@lru_cache(maxsize=16)
def parse_profile(icc: bytes) -> ColourSpace | None:
    """Tone curves and matrix of a profile; None where it has none, or is damaged."""
    try:
        tags = _tags(icc)
        if icc[16:20] == b"GRAY":
            return ColourSpace(_curve(tags[b"kTRC"])[None], np.ones((3, 1)))
        if icc[16:20] != b"RGB " or b"A2B0" in tags:
            return None
        curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
        columns = [_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except (KeyError, struct.error, ValueError, IndexError):
        return None
    matrix = np.stack(columns, axis=1)
    rising = bool((np.diff(curves, axis=1) >= 0).all())
    return ColourSpace(curves, matrix) if rising and abs(np.linalg.det(matrix)) > 1e-6 else None


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    found = {}
    for number in range(min(count, 100)):
        name, at, length = struct.unpack_from(">4sII", icc, 132 + 12 * number)
        found[name] = icc[at : at + length]
    return found


def _fixed(data: bytes, at: int, count: int) -> Array:
    return np.array(struct.unpack_from(f">{count}i", data, at)) / 65536


def _curve(data: bytes) -> Array:
    """Linear values at even steps: from a table, a gamma, or a parametric curve of the ICC."""
    if data[:4] == b"para":
        return _formula(struct.unpack_from(">H", data, 8)[0], data)
    if data[:4] != b"curv":
        raise ValueError("not a curve")
    (count,) = struct.unpack_from(">I", data, 8)
    if count == 0:
        return _GRID
    points = np.array(struct.unpack_from(f">{count}H", data, 12))
    if count == 1:
        return gamma_to_light(_GRID, points[0] / 256)
    return np.interp(_GRID, np.linspace(0, 1, count), points / 65535)


def _formula(kind: int, data: bytes) -> Array:
    """Parametric curves 0 to 4: a power, with offsets, with a linear segment."""
    values = _fixed(data, 12, (1, 3, 4, 5, 7)[kind])
    gamma, a, b, c, d, e, f = np.append(values, [1.0, 0, 0, 0, 0, 0, 0][len(values) :])
    if kind == 0:
        return gamma_to_light(_GRID, gamma)
    power = np.maximum(a * _GRID + b, 0) ** gamma
    if kind in (1, 2):
        offset = c if kind == 2 else 0.0
        return np.asarray(np.where(-b / a <= _GRID, power + offset, offset)).clip(0, 1)
    return np.asarray(np.where(d <= _GRID, power + e, c * _GRID + f)).clip(0, 1)
