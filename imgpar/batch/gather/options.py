"""What is made of all inputs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgpar.core import parsing
from imgpar.core.options import Declared, option

MIXED = ("pad", "crop", "stretch", "fail")

Kind = Literal["clip", "joined", "sheet", "animation", "document"]


@dataclass(frozen=True, slots=True)
class Gathering(Declared):
    """The kind of file, and the settings that only such a file has."""

    kind: Kind = "clip"
    """`clip`: one frame per picture. `joined`: clips one after the other. `sheet`: all pictures in one.
    `animation`: one frame per picture. `document`: one page per picture."""
    mixed: Literal["pad", "crop", "stretch", "fail"] = option(
        parsing.choice(*MIXED),
        "pictures whose size differs from the first: pad with black, crop, stretch or fail (default: pad)",
        default="pad",
        choices=MIXED,
        example="crop",
        calls="assemble",
    )
    columns: int | None = option(
        parsing.integer(1, 1000),
        "pictures in a row of the sheet (default: as many as make it about square)",
        default=None,
        metavar="N",
        example="5",
        calls="sheet",
    )
    tile: tuple[int, int] = option(
        parsing.grid,
        "size of each picture in the sheet; it is fitted into it (default: 320x240)",
        default=(320, 240),
        metavar="WxH",
        example="320x240",
        calls="sheet",
    )
