"""crop: keep a region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.errors import TransformError
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import seal
from imgpar.pixels.geometry import (
    GRAVITIES,
    Aspect,
    Region,
    parse_gravity,
    parse_region,
    place,
)


@dataclass(frozen=True)
class Crop(Operation):
    """Keep a region of a picture, clamped to the picture.

    >>> Crop(parse_region("16:9")).plan(Spec(4000, 3000)).size
    (4000, 2250)
    """

    name: ClassVar[str] = "crop"
    summary: ClassVar[str] = (
        "keep a region: 800x600, 800x600+10+20 (offset from the top left) or an aspect ratio such as 16:9"
    )

    region: Region | Aspect = option(
        parse_region, "the region to keep", metavar="REGION", example="800x600+10+20"
    )
    gravity: str = option(
        parse_gravity,
        "anchor of the region, unless an offset is given",
        default="centre",
        metavar="WHERE",
        choices=GRAVITIES,
        example="north",
    )

    def plan(self, spec: Spec) -> Spec:
        _, _, width, height = self._area(spec)
        return spec.resized(width, height)

    def idle(self, spec: Spec) -> bool:
        return self.plan(spec) == spec

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        x, y, width, height = self._area(src.spec)
        np.copyto(dst.array, src.array[y : y + height, x : x + width])
        seal(dst)

    def as_filter(self, spec: Spec) -> str | None:
        x, y, width, height = self._area(spec)
        # Subsampled planes cannot be cropped at odd positions.
        return None if (x | y | width | height) & 1 else f"crop={width}:{height}:{x}:{y}"

    def _area(self, spec: Spec) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels."""
        if isinstance(self.region, Aspect):
            width, height = self.region.inside(*spec.size)
        else:
            left, top = self.region.offset or (0, 0)
            width = min(self.region.width, spec.width - left)
            height = min(self.region.height, spec.height - top)
            if width <= 0 or height <= 0:
                raise TransformError(
                    f"The crop {self.region} lies outside of a picture of {spec.width}x{spec.height} pixels.",
                    fix="Use a smaller offset, or a gravity instead of it.",
                )
            if self.region.offset:
                return (left, top, width, height)
        return (*place(self.gravity, spec.size, (width, height)), width, height)
