"""Sizes as option values: `1920x1080`, `50%`, `width=800`, `10x15cm`, `A4`; canvases and regions.

Each value is frozen, and `str()` returns text from which it can be parsed. Nothing here touches pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from imgpar.core.errors import BadValueError, bad_value
from imgpar.core.parsing import VALUE, accepts
from imgpar.core.synonyms import size_meant
from imgpar.pixels.geometry import NUMBER, Aspect, Region, aspect_of, compact, plain_number, rounded
from imgpar.pixels.papers import DEFAULT_DPI, MAX_SIDE, PAPERS, UNITS, check_sides, pixels_of

_SIDES = f"with sides from 1 to {MAX_SIDE}"


@dataclass(frozen=True, slots=True)
class Geometry:
    """A requested size: one or both sides (0 follows the other), or exactly one of the other fields.

    >>> parse_geometry("1920x").box(4000, 3000)
    (1920, 1440)
    >>> parse_geometry("2MP").box(4000, 3000)
    (1632, 1224)
    >>> parse_geometry("10x15cm").at(300).box(4000, 3000)
    (1772, 1181)
    """

    width: float = 0
    height: float = 0
    longest: float = 0
    percent: float = 0.0
    megapixels: float = 0.0
    shortest: float = 0
    unit: str = ""
    """mm, cm or in; empty is pixels."""
    follows: bool = False
    """Whether both sides are swapped where that is the orientation of the picture."""
    paper: str = ""
    """The name of the paper, as it was given."""

    def __str__(self) -> str:
        if self.paper:
            return self.paper
        unit = self.unit
        if self.longest:
            return f"{plain_number(self.longest)}{unit}"
        if self.shortest:
            return f"short={plain_number(self.shortest)}{unit}"
        if self.percent:
            return f"{plain_number(self.percent)}%"
        if self.megapixels:
            return f"{plain_number(self.megapixels)}MP"
        sides = [plain_number(side) if side else "" for side in (self.width, self.height)]
        if unit and not self.exact:
            return f"{'width' if self.width else 'height'}={''.join(sides)}{unit}"
        turn = "" if self.follows == bool(unit) else "-auto" if self.follows else self._turn
        return f"{'x'.join(sides)}{unit}" + (turn if self.exact else "")

    @property
    def _turn(self) -> str:
        return "-landscape" if self.width > self.height else "-portrait"

    @property
    def exact(self) -> bool:
        """Whether both sides are given: only then the box may have another aspect ratio than the picture."""
        return bool(self.width and self.height)

    def at(self, dpi: float) -> Geometry:
        """The size in pixels; raises BadValueError where that is too large."""
        if not self.unit:
            return self
        given = (self.width, self.height, self.longest, self.shortest)
        width, height, longest, shortest = (pixels_of(side, self.unit, dpi) if side else 0 for side in given)
        check_sides(self, dpi, width, height, longest, shortest)
        return Geometry(width, height, longest, shortest=shortest, follows=self.follows)

    def box(self, width: int, height: int) -> tuple[int, int]:
        """The box for a picture of this size, each side rounded to the nearest pixel. Physical sizes have
        300 dots per inch here; see `at`.

        Megapixels are a maximum, so there the sides are rounded down.
        """
        if self.unit:
            return self.at(DEFAULT_DPI).box(width, height)
        if self.exact:
            return self._turned(width, height)
        if self.megapixels:
            # The epsilon keeps a picture that has exactly the requested number of pixels.
            scale = math.sqrt(self.megapixels * 1e6 / (width * height)) + 1e-12
            return (max(1, math.floor(width * scale)), max(1, math.floor(height * scale)))
        if self.percent:
            return _scaled(width, height, self.percent / 100)
        if self.longest:
            return _scaled(width, height, self.longest / max(width, height))
        if self.shortest:
            return _scaled(width, height, self.shortest / min(width, height))
        return _scaled(width, height, self.width / width if self.width else self.height / height)

    def sides(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a canvas or region for a picture of this size: a side that is not given is that
        of the picture."""
        if self.unit:
            return self.at(DEFAULT_DPI).sides(width, height)
        if self.exact:
            return self._turned(width, height)
        if self.percent or self.megapixels:
            return self.box(width, height)
        if self.longest or self.shortest:
            across = (width >= height) == bool(self.longest)
            side = rounded(self.longest or self.shortest)
            return (side, height) if across else (width, side)
        return (rounded(self.width) if self.width else width, rounded(self.height) if self.height else height)

    def _turned(self, width: int, height: int) -> tuple[int, int]:
        box = (rounded(self.width), rounded(self.height))
        other = (box[0] - box[1]) * (width - height) < 0
        return box[::-1] if self.follows and other else box


_UNIT = "(" + "|".join(UNITS) + ")"
_SIDE = rf"(?:{NUMBER}(?:px)?{_UNIT}?)?"
_TURNS = ("portrait", "landscape", "auto")
_TURN = "(?:-(" + "|".join(_TURNS) + "))?"
_NAMES = {"width": "width", "w": "width", "height": "height", "h": "height"}
_NAMES |= {"long": "longest", "longest": "longest", "short": "shortest", "shortest": "shortest"}
_SIZES = "1920x1080, 1920x, x1080, 1920, short=800, 50%, 2MP, 10x15cm, 4x6in or A4"
_KNOWN = [*PAPERS, *(f"{paper}-{turn}" for paper in PAPERS for turn in _TURNS[:2])]


