"""grey: convert to greyscale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import land


@dataclass(frozen=True)
class Grey(Operation):
    """Turn colours into grey by luma (ITU-R BT.601); the file gets one channel, and alpha if it had it.

    >>> Grey().plan(Spec(4, 3, "RGBA")).layout
    'LA'
    """

    name: ClassVar[str] = "grey"
    summary: ClassVar[str] = "convert to greyscale by luma (BT.601), stored as one channel"

    def plan(self, spec: Spec) -> Spec:
        return spec.converted("LA" if spec.alpha else "L")

    def idle(self, spec: Spec) -> bool:
        return spec.grey

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2
        import numpy as np

        if src.spec.grey:
            return np.copyto(dst.array, src.array)
        code = cv2.COLOR_RGB2GRAY if src.spec.channels == 3 else cv2.COLOR_RGBA2GRAY
        if dst.spec.alpha:
            dst.array[..., 0] = cv2.cvtColor(src.array, code)
            dst.array[..., 1] = src.array[..., 3]
        else:
            land(cv2.cvtColor(src.array, code, dst=dst.array[..., 0]), dst.array)
        return None
