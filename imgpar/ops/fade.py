"""fade: make the whole picture translucent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import bands, paste, store_values
from imgpar.pixels.geometry import parse_share


@dataclass(frozen=True)
class Fade(Operation):
    """Multiply the opacity of every pixel; colours are unchanged.

    All layouts and depths; the result has alpha. Formats without alpha show it on --background.

    >>> Fade(0.5).plan(Spec(4, 3, "RGB")).layout
    'RGBA'
    """

    name: ClassVar[str] = "fade"
    summary: ClassVar[str] = "make the picture translucent: 0.5 or 50% halves its opacity"

    share: float = option(
        parse_share, "opacity that is left, 1 (or 100%) changes nothing", metavar="SHARE", example="50%"
    )

    def plan(self, spec: Spec) -> Spec:
        return spec if self.share == 1 else spec.converted("LA" if spec.grey else "RGBA")

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.share == 1

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        paste(src, dst)
        for rows in bands(dst.spec.height):
            alpha = dst.array[rows, :, -1]
            store_values(alpha * np.float32(self.share), alpha)
