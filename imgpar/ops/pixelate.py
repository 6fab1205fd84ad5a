"""pixelate: large blocks of one colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.options import option
from imgpar.core.spec import Frame
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import paste
from imgpar.pixels.geometry import Length, parse_length
from imgpar.pixels.regions import Regions, parse_regions, pixelate


@dataclass(frozen=True)
class Pixelate(Operation):
    """Replace blocks by their mean colour, everywhere or in regions of the upright picture at this point of
    the recipe.

    A region that is outside of a picture is an error. Small blocks can be read in spite of it: to make text
    or faces unrecognisable for certain use `redact`. Values are averaged as they are encoded, colours
    weighted by alpha. Clips and
    animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "pixelate"
    summary: ClassVar[str] = "large blocks of one colour: all, or regions such as 100x80+20+30"

    regions: Regions = option(
        parse_regions,
        "all, or regions (width x height + left + top, in pixels or percent), joined by commas",
        metavar="REGIONS",
        example="30%x40%+10%+20%",
    )
    block: Length = option(
        parse_length,
        "side of a block in pixels, or in percent of the shorter side",
        default=Length(4, percent=True),
        metavar="LENGTH",
        example="16",
    )

    def apply(self, src: Frame, dst: Frame) -> None:
        paste(src, dst)
        for box in self.regions.boxes(src.spec):
            pixelate(dst, box, max(2, self.block.pixels(min(src.spec.size))))
