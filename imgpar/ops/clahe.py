"""clahe: local contrast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import bad_value
from imgpar.core.options import option
from imgpar.core.spec import Frame
from imgpar.ops.base import Operation
from imgpar.pixels.clahe import equalise
from imgpar.pixels.geometry import compact


@dataclass(frozen=True)
class Tiles:
    """Number of tiles across and down."""

    across: int
    down: int

    def __str__(self) -> str:
        return f"{self.across}x{self.down}"


@parsing.accepts("str | tuple[int, int]")
def parse_tiles(value: object) -> Tiles:
    """Tiles across and down, 1 to 64 each.

    >>> str(parse_tiles("8x6"))
    '8x6'
    """
    if isinstance(value, Tiles):
        return value
    match = re.fullmatch(r"(\d{1,2})x(\d{1,2})", compact(value))
    if not match or not all(1 <= int(side) <= 64 for side in match.groups()):
        raise bad_value(parsing.VALUE, "tiles across and down such as 8x8, 1 to 64 each,", value)
    return Tiles(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Clahe(Operation):
    """Contrast limited adaptive histogram equalisation of luma (BT.601), as OpenCV's CLAHE; its change is
    added to every channel, so that hues are kept.

    The histogram of each tile is clipped at `clip` times its mean: 1 changes little, 4 is strong. Values are
    taken as they are encoded. Fully transparent pixels do not count; alpha is kept. All depths are equalised
    in 256 steps, between which 16 bits and floats are interpolated. Clips and animations: on RGB, each frame
    by itself.
    """

    name: ClassVar[str] = "clahe"
    summary: ClassVar[str] = "local contrast (adaptive histogram equalisation): 2 is moderate, 4 is strong"

    clip: float = option(
        parsing.number(0.1, 100),
        "limit of the contrast: 1 is little, 4 is strong",
        metavar="CLIP",
        example="2",
    )
    tiles: Tiles = option(
        parse_tiles, "number of tiles across and down", default=Tiles(8, 8), metavar="CxR", example="4x4"
    )

    def apply(self, src: Frame, dst: Frame) -> None:
        equalise(src, dst, self.clip, (self.tiles.across, self.tiles.down))
