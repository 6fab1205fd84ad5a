"""What an operation is.

An operation is a frozen dataclass in a file of its own below `imgpar/operations/`. It declares

- its fields with `option(...)`: from them come the flags, the recipe keys, the help, the docs, and the
  method of `Pipeline` (`scripts/make_signatures.py` writes it);
- `plan(spec) -> spec`: what it makes of a frame, decided from the size alone;
- `apply(src, dst)`: the pixels, from one frame into another that already has the planned size;
- `idle(spec)`: whether it would change nothing, so that it is left out.

Operations see every pixel format in `Spec`; `accepts` names those that `apply` can work on, and the
pipeline converts to the nearest of them before it calls `plan`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from imgpar.core import parsing
from imgpar.core.model import Colour, Frame, ItemFacts, Layout, Spec
from imgpar.core.options import Declared

if TYPE_CHECKING:
    import numpy as np

ALL_LAYOUTS: tuple[Layout, ...] = ("L", "LA", "RGB", "RGBX", "RGBA")


class Colouring(Protocol):
    """From sRGB, in which colours are given, into the values of a picture that has another profile."""

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The values, from 0 to 1, channels last, of colours in sRGB."""

    def colour(self, given: Colour) -> Colour:
        """The values of one colour."""


@dataclass(frozen=True)
class Operation(Declared):
    """One step of a recipe; see the module for what it has to declare.

    The first of its `options()` is the value of the flag itself.
    """

    name: ClassVar[str]
    """Flag (`--name`), recipe key and method name; lower case, words joined by `_`."""
    summary: ClassVar[str]
    """One line for help and docs."""
    accepts: ClassVar[tuple[Layout, ...]] = ALL_LAYOUTS
    depths: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "float32")
    dynamic: ClassVar[bool] = False
    """True only for functions given by the user, whose result is known when they have run."""

    def plan(self, spec: Spec) -> Spec:
        """The spec that `apply` will fill; raises TransformError when the frame cannot be handled."""
        return spec

    def apply(self, src: Frame, dst: Frame) -> None:
        """Read `src.array`, write every pixel of `dst.array`. The two never overlap.

        `src` may be smaller than the planned input (JPEGs are decoded at 1/2, 1/4, 1/8 where the first
        operation shrinks them anyway), but `dst.spec` is always the planned size: work with ratios.
        """
        raise NotImplementedError

    def check(self) -> None:
        """Called once before a run; raises UsageError where it cannot do its work on any picture."""

    def begin(self, item: ItemFacts) -> None:
        """Called in each worker before the first frame of an item; only for what keeps a state."""

    @property
    def in_order(self) -> bool:
        """Whether it has to see all frames of an item in order, in one process."""
        return False

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        """Whether this operation changes nothing on such a frame."""
        return False

    def shrinks_to(self, spec: Spec) -> tuple[int, int] | None:  # noqa: ARG002
        """For a resize: the size in pixels to which the *whole* of `spec` is scaled (before any crop),
        so that the decoder may deliver a smaller picture. None: every pixel is needed."""
        return None

    def as_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        """The same operation as an ffmpeg filter, or None when ffmpeg has none."""
        return None

    def coloured(self, into: Colouring) -> Operation:
        """The same operation for pictures in another profile than sRGB: every colour among its fields is
        given in sRGB, and has to look the same there. Override it where colours come from elsewhere."""
        given = {
            name: getattr(self, name) for name, fact in self.options().items() if fact.parse is parsing.colour
        }
        changed = {name: into.colour(colour) for name, colour in given.items() if colour is not None}
        return replace(self, **changed) if changed else self

    def state(self) -> Hashable:
        """What may change from picture to picture and decides `plan`: the facts of a file that is used."""
        return None

    def identity(self) -> str:
        """What, beside the fields, makes two operations the same: a digest of a file or function it uses.

        Raises BadValueError when such a file cannot be read.
        """
        return ""
