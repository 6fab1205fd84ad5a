"""normalise: stretch the values to the full range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.spec import Frame
from imgpar.ops.base import Operation
from imgpar.pixels.tables import apply_curves
from imgpar.pixels.tones import extremes


@dataclass(frozen=True)
class Normalise(Operation):
    """Stretch all channels together so that the least value becomes 0 and the greatest 1; nothing is clipped.

    Floats may be outside of that range before: HDR is compressed to it. Fully transparent pixels do not
    count; a picture of one value is unchanged. Values are taken as they are encoded. Alpha is kept. Clips and
    animations: on RGB, each frame by itself.
    """

    name: ClassVar[str] = "normalise"
    summary: ClassVar[str] = "stretch the values to the full range from black to white; nothing is clipped"

    def apply(self, src: Frame, dst: Frame) -> None:
        found = extremes(src)
        if found is None:
            return apply_curves(src, dst, lambda values: values)
        return apply_curves(src, dst, lambda values: (values - found.low) * found.scale)
