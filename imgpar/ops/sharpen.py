"""sharpen: unsharp masking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.ops.blur import soften
from imgpar.pixels.arrays import PEAK, bands, flat, keep_rest, land
from imgpar.pixels.tones import WHITE, parse_tone

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sharpen(Operation):
    """Unsharp mask: colour + amount · (colour − blurred colour), with a Gaussian blur of `sigma` pixels.

    Where the difference of a channel is at most `threshold` it is unchanged, so that noise and skin are not
    sharpened. Alpha is unchanged. Clips: on planar YUV of 8 bits; with a threshold on RGB.
    """

    name: ClassVar[str] = "sharpen"
    summary: ClassVar[str] = "unsharp mask: 0 changes nothing, 0.5 is moderate, 2 is strong"

    amount: float = option(
        parsing.number(0, 20), "strength of the mask", default=0.5, metavar="AMOUNT", example="0.5"
    )
    sigma: float = option(
        parsing.number(0.1, 50),
        "standard deviation of the blur in pixels",
        default=1.0,
        metavar="PIXELS",
    )
    threshold: float = option(
        parse_tone,
        "least difference that is sharpened, 0 to 255, or in percent",
        default=0.0,
        metavar="TONES",
        example="3",
    )

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        return self.amount == 0

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2

        soften(src, dst, self.sigma)
        array, given = flat(dst.array), flat(src.array)
        if self.threshold:
            _keep_flat(given, array, self.threshold * PEAK[src.spec.dtype] / WHITE)
        land(cv2.addWeighted(given, 1 + self.amount, array, -self.amount, 0, dst=array), dst.array)
        keep_rest(src, dst)


def _keep_flat(given: Array, blurred: Array, limit: float) -> None:
    """Undo the blur where it changed a value by at most `limit`, in place: there the mask has no effect."""
    import cv2
    import numpy as np

    for rows in bands(len(given)):
        near = cv2.absdiff(given[rows], blurred[rows]) <= limit
        np.copyto(blurred[rows], given[rows], where=near.reshape(blurred[rows].shape))
