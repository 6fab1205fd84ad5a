"""replace_colour: replace one colour by another, or by transparency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import PEAK, bands, colour_channels, layout_with, pixel, seal, store_values
from imgpar.pixels.tones import WHITE, parse_tone

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ROUNDING = 1e-4
"""Added to the tolerance: tones of different depths are not exactly equal as floats."""


@dataclass(frozen=True)
class ReplaceColour(Operation):
    """Replace every pixel of about one colour, wherever it is, such as a white background by transparency.

    The distance of two colours is the root mean square of their differences in red, green and blue, as for
    ImageMagick's `-fuzz`. Up to `tolerance` a pixel is replaced; over the next `softness` tones the
    replacement fades out, for smooth edges. Colours are given in sRGB and converted to the profile of the
    picture; values are compared as they are encoded. The opacity of a replaced pixel is its own times that of
    the replacement. The picture gets alpha or colours where the replacement needs them. Clips and animations:
    on RGB, frame by frame.

    >>> ReplaceColour((255, 255, 255, 255)).plan(Spec(4, 3, "RGB")).layout
    'RGBA'
    """

    name: ClassVar[str] = "replace_colour"
    summary: ClassVar[str] = "replace a colour by another one, or make it transparent"

    colour: Colour = option(parsing.colour, "the colour to replace", metavar="COLOUR", example="white")
    replacement: Colour = option(
        parsing.colour,
        "what replaces it",
        default=(0, 0, 0, 0),
        metavar="COLOUR",
        example="#ff8800",
    )
    tolerance: float = option(
        parse_tone,
        "greatest difference to the colour, 0 (only exactly this colour) to 255, or in percent",
        default=WHITE * 0.1,
        metavar="TONES",
        example="5%",
    )
    softness: float = option(
        parse_tone,
        "range beyond the tolerance in which the replacement fades out, 0 to 255, or in percent",
        default=0.0,
        metavar="TONES",
        example="5%",
    )

    def plan(self, spec: Spec) -> Spec:
        return spec.converted(layout_with(spec, self.replacement))

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        peak, count, own = PEAK[src.spec.dtype], colour_channels(dst.spec), colour_channels(src.spec)
        new = np.array(pixel(dst.spec, (*self.replacement[:3], 255))[:count], np.float32)
        opacity = np.float32(self.replacement[3] / WHITE)
        for rows in bands(src.spec.height):
            colours = src.array[rows, :, :own].astype(np.float32)
            weight = self._weight(colours / np.float32(peak))
            left = 1 - weight
            together = left + opacity * weight
            mixed = colours * left + new * (opacity * weight)
            result = np.divide(
                mixed, together, out=np.broadcast_to(colours, mixed.shape).copy(), where=together > 0
            )
            store_values(result, dst.array[rows, :, :count])
            if dst.spec.alpha:
                alpha = src.array[rows, :, -1:].astype(np.float32) if src.spec.alpha else np.float32(peak)
                store_values(alpha * together, dst.array[rows, :, -1:])
        seal(dst)

    def _weight(self, colours: Array) -> Array:
        """h×W×1, 1 where a pixel is replaced.

        Args:
            colours: h×W×3, or h×W×1 for grey, from 0 to 1.
        """
        import numpy as np

        wanted = np.array(self.colour[:3], np.float32) / np.float32(WHITE)
        squares = (np.clip(colours, 0, 1) - wanted) ** 2
        distance = np.sqrt(squares.mean(axis=2, keepdims=True)) * np.float32(WHITE)
        beyond = distance - np.float32(self.tolerance + _ROUNDING)
        weight: Array = (beyond <= 0).astype(np.float32)
        if self.softness:
            weight = np.clip(1 - beyond / np.float32(self.softness), 0, 1)
        return weight
