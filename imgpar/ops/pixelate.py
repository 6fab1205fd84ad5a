"""pixelate: large blocks of one colour, or a strong blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.blur import soften
from imgpar.ops.hiding import Hiding
from imgpar.pixels.arrays import paste
from imgpar.pixels.geometry import Length, parse_length
from imgpar.pixels.regions import Box, pixelate
from imgpar.pixels.resampling import resample

METHODS = ("blocks", "blur")

_OF_PICTURE = Length(4, percent=True)
_OF_REGION = 8
"""A region has at most so many blocks along its shorter side."""
_SLOW_SIGMA = 16
"""Above this standard deviation in pixels, a region is reduced before the blur and enlarged afterwards."""


@dataclass(frozen=True)
class Pixelate(Hiding):
    """Replace blocks by their mean colour, or blur, everywhere or in regions of the upright picture at this
    point of the recipe.

    A region that is outside of a picture is an error. Small blocks can be read in spite of it, and a blur can
    be reversed in part: to make text or faces unrecognisable for certain use `redact`. A region is blurred by
    itself, so nothing of it gets outside. Values are averaged as they are encoded, colours weighted by alpha.
    Faces need the package dlib-bin; its detector misses some, mostly those that are small, turned or covered,
    so the results have to be checked. The report says how many were found. Clips and animations: on RGB,
    frame by frame.
    """

    name: ClassVar[str] = "pixelate"
    summary: ClassVar[str] = (
        "large blocks of one colour, or a blur: all, regions such as 100x80+20+30, or faces"
    )

    block: Length | None = option(
        parse_length,
        "side of a block, or standard deviation of the blur, in pixels or in percent of the shorter side "
        f"(default: {_OF_PICTURE}, and at least an eighth of the shorter side of a region)",
        default=None,
        metavar="LENGTH",
        example="16",
    )
    method: str = option(
        parsing.choice(*METHODS),
        "blocks, or blur: a Gaussian blur",
        default="blocks",
        choices=METHODS,
        example="blur",
    )

    def apply(self, src: Frame, dst: Frame) -> None:
        paste(src, dst)
        for box in self.regions.boxes(src.spec):
            block = self._block(src.spec, box)
            if self.method == "blocks":
                pixelate(dst, box, block)
            else:
                _blur(dst, box, block)

    def _block(self, spec: Spec, box: Box) -> int:
        """Side of a block in a region, in pixels."""
        if self.block is not None:
            return max(2, self.block.pixels(min(spec.size)))
        least = 0 if self.regions.given == "all" else min(box[2] - box[0], box[3] - box[1]) // _OF_REGION
        return max(2, least, _OF_PICTURE.pixels(min(spec.size)))


def _blur(frame: Frame, box: Box, sigma: float) -> None:
    """Blur a region by itself, in place; its edge pixels are repeated beyond the edge.

    Args:
        frame: of any layout that is not planar.
        box: the region.
        sigma: standard deviation in pixels.
    """
    import numpy as np

    left, top, right, bottom = box
    spec = frame.spec.resized(right - left, bottom - top)
    part = Frame(spec, np.ascontiguousarray(frame.array[top:bottom, left:right]))
    factor = max(1.0, sigma / _SLOW_SIGMA)
    small = spec.resized(max(1, round(spec.width / factor)), max(1, round(spec.height / factor)))
    reduced = Frame(small, np.empty(small.shape, small.dtype))
    blurred = Frame(small, np.empty(small.shape, small.dtype))
    resample(part, reduced, None, "box")
    soften(reduced, blurred, sigma / factor)
    resample(blurred, part, None, "bilinear")
    frame.array[top:bottom, left:right] = part.array
