"""The colours of a PNG that has no profile: cICP, or gamma and chromaticities, as a profile of their own.

Readers agree on profiles; what the small chunks say is lost in every other format, and in most editors.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from imgpar.codecs import profiles

_PRIMARIES = {1: profiles.SRGB, 9: profiles.REC2020, 12: profiles.P3}
_SRGB_CURVES = (1, 6, 13, 14, 15)
_LINEAR = 8
_ABSOLUTE = {16: "PQ", 18: "HLG"}
_USUAL_GAMMA = 1 / 2.2
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def profile(chunks: Mapping[bytes, bytes], *, grey: bool) -> tuple[bytes, str]:
    """A profile for what the chunks say, or nothing where that is sRGB; and a remark where it is neither."""
    if len(chunks.get(b"cICP", b"")) == 4:
        return _coded(chunks[b"cICP"], grey=grey)
    if b"iCCP" in chunks or b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:
        return b"", ""
    (number,) = struct.unpack(">I", chunks[b"gAMA"])
    if not 1000 <= number <= 1_000_000:
        return b"", ""
    value = number / 100000
    # The gamma of sRGB stands for its curve, which is what every writer of it meant.
    gamma = 0.0 if abs(value - _USUAL_GAMMA) < 0.002 else round(1 / value, 4)
    if grey:
        return (profiles.grey(f"Gamma {gamma:g}", gamma) if gamma else b""), ""
    points = _points(chunks.get(b"cHRM", b""))
    near = all(abs(one - other) < 300 for one, other in zip(points, _SRGB_POINTS, strict=True))
    if near and not gamma:
        return b"", ""
    x, y = [value / 100000 for value in points[0::2]], [value / 100000 for value in points[1::2]]
    if min(y) < 0.01 or max(*x, *y) > 1:
        return b"", ""
    white, red, green, blue = zip(x, y, strict=True)
    return profiles.colours("PNG chromaticities", (red, green, blue), white, gamma), ""


def _coded(chunk: bytes, *, grey: bool) -> tuple[bytes, str]:
    primaries, curve = _PRIMARIES.get(chunk[0]), chunk[1]
    if curve in _ABSOLUTE or primaries is None or curve not in (*_SRGB_CURVES, _LINEAR):
        name = _ABSOLUTE.get(curve, f"code points {chunk[0]}, {chunk[1]}")
        return b"", f"its colours ({name}) were taken as sRGB"
    gamma = 1.0 if curve == _LINEAR else 0.0
    if grey:
        return (profiles.grey("Linear", 1.0) if gamma else b""), ""
    if primaries == profiles.SRGB and not gamma:
        return b"", ""
    return profiles.colours("PNG code points", primaries, gamma=gamma), ""


def _points(chunk: bytes) -> tuple[int, ...]:
    return struct.unpack(">8I", chunk) if len(chunk) == 32 else _SRGB_POINTS
