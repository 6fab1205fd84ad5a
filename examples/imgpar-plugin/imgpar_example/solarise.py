"""solarise: invert bright colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from imgpar.plugin import Frame, Operation, number, option

IMGPAR_API = 1


@dataclass(frozen=True)
class Solarise(Operation):
    """Replace each colour value from a threshold on by its negative; alpha stays."""

    name: ClassVar[str] = "solarise"
    summary: ClassVar[str] = "invert values from this share of white on"
    depths: ClassVar[tuple[str, ...]] = ("uint8", "uint16")

    least: float = option(number(0, 1), "least value, 1 is white", metavar="SHARE", example="0.5")
    strength: float = option(number(0, 1), "1 is the whole negative", default=1.0, metavar="SHARE")

    def apply(self, src: Frame, dst: Frame) -> None:
        """Every value of `dst.array` is written; both arrays belong to imgpar, and neither is kept."""
        peak = np.iinfo(src.array.dtype).max
        count = src.spec.channels - src.spec.alpha
        colours = src.array[..., :count]
        negative = colours + self.strength * (peak - 2.0 * colours)
        np.copyto(dst.array, src.array)
        np.copyto(
            dst.array[..., :count], np.rint(negative), where=colours >= self.least * peak, casting="unsafe"
        )
