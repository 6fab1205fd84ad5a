"""tint: one colour between black and white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import LUMA, layout_with
from imgpar.pixels.colourwise import map_colours
from imgpar.pixels.geometry import parse_share
from imgpar.pixels.tones import WHITE

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Tint(Operation):
    """Map luma (BT.601) to tones from black over the given colour to white: a monochrome picture, as in
    duotone prints.

    The colour is given in sRGB and converted to the profile of the picture. A grey picture becomes RGB where
    the colour is not grey. Values are taken as they are encoded. Alpha is kept. Clips and animations: on RGB,
    frame by frame.
    """

    name: ClassVar[str] = "tint"
    summary: ClassVar[str] = "monochrome tones from black over this colour to white"

    colour: Colour = option(parsing.colour, "the colour of the midtones", metavar="COLOUR", example="#4070a0")
    strength: float = option(
        parse_share,
        "strength of the effect, 1 (or 100%) is full",
        default=1.0,
        metavar="SHARE",
        example="50%",
    )

    def plan(self, spec: Spec) -> Spec:
        return spec.converted(layout_with(spec, (*self.colour[:3], 255)))

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        middle = np.array(self.colour[:3], np.float32) / np.float32(WHITE)
        strength = np.float32(self.strength)

        def tinted(colours: Array) -> Array:
            if colours.shape[2] == 1:
                luma, ends = colours, middle[:1]
            else:
                luma, ends = (colours @ np.array(LUMA, np.float32))[..., None], middle
            dark = luma * (2 * ends)
            toned = np.where(luma <= np.float32(0.5), dark, 2 * ends - 1 + luma * (2 - 2 * ends))
            mixed: Array = colours + strength * (toned - colours)
            return mixed

        map_colours(src, dst, tinted)
