"""auto_contrast: stretch the tones to black and white, without outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame
from imgpar.ops.base import Operation
from imgpar.pixels.geometry import parse_share_below_half
from imgpar.pixels.tables import Curve, apply_curves
from imgpar.pixels.tones import Ends, channel_histograms, ends, histogram, luma, visible_pixels


@dataclass(frozen=True)
class AutoContrast(Operation):
    """Stretch the tones so that this share of the pixels becomes black, and as many white.

    The ends are those of luma, so hues are kept; with `separate` each channel has its own, which also removes
    a colour cast. Fully transparent pixels do not count; a picture of one tone is unchanged. Values are taken
    as they are encoded. Alpha is kept. Floats from 0 to 1 are measured in 65,536 steps. Clips and animations:
    on RGB, each frame by itself, so brightness may vary between frames.
    """

    name: ClassVar[str] = "auto_contrast"
    summary: ClassVar[str] = (
        "stretch the tones to black and white; the value is the share clipped at each end"
    )

    share: float = option(
        parse_share_below_half,
        "share of the pixels clipped at each end, such as 0 or 1%",
        default=0.0,
        metavar="SHARE",
        example="0.5%",
    )
    separate: bool = option(
        parsing.switch, "stretch red, green and blue separately, which removes a colour cast", default=False
    )

    def apply(self, src: Frame, dst: Frame) -> None:
        counts = channel_histograms(src) if self.separate else [histogram(luma(src), visible_pixels(src))]
        apply_curves(src, dst, *(_stretching(ends(one, self.share)) for one in counts))


def _stretching(found: Ends | None) -> Curve:
    if found is None:
        return lambda values: values
    return lambda values: (values - found.low) * found.scale
