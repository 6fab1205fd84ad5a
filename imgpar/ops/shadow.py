"""shadow: a soft shadow below the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import PEAK, bands, fill, opaque, paste, pixel, store_values
from imgpar.pixels.geometry import Length, Lengths, parse_length, parse_offset, parse_share
from imgpar.pixels.papers import MAX_SIDE

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_REACH = 3.0
"""Standard deviations after which nothing of a Gaussian is left."""
_WIDEST = 8.0
"""Greatest standard deviation in pixels that is blurred at full size."""
_BLACK = (0, 0, 0, 255)


@dataclass(frozen=True)
class Shadow(Operation):
    """Lay the picture over its own shadow; the canvas grows by as much as the shadow needs.

    The shadow has the shape of the picture's alpha, so it follows round corners and cut-outs. All layouts and
    depths; the result has alpha. Formats without alpha show it on --background.

    >>> Shadow(parse_length("20")).plan(Spec(400, 300)).size
    (460, 360)
    """

    name: ClassVar[str] = "shadow"
    summary: ClassVar[str] = (
        "lay a soft shadow below the picture: its blur such as 20, 3% (of the shorter side) or 3mm"
    )

    softness: Length = option(
        parse_length,
        "width of the soft edge, as the blur radius in CSS: pixels, percent of the shorter side or a length "
        "with a unit; 0 is a hard edge",
        metavar="BLUR",
        example="20",
    )
    offset: Lengths | None = option(
        parse_offset,
        "distance to the right and downwards, such as 4,8; negative numbers (--offset=-4,2) are to the left "
        "and upwards (default: half of the blur downwards)",
        default=None,
        metavar="X,Y",
        example="4,8",
    )
    colour: Colour = option(
        parsing.colour, "colour of the shadow", default=_BLACK, metavar="COLOUR", example="navy"
    )
    opacity: float = option(parse_share, "opacity of the shadow", default=0.5, metavar="SHARE", example="50%")

    def plan(self, spec: Spec) -> Spec:
        left, top, right, bottom = self._room(spec)
        width, height = spec.width + left + right, spec.height + top + bottom
        if max(width, height) > MAX_SIDE:
            raise TransformError(
                f"A shadow around {spec.width}x{spec.height} gives {width}x{height} pixels.",
                fix=f"Choose a blur and an offset that give sides up to {MAX_SIDE}.",
            )
        red, green, blue, _ = self.colour
        grey = spec.grey and red == green == blue
        return spec.resized(width, height).converted("LA" if grey else "RGBA")

    def apply(self, src: Frame, dst: Frame) -> None:
        import numpy as np

        left, top, _, _ = self._room(src.spec)
        across, down = self._moved(src.spec)
        shade = self._shade(src, dst.spec, left + across, top + down)
        fill(dst, (*self.colour[:3], 255))
        peak = np.float32(PEAK[dst.spec.dtype])
        share = np.float32(self.opacity * self.colour[3] / 255)
        for rows in bands(dst.spec.height):
            store_values(shade(rows) * share * peak, dst.array[rows, :, -1])
        if opaque(src):
            paste(src, dst, left, top)
        else:
            self._compose(src, dst, left, top)

    def _compose(self, src: Frame, dst: Frame, left: int, top: int) -> None:
        """A picture with alpha over the shadow."""
        import numpy as np

        same = src.spec.converted(dst.spec.layout)
        front = Frame(same, np.empty(same.shape, same.dtype))
        paste(src, front)
        peak = np.float32(PEAK[dst.spec.dtype])
        dark = np.array(pixel(dst.spec, (*self.colour[:3], 255)), np.float32)[:-1]
        for rows in bands(same.height):
            below = dst.array[top + rows.start : top + rows.stop, left : left + same.width]
            pixels = front.array[rows].astype(np.float32)
            alpha = pixels[..., -1:] / peak
            under = below[..., -1:] / peak * (1 - alpha)
            made = alpha + under
            pixels[..., :-1] = (pixels[..., :-1] * alpha + dark * under) / np.maximum(made, 1e-9)
            pixels[..., -1:] = made * peak
            store_values(pixels, below)

    def _shade(self, src: Frame, canvas: Spec, x: int, y: int) -> Any:
        """A function from rows to the opacity of the shadow there, 0 to 1, before its own opacity."""
        sigma = self._sigma(src.spec)
        if opaque(src):
            columns = _profile(canvas.width, x, x + src.spec.width, sigma)
            lines = _profile(canvas.height, y, y + src.spec.height, sigma)
            return lambda rows: lines[rows, None] * columns
        mask = _blurred_alpha(src, canvas, x, y, sigma)
        return lambda rows: mask[rows]

    def _sigma(self, spec: Spec) -> float:
        """Standard deviation in pixels: half of the blur, as in CSS."""
        return self.softness.pixels(min(spec.size)) / 2

    def _moved(self, spec: Spec) -> tuple[int, int]:
        """The offset in pixels."""
        if self.offset is None:
            return 0, round(self._sigma(spec))
        whole = min(spec.size)
        across, down = (length.pixels(whole) for length in self.offset.values)
        return across, down

    def _room(self, spec: Spec) -> tuple[int, int, int, int]:
        """What the canvas grows by: left, top, right and bottom in pixels."""
        reach = math.ceil(_REACH * self._sigma(spec))
        across, down = self._moved(spec)
        return (
            max(0, reach - across),
            max(0, reach - down),
            max(0, reach + across),
            max(0, reach + down),
        )


def _profile(length: int, start: int, stop: int, sigma: float) -> Array:
    """A blurred bar from `start` to `stop`, sampled at the centres of pixels: H or W float32."""
    import numpy as np

    if sigma == 0:
        place = np.arange(length)
        return ((place >= start) & (place < stop)).astype(np.float32)
    scale = sigma * math.sqrt(2)
    edges = [
        math.erf((at + 0.5 - start) / scale) - math.erf((at + 0.5 - stop) / scale) for at in range(length)
    ]
    return np.array(edges, np.float32) / 2


def _blurred_alpha(src: Frame, canvas: Spec, x: int, y: int, sigma: float) -> Array:
    """The alpha of a picture at a place of the canvas, blurred: H×W float32 from 0 to 1."""
    import cv2
    import numpy as np

    alpha = src.array[..., -1].astype(np.float32) / np.float32(PEAK[src.spec.dtype])
    mask = np.zeros((canvas.height, canvas.width), np.float32)
    # With a large offset a part of the shadow lies below the picture, but never outside of the canvas.
    mask[y : y + src.spec.height, x : x + src.spec.width] = alpha.clip(0, 1)
    if sigma == 0:
        return mask
    step = max(1, int(sigma / _WIDEST * 2))
    small = (max(1, canvas.width // step), max(1, canvas.height // step))
    reduced = cv2.resize(mask, small, interpolation=cv2.INTER_AREA) if step > 1 else mask
    soft = cv2.GaussianBlur(reduced, (0, 0), sigma / step, borderType=cv2.BORDER_CONSTANT)
    return (
        cv2.resize(soft, (canvas.width, canvas.height), interpolation=cv2.INTER_LINEAR) if step > 1 else soft
    )
