"""vignette: darken the corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core.options import option
from imgpar.core.spec import Frame
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import bands, colour_channels, keep_rest, store_values
from imgpar.pixels.geometry import parse_share, parse_share_below_one


@dataclass(frozen=True)
class Vignette(Operation):
    """Multiply colours by 1 − strength · t² · (3 − 2t), where t grows from 0 at `start` to 1 in the corners.

    Distances are from the centre, in half diagonals. Values are taken as they are encoded. Alpha is kept.
    Clips and
    animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "vignette"
    summary: ClassVar[str] = "darken the corners by this share, gradually from the centre"

    strength: float = option(
        parse_share,
        "how much darker the corners become, 1 (or 100%) is black",
        metavar="SHARE",
        example="50%",
    )
    start: float = option(
        parse_share_below_one,
        "distance from the centre at which darkening starts; 100% is the corner",
        default=0.3,
        metavar="SHARE",
        example="50%",
    )

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        width, height = src.spec.size
        count = colour_channels(src.spec)
        # Squared distances of pixel centres, relative to those of the corners of the picture.
        x = ((2 * np.arange(width, dtype=np.float32) + 1 - width) ** 2) / (width**2 + height**2)
        y = ((2 * np.arange(height, dtype=np.float32) + 1 - height) ** 2) / (width**2 + height**2)
        for rows in bands(height):
            distance = np.sqrt(y[rows, None] + x[None])
            t = np.clip((distance - np.float32(self.start)) / np.float32(1 - self.start), 0, 1)
            gain = 1 - np.float32(self.strength) * (t * t * (3 - 2 * t))
            store_values(src.array[rows, :, :count] * gain[..., None], dst.array[rows, :, :count])
        keep_rest(src, dst)
