"""gamma: brighten or darken the midtones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.tables import apply_curves, curve_filter, power


@dataclass(frozen=True)
class Gamma(Operation):
    """Raise every colour value to the power 1/gamma; black and white stay.

    Values are taken as they are encoded (about sRGB), not in linear light. Alpha is kept; floats may be
    brighter than white, and negative ones keep their sign. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "gamma"
    summary: ClassVar[str] = "brighten the midtones (above 1) or darken them (below 1); black and white stay"

    value: float = option(
        parsing.number(0.1, 10),
        "the exponent's reciprocal; 1 changes nothing",
        metavar="GAMMA",
        example="1.2",
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.value == 1

    def apply(self, src: Frame, dst: Frame) -> None:
        apply_curves(src, dst, lambda values: power(values, 1 / self.value))

    def as_rgb_filter(self, spec: Spec) -> str | None:
        return curve_filter(spec, f"pow(x,{1 / self.value:.9g})")
