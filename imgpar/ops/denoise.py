"""denoise: reduce noise, keep edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import PEAK, paste
from imgpar.pixels.neighbours import filter_colours
from imgpar.pixels.tones import WHITE

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_REACH = 3
"""Greatest distance of pixels that are averaged."""
_SPREAD, _COLOUR_SPREAD = 2.0, 4.0
"""Standard deviation of differences that are averaged, in those of the noise: of one channel, and of the sum
of three, as OpenCV measures it. Wider ones lose detail of photos, narrower ones leave noise."""


@dataclass(frozen=True)
class Denoise(Operation):
    """Bilateral filter: average neighbours within 3 pixels whose colours are similar.

    The strength is the standard deviation of the noise, in tones from 0 to 255. Values are taken as they are
    encoded. Alpha is kept, and fully transparent pixels have no influence. Clips and animations: on RGB,
    frame by frame.
    """

    name: ClassVar[str] = "denoise"
    summary: ClassVar[str] = "reduce noise and keep edges: 3 is mild, 10 is strong"

    strength: float = option(
        parsing.number(0, 100),
        "standard deviation of the noise in tones, 0 to 255",
        metavar="STRENGTH",
        example="5",
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.strength == 0

    def apply(self, src: Frame, dst: Frame) -> None:
        if self.strength == 0:
            paste(src, dst)
        else:
            filter_colours(src, dst, _REACH, partial(_bilateral, self.strength))


def _bilateral(strength: float, colours: Array) -> Array:
    import cv2
    import numpy as np

    spread = strength * (_SPREAD if colours.ndim == 2 else _COLOUR_SPREAD)
    size, sigma = 2 * _REACH + 1, _REACH / 2
    if colours.dtype == np.uint8:
        return cv2.bilateralFilter(colours, size, spread, sigma, borderType=cv2.BORDER_REPLICATE)
    scale = np.float32(WHITE / PEAK[colours.dtype.name])
    scaled = colours.astype(np.float32) * scale
    made: Array = cv2.bilateralFilter(scaled, size, spread, sigma, borderType=cv2.BORDER_REPLICATE) / scale
    return made if colours.dtype == np.float32 else np.rint(made)
