"""Sizes, positions and lengths as option values: `1920x1080`, `50%`, `16:9`, `top left`, `5%`.

Each value is frozen, and `str()` returns text from which it can be parsed. Nothing here touches pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from imgpar.core.errors import bad_value
from imgpar.core.parsing import VALUE, accepts, literal

MAX_SIDE = 65_535
"""Maximum side in pixels of JPEG, the most common format."""

_SIDES = f"with sides from 1 to {MAX_SIDE}"
_NUMBER = r"(\d+(?:\.\d+)?)"


@dataclass(frozen=True, slots=True)
class Geometry:
    """A requested size: one or both sides (0 follows the other), or exactly one of the other fields.

    >>> parse_geometry("1920x").box(4000, 3000)
    (1920, 1440)
    >>> parse_geometry("2MP").box(4000, 3000)
    (1632, 1224)
    """

    width: int = 0
    height: int = 0
    longest: int = 0
    percent: float = 0.0
    megapixels: float = 0.0

    def __str__(self) -> str:
        if self.longest:
            return str(self.longest)
        if self.percent:
            return f"{_plain(self.percent)}%"
        if self.megapixels:
            return f"{_plain(self.megapixels)}MP"
        return f"{self.width or ''}x{self.height or ''}"

    @property
    def exact(self) -> bool:
        """Whether both sides are given: only then the box may have another aspect ratio than the picture."""
        return bool(self.width and self.height)

    def box(self, width: int, height: int) -> tuple[int, int]:
        """The box for a picture of this size, each side rounded to the nearest pixel.

        Megapixels are a maximum, so there the sides are rounded down.
        """
        if self.exact:
            return (self.width, self.height)
        if self.megapixels:
            # The epsilon keeps a picture that has exactly the requested number of pixels.
            scale = math.sqrt(self.megapixels * 1e6 / (width * height)) + 1e-12
            return (max(1, math.floor(width * scale)), max(1, math.floor(height * scale)))
        if self.percent:
            return _scaled(width, height, self.percent / 100)
        if self.longest:
            return _scaled(width, height, self.longest / max(width, height))
        return _scaled(width, height, self.width / width if self.width else self.height / height)


@dataclass(frozen=True, slots=True)
class Aspect:
    """An aspect ratio, width to height.

    >>> parse_region("16:9").inside(1000, 1000)
    (1000, 563)
    """

    width: float
    height: float

    def __str__(self) -> str:
        return f"{_plain(self.width)}:{_plain(self.height)}"

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
    """Pixels, or percent of a length that is given later.

    >>> parse_length("5%").pixels(200)
    10
    """

    value: float
    percent: bool = False

    def __str__(self) -> str:
        return _plain(self.value) + ("%" if self.percent else "")

    def pixels(self, whole: int) -> int:
        """The length in pixels, for percent of `whole`."""
        return math.floor(self.value * (whole / 100 if self.percent else 1) + 0.5)


@accepts("str | int | tuple[int | None, int | None]")
def parse_geometry(value: object) -> Geometry:
    """A size: text, a number (the longest edge) or a pair of sides, one of which may be None."""
    if isinstance(value, Geometry):
        return value
    text = compact(value)
    if match := re.fullmatch(r"(\d{0,6})x(\d{0,6})", text):
        sides = [int(side) for side in match.groups() if side]
        if sides and all(1 <= side <= MAX_SIDE for side in sides):
            return Geometry(int(match[1] or 0), int(match[2] or 0))
    elif re.fullmatch(r"\d{1,6}", text) and 1 <= int(text) <= MAX_SIDE:
        return Geometry(longest=int(text))
    elif (match := re.fullmatch(rf"{_NUMBER}(%|mp)", text)) and 0 < float(match[1]) <= 10_000:
        number = float(match[1])
        return Geometry(percent=number) if match[2] == "%" else Geometry(megapixels=number)
    raise bad_value(VALUE, f"a size such as 1920x1080, 1920x, x1080, 1920, 50% or 2MP, {_SIDES},", value)


@accepts("str | tuple[int, int]")
def parse_region(value: object) -> Region | Aspect:
    """A region: `800x600`, `800x600+10+20`, or an aspect ratio such as `16:9`."""
    if isinstance(value, (Region, Aspect)):
        return value
    text = compact(value)
    if match := re.fullmatch(r"(\d{1,6})x(\d{1,6})(?:\+(\d{1,6})\+(\d{1,6}))?", text):
        width, height = int(match[1]), int(match[2])
        if 1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE:
            return Region(width, height, (int(match[3]), int(match[4])) if match[3] else None)
    elif aspect := _aspect(text):
        return aspect
    raise bad_value(VALUE, f"800x600, 800x600+10+20 or an aspect such as 16:9, {_SIDES},", value)


@accepts("str | tuple[int, int]")
def parse_canvas(value: object) -> Geometry | Aspect:
    """A canvas: `1920x1080`, or an aspect ratio such as `1:1`."""
    if isinstance(value, Aspect) or (isinstance(value, Geometry) and value.exact):
        return value
    text = compact(value)
    if match := re.fullmatch(r"(\d{1,6})x(\d{1,6})", text):
        width, height = int(match[1]), int(match[2])
        if 1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE:
            return Geometry(width, height)
    elif aspect := _aspect(text):
        return aspect
    raise bad_value(VALUE, f"1920x1080 or an aspect such as 1:1, {_SIDES},", value)


@accepts("float | str")
def parse_length(value: object) -> Length:
    """A distance: `10` (pixels) or `5%`."""
    if isinstance(value, Length):
        return value
    match = re.fullmatch(rf"{_NUMBER}(%?)(?:px)?", compact(value))
    if not match or float(match[1]) > (100 if match[2] else MAX_SIDE):
        raise bad_value(VALUE, "pixels or percent such as 10 or 5%", value)
    return Length(float(match[1]), bool(match[2]))


@accepts("float | str")
def parse_share(value: object) -> float:
    """A share, as percent or fraction: `30%` and `0.3` are equal."""
    match = re.fullmatch(rf"{_NUMBER}(%?)", compact(value))
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
    match = re.fullmatch(rf"{_NUMBER}(%?)", compact(value))
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


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    """Both sides times `scale`, rounded, at least one pixel."""
    return (rounded(width * scale), rounded(height * scale))


def rounded(length: float) -> int:
    """The nearest integer number of pixels, at least one."""
    return max(1, math.floor(length + 0.5))


def _plain(number: float) -> str:
    """A number without `.0` and without an exponent.

    >>> _plain(50.0), _plain(0.5)
    ('50', '0.5')
    """
    return f"{number:.10f}".rstrip("0").rstrip(".")


def compact(value: object) -> str:
    """Text, a number or a pair of sides as lower-case text without spaces, with `x` for `×`."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        value = "x".join("" if side is None else str(side) for side in value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = value if isinstance(value, str) else _plain(value)
    return re.sub(r"\s+", "", text.lower().replace("×", "x"))


def _aspect(text: str) -> Aspect | None:
    match = re.fullmatch(rf"{_NUMBER}:{_NUMBER}", text)
    if not match or not 1 / 100 <= float(match[1]) / (float(match[2]) or 1e9) <= 100:
        return None
    return Aspect(float(match[1]), float(match[2]))
