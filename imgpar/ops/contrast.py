"""contrast: scale the distance from the mean grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import LUMA, PEAK
from imgpar.pixels.tables import linear


@dataclass(frozen=True)
class Contrast(Operation):
    """Move every colour away from the picture's mean grey by a factor: mean + factor · (colour − mean)."""

    name: ClassVar[str] = "contrast"
    summary: ClassVar[str] = "scale the contrast: 1 changes nothing, 0 gives uniform grey"

    factor: float = option(
        parsing.number(0, 100), "the factor; 1 changes nothing", metavar="FACTOR", example="1.1"
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.factor == 1

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2

        # Luma is linear: the mean of the luma is the luma of the channels' means.
        means = cv2.mean(src.array)
        mean = means[0] if src.spec.grey else sum(w * m for w, m in zip(LUMA, means, strict=False))
        mean /= PEAK[src.spec.dtype]
        linear(src, dst, self.factor, mean * (1 - self.factor))
