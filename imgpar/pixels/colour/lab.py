"""CIE Lab with the D50 white of profiles, converted to sRGB with arithmetic in any depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpar.pixels.colour import profiles, transfer
from imgpar.pixels.layouts import BAND

Array = np.ndarray[Any, Any]

NOTE = "LAB was converted to sRGB"
_LINEAR_BELOW = 6 / 29


def lab_to_srgb(lightness: Array, a: Array, b: Array, out: Array) -> None:
    """Convert Lab to sRGB.

    Args:
        lightness: H×W, 0 to 100.
        a: H×W, around 0.
        b: H×W, around 0.
        out: H×W×3 of integers, filled; owned by the caller.

    >>> out = np.empty((1, 1, 3), np.uint8)
    >>> lab_to_srgb(np.array([[100.0]]), np.zeros((1, 1)), np.zeros((1, 1)), out)
    >>> out.ravel().tolist()
    [255, 255, 255]
    """
    matrix = np.linalg.inv(profiles.to_d50()).T
    peak, rows = np.iinfo(out.dtype).max, max(BAND // max(out.shape[1], 1), 1)
    for top in range(0, out.shape[0], rows):
        band = slice(top, top + rows)
        y = (lightness[band] + 16) / 116
        cube = np.stack([y + a[band] / 500, y, y - b[band] / 200], axis=-1)
        linear = 3 * _LINEAR_BELOW**2 * (cube - 4 / 29)
        light = (np.where(cube > _LINEAR_BELOW, cube**3, linear) * profiles.D50) @ matrix
        shown = transfer.light_to_srgb(light.clip(0, 1))
        np.copyto(out[band], np.rint(shown * peak), casting="unsafe")
