"""Linear light to sRGB: OpenEXR and Radiance files are linear, without an upper limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpar.pixels.colour.transfer import light_to_srgb

Array = np.ndarray[Any, Any]

NOTE = "linear light was given the curve of sRGB; brighter than white is kept in floats and clipped elsewhere"


def to_display(values: Array, out: Array) -> None:
    """Apply the sRGB transfer function to linear values, row by row; negative values and NaN become
    0."""
    for source, target in zip(values, out, strict=True):
        light = np.nan_to_num(source.astype(np.float32), nan=0.0, posinf=65504.0, neginf=0.0).clip(0.0)
        target[...] = light_to_srgb(light)
