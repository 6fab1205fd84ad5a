"""blur: Gaussian blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import (
    flat,
    land,
    opaque,
    premultiplied,
    seal,
    unpremultiply,
)


@dataclass(frozen=True)
class Blur(Operation):
    """Gaussian blur. Transparent pixels do not bleed into visible ones."""

    name: ClassVar[str] = "blur"
    summary: ClassVar[str] = "Gaussian blur with this standard deviation in pixels"

    sigma: float = option(
        parsing.number(0, 200), "standard deviation in pixels", metavar="SIGMA", example="2"
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.sigma == 0

    def apply(self, src: Frame, dst: Frame) -> None:
        soften(src, dst, self.sigma)


def soften(src: Frame, dst: Frame, sigma: float) -> None:
    """Write `src` blurred into `dst`; edge pixels are repeated beyond the edge."""
    import cv2
    import numpy as np

    if sigma == 0:
        np.copyto(dst.array, src.array)
        return seal(dst)
    weighted = not opaque(src)
    pixels, white = premultiplied(src) if weighted else (src.array, 0)
    out = None if weighted else flat(dst.array)
    blurred = cv2.GaussianBlur(flat(pixels), (0, 0), sigma, dst=out, borderType=cv2.BORDER_REPLICATE)
    if weighted:
        unpremultiply(blurred, white, dst)
    else:
        land(blurred, dst.array)
    return seal(dst)
