"""Frames as planes in plain memory: how they lie there, and which operations work on them as they are.

    ┌────────────────┬────────┬────────┐
    │ Y  width×height│ U      │ V      │     one after the other, without padding; 8 bits, or 16 little-endian
    └────────────────┴────────┴────────┘

An operation works on planes when it does the same to every plane, each in its own size. Everything else
gets red, green and blue, which is twice the memory and two conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imgpar.core.model import Frame, Spec
from imgpar.ops import Operation
from imgpar.ops.blur import Blur
from imgpar.ops.crop import Crop
from imgpar.ops.flip import Flip
from imgpar.ops.grey import Grey
from imgpar.ops.resize import Resize
from imgpar.ops.rotate import Rotate
from imgpar.ops.sharpen import Sharpen
from imgpar.pixels import layouts
from imgpar.pixels.geometry import Region
from imgpar.video.scaling import Scaler

Array = np.ndarray[Any, Any]

_CHROMA = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1), "": (1, 1)}


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """Size and pixel format of a planar frame.

    >>> PlaneLayout("yuv420p", 64, 48, "420").nbytes
    4608
    """

    pixel_format: str
    width: int
    height: int
    subsampling: str
    depth: int = 8
    alpha: bool = False

    @property
    def dtype(self) -> str:
        """Of a sample; more than 8 bits lie in 16, low bits first."""
        return "uint8" if self.depth <= 8 else "<u2"

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Height and width of every plane."""
        across, down = _CHROMA[self.subsampling]
        chroma = (-(-self.height // down), -(-self.width // across))
        whole = (self.height, self.width)
        colour = [chroma, chroma] if self.subsampling else []
        return [whole, *colour, *([whole] if self.alpha else [])]

    @property
    def nbytes(self) -> int:
        """Bytes of all planes together."""
        return sum(height * width for height, width in self.shapes) * (1 if self.depth <= 8 else 2)

    def arrays(self, memory: memoryview) -> list[Array]:
        """The planes in `memory`, which they do not own."""
        found, start = [], 0
        flat = np.frombuffer(memory[: self.nbytes], self.dtype)
        for height, width in self.shapes:
            found.append(flat[start : start + height * width].reshape(height, width))
            start += height * width
        return found

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    def steps(self, number: int) -> tuple[int, int]:
        """Pixels to the right and down from one sample of a plane to the next."""
        return _CHROMA[self.subsampling] if number in (1, 2) else (1, 1)

    def resized(self, width: int, height: int) -> PlaneLayout:
        """The same pixel format in another size."""
        return PlaneLayout(self.pixel_format, width, height, self.subsampling, self.depth, self.alpha)


def load(frame: Any, planes: Sequence[Array]) -> None:
    """Copy a decoded frame of the same pixel format into `planes`."""
    for source, plane in zip(frame.planes, planes, strict=True):
        np.copyto(plane, view_of(source, plane, plane.shape[1]))


def copy_planes(planes: Sequence[Array], frame: Any) -> None:
    """Copy `planes` into a PyAV frame of the same pixel format."""
    for target, plane in zip(frame.planes, planes, strict=True):
        np.copyto(view_of(target, plane, plane.shape[1]), plane)


def view_of(plane: Any, like: Array, width: int) -> Array:
    """`width` samples of each row of a PyAV plane, which pads its rows, as an array."""
    row, height = plane.line_size // like.itemsize, like.shape[0]
    flat = np.frombuffer(plane, like.dtype)
    return flat[: row * height].reshape(height, row)[:, :width]


PlaneWork = Callable[[Sequence[Array], Sequence[Array]], None]
"""Reads the planes of one frame, writes those of another."""


@dataclass(frozen=True, slots=True)
class PlaneStep:
    """One operation on planes: the layout it makes, and the work."""

    layout: PlaneLayout
    work: PlaneWork


def plane_step(operation: Operation, layout: PlaneLayout) -> PlaneStep | None:
    """The operation as work on planes, or None where it needs whole colours."""
    if layout.alpha:
        return None  # colours would bleed out of what is transparent
    spec = Spec(layout.width, layout.height)
    across, down = _CHROMA[layout.subsampling]
    if isinstance(operation, Resize) and (written := operation.as_filter(spec)):
        made = layout.resized(*operation.plan(spec).size)
        return PlaneStep(made, Scaler(layout, made, written))
    if isinstance(operation, Flip):
        return PlaneStep(layout, _applied([operation]))
    if isinstance(operation, Rotate) and operation.as_filter(spec) and across == down:
        return PlaneStep(layout.resized(*operation.plan(spec).size), _applied([operation]))
    if isinstance(operation, Crop) and (written := operation.as_filter(spec)):
        width, height, x, y = map(int, written.removeprefix("crop=").split(":"))
        part = Region(-(-width // across), -(-height // down), (x // across, y // down))
        return PlaneStep(layout.resized(width, height), _applied([operation, Crop(part)]))
    if isinstance(operation, Grey) and not layout.pixel_format.startswith("gbr"):
        return PlaneStep(layout, partial(_grey, 1 << (layout.depth - 1)))
    if isinstance(operation, Blur | Sharpen) and across == down and layout.depth <= 8:
        # A blur is the same sum of neighbours in every colour system; in a small plane they are nearer.
        if isinstance(operation, Blur):
            return PlaneStep(layout, _applied([operation, Blur(operation.sigma / across)]))
        small = max(0.1, operation.sigma / across)
        return PlaneStep(layout, _applied([operation, Sharpen(operation.amount, small)]))
    return None


def turn_step(orientation: int, layout: PlaneLayout) -> PlaneStep | None:
    """Turning stored frames upright; None where the planes would not fit each other afterwards."""
    across, down = _CHROMA[layout.subsampling]
    if orientation >= 5 and across != down:
        return None
    size = (layout.height, layout.width) if orientation >= 5 else (layout.width, layout.height)

    def work(sources: Sequence[Array], targets: Sequence[Array]) -> None:
        for source, target in zip(sources, targets, strict=True):
            layouts.orient(_frame(source), _frame(target), orientation)

    return PlaneStep(layout.resized(*size), work)


def _applied(operations: Sequence[Operation]) -> PlaneWork:
    """The first operation on the first plane, the last one on the others."""

    def work(sources: Sequence[Array], targets: Sequence[Array]) -> None:
        for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
            operations[min(number, len(operations) - 1)].apply(_frame(source), _frame(target))

    return work


def _grey(middle: int, sources: Sequence[Array], targets: Sequence[Array]) -> None:
    """No colour is the middle of the scale."""
    np.copyto(targets[0], sources[0])
    for target in targets[1:]:
        target[...] = middle


def _frame(plane: Array) -> Frame:
    height, width = plane.shape
    dtype = "uint8" if plane.dtype.itemsize == 1 else "uint16"
    return Frame(Spec(width, height, "L", dtype), plane[..., None])
