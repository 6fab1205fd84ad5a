"""Sizes of pages: of paper, in units of length, or as large as what is on them."""

from __future__ import annotations

import re
from typing import NamedTuple

from imgpar.core import parsing
from imgpar.core.errors import bad_value
from imgpar.pixels.papers import PAPERS, UNITS

POINTS = 72.0
"""Points of an inch: the unit of a PDF."""
_INCH = 25.4
FIT = "fit"
_MOST_POINTS = 14_400.0
"""Largest side that PDF readers support: 200 inches."""
_SIZE = re.compile(r"(\d{1,5}(?:\.\d+)?)x(\d{1,5}(?:\.\d+)?)(mm|cm|in)")
_LENGTH = re.compile(r"(\d{1,4}(?:\.\d+)?)(mm|cm|in|pt)")
_TURNS = ("portrait", "landscape")


class PageSize(NamedTuple):
    """The size of a page in points, upright; 0 × 0 is as large as what is on it."""

    width: float = 0.0
    height: float = 0.0
    turn: str = ""
    """"portrait" or "landscape"; empty follows what is on it."""
    text: str = FIT

    def __str__(self) -> str:
        return self.text

    @property
    def fits(self) -> bool:
        """Whether it is as large as what is on it."""
        return not self.width

    def turned(self, width: float, height: float) -> tuple[float, float]:
        """Width and height in points for something of these proportions.

        >>> parse_page_size("100x200mm").turned(4, 3) == parse_page_size("200x100mm").turned(4, 3)
        True
        """
        across = self.turn == "landscape" if self.turn else width > height
        shorter, longer = sorted((self.width, self.height))
        return (longer, shorter) if across else (shorter, longer)


@parsing.accepts("str")
def parse_page_size(value: object) -> PageSize:
    """`fit`, a paper such as `A4` or `letter`, or a size such as `20x30cm`; `A4-landscape` is not turned.

    >>> page = parse_page_size("A4")
    >>> round(page.width), round(page.height), page.turned(3, 2) == (page.height, page.width)
    (595, 842, True)

    Raises BadValueError.
    """
    if isinstance(value, PageSize):
        return value
    word = str(value).strip().lower()
    if word == FIT:
        return PageSize()
    name, _, turn = word.partition("-")
    sides = PAPERS.get(name) or _sides(name)
    known = "fit, a paper such as A4 or letter, or a size such as 20x30cm; -landscape or -portrait turns it"
    if sides is None or turn not in ("", *_TURNS):
        raise bad_value(parsing.VALUE, known, value, (FIT, *PAPERS))
    width, height = (side / _INCH * POINTS for side in sides)
    if not 1 <= min(width, height) <= max(width, height) <= _MOST_POINTS:
        raise bad_value(parsing.VALUE, "a page with sides of up to 200 inches", value)
    return PageSize(width, height, turn, str(value).strip())


def _sides(text: str) -> tuple[float, float] | None:
    """Sides in millimetres."""
    found = _SIZE.fullmatch(text)
    unit = UNITS[found[3]] if found else 0.0
    return (float(found[1]) * unit, float(found[2]) * unit) if found else None


@parsing.accepts("str | int")
def parse_page_margin(value: object) -> float:
    """A length such as `1cm`, `10mm`, `0.5in` or `36pt`, in points; 0 needs no unit.

    >>> parse_page_margin("0.5in"), parse_page_margin(0)
    (36.0, 0.0)

    Raises BadValueError.
    """
    if isinstance(value, float):
        return value
    text = str(value).strip().lower()
    found = _LENGTH.fullmatch("0pt" if text == "0" else text)
    if found is None:
        raise bad_value(parsing.VALUE, "a length such as 1cm, 10mm, 0.5in or 36pt", value)
    points = float(found[1]) * (1.0 if found[2] == "pt" else UNITS[found[2]] / _INCH * POINTS)
    if points > _MOST_POINTS / 2:
        raise bad_value(parsing.VALUE, "a length of up to 100 inches", value)
    return points
