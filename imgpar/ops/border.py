"""border: a frame of given widths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import BadValueError, TransformError
from imgpar.core.options import option
from imgpar.core.spec import Colour, Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import fill, layout_with, paste, seal
from imgpar.pixels.geometry import Lengths, parse_lengths
from imgpar.pixels.papers import MAX_SIDE

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

EDGES = ("colour", "mirror", "replicate")
_WHITE = (255, 255, 255, 255)


@dataclass(frozen=True)
class Border(Operation):
    """Add a border to every side, in one colour or from the pixels at the edge.

    All layouts and depths; a coloured border turns grey into RGB, a translucent one adds alpha. A border of
    one opaque colour is an ffmpeg filter where all widths are even.

    >>> Border(parse_lengths("10,20")).plan(Spec(400, 300)).size
    (440, 320)
    """

    name: ClassVar[str] = "border"
    summary: ClassVar[str] = (
        "add a border: 20, 5% (of the shorter side), 5mm, 10,20 (vertical, horizontal) or T,R,B,L"
    )

    width: Lengths = option(
        parse_lengths,
        "width in pixels, in percent of the shorter side or with a unit: one for all sides, two (top and "
        "bottom, left and right) or four (top, right, bottom, left)",
        metavar="WIDTH",
        example="20",
    )
    colour: Colour | None = option(
        parsing.colour,
        "colour of the border (default: white)",
        default=None,
        metavar="COLOUR",
        example="black",
    )
    edges: str = option(
        parsing.choice(*EDGES),
        "what the border shows: a colour, the picture mirrored, or its outermost pixels repeated",
        default="colour",
        choices=EDGES,
        example="mirror",
    )

    def __post_init__(self) -> None:
        if self.colour is not None and self.edges != "colour":
            raise BadValueError(
                f"A border that shows the picture (edges {self.edges}) has no colour of its own.",
                fix="Leave one of them out.",
            )

    def plan(self, spec: Spec) -> Spec:
        top, right, bottom, left = self._sides(spec)
        width, height = spec.width + left + right, spec.height + top + bottom
        if max(width, height) > MAX_SIDE:
            raise TransformError(
                f"A border of {self.width} around {spec.width}x{spec.height} gives {width}x{height} pixels.",
                fix=f"Choose a border that gives sides up to {MAX_SIDE}.",
            )
        if (width, height) == spec.size or self.edges != "colour":
            return spec.resized(width, height)
        return spec.resized(width, height).converted(layout_with(spec, self.colour or _WHITE))

    def idle(self, spec: Spec) -> bool:
        return not any(self._sides(spec))

    def apply(self, src: Frame, dst: Frame) -> None:
        top, right, bottom, left = self._sides(src.spec)
        if self.edges == "colour":
            fill(dst, self.colour or _WHITE)
            paste(src, dst, left, top)
            return
        columns = self._positions(src.spec.width, left, right)
        for target, row in zip(dst.array, self._positions(src.spec.height, top, bottom), strict=True):
            src.array[row].take(columns, axis=0, out=target, mode="clip")
        seal(dst)

    def as_filter(self, spec: Spec) -> str | None:
        top, right, bottom, left = self._sides(spec)
        red, green, blue, alpha = self.colour or _WHITE
        width, height = spec.width + left + right, spec.height + top + bottom
        if self.edges != "colour" or alpha < 255 or (left | top | width | height) & 1:
            return None
        return f"pad={width}:{height}:{left}:{top}:0x{int(red):02x}{int(green):02x}{int(blue):02x}"

    def _sides(self, spec: Spec) -> tuple[int, int, int, int]:
        """Top, right, bottom and left in pixels."""
        return self.width.pixels(min(spec.size))

    def _positions(self, length: int, before: int, after: int) -> Array:
        """The row or column of the picture that each one of the result shows."""
        import numpy as np

        place = np.arange(-before, length + after)
        if self.edges == "replicate":
            return place.clip(0, length - 1)
        place %= 2 * length
        return np.minimum(place, 2 * length - 1 - place)
