"""composite: another picture over or under every picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from imgpar.core import parsing
from imgpar.core.errors import TransformError
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Colouring, Operation
from imgpar.ops.marks import asset_digest, has_colours, mark_of, parse_file, status, stretched_mark
from imgpar.ops.overlay import BLENDS, lay, parse_blend
from imgpar.pixels.arrays import layout_with
from imgpar.pixels.geometry import GRAVITIES, Length, parse_gravity, parse_length, parse_share, rounded

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True)
class Composite(Operation):
    """Mix another picture with every picture: a frame, a texture, a background.

    It is scaled to fit into the picture (less the margin), or with `stretch` to exactly its size. `under`
    shows it through transparent parts only; the blend modes are those of the W3C (Compositing and Blending),
    on values as they are encoded. The transparency of the picture is kept where the other one has none. A
    coloured one converts a grey picture to RGB; its embedded ICC profile is applied. Floats are mixed as from
    0 to 1. Clips and animations: on RGB, frame by frame.
    """

    name: ClassVar[str] = "composite"
    summary: ClassVar[str] = (
        "mix another picture with every picture: over, under, multiply, screen and others"
    )

    picture: str = option(parse_file, "the other picture", metavar="FILE", example="logo.png")
    blend: str = option(parse_blend, "how colours are mixed", default="over", metavar="MODE", choices=BLENDS)
    gravity: str = option(
        parse_gravity,
        "the corner or side at which it is placed",
        default="centre",
        metavar="WHERE",
        choices=GRAVITIES,
        example="south",
    )
    margin: Length = option(
        parse_length,
        "distance from the edges in pixels, or in percent of the shorter side",
        default=Length(0),
        metavar="LENGTH",
        example="5%",
    )
    opacity: float = option(
        parse_share,
        "opacity of the other picture, 1 (or 100%) is opaque",
        default=1.0,
        metavar="SHARE",
        example="50%",
    )
    scale: float = option(
        parse_share,
        "width of the other picture as a fraction of the picture's width",
        default=1.0,
        metavar="SHARE",
        example="20%",
    )
    stretch: bool = option(parsing.switch, "scale it to exactly the size of the picture", default=False)
    into: Colouring | None = field(default=None, repr=False)
    """For pictures with another profile than sRGB, to which the other picture is converted."""

    def plan(self, spec: Spec) -> Spec:
        if not spec.grey or self.idle(spec) or not self._read(has_colours):
            return spec
        return spec.converted(layout_with(spec, (255, 0, 0, 255)))

    def idle(self, spec: Spec) -> bool:
        return self.blend == "under" and not spec.alpha

    def apply(self, src: Frame, dst: Frame) -> None:
        width, height = dst.spec.size
        margin = self.margin.pixels(min(width, height))
        if self.stretch:
            mark, margin = self._read(stretched_mark, (width, height), self.opacity, self.into), 0
        else:
            room = (max(1, width - 2 * margin), max(1, height - 2 * margin))
            mark = self._read(mark_of, rounded(width * self.scale), room, self.opacity, self.into)
        lay(src, dst, mark, self.gravity, margin, blend=self.blend)

    def check(self) -> None:
        self.identity()

    def coloured(self, into: Colouring) -> Operation:
        return replace(self, into=into)

    def state(self) -> Hashable:
        """The status of the file: it may change during a session."""
        try:
            return status(self.picture)
        except OSError:
            return None

    def identity(self) -> str:
        """A digest of the file."""
        return asset_digest(self.name, self.picture)

    def _read(self, function: Any, *arguments: Any) -> Any:
        """Call a function that reads the file; raises TransformError."""
        try:
            return function(status(self.picture), *arguments)
        except (OSError, ValueError) as error:
            raise TransformError(
                f"The picture {self.picture} for composite cannot be read: {error}.",
                fix="Give a PNG, JPEG or WebP file.",
            ) from error
