"""posterise: reduce the number of tones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.tables import apply_curves, curve_filter


@dataclass(frozen=True)
class Posterise(Operation):
    """Round every colour value to one of N equidistant ones, black and white among them.

    Values are taken as they are encoded. Alpha is kept. Floats above white are rounded with the same step.
    Clips and
    animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "posterise"
    summary: ClassVar[str] = "reduce each channel to this number of tones"

    few_colours: ClassVar[bool] = True

    tones: int = option(parsing.integer(2, 256), "number of tones of each channel", metavar="N", example="4")

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        steps = self.tones - 1
        apply_curves(src, dst, lambda values: np.rint(values * steps) / steps)

    def as_rgb_filter(self, spec: Spec) -> str | None:
        return curve_filter(spec, f"round(x*{self.tones - 1})/{self.tones - 1}")
