"""Regions of a picture, in pixels or percent, and what hides them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgpar.core.errors import TransformError, bad_value
from imgpar.core.parsing import VALUE, accepts
from imgpar.core.spec import Frame, Spec
from imgpar.pixels.arrays import seal

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_SIDE = r"(\d{1,6}(?:\.\d{1,4})?)(%?)"
_REGION = re.compile(rf"{_SIDE}x{_SIDE}\+{_SIDE}\+{_SIDE}")

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


FACES = "faces"
"""Stands for the faces of each picture."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Rectangles: width, height, left and top of each, as text; or the whole picture."""

    given: str = "all"
    """`all`, or rectangles and `faces`, joined by commas; empty is nothing."""

    def __str__(self) -> str:
        return self.given

    @property
    def faces(self) -> bool:
        """Whether the faces of the picture belong to them."""
        return FACES in self.given.split(",")

    def located(self, boxes: Sequence[Box]) -> Regions:
        """The same regions with these rectangles instead of the faces.

        >>> str(parse_regions("faces,5x5+0+0").located([(10, 20, 40, 60)]))
        '5x5+0+0,30x40+10+20'
        """
        others = [part for part in self.given.split(",") if part != FACES]
        found = [f"{right - left}x{bottom - top}+{left}+{top}" for left, top, right, bottom in boxes]
        return Regions(",".join([*others, *found]))

    def boxes(self, spec: Spec) -> Iterator[Box]:
        """The rectangles in a picture, cut at its edges and rounded outwards; not those of faces.

        Raises:
            TransformError: one of them is wholly outside, so that what it should hide would stay visible.
        """
        if self.given == "all":
            yield (0, 0, *spec.size)
            return
        for text in filter(None, self.given.split(",")):
            if text == FACES:
                continue
            match = _REGION.fullmatch(text)
            assert match is not None
            wholes = (*spec.size, *spec.size)
            width, height, x, y = (
                float(match[2 * n + 1]) * (whole / 100 if match[2 * n + 2] else 1)
                for n, whole in enumerate(wholes)
            )
            left, top = int(x + _EXACT), int(y + _EXACT)
            right = min(-int(-(x + width - _EXACT) // 1), spec.width)
            bottom = min(-int(-(y + height - _EXACT) // 1), spec.height)
            if left >= right or top >= bottom:
                raise TransformError(
                    f"The region {text} is outside of the picture ({spec.width}x{spec.height} pixels).",
                    fix="Choose another region, or give it in percent.",
                )
            yield left, top, right, bottom


_EXACT = 1e-6
"""Of a pixel: rounding of decimals."""


@accepts("str")
def parse_regions(value: object) -> Regions:
    """`all`, or rectangles (`100x80+20+30`, `10%x5%+0+90%`) and `faces`, joined by commas.

    >>> list(parse_regions("10x10+0+0, 50%x20%+50%+0").boxes(Spec(60, 40)))
    [(0, 0, 10, 10), (30, 0, 60, 8)]
    """
    if isinstance(value, Regions):
        return value
    text = re.sub(r"\s+", "", str(value)).lower().replace("×", "x")
    parts = [FACES if part == "face" else part for part in text.split(",")]
    if not isinstance(value, str) or not (text == "all" or all(map(_is_region, parts))):
        wanted = "all, or regions such as 100x80+20+30 or 10%x5%+0+90%, or faces, joined by commas,"
        raise bad_value(VALUE, wanted, value, ["all", FACES])
    return Regions(",".join(dict.fromkeys(parts)))


def _is_region(part: str) -> bool:
    """Whether it is `faces`, or a rectangle with an area."""
    match = _REGION.fullmatch(part)
    return part == FACES or (match is not None and float(match[1]) > 0 and float(match[3]) > 0)


def grown(box: Box, by: tuple[int, int], size: tuple[int, int]) -> Box:
    """A rectangle enlarged on all sides, cut at the edges of the picture.

    Args:
        box: the rectangle.
        by: pixels at the left and right, and at the top and bottom.
        size: width and height of the picture.
    """
    left, top, right, bottom = box
    return (
        max(0, left - by[0]),
        max(0, top - by[1]),
        min(size[0], right + by[0]),
        min(size[1], bottom + by[1]),
    )


def pixelate(frame: Frame, box: Box, block: int) -> None:
    """Replace blocks of a region by their mean colour, in place; colours are weighted by alpha.

    Args:
        frame: of any layout that is not planar.
        box: the region.
        block: side of a block in pixels; the last ones may be smaller.
    """
    import numpy as np

    left, top, right, bottom = box
    for y in range(top, bottom, block):
        rows = slice(y, min(y + block, bottom))
        starts = np.arange(0, right - left, block)
        widths = np.diff(np.append(starts, right - left))
        values = frame.array[rows, left:right].astype(np.float64)
        if frame.spec.alpha:
            values[..., :-1] *= values[..., -1:]
        sums = np.add.reduceat(values.sum(axis=0), starts, axis=0)
        if frame.spec.alpha:
            shown = sums[:, -1:].copy()
            np.divide(sums[:, :-1], shown, out=sums[:, :-1], where=shown > 0)
            sums[:, -1:] = shown / (widths[:, None] * (rows.stop - rows.start))
        else:
            sums /= widths[:, None] * (rows.stop - rows.start)
        means = sums if frame.spec.dtype == "float32" else np.rint(sums)
        frame.array[rows, left:right] = np.repeat(means, widths, axis=0)[None]
    seal(frame)
