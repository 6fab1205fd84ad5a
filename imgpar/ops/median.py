"""median: remove specks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, bad_value
from imgpar.core.options import option
from imgpar.core.spec import Frame
from imgpar.ops.base import Operation
from imgpar.pixels.neighbours import filter_colours


@parsing.accepts("int | str")
def parse_size(value: object) -> int:
    """3 or 5.

    >>> parse_size("3")
    3
    """
    try:
        size: int = parsing.integer(3, 5)(value)
    except BadValueError:
        size = 0
    if size not in (3, 5):
        raise bad_value(parsing.VALUE, "3 or 5, the side of the window in pixels,", value)
    return size


@dataclass(frozen=True)
class Median(Operation):
    """Replace each colour value by the median of its neighbours: removes dust, specks and dead pixels, keeps
    edges.

    Edge pixels are repeated beyond the edge. Alpha is kept, and fully transparent pixels have no influence.
    Clips and
    animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "median"
    summary: ClassVar[str] = "median filter that removes specks: 3 or 5 pixels wide"

    size: int = option(parse_size, "side of the window in pixels, 3 or 5", metavar="3|5", example="3")

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2

        filter_colours(src, dst, self.size // 2, lambda colours: cv2.medianBlur(colours, self.size))
