"""invert: negative colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.tables import curve_filter, linear


@dataclass(frozen=True)
class Invert(Operation):
    """Replace every colour value by white minus the value, for film negatives and dark diagrams; alpha is
    kept.

    Floats brighter than white become negative. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "invert"
    summary: ClassVar[str] = "negative colours; transparency is kept"

    def apply(self, src: Frame, dst: Frame) -> None:
        linear(src, dst, -1.0, 1.0)

    def as_rgb_filter(self, spec: Spec) -> str | None:
        return curve_filter(spec, "1-x")
