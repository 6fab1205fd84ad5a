"""deskew: turn scans upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.rotate import Rotate
from imgpar.pixels.arrays import PEAK, colour_channels
from imgpar.pixels.skew import LEAST_ANGLE, skew_of

MOST_ANGLE = 15.0


@dataclass(frozen=True)
class Deskew(Operation):
    """Measure by how much lines of text or rules are tilted, and rotate the picture by that angle.

    Nothing changes below 0.1 degrees, beyond the given angle, and where there are no lines to be measured, as
    in most photos. The canvas is enlarged to contain the corners. All layouts and depths; not for clips. The
    frames of an animation get the angle of the first one, pages of a document each its own.
    """

    name: ClassVar[str] = "deskew"
    summary: ClassVar[str] = (
        "turn tilted scans upright; the number is the greatest angle in degrees, up to 15"
    )
    dynamic: ClassVar[bool] = True

    limit: float = option(
        parsing.number(LEAST_ANGLE, MOST_ANGLE),
        "greatest angle that is corrected, in degrees",
        default=MOST_ANGLE,
        metavar="DEGREES",
        example="15",
    )
    background: Colour | None = option(
        parsing.colour,
        "colour of the corners (default: transparent for pictures with alpha, otherwise that of the edges)",
        default=None,
        metavar="COLOUR",
        example="white",
    )

    @property
    def looks(self) -> bool:
        return True

    def plan(self, spec: Spec) -> Spec:
        return Rotate(self.limit, self.background).plan(spec)

    def settled(self, frames: Sequence[Frame]) -> Operation:
        angle = -skew_of(frames[0], self.limit)
        if abs(angle) < LEAST_ANGLE:
            return Rotate(0)
        return Rotate(angle, self.background or _paper(frames[0]))

    def remark(self, settled: Sequence[Operation], spec: Spec) -> str:
        (turn,) = settled
        if turn.idle(spec):
            return ""
        return f"deskew turned it by {turn.degrees:.2f} degrees"  # type: ignore[attr-defined]


def _paper(frame: Frame) -> Colour | None:
    """The colour of most pixels at the edges; None where they are transparent."""
    import numpy as np

    if frame.spec.alpha:
        return None
    array = frame.array[..., : colour_channels(frame.spec)]
    edges = np.concatenate([array[0], array[-1], array[:, 0], array[:, -1]])
    values = np.median(edges, axis=0) / PEAK[frame.spec.dtype] * 255
    red, green, blue = (float(value) for value in np.broadcast_to(values, 3))
    return (red, green, blue, 255)
