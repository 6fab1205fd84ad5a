"""The colours of a PNG that has no profile: cICP, or gamma and chromaticities, as a profile of their own.

Readers agree on profiles; what the small chunks say is lost in every other format, and in most editors.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from imgpar.pixels.colour import profiles
from imgpar.pixels.colour.cicp import Colours, cicp_colours

_USUAL_GAMMA = 1 / 2.2
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def chunk_colours(chunks: Mapping[bytes, bytes], *, grey: bool) -> Colours:
    """What the chunks say of colours; a profile where they are a gamma and primaries."""
    if len(code := chunks.get(b"cICP", b"")) == 4:
        return cicp_colours(code[0], code[1], grey=grey)
    return Colours(_profile(chunks, grey=grey))


def _profile(chunks: Mapping[bytes, bytes], *, grey: bool) -> bytes:
    if b"iCCP" in chunks or b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:
        return b""
    (number,) = struct.unpack(">I", chunks[b"gAMA"])
    if not 1000 <= number <= 1_000_000:
        return b""
    value = number / 100000
    # The gamma of sRGB stands for its curve, which is what every writer of it meant.
    gamma = 0.0 if abs(value - _USUAL_GAMMA) < 0.002 else round(1 / value, 4)
    if grey:
        return profiles.grey(f"Gamma {gamma:g}", gamma) if gamma else b""
    points = _points(chunks.get(b"cHRM", b""))
    near = all(abs(one - other) < 300 for one, other in zip(points, _SRGB_POINTS, strict=True))
    if near and not gamma:
        return b""
    x, y = [value / 100000 for value in points[0::2]], [value / 100000 for value in points[1::2]]
    if min(y) < 0.01 or max(*x, *y) > 1:
        return b""
    white, red, green, blue = zip(x, y, strict=True)
    return profiles.rgb_profile("PNG chromaticities", (red, green, blue), white, gamma)


def _points(chunk: bytes) -> tuple[int, ...]:
    return struct.unpack(">8I", chunk) if len(chunk) == 32 else _SRGB_POINTS
