"""flip: mirror a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imgpar.core import parsing
from imgpar.core.options import option
from imgpar.core.spec import Frame, Spec
from imgpar.ops.base import Operation
from imgpar.pixels.arrays import flat, land, seal

DIRECTIONS = ("horizontal", "vertical")


@dataclass(frozen=True)
class Flip(Operation):
    """Mirror a picture: horizontal swaps left and right, vertical swaps top and bottom."""

    name: ClassVar[str] = "flip"
    summary: ClassVar[str] = "mirror: horizontal swaps left and right, vertical top and bottom"

    direction: str = option(
        parsing.choice(*DIRECTIONS, aliases={"h": "horizontal", "v": "vertical"}),
        "horizontal or vertical",
        metavar="DIRECTION",
        choices=DIRECTIONS,
        example="horizontal",
    )

    def apply(self, src: Frame, dst: Frame) -> None:
        import cv2

        code = 1 if self.direction == "horizontal" else 0
        land(cv2.flip(flat(src.array), code, dst=flat(dst.array)), dst.array)
        seal(dst)

    def as_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        return "hflip" if self.direction == "horizontal" else "vflip"
