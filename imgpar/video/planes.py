"""Operations that work on planar frames as they are.

An operation works on planes if it does the same to every plane, each in its own size. All others get RGB,
which takes twice the memory and two conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imgpar.core.spec import Frame, Spec
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
from imgpar.video.plane_layout import PlaneLayout
from imgpar.video.scaling import Scaler

Array = np.ndarray[Any, Any]

_CHROMA = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1), "": (1, 1)}

PlaneWork = Callable[[Sequence[Array], Sequence[Array]], None]
"""Reads the planes of one frame, writes those of another."""


@dataclass(frozen=True, slots=True)
class PlaneStep:
    """One operation on planes: resulting layout, and function."""

    layout: PlaneLayout
    work: PlaneWork


def plane_step(operation: Operation, layout: PlaneLayout) -> PlaneStep | None:
    """The operation on planes, or None where it needs RGB."""
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
    if isinstance(operation, Sharpen) and operation.threshold:
        return None  # differences of red, green and blue are compared with it
    if isinstance(operation, Blur | Sharpen) and across == down and layout.depth <= 8:
        # A blur is the same sum of neighbours in every colour system; in a small plane they are nearer.
        if isinstance(operation, Blur):
            return PlaneStep(layout, _applied([operation, Blur(operation.sigma / across)]))
        small = max(0.1, operation.sigma / across)
        return PlaneStep(layout, _applied([operation, Sharpen(operation.amount, small)]))
    return None


def turn_step(orientation: int, layout: PlaneLayout) -> PlaneStep | None:
    """Rotation of stored frames to upright; None where the planes would not match afterwards."""
    across, down = _CHROMA[layout.subsampling]
    if orientation >= 5 and across != down:
        return None
    size = (layout.height, layout.width) if orientation >= 5 else (layout.width, layout.height)

    def work(sources: Sequence[Array], targets: Sequence[Array]) -> None:
        for source, target in zip(sources, targets, strict=True):
            layouts.orient(_frame(source), _frame(target), orientation)

    return PlaneStep(layout.resized(*size), work)


def _applied(operations: Sequence[Operation]) -> PlaneWork:
    """Applies the first operation to the first plane, the last one to the others."""

    def work(sources: Sequence[Array], targets: Sequence[Array]) -> None:
        for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
            operations[min(number, len(operations) - 1)].apply(_frame(source), _frame(target))

    return work


def _grey(middle: int, sources: Sequence[Array], targets: Sequence[Array]) -> None:
    """Fill chroma with its middle value."""
    np.copyto(targets[0], sources[0])
    for target in targets[1:]:
        target[...] = middle


def _frame(plane: Array) -> Frame:
    height, width = plane.shape
    dtype = "uint8" if plane.dtype.itemsize == 1 else "uint16"
    return Frame(Spec(width, height, "L", dtype), plane[..., None])
