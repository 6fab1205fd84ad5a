"""watermark: composite a picture over every picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import TransformError
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Colouring, Operation
from imgpar.ops.marks import asset_digest, has_colours, mark_of, parse_file, status
from imgpar.ops.overlay import lay
from imgpar.pixels.arrays import layout_with
from imgpar.pixels.geometry import (
    GRAVITIES,
    Length,
    parse_gravity,
    parse_length,
    parse_share,
    rounded,
)

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True)
class Watermark(Operation):
    """Composite a picture, preferably a PNG with alpha, over every picture.

    A coloured watermark converts a grey picture to RGB. It is scaled down where it does not fit between the
    margins. Its embedded ICC profile is applied.
    """

    name: ClassVar[str] = "watermark"
    summary: ClassVar[str] = "composite a picture (preferably a PNG with alpha) over every picture"

    image: str = option(parse_file, "the picture to composite", metavar="FILE", example="logo.png")
    gravity: str = option(
        parse_gravity,
        "the corner or side at which it is placed",
        default="southeast",
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )
    margin: Length = option(
        parse_length,
        "distance from the edges in pixels, or in percent of the shorter side",
        default=Length(3, percent=True),
        metavar="LENGTH",
        example="5%",
    )
    opacity: float = option(
        parse_share,
        "opacity of the watermark, 1 (or 100%) is opaque",
        default=1.0,
        metavar="SHARE",
        example="50%",
    )
    scale: float = option(
        parse_share,
        "width of the watermark as a fraction of the picture's width",
        default=0.2,
        metavar="SHARE",
        example="20%",
    )
    tile: bool = option(
        parsing.switch, "repeat it over the whole picture, spaced by the margin", default=False
    )
    into: Colouring | None = field(default=None, repr=False)
    """For pictures with another profile than sRGB, to which the mark is converted."""

    def plan(self, spec: Spec) -> Spec:
        if not spec.grey or not self._read(has_colours):
            return spec
        return spec.converted(layout_with(spec, (255, 0, 0, 255)))

    def apply(self, src: Frame, dst: Frame) -> None:
        width, height = dst.spec.size
        margin = self.margin.pixels(min(width, height))
        room = (max(1, width - 2 * margin), max(1, height - 2 * margin))
        mark = self._read(mark_of, rounded(width * self.scale), room, self.opacity, self.into)
        lay(src, dst, mark, self.gravity, margin, tile=self.tile)

    def coloured(self, into: Colouring) -> Operation:
        return replace(self, into=into)

    def state(self) -> Hashable:
        """The status of the file: it may change during a session."""
        try:
            return status(self.image)
        except OSError:
            return None

    def _read(self, function: Any, *arguments: Any) -> Any:
        """Call a function that reads the file; raises TransformError."""
        try:
            return function(status(self.image), *arguments)
        except (OSError, ValueError) as error:
            raise TransformError(
                f"The watermark {self.image} cannot be read: {error}.", fix="Give a PNG, JPEG or WebP file."
            ) from error

    def identity(self) -> str:
        """A digest of the file, so that another logo under the same name counts as a change."""
        return asset_digest(self.name, self.image)
