"""Positions, lengths and aspect ratios as option values: `16:9`, `top left`, `5%`, `5mm`.

Each value is frozen, and `str()` returns text from which it can be parsed. Nothing here touches pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from imgpar.core.errors import BadValueError, bad_value
from imgpar.core.parsing import VALUE, accepts, literal
from imgpar.pixels.papers import DEFAULT_DPI, MAX_SIDE, UNITS, check_sides, pixels_of

NUMBER = r"(\d+(?:\.\d+)?)"


@dataclass(frozen=True, slots=True)
class Aspect:
    """An aspect ratio, width to height.

    >>> Aspect(16, 9).inside(1000, 1000)
    (1000, 563)
    """

    width: float
    height: float

    def __str__(self) -> str:
        return f"{plain_number(self.width)}:{plain_number(self.height)}"

    def inside(self, width: int, height: int) -> tuple[int, int]:
        """The largest size of this aspect ratio that fits into width × height."""
        ratio = self.width / self.height
        return (
            (width, rounded(width / ratio)) if width <= height * ratio else (rounded(height * ratio), height)
        )

    def around(self, width: int, height: int) -> tuple[int, int]:
        """The smallest size of this aspect ratio that contains width × height."""
        ratio = self.width / self.height
        return (
            (width, rounded(width / ratio)) if width >= height * ratio else (rounded(height * ratio), height)
        )


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a picture. Without an offset from the top left corner, a gravity places it."""

    width: int
    height: int
    offset: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.width}x{self.height}" + (f"+{self.offset[0]}+{self.offset[1]}" if self.offset else "")


