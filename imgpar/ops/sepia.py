"""sepia: the brown of old photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import layout_with
from imgpar.pixels.colourwise import matrix_filter, transform
from imgpar.pixels.geometry import parse_share

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Sepia(Operation):
    """Multiply the colours by the sepia matrix of the W3C's Filter Effects, as CSS does.

    A grey picture becomes RGB. Values are taken as they are encoded. Alpha is kept; integers are clipped.
    Clips and
    animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "sepia"
    summary: ClassVar[str] = "brown tones of old photographs, as sepia() of CSS; 1 (or 100%) is full strength"

    share: float = option(
        parse_share, "strength, 1 (or 100%) is full sepia", default=1.0, metavar="SHARE", example="80%"
    )

    def plan(self, spec: Spec) -> Spec:
        return spec.converted(layout_with(spec, (255, 0, 0, 255)))

    def apply(self, src: Frame, dst: Frame) -> None:
        transform(src, dst, self._matrix())

    def as_rgb_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        return matrix_filter(self._matrix())

    def _matrix(self) -> np.ndarray[Any, Any]:
        import numpy as np

        full = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
        return self.share * full + (1 - self.share) * np.eye(3)
