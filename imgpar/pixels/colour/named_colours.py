"""Colours given as options (text, borders, backgrounds, logos), converted from sRGB to the profile of a
picture.

    sRGB ─► linear ─► matrix of the profile ─► its tone curve ─► values of the picture

In HDR white is 203 cd/m² (BT.2408). Table-based profiles are left to LittleCMS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from imgpar.core.blocks import Icc
from imgpar.core.spec import Metadata
from imgpar.pixels.colour import hdr, matrix_profiles, profiles
from imgpar.pixels.colour.cicp import PRIMARIES
from imgpar.pixels.colour.icc_header import profile_space

Array = np.ndarray[Any, Any]

_NEUTRAL = 0.5
"""Of 255: grey remains grey in spite of rounding in profiles."""


@dataclass(frozen=True, slots=True)
class Given:
    """Converts sRGB to the values of a profile, or of HDR."""

    icc: Icc = Icc()
    cicp: tuple[int, ...] = ()

    def __call__(self, values: Array) -> Array:
        """Convert RGB from 0 to 1, channels last, to values from 0 to 1 of the same appearance."""
        if self.cicp:
            return hdr.from_srgb(values, self.cicp)
        space, srgb = matrix_profiles.parse_profile(self.icc), matrix_profiles.parse_profile(profiles.srgb())
        assert srgb is not None
        if space is None:
            return _with_littlecms(values, self.icc)
        light = srgb.to_linear(values)
        if space.grey:
            return space.from_linear((light @ srgb.matrix[1])[..., None]).repeat(3, axis=-1)
        return space.from_linear(light @ matrix_profiles.conversion_matrix(srgb, space).T)

    def colour(self, given: tuple[float, float, float, int]) -> tuple[float, float, float, int]:
        """Convert a colour from 0 to 255; alpha is kept."""
        made = self(np.array(given[:3], np.float64) / 255) * 255
        if given[0] == given[1] == given[2] and np.ptp(made) < _NEUTRAL:
            made[:] = made.mean()
        red, green, blue = (float(value) for value in made)
        return red, green, blue, given[3]


@lru_cache(maxsize=16)
def into(icc: Icc, cicp: tuple[int, ...] = ()) -> Given | None:
    """The conversion of given colours for a picture with this profile or these HDR code points; None where
    its values are sRGB, or the profile cannot be used."""
    if cicp:
        return Given(Icc(), cicp) if cicp[0] in PRIMARIES else None
    if not icc:
        return None
    space, srgb = matrix_profiles.parse_profile(icc), matrix_profiles.parse_profile(profiles.srgb())
    assert srgb is not None
    if space is None:
        return Given(icc) if _transform(icc) is not None else None
    same = matrix_profiles.has_curve_of_srgb(icc) if space.grey else matrix_profiles.alike(space, srgb)
    return None if same else Given(icc)


def into_colours_of(metadata: Metadata) -> Given | None:
    """The conversion for a picture with these metadata."""
    return into(metadata.icc, metadata.cicp) if metadata.icc or metadata.cicp else None


@lru_cache(maxsize=8)
def _transform(icc: Icc) -> Any:
    mode = {"GRAY": "L", "RGB": "RGB"}.get(profile_space(icc))
    try:
        return mode and ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(BytesIO(icc)), "RGB", mode,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError):
        return None


def _with_littlecms(values: Array, icc: Icc) -> Array:
    """The same with 8 bits."""
    pixels = np.rint(values.reshape(1, -1, 3) * 255).astype(np.uint8)
    made = ImageCms.applyTransform(Image.fromarray(pixels), _transform(icc))
    assert made is not None
    result: Array = np.asarray(made.convert("RGB")).reshape(values.shape) / 255
    return result
