"""Values of encoder settings that are more than a number or a word: profiles, spans, pages, targets."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field

from imgpar.core import parsing
from imgpar.core.blocks import Icc
from imgpar.core.errors import bad_value

PROFILES = ("srgb", "p3")


@dataclass(frozen=True, slots=True)
class ColourTarget:
    """The colour profile to convert to: one of `PROFILES`, or a file and its content."""

    name: str
    icc: Icc = field(default=Icc(), repr=False)

    def __str__(self) -> str:
        return self.name


@parsing.accepts("str")
def colour_target(value: object) -> ColourTarget:
    """`srgb`, `p3`, or the path of an RGB ICC profile.

    >>> str(colour_target("sRGB"))
    'srgb'
    """
    if isinstance(value, ColourTarget):
        return value
    if str(value).lower() in PROFILES:
        return ColourTarget(str(value).lower())
    if isinstance(value, str) and os.path.isfile(value):
        with open(value, "rb") as file:
            icc = Icc(file.read())
        if icc[36:40] == b"acsp" and icc[16:20] == b"RGB ":
            return ColourTarget(value, icc)
    raise bad_value(parsing.VALUE, "srgb, p3 or the file of an RGB profile", value, PROFILES)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a clip, in seconds from its start; `stop` may be infinite."""

    start: float
    stop: float

    def __str__(self) -> str:
        return f"{self.start:g}-" + (f"{self.stop:g}" if math.isfinite(self.stop) else "")


@parsing.accepts("str")
def parse_span(value: object) -> Span:
    """`10-25`, `0:10-1:02:03.5`, `10-` (to the end) or `-25`.

    >>> parse_span("1:10-2:00")
    Span(start=70.0, stop=120.0)
    """
    if isinstance(value, Span):
        return value
    clock = r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)"
    match = re.fullmatch(rf"(?:{clock})?-(?:{clock})?", str(value).replace(" ", ""))
    if match is None or not any(match.groups()):
        raise bad_value(parsing.VALUE, "a part such as 0:10-0:25, 10- or -25 (seconds or h:m:s)", value)
    hours, minutes, seconds, *rest = match.groups()
    start = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
    stop = int(rest[0] or 0) * 3600 + int(rest[1] or 0) * 60 + float(rest[2]) if rest[2] else math.inf
    if stop <= start:
        raise bad_value(parsing.VALUE, "a part that ends after it begins", value)
    return Span(start, stop)


CLIP_MEASURES = ("vmaf", "ssim")
PICTURE_MEASURES = ("ssim", "ssimulacra2", "butteraugli", "psnr")
BUTTERAUGLI = "butteraugli_main"
"""The program of libjxl that measures butteraugli: no package contains it."""
MISSING = f"{BUTTERAUGLI} is not installed."
FIX = "It is part of libjxl (Debian, Ubuntu: apt install libjxl-devtools); or use --target ssimulacra2=80."
_RANGES = {
    "vmaf": (1, 100), "ssim": (0.5, 1), "ssimulacra2": (1, 100), "butteraugli": (0.1, 20), "psnr": (10, 100),
}  # fmt: skip

_TARGETS = ("vmaf=93", "ssim=0.98", "ssimulacra2=80", "butteraugli=1", "psnr=42")


@dataclass(frozen=True, slots=True)
class QualityTarget:
    """A target quality: a metric and its value."""

    measure: str
    value: float

    def __str__(self) -> str:
        return f"{self.measure}={self.value:g}"


@parsing.accepts("str")
def parse_target(value: object) -> QualityTarget:
    """`vmaf=93` (clips, 1 to 100), `ssim=0.98` (0.5 to 1), and for pictures `ssimulacra2=80` (1 to 100),
    `butteraugli=1` (0.1 to 20, less is better) or `psnr=42` (10 to 100 dB).

    >>> parse_target("vmaf=93")
    QualityTarget(measure='vmaf', value=93.0)
    """
    if isinstance(value, QualityTarget):
        return value
    measure, _, number = str(value).partition("=")
    if measure not in _RANGES or not number:
        *most, last = _TARGETS
        raise bad_value(parsing.VALUE, f"{', '.join(most)} or {last}", value, _TARGETS)
    low, high = _RANGES[measure]
    try:
        aim = float(number)
    except ValueError:
        aim = math.nan
    if not low <= aim <= high:
        raise bad_value(parsing.VALUE, f"{measure}=N with N from {low:g} to {high:g}", value)
    return QualityTarget(measure, aim)


