"""pad: extend the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import fill, layout_with, paste
from imgpar.pixels.geometry import GRAVITIES, Aspect, parse_gravity, place
from imgpar.pixels.papers import MAX_SIDE
from imgpar.pixels.sizes import Geometry, parse_canvas


@dataclass(frozen=True)
class Pad(Operation):
    """Add a border up to a minimum size or an exact aspect ratio; nothing is cropped or scaled.

    >>> Pad(parse_canvas("1:1")).plan(Spec(400, 300)).size
    (400, 400)
    >>> Pad(parse_canvas("width=1000")).plan(Spec(400, 300)).size
    (1000, 300)
    """

    name: ClassVar[str] = "pad"
    summary: ClassVar[str] = (
        "add a border up to a size such as 1920x1080, 1920x, 110%, A4, or an aspect ratio such as 1:1"
    )

    canvas: Geometry | Aspect = option(
        parse_canvas,
        "the least size or the aspect ratio of the canvas; a side that is not given is not padded",
        metavar="CANVAS",
        example="1:1",
    )
    gravity: str = option(
        parse_gravity,
        "position of the picture on the canvas",
        default="centre",
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )
    background: Colour | None = option(
        parsing.colour,
        "colour of the border (default: transparent for pictures with alpha, otherwise white)",
        default=None,
        metavar="COLOUR",
        example="#f4f4f4",
    )

    def plan(self, spec: Spec) -> Spec:
        if isinstance(self.canvas, Aspect):
            width, height = self.canvas.around(*spec.size)
        else:
            given = self.canvas.sides(*spec.size)
            width, height = max(given[0], spec.width), max(given[1], spec.height)
        if max(width, height) > MAX_SIDE:
            raise TransformError(
                f"Padding {spec.width}x{spec.height} to {self.canvas} gives {width}x{height} pixels.",
                fix=f"Choose a canvas with sides up to {MAX_SIDE}.",
            )
        if (width, height) == spec.size:
            return spec
        return spec.resized(width, height).converted(layout_with(spec, self.background))

    def idle(self, spec: Spec) -> bool:
        return self.plan(spec) == spec

    def apply(self, src: Frame, dst: Frame) -> None:
        if src.spec.size != dst.spec.size:
            fill(dst, self.background)
        paste(src, dst, *place(self.gravity, dst.spec.size, src.spec.size))

    def as_filter(self, spec: Spec) -> str | None:
        if self.background is not None and self.background[3] < 255:
            return None
        width, height = self.plan(spec).size
        x, y = place(self.gravity, (width, height), spec.size)
        if (x | y | width | height) & 1:
            return None
        red, green, blue, _ = self.background or (255, 255, 255, 255)
        return f"pad={width}:{height}:{x}:{y}:0x{int(red):02x}{int(green):02x}{int(blue):02x}"
