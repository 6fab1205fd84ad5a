"""Units of length and sizes of paper. Nothing here touches pixels."""

from __future__ import annotations

import math

from imgpar.core.error_messages import setting
from imgpar.core.errors import BadValueError

DEFAULT_DPI = 300.0
"""Dots per inch of physical sizes where no --dpi is given: the usual density of photo prints."""

MAX_SIDE = 65_535
"""Maximum side in pixels of JPEG, the most common format."""

UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4}
"""Millimetres of each unit."""

_INCH = 25.4
_ISO = {"a": (841.0, 1189.0), "b": (1000.0, 1414.0)}
"""Width and height of A0 and B0 in millimetres (ISO 216)."""


def _iso_series() -> dict[str, tuple[float, float]]:
    """A0 to A10 and B0 to B10: each is the one before, halved across and rounded down to millimetres."""
    found = {}
    for letter, (width, height) in _ISO.items():
        for number in range(11):
            found[f"{letter}{number}"] = (width, height)
            width, height = float(height // 2), width
    return found


PAPERS: dict[str, tuple[float, float]] = {
    **_iso_series(),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
    "tabloid": (279.4, 431.8),
}
"""Width and height in millimetres, upright."""


def pixels_of(length: float, unit: str, dpi: float) -> int:
    """A length in pixels, rounded, at least one.

    >>> pixels_of(10, "cm", 300)
    1181
    """
    return max(1, math.floor(length * UNITS[unit] / _INCH * dpi + 0.5))


def check_sides(shown: object, dpi: float, *sides: int) -> None:
    """Refuse a physical size whose sides in pixels exceed `MAX_SIDE`; raises BadValueError."""
    if max(sides) > MAX_SIDE:
        raise BadValueError(
            f"{shown} at {dpi:g} dots per inch is {max(sides)} pixels long; sides are up to {MAX_SIDE}.",
            fix=f"Choose a lower {setting('dpi')} or a smaller size.",
        )