@accepts("str | int | tuple[int | None, int | None]")
def parse_geometry(value: object) -> Geometry:
    """A size: text, a number (the longest edge) or a pair of sides, one of which may be None."""
    if isinstance(value, Geometry):
        return value
    text = compact(value)
    if meant := size_meant(text):
        raise bad_value(VALUE, "a size such as 1920x1080, 1920x or 50%", value, fix=meant)
    found = _pair(text) or _one_side(text) or _paper(text) or _relative(text)
    if found is None or not _in_range(found):
        raise bad_value(VALUE, f"a size such as {_SIZES}, {_SIDES},", value, _near(value))
    return found


@accepts("str | int | tuple[int | None, int | None]")
def parse_region(value: object) -> Region | Aspect | Geometry:
    """A region: `800x600`, `800x600+10+20`, an aspect ratio such as `16:9`, or a size of a side or both."""
    if isinstance(value, (Region, Aspect)):
        return value
    text = compact(value)
    if match := re.fullmatch(r"(\d{1,6})x(\d{1,6})(?:\+(\d{1,6})\+(\d{1,6}))?", text):
        width, height = int(match[1]), int(match[2])
        if 1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE:
            return Region(width, height, (int(match[3]), int(match[4])) if match[3] else None)
    found = aspect_of(text) or _size(value)
    if found is None or (isinstance(found, Geometry) and (found.megapixels or found.percent > 100)):
        wanted = "a region such as 800x600, 800x600+10+20, 800x, 50%, 10x15cm, A4 or an aspect such as 16:9"
        raise bad_value(VALUE, f"{wanted}, {_SIDES},", value, _near(value))
    return found


@accepts("str | int | tuple[int | None, int | None]")
def parse_canvas(value: object) -> Geometry | Aspect:
    """A canvas: an aspect ratio such as `1:1`, or a size of one or both sides."""
    if isinstance(value, Aspect):
        return value
    found = aspect_of(compact(value)) or _size(value)
    if found is None or (isinstance(found, Geometry) and (found.megapixels or 0 < found.percent < 100)):
        wanted = "a canvas such as 1920x1080, 1920x, 110%, 10x15cm, A4 or an aspect such as 1:1"
        raise bad_value(VALUE, f"{wanted}, {_SIDES},", value, _near(value))
    return found


def _near(value: object) -> list[str]:
    """The words that may be meant: none for a number, nor for a paper that does not exist, such as A11."""
    return _KNOWN if re.match("[a-z]{3}|[a-z]+[0-9]+-", compact(value)) else []


def _size(value: object) -> Geometry | None:
    """A size, or None for anything else."""
    try:
        return parse_geometry(value)
    except BadValueError:
        return None


def _pair(text: str) -> Geometry | None:
    """`1920x1080`, `1920x`, `x1080`, `10x15cm`, `4inx6in`, `10x15cm-landscape`."""
    match = re.fullmatch(rf"{_SIDE}x{_SIDE}{_TURN}", text)
    if match is None or not (match[1] or match[3]):
        return None
    width, first, height, second, turn = match.groups()
    unit = second or first or ""
    both = bool(width and height)
    if (turn and not both) or (first and second and first != second) or (first and both and not second):
        return None
    if not unit and any("." in side for side in (width or "", height or "")):
        return None
    sides = [_number(side, unit) for side in (width, height)]
    if turn in ("portrait", "landscape"):
        sides.sort(reverse=turn == "landscape")
    follows = both and (turn == "auto" or (bool(unit) and not turn))
    return Geometry(sides[0], sides[1], unit=unit, follows=follows)


def _one_side(text: str) -> Geometry | None:
    """`1920`, `10cm`, `width=800`, `short=10cm`."""
    match = re.fullmatch(rf"(?:([a-z]+)=)?{NUMBER}(?:px)?{_UNIT}?", text)
    if match is None or (match[1] or "long") not in _NAMES or ("." in match[2] and not match[3]):
        return None
    unit = match[3] or ""
    side: Any = {_NAMES[match[1] or "long"]: _number(match[2], unit)}
    return Geometry(unit=unit, **side)


def _paper(text: str) -> Geometry | None:
    """`A4`, `A4-landscape`, `letter`."""
    match = re.fullmatch(rf"([a-z0-9]+){_TURN}", text)
    if match is None or match[1] not in PAPERS:
        return None
    width, height = PAPERS[match[1]]
    turn = match[2] if match[2] != "auto" else None
    shown = (match[1].upper() if len(match[1]) < 4 else match[1]) + (f"-{turn}" if turn else "")
    if turn == "landscape":
        width, height = height, width
    return Geometry(width, height, unit="mm", follows=not turn, paper=shown)


def _relative(text: str) -> Geometry | None:
    """`50%` or `2MP`."""
    match = re.fullmatch(rf"{NUMBER}(%|mp)", text)
    if match is None or not 0 < float(match[1]) <= 10_000:
        return None
    return Geometry(percent=float(match[1])) if match[2] == "%" else Geometry(megapixels=float(match[1]))


def _number(text: str | None, unit: str) -> float:
    """A length, in pixels an integer; 0 where none is given. What is out of any range is infinite."""
    if not text:
        return 0
    if len(text) > 12 or not float(text):
        return math.inf
    return float(text) if unit else int(text)


def _in_range(size: Geometry) -> bool:
    """Whether all given sides are possible: physical sizes at one dot per inch or more."""
    least, most = (1e-3, MAX_SIDE * 25.4 / UNITS[size.unit]) if size.unit else (1, MAX_SIDE)
    given = [side for side in (size.width, size.height, size.longest, size.shortest) if side]
    return all(least <= side <= most for side in given) and bool(given or size.percent or size.megapixels)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    """Both sides times `scale`, rounded, at least one pixel."""
    return (rounded(width * scale), rounded(height * scale))
