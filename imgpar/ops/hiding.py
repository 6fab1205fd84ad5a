"""What `redact` and `pixelate` share: regions, which may stand for the faces of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from imgpar.core.errors import BadValueError
from imgpar.core.job import TO_CHECK
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.faces import find_faces, require_faces
from imgpar.pixels.geometry import Length, parse_length
from imgpar.pixels.regions import Regions, grown, parse_regions

_GROWTH = Length(40, percent=True)
"""The detector gives a face from the eyebrows to the chin; with this much around it, hair and ears are in."""


@dataclass(frozen=True)
class Hiding(Operation):
    """An operation on regions; faces are searched for in each frame by itself."""

    regions: Regions = option(
        parse_regions,
        "all, or regions (width x height + left + top, in pixels or percent), joined by commas; faces stands "
        "for all faces that are found",
        metavar="REGIONS",
        example="30%x40%+10%+20%",
    )
    grow: Length | None = option(
        parse_length,
        f"what is added at each side of a face, in pixels or in percent of it (default: {_GROWTH})",
        default=None,
        metavar="LENGTH",
    )
    found: int = field(default=0, repr=False)
    """Number of faces among the regions, once they are known."""

    def __post_init__(self) -> None:
        if self.grow is not None and not self.regions.faces:
            raise BadValueError(
                f"The setting grow enlarges the regions of faces, and {self.name} is not given any.",
                fix="Leave it out, or add faces to the regions.",
            )

    def check(self) -> None:
        if self.looks:
            require_faces()

    @property
    def looks(self) -> bool:
        return self.regions.faces

    @property
    def each_frame(self) -> bool:
        return True

    def settled(self, frames: Sequence[Frame]) -> Operation:
        if not self.looks:
            return self
        by = self.grow or _GROWTH
        size = frames[0].spec.size
        boxes = [
            grown(box, (by.pixels(box[2] - box[0]), by.pixels(box[3] - box[1])), size)
            for box in find_faces(frames[0])
        ]
        return replace(self, regions=self.regions.located(boxes), grow=None, found=len(boxes))

    def remark(self, settled: Sequence[Operation], spec: Spec) -> str:  # noqa: ARG002
        return faces_note(self.name, [one.found for one in settled if isinstance(one, Hiding)])


def faces_note(name: str, counts: Sequence[int]) -> str:
    """The note for the report.

    Args:
        name: of the operation.
        counts: of faces, for each frame; empty where they are not known.

    >>> faces_note("redact", [2])
    'redact found 2 faces; others may have been missed'
    """
    if not counts:
        return f"{name} searches each frame for faces; some may have been missed{TO_CHECK}"
    if not any(counts):
        where = "" if len(counts) == 1 else f" in any of {len(counts)} frames"
        return f"{name} found no face{where}{TO_CHECK}"
    if len(counts) == 1:
        faces = "1 face" if counts[0] == 1 else f"{counts[0]} faces"
        return f"{name} found {faces}; others may have been missed"
    number = sum(map(bool, counts))
    return f"{name} found faces in {number} of {len(counts)} frames; others may have been missed"
