"""sharpen: unsharp masking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.blur import soften
from imgpar.pixels.arrays import flat, keep_rest, land


@dataclass(frozen=True)
class Sharpen(Operation):
    """Unsharp mask: colour + amount · (colour − blurred colour), with a Gaussian blur of `sigma` pixels.

    Alpha is unchanged.
    """

    name: ClassVar[str] = "sharpen"
    summary: ClassVar[str] = "unsharp mask: 0 changes nothing, 0.5 is moderate, 2 is strong"

    amount: float = option(
        parsing.number(0, 20), "strength of the mask", default=0.5, metavar="AMOUNT", example="0.5"
    )
    sigma: float = option(
        parsing.number(0.1, 50),
        "standard deviation of the blur in pixels",
        default=1.0,
        metavar="PIXELS",
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.amount == 0

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2

        soften(src, dst, self.sigma)
        array = flat(dst.array)
        land(cv2.addWeighted(flat(src.array), 1 + self.amount, array, -self.amount, 0, dst=array), dst.array)
        keep_rest(src, dst)
