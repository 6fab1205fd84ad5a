"""ICC profiles that imgpar makes itself: red, green and blue by their primaries, or grey, and a curve.

The profile is version 4 of the ICC specification; primaries are adapted to its D50 white by Bradford.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np

Matrix = np.ndarray[Any, Any]
Point = tuple[float, float]
Primaries = tuple[Point, Point, Point]
"""x and y of red, green and blue."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50 = np.array([0.9642, 1.0, 0.8249])
"""The white of all profiles."""
_D65: Point = (0.3127, 0.3290)
SRGB: Primaries = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3: Primaries = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
REC2020: Primaries = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""The curve of sRGB as ICC's parametric type 3."""


@cache
def display_p3() -> bytes:
    """The profile of wide-gamut screens and phone photos: P3 primaries, D65, curve of sRGB."""
    return rgb_profile("Display P3", P3)


@cache
def srgb() -> bytes:
    """The profile of everything that does not say otherwise."""
    return rgb_profile("sRGB", SRGB)


@cache
def rgb_profile(name: str, primaries: Primaries, white: Point = _D65, gamma: float = 0.0) -> bytes:
    """A profile for these primaries; without a gamma the curve is that of sRGB."""
    adaptation = _adaptation(_xyz(white))
    columns = adaptation @ _to_xyz(primaries, white)
    curve = _curve(gamma)
    tags = {
        **_described(name),
        b"chad": b"sf32" + bytes(4) + b"".join(map(_fixed, adaptation.ravel())),
        **{b"rgb"[at : at + 1] + b"XYZ": _triple(columns[:, at]) for at in range(3)},
        **{b"rgb"[at : at + 1] + b"TRC": curve for at in range(3)},
    }
    return _assemble(tags, b"RGB ")


@cache
def grey(name: str, gamma: float) -> bytes:
    """A profile for one channel."""
    return _assemble({**_described(name), b"kTRC": _curve(gamma)}, b"GRAY")


def to_d50() -> Matrix:
    """The matrix from linear sRGB to XYZ under the white of profiles."""
    result: Matrix = _adaptation(_xyz(_D65)) @ _to_xyz(SRGB, _D65)
    return result


def table_profile(name: str, content: bytes, space: bytes, connection: bytes) -> bytes:
    """A profile of version 2 that is one table (`A2B0`) from a space to the connection space."""
    text = name.encode()
    desc = b"desc" + struct.pack(">4xI", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)
    tags = {
        b"desc": desc,
        b"cprt": b"text" + bytes(4) + b"No copyright, use freely\0",
        b"wtpt": _triple(D50),
        b"A2B0": content,
    }
    return _assemble(tags, space, connection, b"\2\x40\0\0", b"prtr")


def _described(name: str) -> dict[bytes, bytes]:
    return {b"desc": _text(name), b"cprt": _text("No copyright, use freely"), b"wtpt": _triple(D50)}


def _curve(gamma: float) -> bytes:
    kind, values = (0, (gamma,)) if gamma else (3, _CURVE)
    return b"para" + struct.pack(">IHH", 0, kind, 0) + b"".join(map(_fixed, values))


def _to_xyz(primaries: Primaries, white: Point) -> Matrix:
    """The matrix from linear values to XYZ: the primaries, scaled so that together they make white."""
    colours = np.stack([_xyz(point) for point in primaries], axis=1)
    result: Matrix = colours * np.linalg.solve(colours, _xyz(white))
    return result


def _xyz(point: Point) -> Matrix:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: Matrix) -> Matrix:
    scale = (_BRADFORD @ D50) / (_BRADFORD @ white)
    result: Matrix = np.linalg.solve(_BRADFORD, scale[:, None] * _BRADFORD)
    return result


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _triple(values: Matrix) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _text(words: str) -> bytes:
    text = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(text), 28) + text


def _assemble(
    tags: dict[bytes, bytes],
    space: bytes,
    connection: bytes = b"XYZ ",
    version: bytes = b"\4\x30\0\0",
    kind: bytes = b"mntr",
) -> bytes:
    """Header, table of tags and their values; equal values are stored once."""
    at = 128 + 4 + 12 * len(tags)
    table, body, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for name, value in tags.items():
        if value not in places:
            places[value] = at + len(body)
            body += value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", places[value], len(value))
    size = at + len(body)
    head = struct.pack(
        ">II4s4s4s4s12s4s28x",
        size, 0, version, kind, space, connection, bytes(12), b"acsp",
    )  # fmt: skip
    head += b"".join(map(_fixed, D50))
    return head.ljust(128, b"\0") + table + body


def profile_space(icc: bytes) -> str:
    """The colour space that a profile describes ("RGB", "GRAY", "CMYK" …); empty when it is no profile."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or int.from_bytes(icc[:4], "big") > len(icc):
        return ""
    return icc[16:20].decode("latin-1").strip()
