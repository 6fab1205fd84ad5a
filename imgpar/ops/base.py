"""The interface of operations.

An operation is a frozen dataclass in its own module of `imgpar.ops`. It declares

- its fields with `option(...)`, from which flags, recipe keys, help, documentation and the
  method of `Pipeline` follow (`scripts/make_signatures.py`);
- `plan(spec) -> spec`: the spec of its result, from the spec of the input only;
- `apply(src, dst)`: the pixels, from one frame into another of the planned spec;
- `idle(spec)`: whether it has no effect, so that it is skipped.

Operations receive every pixel format of `Spec`; `accepts` lists those that `apply` supports, and the pipeline
converts to the nearest of them before it calls `plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from imgpar.core import parsing
from imgpar.core.errors import ImgparError, TransformError, library_words
from imgpar.core.job import ItemFacts
from imgpar.core.options import Declared
from imgpar.core.spec import Colour, Frame, Layout, Spec
from imgpar.ops.guarded import guard
from imgpar.pixels.geometry import Length, Lengths
from imgpar.pixels.sizes import Geometry

if TYPE_CHECKING:
    import numpy as np

ALL_LAYOUTS: tuple[Layout, ...] = ("L", "LA", "RGB", "RGBX", "RGBA")


class Colouring(Protocol):
    """Converts given colours from sRGB to the values of a picture with another profile."""

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Convert sRGB values from 0 to 1, channels last."""

    def colour(self, given: Colour) -> Colour:
        """Convert one colour."""


