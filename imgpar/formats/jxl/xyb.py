"""Colours of a lossy JPEG XL (XYB) with an ICC profile.

XYB is absolute. imagecodecs has no colour management in libjxl, which therefore outputs linear sRGB in the
bit depth of the header. 8 bits of linear light have too few steps in shadows, and no colours outside of sRGB.
The bit depth in the header does not affect the coding of XYB, so the decoder gets a header that declares
floats.

    linear sRGB, floats ─► Rec. 2020 with the sRGB transfer function, or grey with it ─► depth of the frame
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imgpar.core.spec import Frame
from imgpar.formats.jxl.header import JxlHeader
from imgpar.pixels.colour import matrix_profiles, profiles
from imgpar.pixels.layouts import BAND, PEAK

Array = np.ndarray[Any, Any]
Field = tuple[int, int]
"""A value and its number of bits."""

NOTE = "its ICC profile was not read: lossy JPEG XL defines its colours without it"
_LONG, _SHORT = (0b0111_011111_11_1, 13), (0b0111_00_1, 7)
"""32-bit floats with 8 bits of exponent, in two encodings."""
_ORIENTATION, _NO_PREVIEW, _NO_ANIMATION = (0, 3), (0, 1), (0, 1)
_SHOWN: dict[tuple[bool, int], tuple[Field, Field]] = {
    (False, 3): (_LONG, (1 << 12, 15)),
    (False, 9): (_SHORT, (1 << 1 | 1 << 16, 19)),
    (True, 3): (_LONG, (1, 14)),
    (True, 9): (_SHORT, (0, 26)),
}
"""Presence of orientation etc., and bits of the depth field ─► float depth, and a display size, which
decoders ignore. Together they add whole bytes: all later fields keep their position within a byte.
"""


def stored_profile(*, grey: bool) -> bytes:
    """The profile of the output of `store`; empty is sRGB."""
    return b"" if grey else profiles.rgb_profile("Rec. 2020, curve of sRGB", profiles.REC2020)


def as_floats(codestream: bytes, info: JxlHeader) -> bytes:
    """The codestream with a header that declares floats; unchanged where that is not possible."""
    places = info.places
    if places is None or info.floating:
        return codestream
    begin, end = places.depth
    found = _SHOWN.get((bool(places.shown), end - begin))
    size = -(-places.colours // 8)
    bits = int.from_bytes(codestream[2 : 2 + size], "little")
    if found is None or (places.shown and bits >> places.shown & 1):
        return codestream
    depth, shown = found
    parts = [_part(bits, 0, places.shown or places.more), (1, 1)]
    if places.shown:
        parts += [shown, _part(bits, places.shown + 1, begin)]
    else:
        parts += [_ORIENTATION, (1, 1), shown, _NO_PREVIEW, _NO_ANIMATION]
    parts += [depth, _part(bits, end, places.colours)]
    if not places.shown:  # orientation etc. imply an intensity target; 1 selects the default
        parts.append((1, 1))
    parts.append(_part(bits, places.colours, 8 * size))
    value = at = 0
    for field, count in parts:
        value |= field << at
        at += count
    return codestream[:2] + value.to_bytes(at // 8, "little") + codestream[2 + size :]


def store_linear(pixels: Array, frame: Frame) -> None:
    """Convert linear sRGB as decoded by libjxl, H×W×C float, into a frame in the colours of `colours`."""
    spec = frame.spec
    peak = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    linear = matrix_profiles.parse_profile(profiles.rgb_profile("Linear", profiles.SRGB, gamma=1.0))
    target = matrix_profiles.parse_profile(stored_profile(grey=spec.grey) or profiles.srgb())
    assert linear is not None
    assert target is not None
    matrix = matrix_profiles.conversion_matrix(linear, target).T
    count, rows = 1 if spec.grey else 3, max(BAND // max(spec.width, 1), 1)
    for top in range(0, spec.height, rows):
        band = pixels[top : top + rows] / peak
        light = band[..., :count] @ matrix if count == 3 else band[..., :1].repeat(3, axis=-1)
        values = np.concatenate([target.from_linear(light)[..., :count], band[..., count:]], axis=-1)
        values = values * PEAK[spec.dtype]
        kept = values if spec.dtype == "float32" else np.rint(values).clip(0, PEAK[spec.dtype])
        np.copyto(frame.array[top : top + rows], kept, casting="unsafe")


def _part(bits: int, begin: int, end: int) -> Field:
    return bits >> begin & ((1 << (end - begin)) - 1), end - begin
