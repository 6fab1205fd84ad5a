"""round_corners: transparent corners outside of a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import paste, store_values
from imgpar.pixels.geometry import Length, parse_length


@dataclass(frozen=True)
class RoundCorners(Operation):
    """Round the corners, with antialiasing: each pixel keeps the share of its opacity that lies inside.

    All layouts and depths; the result has alpha. Formats without alpha show it on --background. A radius
    beyond half of the shorter side gives half of it: 50% of a square is a circle.

    >>> RoundCorners(parse_length("20")).plan(Spec(400, 300, "L")).layout
    'LA'
    """

    name: ClassVar[str] = "round_corners"
    summary: ClassVar[str] = "round the corners: a radius such as 20, 5% (of the shorter side) or 5mm"

    radius: Length = option(
        parse_length,
        "radius in pixels, in percent of the shorter side (50% is a circle or half a circle), or with a unit",
        metavar="RADIUS",
        example="5%",
    )

    def plan(self, spec: Spec) -> Spec:
        return spec if self.idle(spec) else spec.converted("LA" if spec.grey else "RGBA")

    def idle(self, spec: Spec) -> bool:
        return self._pixels(spec) == 0

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        paste(src, dst)
        radius = min(self._pixels(src.spec), min(src.spec.size) / 2)
        count = int(np.ceil(radius))
        away = radius - (np.arange(count) + 0.5)
        inside = (radius + 0.5 - np.hypot(away[:, None], away)).clip(0, 1).astype(np.float32)
        alpha = dst.array[..., -1]
        height, width = alpha.shape
        for rows, down in ((slice(0, count), 1), (slice(height - count, height), -1)):
            for columns, across in ((slice(0, count), 1), (slice(width - count, width), -1)):
                corner = alpha[rows, columns]
                store_values(corner * inside[::down, ::across], corner)

    def _pixels(self, spec: Spec) -> int:
        return self.radius.pixels(min(spec.size))