@dataclass(frozen=True)
class Operation(Declared):
    """One step of a recipe; see the module for what it has to declare.

    The first of its `options()` is the value of the flag itself.
    """

    name: ClassVar[str]
    """Flag (`--name`), recipe key and method name; lower case, words joined by `_`."""
    summary: ClassVar[str]
    """One line for help and documentation."""
    accepts: ClassVar[tuple[Layout, ...]] = ALL_LAYOUTS
    depths: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "float32")
    few_colours: ClassVar[bool] = False
    """Whether its result has few colours, so that encoders try a palette or less than 8 bits."""
    dynamic: ClassVar[bool] = False
    """Whether the size of the result is only known afterwards: for user functions, and where it depends on
    the pixels (`looks`). `plan` then returns the largest possible one."""
    portable: ClassVar[bool] = True
    """Whether flags and recipe files can express it; not a user function."""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if not cls.__module__.startswith("imgpar."):
            guard(cls, Operation, vars(Operation).keys() - vars(object).keys())

    def plan(self, spec: Spec) -> Spec:
        """The spec of the result; raises TransformError when the frame cannot be processed."""
        return spec

    def apply(self, src: Frame, dst: Frame) -> None:
        """Read `src.array`, write every pixel of `dst.array`. The two never overlap.

        `src` may be smaller than the planned input (JPEGs are decoded at 1/2, 1/4, 1/8 where the first
        operation shrinks them anyway), but `dst.spec` is always the planned spec: use ratios.
        """
        raise NotImplementedError

    def check(self) -> None:
        """Called once before a run; raises UsageError if it cannot work on any picture."""

    def begin(self, item: ItemFacts) -> None:
        """Called in each worker before the first frame of an item; for stateful operations."""

    def numbered(self, step: int) -> Operation:  # noqa: ARG002
        """The operation with its number in the pipeline, counted from 1, where its messages name it."""
        return self

    @property
    def sets_up(self) -> bool:
        """Whether `set_up` may fail."""
        return False

    def set_up(self) -> None:
        """Called in each process before it works on a picture; raises SetupError where it never can."""

    def tear_down(self) -> None:
        """Called in each worker at the end of a run."""

    @property
    def asks(self) -> frozenset[str]:
        """The fields of the input's metadata that it uses: names of `ItemFacts.details`."""
        return frozenset()

    def for_item(self, item: ItemFacts) -> Operation:  # noqa: ARG002
        """The operation for one input, whose details it knows. Called before `plan`, where it `asks`."""
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the input for which `for_item` made it."""
        return ()

    @property
    def in_order(self) -> bool:
        """Whether it needs all frames of an item in order, in one process."""
        return False

    def idle(self, spec: Spec) -> bool:  # noqa: ARG002
        """Whether this operation has no effect on such a frame."""
        return False

    @property
    def together(self) -> bool:
        """Whether it works on several frames at once."""
        return False

    @property
    def batch(self) -> int:
        """How many pictures it takes at once, at most; more than 1 for functions that take batches."""
        return 1

    def over(self, frames: Iterable[Frame], remarks: list[str] | None = None) -> Iterator[Frame]:
        """The results for frames of one item, in order, for functions of the user. It may read ahead, so with
        `together` the frames must stay valid until their results are made. `remarks` receives what the report
        should say."""
        raise NotImplementedError

    @property
    def looks(self) -> bool:
        """Whether what it does depends on the pixels; `settled` is then called before `plan` and `apply`."""
        return False

    def settled(self, frames: Sequence[Frame]) -> Operation:  # noqa: ARG002
        """The operation that gives the result for these frames, and no longer depends on their pixels.

        Args:
            frames: all frames of a picture, which get the same operation; they are not modified.

        Raises:
            TransformError: the picture cannot be processed.
        """
        return self

    @property
    def each_frame(self) -> bool:
        """Whether each frame of an animation or a clip is settled by itself, instead of all together."""
        return False

    def remark(self, settled: Sequence[Operation], spec: Spec) -> str:  # noqa: ARG002
        """What the report says about the operations that this one gave for a picture of this spec.

        Args:
            settled: one, or with `each_frame` one per frame; none for a clip, before it is decoded.
            spec: of the frames.

        Returns:
            A note; empty where there is nothing to be said.
        """
        return ""

    def plane_kernel(self, spec: Spec) -> str:  # noqa: ARG002
        """For a resize: the kernel that scales each plane of a JPEG to the same picture; empty where planes
        would give another one."""
        return ""

    def shrinks_to(self, spec: Spec) -> tuple[int, int] | None:  # noqa: ARG002
        """For a resize: the size in pixels to which the *whole* of `spec` is scaled (before any crop), so
        that the decoder may scale. None: every pixel is needed."""
        return None

    def within(self, box: tuple[float, float, float, float]) -> Operation:  # noqa: ARG002
        """For a resize: the operation for frames of which only this part is picture (left, top, right, bottom
        in pixels, fractional). A decode at a reduced scale pads the last row and column."""
        return self

    def as_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        """The same operation as an ffmpeg filter, or None when ffmpeg has none."""
        return None

    def as_rgb_filter(self, spec: Spec) -> str | None:  # noqa: ARG002
        """The same operation as an ffmpeg filter for planar RGB of any depth, or None when ffmpeg has none.
        The conversions before and after are added where it is used, once for several such filters."""
        return None

    def coloured(self, into: Colouring) -> Operation:
        """The operation for pictures with another profile than sRGB: every colour among its fields is given
        in sRGB and converted. To be overridden where colours come from elsewhere."""
        given = {
            name: getattr(self, name) for name, fact in self.options().items() if fact.parse is parsing.colour
        }
        changed = {name: into.colour(colour) for name, colour in given.items() if colour is not None}
        return replace(self, **changed) if changed else self

    @property
    def physical(self) -> bool:
        """Whether one of its fields is a length with a unit."""
        return any(_unit(getattr(self, name)) for name in self.options())

    def at_density(self, dpi: float) -> Operation:
        """The operation with its physical lengths in pixels; raises BadValueError where one is too long."""
        given = {name: getattr(self, name) for name in self.options()}
        changed = {name: value.at(dpi) for name, value in given.items() if _unit(value)}
        return replace(self, **changed) if changed else self

    def state(self) -> Hashable:
        """State beyond the fields that affects `plan`, such as the status of a file."""
        return None

    def identity(self) -> str:
        """Identity beyond the fields: a digest of a file or function that it uses.

        Raises:
            BadValueError: such a file cannot be read.
        """
        return ""


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """Errors of libraries in the block as TransformError of the operation `name`."""
    try:
        yield
    except (ImgparError, MemoryError):
        raise
    except Exception as error:
        words = library_words(error, "an unexpected error")
        raise TransformError(f"{name} failed: {words}.", fix="See its traceback.") from error


def for_item(
    operations: tuple[Operation, ...], facts: Callable[[], ItemFacts]
) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
    """The operations for one input, and remarks on it; the same operations where none asks for its details.

    Args:
        operations: of the recipe.
        facts: of the input, with its details; called only if an operation asks for them.
    """
    if not any(operation.asks for operation in operations):
        return operations, ()
    known = facts()
    made = tuple(operation.for_item(known) if operation.asks else operation for operation in operations)
    return made, tuple(dict.fromkeys(note for operation in made for note in operation.notes))


def _unit(value: object) -> str:
    """The unit of a physical length; empty for anything else."""
    return value.unit if isinstance(value, (Geometry, Length, Lengths)) else ""
