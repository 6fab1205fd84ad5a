"""rotate: clockwise, by any angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import (
    flat,
    land,
    layout_with,
    paste,
    pixel,
    premultiplied,
    seal,
    unpremultiply,
)

_CV2_LIMIT = 32_767
"""OpenCV uses 16-bit coordinates for warping."""

_TRANSPOSE = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}


@dataclass(frozen=True)
class Rotate(Operation):
    """Rotate a picture clockwise. Multiples of 90 are lossless.

    Other angles use bicubic interpolation on a canvas that contains the whole rotated picture.

    >>> Rotate(90).plan(Spec(400, 300)).size, Rotate(45).plan(Spec(100, 100)).size
    ((300, 400), (142, 142))
    """

    name: ClassVar[str] = "rotate"
    summary: ClassVar[str] = "rotate clockwise by degrees; the canvas is enlarged to contain the corners"

    degrees: float = option(
        parsing.number(-3600, 3600),
        "the angle; negative values rotate counter-clockwise",
        metavar="DEGREES",
        example="90",
    )
    background: Colour | None = option(
        parsing.colour,
        "colour of the corners (default: transparent for pictures with alpha, otherwise white)",
        default=None,
        metavar="COLOUR",
        example="black",
    )

    def plan(self, spec: Spec) -> Spec:
        if self._quarter is not None:
            return spec.resized(spec.height, spec.width) if self._quarter in (90, 270) else spec
        angle = math.radians(self.degrees)
        cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
        # The epsilon avoids an additional row due to rounding.
        width = math.ceil(spec.width * cosine + spec.height * sine - 1e-6)
        height = math.ceil(spec.width * sine + spec.height * cosine - 1e-6)
        if max(width, height, *spec.size) >= _CV2_LIMIT:
            raise TransformError(
                f"{spec.width}x{spec.height} pixels are too many to be turned by {self.degrees:g} degrees.",
                fix=f"Resize it below {_CV2_LIMIT} pixels a side first, or turn it by a multiple of 90.",
            )
        return spec.resized(width, height).converted(layout_with(spec, self.background))

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self._quarter == 0

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2
        import numpy as np

        if self._quarter == 0:
            np.copyto(dst.array, src.array)
        elif self._quarter is not None:
            codes = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
            land(cv2.rotate(flat(src.array), codes[self._quarter], dst=flat(dst.array)), dst.array)
        else:
            self._warp(src, dst)
        seal(dst)

    def as_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        return _TRANSPOSE.get(self._quarter or 0)

    @property
    def _quarter(self) -> int | None:
        """0, 90, 180 or 270 when the angle is a multiple of 90."""
        return int(self.degrees) % 360 if self.degrees % 90 == 0 else None

    def _warp(self, src: Frame, dst: Frame) -> None:
        """Rotate around the centre with premultiplied alpha, so that edges fade without a fringe."""
        import cv2
        import numpy as np

        if src.spec.layout != dst.spec.layout:
            same = src.spec.converted(dst.spec.layout)
            converted = Frame(same, np.empty(same.shape, same.dtype))
            paste(src, converted)
            src = converted
        angle = math.radians(self.degrees)
        cosine, sine = math.cos(angle), math.sin(angle)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        middle = (np.array(src.spec.size) - 1) / 2
        matrix = np.column_stack([turn, (np.array(dst.spec.size) - 1) / 2 - turn @ middle])
        pixels, white = premultiplied(src)
        corner = Frame(dst.spec.resized(1, 1), np.array([[pixel(dst.spec, self.background)]], dst.spec.dtype))
        warped = cv2.warpAffine(
            flat(pixels),
            matrix,
            dst.spec.size,
            dst=None if dst.spec.alpha else flat(dst.array),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=[float(value) for value in premultiplied(corner)[0].ravel()],
        )
        if dst.spec.alpha:
            unpremultiply(warped, white, dst)
        else:
            land(warped, dst.array)
