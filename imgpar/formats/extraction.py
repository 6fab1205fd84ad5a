"""What is extracted from a clip: settings of a recipe beside those of the encoders."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from imgpar.core import parsing
from imgpar.core.errors import UsageError, bad_value
from imgpar.core.job import Split
from imgpar.core.options import Declared, option
from imgpar.formats.registry import Format, find_format, writable_suffixes

SHORTEST = 0.001
"""Minimum interval of frames in seconds."""
_LONGEST = 1e9
_SHORTEST_SPRITE = 0.04


@dataclass(frozen=True, slots=True)
class Every:
    """Which frames are selected: every `frames`-th, one per `seconds`, key frames, or scene changes."""

    frames: int = 1
    seconds: float = 0.0
    keys: bool = False
    scenes: bool = False

    def __str__(self) -> str:
        if self.keys or self.scenes:
            return "key" if self.keys else "scene"
        return f"{self.seconds!r}s" if self.seconds else str(self.frames)


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns and rows of a contact sheet."""

    columns: int
    rows: int

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


@parsing.accepts("int | str")
def parse_every(value: object) -> Every:
    """Parse `10`: every tenth frame, `2s`: one per two seconds, `key`: key frames, `scene`: scene changes.

    Raises BadValueError.

    >>> parse_every("2s").seconds
    2.0
    """
    if isinstance(value, Every):
        return value
    text = str(value).strip().lower()
    if text in ("key", "scene"):
        return Every(keys=text == "key", scenes=text == "scene")
    if re.fullmatch(r"\d{1,9}", text) and int(text):
        return Every(frames=int(text))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", text)
    if match and SHORTEST <= float(match[1]) <= _LONGEST:
        return Every(seconds=float(match[1]))
    known = "10 (every tenth frame), 2s (every two seconds), key or scene"
    raise bad_value(parsing.VALUE, known, value, ("key", "scene"))


@parsing.accepts("str | tuple[int, int]")
def parse_grid(value: object) -> Grid:
    """Columns and rows.

    >>> parse_grid("5x4")
    Grid(columns=5, rows=4)
    """
    if isinstance(value, Grid):
        return value
    found = parsing.pair(value, 99)
    if found is None:
        raise bad_value(parsing.VALUE, "columns and rows such as 5x4", value)
    return Grid(*found)


@parsing.accepts("float | str")
def parse_interval(value: object) -> float:
    """Seconds.

    >>> parse_interval("5s"), parse_interval(0.5)
    (5.0, 0.5)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s?", str(value))
    if match is None or not _SHORTEST_SPRITE <= float(match[1]) <= _LONGEST:
        raise bad_value(parsing.VALUE, "seconds such as 5s", value)
    return float(match[1])


KINDS = ("every", "poster", "sheet", "sprites", "animation", "motion")


@dataclass(frozen=True, slots=True)
class Extraction(Declared):
    """What is extracted: one of `KINDS`, or nothing."""

    every: Every | None = option(
        parse_every,
        "every Nth frame, one frame every T seconds, key frames, or the first frame of each scene (default: "
        "every frame)",
        default=None,
        metavar="N|Ts|key|scene",
        example="2s",
        calls="frames",
    )
    threshold: float | None = option(
        parsing.number(0, 100),
        "threshold of scene detection, in percent as for ffmpeg's scdet filter (default: 10)",
        default=None,
        metavar="PERCENT",
        example="8",
        calls="frames",
    )
    poster: bool = option(
        parsing.switch,
        "the sharpest of 15 frames, avoiding nearly black and white ones",
        default=False,
        calls="frames",
    )
    sheet: Grid | None = option(
        parse_grid,
        "a contact sheet of C columns and R rows",
        default=None,
        metavar="CxR",
        example="5x4",
        calls="frames",
    )
    sprites: float | None = option(
        parse_interval,
        "thumbnails of one frame every T seconds in sheets of 10×10, and a WebVTT file for players",
        default=None,
        metavar="Ts",
        example="5s",
        calls="frames",
    )
    animation: bool = option(
        parsing.switch,
        "an animation (GIF, WebP, AVIF or PNG), 10 frames per second unless --fps is given",
        default=False,
        calls="frames",
    )
    motion: bool = option(
        parsing.switch,
        "the clip of a motion photo as a separate file, byte for byte",
        default=False,
        calls="frames",
    )

    @property
    def kind(self) -> str:
        """The first of `KINDS` that is given; empty for nothing."""
        return next((kind for kind in KINDS if getattr(self, kind)), "")

    @property
    def split(self) -> Split:
        """The naming of its files; empty for one file per input."""
        names: dict[str, Split] = {"every": "frames", "sprites": "sprites"}
        return names.get(self.kind, "")

    @property
    def source(self) -> str:
        """The kind of the files in folders that are inputs: "video" or "image"; empty where nothing is
        extracted."""
        return ("image" if self.motion else "video") if self.kind else ""

    def chosen(self, label: Callable[[str], str] = str) -> Extraction:
        """This extraction, or every frame where no kind is given.

        Args:
            label: name of a setting, for messages.

        Raises:
            UsageError: settings contradict each other.
        """
        kinds = [kind for kind in KINDS if getattr(self, kind)]
        if len(kinds) > 1:
            raise UsageError(
                f"{label(kinds[0])} and {label(kinds[1])} exclude each other.", fix="Leave out one."
            )
        if self.threshold is not None and not (self.every and self.every.scenes):
            raise UsageError(
                f"{label('threshold')} belongs to {label('every')} scene.",
                fix=f"Add {label('every')} scene, or leave it out.",
            )
        return self if kinds else replace(self, every=Every())


def picture_format(value: object) -> Format:
    """A format in which extracted pictures can be written.

    >>> picture_format("JPG").name
    'jpeg'

    Raises:
        BadValueError: it is none.
    """
    record = find_format(str(value))
    if not (record.writable and record.kind == "image"):
        known = writable_suffixes("image")
        raise bad_value(parsing.VALUE, "one of " + ", ".join(known), value, known)
    return record
