"""crop: keep a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import seal
from imgpar.pixels.attention import FOCUSES, find_focus, missed_faces, parse_focus
from imgpar.pixels.geometry import GRAVITIES, Aspect, Region, place
from imgpar.pixels.sizes import Geometry, parse_region


@dataclass(frozen=True)
class Crop(Operation):
    """Keep a region of a picture, clamped to the picture.

    >>> Crop(parse_region("16:9")).plan(Spec(4000, 3000)).size
    (4000, 2250)
    """

    name: ClassVar[str] = "crop"
    summary: ClassVar[str] = (
        "keep a region: 800x600, 800x600+10+20 (offset from the top left), 800x, 50%, 10x15cm or an aspect "
        "ratio such as 16:9"
    )

    region: Region | Aspect | Geometry = option(
        parse_region,
        "the region to keep; a side that is not given is that of the picture",
        metavar="REGION",
        example="800x600+10+20",
    )
    gravity: str | None = option(
        parse_focus,
        "anchor of the region, unless an offset is given; attention keeps sharp detail, strong colours and "
        "skin, entropy the part with most variety, faces those that are found, otherwise attention "
        "(default: centre)",
        default=None,
        metavar="WHERE",
        choices=FOCUSES,
        example="attention",
    )
    at: tuple[float, float] | None = field(default=None, repr=False)
    """Position of the region, each from 0 to 1, instead of the gravity."""

    def __post_init__(self) -> None:
        if self.gravity and isinstance(self.region, Region) and self.region.offset:
            raise BadValueError(
                f"The crop {self.region} has an offset from the top left, so there is nothing to place by "
                f"{self.gravity}.",
                fix="Leave the offset or the gravity out.",
            )
        if self.gravity == "centre":  # as if it were not given
            object.__setattr__(self, "gravity", None)

    def plan(self, spec: Spec) -> Spec:
        _, _, width, height = self._area(spec)
        return spec.resized(width, height)

    def idle(self, spec: Spec) -> bool:
        return self.plan(spec) == spec

    @property
    def looks(self) -> bool:
        return self.gravity not in (None, *GRAVITIES) and self.at is None

    def settled(self, frames: Sequence[Frame]) -> Operation:
        if not self.looks:
            return self
        decided, at = find_focus(self.gravity or "centre", frames, self.plan(frames[0].spec).size)
        return replace(self, gravity=decided, at=at)

    def check(self) -> None:
        if self.gravity == "faces":
            from imgpar.pixels.faces import require_faces

            require_faces()

    def remark(self, settled: Sequence[Operation], spec: Spec) -> str:  # noqa: ARG002
        return next((missed_faces(self.gravity or "", one.gravity, self.name) for one in settled), "")  # type: ignore[attr-defined]

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        x, y, width, height = self._area(src.spec)
        np.copyto(dst.array, src.array[y : y + height, x : x + width])
        seal(dst)

    def as_filter(self, spec: Spec) -> str | None:
        if self.looks:
            return None
        x, y, width, height = self._area(spec)
        # Subsampled planes cannot be cropped at odd positions.
        return None if (x | y | width | height) & 1 else f"crop={width}:{height}:{x}:{y}"

    def _area(self, spec: Spec) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels."""
        if isinstance(self.region, Aspect):
            width, height = self.region.inside(*spec.size)
        elif isinstance(self.region, Geometry):
            given = self.region.sides(*spec.size)
            width, height = min(given[0], spec.width), min(given[1], spec.height)
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
        if self.at is not None:
            room = spec.width - width, spec.height - height
            return (round(self.at[0] * room[0]), round(self.at[1] * room[1]), width, height)
        # Until the picture is known, a region that is chosen by its content is in the middle.
        gravity = self.gravity if self.gravity and not self.looks else "centre"
        return (*place(gravity, spec.size, (width, height)), width, height)
