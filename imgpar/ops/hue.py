"""hue: rotate the hues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.colourwise import matrix_filter, transform

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Hue(Operation):
    """Rotate all hues around the grey axis, as hue-rotate() of CSS (W3C Filter Effects): luma (BT.709) is
    kept where nothing is clipped.

    Values are taken as they are encoded. Alpha is kept. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "hue"
    summary: ClassVar[str] = "rotate the hues by this angle: 180 gives the complementary colours"

    degrees: float = option(
        parsing.number(-360, 360), "the angle in degrees", metavar="DEGREES", example="90"
    )

    def idle(self, spec: Spec) -> bool:
        return self.degrees % 360 == 0 or spec.grey

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        if src.spec.grey:
            return np.copyto(dst.array, src.array)
        return transform(src, dst, self._matrix())

    def as_rgb_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        return matrix_filter(self._matrix())

    def _matrix(self) -> np.ndarray[Any, Any]:
        import numpy as np

        angle = np.deg2rad(self.degrees)
        grey = np.tile([0.213, 0.715, 0.072], (3, 1))
        across = np.array([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
        matrix: np.ndarray[Any, Any] = grey + np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * across
        return matrix
