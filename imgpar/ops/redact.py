"""redact: hide regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.hiding import Hiding
from imgpar.pixels.arrays import layout_with, paste, pixel


@dataclass(frozen=True)
class Redact(Hiding):
    """Fill regions of the upright picture at this point of the recipe with one colour: nothing of them is
    left, neither in the pixels nor in an embedded thumbnail or gain map.

    A region that is outside of a picture is an error, so that nothing stays visible by mistake. The colour is
    given in sRGB and converted to the profile of the picture. Faces need the package dlib-bin; its detector
    misses some, mostly those that are small, turned or covered, so the results have to be checked. The report
    says how many were found. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "redact"
    summary: ClassVar[str] = "fill regions such as 100x80+20+30, or faces, with one colour"

    fill: Colour = option(
        parsing.colour, "the colour", default=(0, 0, 0, 255), metavar="COLOUR", example="white"
    )

    def plan(self, spec: Spec) -> Spec:
        return spec.converted(layout_with(spec, self.fill))

    def apply(self, src: Frame, dst: Frame) -> None:
        paste(src, dst)
        for left, top, right, bottom in self.regions.boxes(src.spec):
            dst.array[top:bottom, left:right] = pixel(dst.spec, self.fill)
