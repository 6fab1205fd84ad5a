"""replace_colour: replace one colour by another, or by transparency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import PEAK, bands, colour_channels, layout_with, paste, pixel, store_values
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

        peak, count = np.float32(PEAK[src.spec.dtype]), colour_channels(dst.spec)
        new = np.array(pixel(dst.spec, (*self.replacement[:3], 255))[:count], np.float32)
        opacity = np.float32(self.replacement[3] / WHITE)
        paste(src, dst)
        for rows in bands(src.spec.height):
            weights = self._weights(src.array[rows, :, : colour_channels(src.spec)], peak)
            found = weights > 0
            weight = weights[found][:, None]
            if not weight.size:
                continue
            part = dst.array[rows]
            pixels = part[found].astype(np.float32)
            left = 1 - weight
            together = left + opacity * weight
            mixed = pixels[:, :count] * left + new * (opacity * weight)
            np.divide(mixed, together, out=pixels[:, :count], where=together > 0)
            if dst.spec.alpha:
                pixels[:, -1:] *= together
            made = np.empty(pixels.shape, dst.array.dtype)
            store_values(pixels, made)
            part[found] = made

    def _weights(self, colours: Array, peak: np.float32) -> Array:
        """h×w float32, 1 where a pixel is replaced.

        Args:
            colours: h×w×3, or h×w×1 for grey, of any depth.
            peak: their value of white.
        """
        import numpy as np

        squares = np.zeros(colours.shape[:2], np.float32)
        for channel in range(colours.shape[2]):
            difference = colours[..., channel].astype(np.float32)
            difference *= np.float32(WHITE) / peak
            if colours.dtype == np.float32:
                np.clip(difference, 0, WHITE, out=difference)
            difference -= np.float32(self.colour[channel])
            squares += difference * difference
        distance = np.sqrt(squares / np.float32(colours.shape[2]))
        beyond = distance - np.float32(self.tolerance + _ROUNDING)
        weights: Array = (beyond <= 0).astype(np.float32)
        if self.softness:
            weights = np.clip(1 - beyond / np.float32(self.softness), 0, 1)
        return weights
