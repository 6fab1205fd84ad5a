"""Colours of a PNG without a profile: cICP, or gamma and chromaticities, converted to a profile.

All readers support profiles; the small chunks are lost in every other format, and in most editors.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from imgpar.core.blocks import Icc
from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.cicp import Colours, cicp_colours

_USUAL_GAMMA = 1 / 2.2
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def chunk_colours(chunks: Mapping[bytes, bytes], *, grey: bool) -> Colours:
    """The colours in the chunks; with a profile for gamma and primaries."""
    if len(code := chunks.get(b"cICP", b"")) == 4:
        return cicp_colours(code[0], code[1], grey=grey)
    return Colours(_profile(chunks, grey=grey))


def _profile(chunks: Mapping[bytes, bytes], *, grey: bool) -> Icc:
    if b"iCCP" in chunks or b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:
        return Icc()
    (number,) = struct.unpack(">I", chunks[b"gAMA"])
    if not 1000 <= number <= 1_000_000:
        return Icc()
    value = number / 100000
    # The gamma of sRGB stands for its transfer function, as intended by all its writers.
    gamma = 0.0 if abs(value - _USUAL_GAMMA) < 0.002 else round(1 / value, 4)
    if grey:
        return profiles.grey(f"Gamma {gamma:g}", gamma) if gamma else Icc()
    points = _points(chunks.get(b"cHRM", b""))
    near = all(abs(one - other) < 300 for one, other in zip(points, _SRGB_POINTS, strict=True))
    if near and not gamma:
        return Icc()
    x, y = [value / 100000 for value in points[0::2]], [value / 100000 for value in points[1::2]]
    if min(y) < 0.01 or max(*x, *y) > 1:
        return Icc()
    white, red, green, blue = zip(x, y, strict=True)
    return profiles.rgb_profile("PNG chromaticities", (red, green, blue), white, gamma)


def _points(chunk: bytes) -> tuple[int, ...]:
    return struct.unpack(">8I", chunk) if len(chunk) == 32 else _SRGB_POINTS
