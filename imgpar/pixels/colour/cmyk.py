"""A CMYK profile for pictures that bring none: the inks of web offset on coated paper (SWOP), as a model.

Neugebauer's model with Yule and Nielsen's correction (n = 2): of each colour as much is seen as the dots of
four inks cover of the paper, alone and over each other. The sixteen colours below were fitted to the usual
press profile of editors; with them a chart of 6,561 colours comes within 4 of 255 on average, where the
arithmetic 1 − C − K misses by 16.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np

from imgpar.pixels.colour import profiles

Array = np.ndarray[Any, Any]

NAME = "SWOP coated inks (Neugebauer model)"
_N = 2
_STEPS = 9
"""Points of the table per ink."""
_SEEN = (
    (255, 255, 255), (0, 170, 229), (235, 28, 139), (50, 52, 144),
    (255, 236, 33), (0, 162, 86), (232, 44, 39), (61, 57, 57),
    (30, 33, 37), (0, 19, 40), (39, 0, 3), (0, 0, 9),
    (25, 29, 0), (0, 22, 0), (36, 0, 0), (0, 0, 0),
)  # fmt: skip
"""sRGB of the inks over each other: cyan counts 1, magenta 2, yellow 4, black 8."""


def light_of(inks: Array) -> Array:
    """Linear sRGB of inks from 0 to 1, the last axis C, M, Y, K."""
    seen = _to_linear(np.array(_SEEN) / 255) ** (1 / _N)
    weights = np.ones((*inks.shape[:-1], 16))
    for combination in range(16):
        for ink in range(4):
            cover = inks[..., ink]
            weights[..., combination] *= cover if combination >> ink & 1 else 1 - cover
    result: Array = (weights @ seen) ** _N
    return result


@cache
def cmyk_profile() -> bytes:
    """The model as an ICC profile (version 2, a table of 9 steps per ink), which LittleCMS applies."""
    steps = np.linspace(0, 1, _STEPS)
    inks = np.stack(np.meshgrid(steps, steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 4)
    lab = _to_lab(light_of(inks))
    codes = np.rint([(lab[:, 0] * 652.8), (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256]).T
    line = struct.pack(">HH", 0, 65535)
    table = b"mft2" + struct.pack(">4xBBBx", 4, 3, _STEPS)
    table += b"".join(struct.pack(">i", value << 16) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    table += struct.pack(">HH", 2, 2) + line * 4 + codes.clip(0, 65535).astype(">u2").tobytes() + line * 3
    return profiles.table_profile(NAME, table, b"CMYK", b"Lab ")


def _to_linear(values: Array) -> Array:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _to_lab(light: Array) -> Array:
    """CIE Lab of linear sRGB, for the white of profiles (D50)."""
    relative = light @ profiles.to_d50().T / profiles.D50
    cube = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    x, y, z = np.moveaxis(cube, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