@dataclass(frozen=True, slots=True)
class Length:
    """Pixels, a physical length, or percent of a length that is given later.

    >>> parse_length("5%").pixels(200), parse_length("5mm").at(300).pixels(200)
    (10, 59)
    """

    value: float
    percent: bool = False
    unit: str = ""
    """mm, cm or in; empty is pixels or percent."""

    def __str__(self) -> str:
        return plain_number(self.value) + ("%" if self.percent else self.unit)

    def at(self, dpi: float) -> Length:
        """The length in pixels; raises BadValueError where that is too long."""
        if not self.unit or not self.value:
            return Length(self.value, self.percent)
        length = pixels_of(abs(self.value), self.unit, dpi)
        check_sides(self, dpi, length)
        return Length(math.copysign(length, self.value))

    def pixels(self, whole: int) -> int:
        """The length in pixels, for percent of `whole`. Physical lengths have 300 dots per inch here."""
        if self.unit:
            return self.at(DEFAULT_DPI).pixels(whole)
        return math.floor(self.value * (whole / 100 if self.percent else 1) + 0.5)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Distances at the sides of a picture, one, two or four as in CSS."""

    values: tuple[Length, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.values))

    @property
    def unit(self) -> str:
        """The unit of the first one that has one."""
        return next((length.unit for length in self.values if length.unit), "")

    def at(self, dpi: float) -> Lengths:
        """The distances in pixels; raises BadValueError where one is too long."""
        return Lengths(tuple(length.at(dpi) for length in self.values))

    def pixels(self, whole: int) -> tuple[int, int, int, int]:
        """Top, right, bottom and left in pixels, for percent of `whole`."""
        found = [length.pixels(whole) for length in self.values]
        top, right, bottom, left = {1: found * 4, 2: found * 2}.get(len(found), found)
        return (top, right, bottom, left)


@accepts("float | str")
def parse_length(value: object) -> Length:
    """A distance: `10` (pixels), `5%` or `5mm`."""
    if isinstance(value, Length):
        return value
    match = re.fullmatch(rf"{NUMBER}(%|{'|'.join(UNITS)})?(?:px)?", compact(value))
    if not match or float(match[1]) > (100 if match[2] == "%" else MAX_SIDE):
        raise bad_value(VALUE, "pixels, percent or a length with a unit such as 10, 5% or 5mm", value)
    percent = match[2] == "%"
    return Length(float(match[1]), percent, "" if percent else match[2] or "")


@accepts("float | str")
def parse_lengths(value: object) -> Lengths:
    """One distance for all sides, two (top and bottom, left and right), or four (top, right, bottom, left).

    >>> str(parse_lengths("10, 5%"))
    '10,5%'
    """
    if isinstance(value, Lengths):
        return value
    parts = value.split(",") if isinstance(value, str) else [value]
    if len(parts) not in (1, 2, 4):
        raise bad_value(
            VALUE, "one length, two (vertical, horizontal) or four (top, right, bottom, left)", value
        )
    try:
        return Lengths(tuple(parse_length(part) for part in parts))
    except BadValueError:
        raise bad_value(VALUE, "lengths such as 20, 5%, 5mm or 10,20", value) from None


@accepts("str | tuple[float, float]")
def parse_offset(value: object) -> Lengths:
    """Distances to the right and downwards, each of which may be negative.

    >>> [length.pixels(200) for length in parse_offset("-4,5%").values]
    [-4, 10]
    """
    if isinstance(value, Lengths) and len(value.values) == 2:
        return value
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, (tuple, list)) and len(parts) == 2:
        try:
            found = [parse_length(compact(part).removeprefix("-")) for part in parts]
        except BadValueError:
            found = []
        signs = [-1 if compact(part).startswith("-") else 1 for part in parts]
        if found:
            lengths = zip(found, signs, strict=True)
            return Lengths(tuple(replace(length, value=length.value * sign) for length, sign in lengths))
    raise bad_value(VALUE, "distances to the right and downwards such as 4,8 or -4,2%", value)


@accepts("float | str")
def parse_share(value: object) -> float:
    """A share, as percent or fraction: `30%` and `0.3` are equal."""
    match = re.fullmatch(rf"{NUMBER}(%?)", compact(value))
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share <= 1:
        raise bad_value(VALUE, "a share such as 30% or 0.3, more than 0 and at most 1,", value)
    return share


@accepts("float | str")
def parse_share_below_one(value: object) -> float:
    """A share less than one, possibly 0, as percent or fraction: `30%` and `0.3` are equal.

    >>> parse_share_below_one("30%"), parse_share_below_one(0)
    (0.3, 0.0)
    """
    return _share_below(1.0, value)


@accepts("float | str")
def parse_share_below_half(value: object) -> float:
    """A share less than one half, possibly 0, as percent or fraction: `1%` and `0.01` are equal.

    >>> parse_share_below_half("0.5%"), parse_share_below_half(0)
    (0.005, 0.0)
    """
    return _share_below(0.5, value)


def _share_below(limit: float, value: object) -> float:
    match = re.fullmatch(rf"{NUMBER}(%?)", compact(value))
    share = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= share < limit:
        raise bad_value(VALUE, f"a share such as 0, 1% or 0.01, less than {limit:.0%},", value)
    return share


_GRAVITIES: dict[str, tuple[float, float]] = {
    "centre": (0.5, 0.5),
    "north": (0.5, 0.0),
    "northeast": (1.0, 0.0),
    "east": (1.0, 0.5),
    "southeast": (1.0, 1.0),
    "south": (0.5, 1.0),
    "southwest": (0.0, 1.0),
    "west": (0.0, 0.5),
    "northwest": (0.0, 0.0),
}
GRAVITIES = tuple(_GRAVITIES)
_SIDE_WORDS = {
    "top": "north",
    "bottom": "south",
    "left": "west",
    "right": "east",
    "center": "centre",
    "middle": "centre",
}
_SHORT = {"n": "north", "ne": "northeast", "e": "east", "se": "southeast", "s": "south", "sw": "southwest"}
_SHORT |= {"w": "west", "nw": "northwest", "c": "centre"}


GRAVITY_WORDS = (*GRAVITIES, "center", *(w for w in _SIDE_WORDS if w not in ("center", "middle")))
GRAVITY_WORDS += tuple(f"{down} {across}" for down in ("top", "bottom") for across in ("left", "right"))
"""Spellings of a place that are annotated; `parse_gravity` reads a few more."""


@accepts(literal(GRAVITY_WORDS))
def parse_gravity(value: object) -> str:
    """One of `GRAVITIES`; also `top left`, `bottom-right`, `center`, `NE` and the like.

    >>> parse_gravity("Top-Left"), parse_gravity("center"), parse_gravity("SE")
    ('northwest', 'centre', 'southeast')
    """
    if isinstance(value, str):
        word = re.sub(r"[\s_-]+", "", value.lower())
        word = _SHORT.get(word, word)
        for alias, direction in _SIDE_WORDS.items():
            word = word.replace(alias, direction)
        # "left top" equals "top left", "top centre" equals "top".
        for first, second in (("east", "north"), ("east", "south"), ("west", "north"), ("west", "south")):
            word = second + first if word == first + second else word
        if word != "centre":
            word = word.replace("centre", "")
        if word in _GRAVITIES:
            return word
    known = [*GRAVITIES, *_SIDE_WORDS]
    raise bad_value(
        VALUE, "one of " + ", ".join(GRAVITIES) + " (or top, bottom left and so on)", value, known
    )


def place(gravity: str, outer: tuple[int, int], inner: tuple[int, int], margin: int = 0) -> tuple[int, int]:
    """Top left corner of `inner` in `outer`.

    Args:
        gravity: one of `GRAVITIES`.
        outer: width and height in pixels.
        inner: width and height in pixels.
        margin: distance from the edges in pixels.

    >>> place("southeast", (100, 50), (10, 10), margin=5)
    (85, 35)
    """
    across, down = _GRAVITIES[gravity]
    x = margin + across * (outer[0] - inner[0] - 2 * margin)
    y = margin + down * (outer[1] - inner[1] - 2 * margin)
    return (math.floor(x + 0.5), math.floor(y + 0.5))


def fractions(gravity: str) -> tuple[float, float]:
    """Horizontal and vertical position of a gravity, each from 0 to 1."""
    return _GRAVITIES[gravity]


def rounded(length: float) -> int:
    """The nearest integer number of pixels, at least one."""
    return max(1, math.floor(length + 0.5))


def plain_number(number: float) -> str:
    """A number without `.0` and without an exponent.

    >>> plain_number(50.0), plain_number(0.5)
    ('50', '0.5')
    """
    return f"{number:.10f}".rstrip("0").rstrip(".")


def compact(value: object) -> str:
    """Text, a number or a pair of sides as lower-case text without spaces, with `x` for `×`."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        value = "x".join("" if side is None else str(side) for side in value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = value if isinstance(value, str) else plain_number(value)
    return re.sub(r"\s+", "", text.lower().replace("×", "x"))


def aspect_of(text: str) -> Aspect | None:
    """The aspect ratio from text such as `16:9`; None for anything else."""
    match = re.fullmatch(rf"{NUMBER}:{NUMBER}", text)
    if not match or not 1 / 100 <= float(match[1]) / (float(match[2]) or 1e9) <= 100:
        return None
    return Aspect(float(match[1]), float(match[2]))
