"""Colours told by three numbers (ITU-T H.273, "CICP"), as AVIF, HEIC, PNG and JPEG XL do: a profile, or HDR.

What is no HDR becomes a profile, which every other format takes. PQ and HLG say how bright the light is, and
that no profile can: they stay code points as long as the target has a place for them.
"""

from __future__ import annotations

from typing import NamedTuple

from imgpar.pixels.colour import profiles

PRIMARIES = {1: profiles.SRGB, 9: profiles.REC2020, 12: profiles.P3}
NAMES = {16: "PQ", 18: "HLG"}
"""The curves of HDR."""
_UNKNOWN = 2
_SRGB_CURVES = (1, 6, 13, 14, 15)
"""Curves for screens; like everyone, we take those of video for that of sRGB."""
_LINEAR = 8


class Colours(NamedTuple):
    """What code points mean: a profile (none for sRGB), or the primaries and the curve of HDR."""

    icc: bytes = b""
    cicp: tuple[int, ...] = ()
    note: str = ""


def cicp_colours(primaries: int, curve: int, *, grey: bool = False) -> Colours:
    """The meaning of primaries and a curve.

    >>> cicp_colours(1, 13)
    Colours(icc=b'', cicp=(), note='')
    >>> cicp_colours(9, 16).cicp
    (9, 16)
    """
    if curve in NAMES and (primaries in PRIMARIES or primaries == _UNKNOWN):
        return Colours(cicp=(9 if primaries == _UNKNOWN else primaries, curve))
    primaries = 1 if primaries == _UNKNOWN else primaries
    curve = 13 if curve == _UNKNOWN else curve
    if primaries not in PRIMARIES or curve not in (*_SRGB_CURVES, _LINEAR):
        return Colours(note=f"its colours (code points {primaries}, {curve}) were taken as sRGB")
    gamma = 1.0 if curve == _LINEAR else 0.0
    if grey:
        return Colours(profiles.grey("Linear", 1.0) if gamma else b"")
    if primaries == 1 and not gamma:
        return Colours()
    return Colours(profiles.rgb_profile("Code points", PRIMARIES[primaries], gamma=gamma))


def container_cicp(head: bytes) -> tuple[int, int] | None:
    """Primaries and curve in the first colour box of an AVIF or HEIC file; None where there is none."""
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return None
    return int.from_bytes(head[at + 8 : at + 10], "big"), int.from_bytes(head[at + 10 : at + 12], "big")


def into_container(data: bytes, cicp: tuple[int, ...]) -> bytes:
    """The file with these primaries and this curve in every colour box; the matrix is that of the pixels."""
    result, at = bytearray(data), data.find(b"colrnclx")
    while at >= 0:
        result[at + 8 : at + 12] = cicp[0].to_bytes(2, "big") + cicp[1].to_bytes(2, "big")
        at = data.find(b"colrnclx", at + 8)
    return bytes(result)
