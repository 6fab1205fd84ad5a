"""CICP code points (ITU-T H.273) in AVIF, HEIC, PNG and JPEG XL: converted to a profile, or kept for HDR.

SDR becomes a profile, which every other format supports. PQ and HLG define absolute luminance, which a
profile cannot: they remain code points as long as the target stores them.
"""

from __future__ import annotations

from typing import NamedTuple

from imgpar.core.blocks import Icc
from imgpar.pixels.colour import profiles

PRIMARIES = {1: profiles.SRGB, 9: profiles.REC2020, 12: profiles.P3}
NAMES = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of HDR."""
_UNKNOWN = 2
_SRGB_TRANSFERS = (1, 6, 13, 14, 15)
"""SDR transfer characteristics; those of video are treated as sRGB, as usual."""
_LINEAR = 8


class Colours(NamedTuple):
    """Colours of code points: a profile (empty for sRGB), or primaries and transfer characteristics of
    HDR."""

    icc: Icc = Icc()
    cicp: tuple[int, ...] = ()
    note: str = ""


def cicp_colours(primaries: int, transfer: int, *, grey: bool = False) -> Colours:
    """Colours for primaries and transfer characteristics.

    >>> cicp_colours(1, 13)
    Colours(icc=b'', cicp=(), note='')
    >>> cicp_colours(9, 16).cicp
    (9, 16)
    """
    if transfer in NAMES and (primaries in PRIMARIES or primaries == _UNKNOWN):
        return Colours(cicp=(9 if primaries == _UNKNOWN else primaries, transfer))
    primaries = 1 if primaries == _UNKNOWN else primaries
    transfer = 13 if transfer == _UNKNOWN else transfer
    if primaries not in PRIMARIES or transfer not in (*_SRGB_TRANSFERS, _LINEAR):
        return Colours(note=f"its colours (code points {primaries}, {transfer}) were taken as sRGB")
    gamma = 1.0 if transfer == _LINEAR else 0.0
    if grey:
        return Colours(profiles.grey("Linear", 1.0) if gamma else Icc())
    if primaries == 1 and not gamma:
        return Colours()
    return Colours(profiles.rgb_profile("Code points", PRIMARIES[primaries], gamma=gamma))


def container_cicp(head: bytes) -> tuple[int, int] | None:
    """Primaries and transfer characteristics in the first colour box of an AVIF or HEIC; None without."""
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return None
    return int.from_bytes(head[at + 8 : at + 10], "big"), int.from_bytes(head[at + 10 : at + 12], "big")


def into_container(data: bytes, cicp: tuple[int, ...]) -> bytes:
    """The file with these primaries and transfer characteristics in every colour box; the matrix is kept."""
    result, at = bytearray(data), data.find(b"colrnclx")
    while at >= 0:
        result[at + 8 : at + 12] = cicp[0].to_bytes(2, "big") + cicp[1].to_bytes(2, "big")
        at = data.find(b"colrnclx", at + 8)
    return bytes(result)
