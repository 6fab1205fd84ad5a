"""autocrop: remove a border of one colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.crop import Crop
from imgpar.pixels.arrays import PEAK, bands, colour_channels, opaque, pixel
from imgpar.pixels.geometry import Region

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ROUNDING = 1e-3
"""Floats are not exact: a difference of just the tolerance belongs to the border in every depth."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""


@dataclass(frozen=True)
class Autocrop(Operation):
    """Remove rows and columns at the edges whose pixels all have the colour of the border.

    The colour is that of the corners; where they differ, that of most of them. A picture of one colour stays
    whole. Transparent pixels are equal, whatever colour they hold. All layouts and depths; not for clips,
    whose frames have one size. Of an animation all frames keep what one of them needs.
    """

    name: ClassVar[str] = "autocrop"
    summary: ClassVar[str] = "remove a border of one colour; the number is the tolerance, 0 to 255"
    dynamic: ClassVar[bool] = True

    tolerance: float = option(
        parsing.number(0, 255),
        "difference from the colour of the border up to which a pixel belongs to it, in steps of 8 bits",
        default=10,
        metavar="TOLERANCE",
        example="10",
    )
    background: Colour | None = option(
        parsing.colour,
        "colour of the border (default: that of most corners)",
        default=None,
        metavar="COLOUR",
        example="white",
    )

    @property
    def looks(self) -> bool:
        return True

    def settled(self, frames: Sequence[Frame]) -> Operation:
        width, height = frames[0].spec.size
        found = [box for frame in frames if (box := self._content(frame)) is not None]
        if not found:
            return Crop(Region(width, height))
        sides = list(zip(*found, strict=True))
        left, top, right, bottom = min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])
        return Crop(Region(right - left, bottom - top, (left, top)))

    def remark(self, settled: Sequence[Operation], spec: Spec) -> str:
        (crop,) = settled
        return "" if crop.idle(spec) else f"autocrop kept {crop.region}"  # type: ignore[attr-defined]

    def _content(self, frame: Frame) -> Box | None:
        """What lies inside of the border; None where nothing does."""
        import numpy as np

        white, transparent = PEAK[frame.spec.dtype], not opaque(frame)
        step = (self.tolerance + _ROUNDING) / 255 * white
        border = self._border(frame, step, transparent=transparent)
        rows, columns = np.zeros(frame.spec.height, bool), np.zeros(frame.spec.width, bool)
        for part in bands(frame.spec.height):
            other = _differs(_visible(frame, frame.array[part], transparent=transparent), border, step)
            rows[part] = other.any(axis=1)
            columns |= other.any(axis=0)
        down, across = np.flatnonzero(rows), np.flatnonzero(columns)
        if not len(down):
            return None
        return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1

    def _border(self, frame: Frame, step: float, *, transparent: bool) -> Array:
        """The values of the border in the channels that are compared."""
        import numpy as np

        corners = frame.array[[0, 0, -1, -1], [0, -1, 0, -1]][None]
        if self.background is not None:
            corners = np.array(pixel(frame.spec, self.background), frame.spec.dtype)[None, None]
        corners = _visible(frame, corners, transparent=transparent)[0].astype(np.float64)
        agreeing = [int((np.abs(corners - one).max(axis=1) <= step).sum()) for one in corners]
        chosen: Array = corners[agreeing.index(max(agreeing))]
        return chosen


def _visible(frame: Frame, part: Array, *, transparent: bool) -> Array:
    """The channels of a part that are compared: colours, and where there is transparency premultiplied ones
    and alpha."""
    import numpy as np

    if not transparent:
        return part[..., : colour_channels(frame.spec)]
    result = part.astype(np.float32)
    result[..., :-1] *= result[..., -1:] / np.float32(PEAK[frame.spec.dtype])
    return result


def _differs(pixels: Array, border: Array, step: float) -> Array:
    """Whether each pixel differs from the border in some channel by more than `step`: H×W."""
    import cv2
    import numpy as np

    if not pixels.flags.c_contiguous:
        pixels = np.ascontiguousarray(pixels)
    low, high = border - step, border + step
    if pixels.dtype != np.float32:
        low, high = np.ceil(low), np.floor(high)
    inside: Array = cv2.inRange(pixels, low, high)
    outside: Array = inside.reshape(pixels.shape[:2]) == 0
    return outside
