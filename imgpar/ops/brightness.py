"""brightness: multiply colour values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.tables import curve_filter, linear


@dataclass(frozen=True)
class Brightness(Operation):
    """Multiply every colour by a factor; 0 is black."""

    name: ClassVar[str] = "brightness"
    summary: ClassVar[str] = (
        "multiply all colour values: 1 changes nothing, 0 gives black, 1.2 is 20% brighter"
    )

    factor: float = option(
        parsing.number(0, 100), "the factor; 1 changes nothing", metavar="FACTOR", example="1.2"
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.factor == 1

    def apply(self, src: Frame, dst: Frame) -> None:
        linear(src, dst, self.factor, 0.0)

    def as_rgb_filter(self, spec: Spec) -> str | None:
        return curve_filter(spec, f"x*{self.factor:.9g}")