SPLIT = "split"
"""One output per page."""
_PAGES = re.compile(r"last|(?P<first>[1-9]\d{0,5})(?P<to>-(?P<last>[1-9]\d{0,5})?)?|-(?P<end>[1-9]\d{0,5})")
_MOST_RANGES = 1000


@parsing.accepts("int | str")
def page_range(value: object) -> str:
    """Pages counted from 1, as numbers and ranges separated by commas; or `split`.

    >>> page_range("first"), page_range("2-5"), page_range("all"), page_range("split")
    ('1', '2-5', '', 'split')
    >>> page_range("1, 3, 5-7"), page_range("2-"), page_range("-3"), page_range("last")
    ('1,3,5-7', '2-', '-3', 'last')
    """
    text = "" if isinstance(value, bool) else "".join(str(value).lower().split())
    if text in ("all", SPLIT):
        return "" if text == "all" else SPLIT
    parts = dict.fromkeys(_single(part) for part in text.split(","))
    if len(parts) > _MOST_RANGES or not all(map(_is_range, parts)):
        known = "split, first, last, all, a number, a range such as 2-5, 2- or -3, or several: 1,3,5-7"
        raise bad_value(parsing.VALUE, known, value, ("split", "first", "last", "all"))
    return ",".join(parts)


def _single(text: str) -> str:
    """A range of one page as its number."""
    first, _, last = text.partition("-")
    return "1" if text in ("first", "-1") else first if first == last else text


def _is_range(text: str) -> bool:
    found = _PAGES.fullmatch(text)
    return found is not None and (not found["last"] or int(found["first"]) <= int(found["last"]))


def pages_among(pages: str, count: int) -> list[int]:
    """Indices of the pages that a file of `count` pages has of the requested ones, ascending from 0.

    >>> pages_among("1,3,5-7", 6), pages_among("2-", 3), pages_among("last", 3), pages_among("4-", 3)
    ([0, 2, 4, 5], [1, 2], [2], [])

    Args:
        pages: from `page_range`; empty is all.
        count: number of pages.
    """
    if not pages:
        return list(range(count))
    chosen = set[int]()
    for part in pages.split(","):
        found = _PAGES.fullmatch(part)
        assert found is not None
        first = count if part == "last" else int(found["first"] or 1)
        open_end = count if found["to"] else first
        last = int(found["last"] or found["end"] or open_end)
        chosen.update(range(first - 1, min(last, count)))
    return sorted(chosen)


def several_pages(pages: str) -> bool:
    """Whether more than one page is named.

    >>> [several_pages(page_range(pages)) for pages in ("2-5", "2-", "1,3", "3-3", "last", "all", "split")]
    [True, True, True, False, False, False, False]
    """
    return "," in pages or "-" in pages


USUAL_ICONS = (16, 32, 48, 256)
LARGEST_ICON = 256


@dataclass(frozen=True, slots=True)
class IconSizes:
    """Sizes of an icon in pixels, ascending."""

    sizes: tuple[int, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.sizes))


@parsing.accepts("int | str")
def icon_sizes(value: object) -> IconSizes:
    """Sizes of an icon in pixels.

    >>> icon_sizes("48, 16,32"), icon_sizes(64)
    (IconSizes(sizes=(16, 32, 48)), IconSizes(sizes=(64,)))
    """
    if isinstance(value, IconSizes):
        return value
    words = value if isinstance(value, (list, tuple)) else str(value).split(",")
    found = [re.fullmatch(r"[1-9]\d{0,2}", str(word).strip()) for word in words]
    sizes = sorted({int(match[0]) for match in found if match})
    if isinstance(value, bool) or not all(found) or not sizes or sizes[-1] > LARGEST_ICON:
        raise bad_value(parsing.VALUE, "sizes of 1 to 256 pixels, such as 16,32,48", value)
    return IconSizes(tuple(sizes))
