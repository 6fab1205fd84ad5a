"""saturation: scale the distance of each colour from its grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import LUMA
from imgpar.pixels.colourwise import matrix_filter, transform

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Saturation(Operation):
    """Scale every colour around its own luma: grey + factor · (colour − grey)."""

    name: ClassVar[str] = "saturation"
    summary: ClassVar[str] = "scale the saturation: 1 changes nothing, 0 gives grey"

    factor: float = option(
        parsing.number(0, 100), "the factor; 1 changes nothing", metavar="FACTOR", example="1.3"
    )

    def idle(self, spec: Spec) -> bool:
        return self.factor == 1 or spec.grey

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        if src.spec.grey:
            return np.copyto(dst.array, src.array)
        return transform(src, dst, self._matrix())

    def as_rgb_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        return matrix_filter(self._matrix())

    def _matrix(self) -> np.ndarray[Any, Any]:
        import numpy as np

        return self.factor * np.eye(3) + (1 - self.factor) * np.array(LUMA)
