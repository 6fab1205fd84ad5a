"""What will be done to one picture, planned from its header and the recipe before a pixel is decoded.

A `Program` knows every frame size on the way, so one lease is enough for the whole job and no job ever waits
while it holds memory:

    ┌───────────────────────┬──────────────────────┬──────────┐
    │ even: decoded, step 2 │ odd: step 1, step 3  │ metadata │     one lease
    └───────────────────────┴──────────────────────┴──────────┘

Steps read one side and write the other. A function given by the user may return any size; from there on
frames live in the worker's own memory, until the result is put into a lease again if it has to travel.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from imgpar import formats
from imgpar.core.errors import LimitError
from imgpar.core.model import Frame, Header, ItemFacts, Limits, Spec
from imgpar.formats.base import too_many_frames
from imgpar.ops import Operation
from imgpar.pixels import layouts
from imgpar.pixels.colour.profiles import profile_space

ALIGN = 64
"""Frames start at multiples of this many bytes, as SIMD code likes it."""

BLOB_SLACK = 1024
"""What packing the header adds to the bytes of its metadata."""

Work = Callable[[Frame, Frame], None]


class Step(NamedTuple):
    """One pass over a frame: the spec it writes, and how. `result` is False when `call` decides."""

    name: str
    spec: Spec
    work: Work | None = None
    call: Callable[[Frame], Frame] | None = None


class Program(NamedTuple):
    """What will be done to one picture."""

    header: Header
    """As it will be decoded: possibly smaller than the file says, for JPEGs that are shrunk anyway."""
    source: Header
    """As the file says: sizes in percent are meant of this."""
    frames: int
    sides: tuple[int, int]
    """Bytes of the even and of the odd side."""
    steps: tuple[Step, ...]
    rest: tuple[Operation, ...] = ()
    """Operations after the first one whose result is only known when it has run."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    grey_icc: bytes = b""
    """The profile for grey through which pixels go when they are decoded: the picture will have colours, of
    which it says nothing. The header does not name it any more."""

    @property
    def nbytes(self) -> int:
        """Bytes of the lease that runs this program, metadata included."""
        even, odd = self.sides
        return even + odd + -(-(self.header.metadata.nbytes + BLOB_SLACK) // ALIGN) * ALIGN


def compile_program(
    header: Header, operations: Sequence[Operation], limits: Limits, *, keep_frames: bool = True
) -> Program:
    """Plan every step from the header alone.

    Args:
        header: from `codecs.read_header`.
        operations: of the recipe, in order.
        limits: refused is what exceeds them.
        keep_frames: False when no target can hold an animation; then only the first frame is decoded.

    Raises:
        LimitError: the picture, or a size on the way, is larger than the limits allow.
        TransformError: an operation cannot handle such a picture.
    """
    frames = header.frames if keep_frames else 1
    if frames > limits.max_frames:
        raise too_many_frames(frames, limits)
    lost = (*header.lost, "frames") if frames < header.frames else header.lost
    told, operations, grey_icc = _in_its_colours(header, tuple(operations))
    states = tuple(operation.state() for operation in operations)
    key = (header.format, header.spec, header.orientation, frames, operations, states)
    try:
        way = _way(*key)
    except TypeError:  # an operation that cannot be hashed
        way = _way.__wrapped__(*key)
    decoded = formats.at_scale(told, way.scale)
    program = Program(decoded, header, frames, way.sides, way.steps, way.rest, lost, header.notes, grey_icc)
    return checked_program(program, limits)


def _in_its_colours(
    header: Header, operations: tuple[Operation, ...]
) -> tuple[Header, tuple[Operation, ...], bytes]:
    """The header and the operations in the same colours, and a profile for grey that has to be left first.

    Colours of operations are meant in sRGB and are brought into the picture's profile. Of a profile for grey
    no colour can be told: a picture that gets some becomes sRGB when it is decoded.
    """
    metadata = header.metadata
    if not (metadata.icc or metadata.cicp):
        return header, operations, b""
    from imgpar.pixels.colour.named_colours import into_colours_of

    if profile_space(metadata.icc) == "GRAY" and _has_colours(header, operations):
        from imgpar.formats.profile_conversion import tagged

        srgb = metadata._replace(icc=b"", exif=tagged(metadata.exif))
        return header._replace(metadata=srgb), operations, metadata.icc
    into = into_colours_of(metadata)
    if into is None:
        return header, operations, b""
    return header, tuple(operation.coloured(into) for operation in operations), b""


def _has_colours(header: Header, operations: Sequence[Operation]) -> bool:
    """Whether a picture has channels of colour, or gets them; a function may give it some."""
    spec = layouts.oriented(header.spec, header.orientation)
    for operation in operations:
        if operation.dynamic or not spec.grey:
            return True
        if not operation.idle(spec):
            spec = operation.plan(_accepted(operation, spec))
    return not spec.grey


def checked_program(program: Program, limits: Limits) -> Program:
    """The program, if it keeps the limits; raises LimitError."""
    for step in program.steps:
        _check_pixels(step, limits)
    spec = program.header.spec
    if program.nbytes > limits.memory:
        raise LimitError(
            f"It needs {_mebibytes(program.nbytes)} for {program.frames} "
            f"{'frame' if program.frames == 1 else 'frames'} of "
            f"{spec.width}×{spec.height}, but --memory is {_mebibytes(limits.memory)}.",
            fix="Give it more with --memory.",
        )
    return program


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):,.1f} MiB" if count < 10 << 20 else f"{count >> 20:,} MiB"


class _Way(NamedTuple):
    """What the size of a picture and its orientation decide: alike for all such pictures of a run."""

    scale: int
    """1, 2, 4 or 8: how much smaller it is decoded."""
    sides: tuple[int, int]
    steps: tuple[Step, ...]
    rest: tuple[Operation, ...]


@lru_cache(maxsize=256)  # planning takes longer than anything else before the first pixel
def _way(
    format_name: str,
    stored: Spec,
    orientation: int,
    frames: int,
    operations: tuple[Operation, ...],
    states: tuple[Hashable, ...],  # noqa: ARG001 - for the cache: the state of files that operations read
) -> _Way:
    """Walk the specs through the operations; decides the decoder's scale and when to turn upright."""
    upright = layouts.oriented(stored, orientation)
    first, following = first_effective(operations, upright)
    scale, decoded, steps = 1, stored, list[Step]()
    spec = upright
    whole = first.shrinks_to(_accepted(first, upright)) if first and not first.dynamic else None
    if first and whole and frames == 1:
        scale = formats.decode_scale(format_name, stored, *(whole if orientation < 5 else whole[::-1]))
        decoded = formats.scaled_spec(stored, scale)
    if first and whole and orientation != 1 and first.plan(upright).size == whole:
        # The whole picture is scaled, nothing is cut: turning the small result is cheaper.
        layout = _accepted(first, decoded)
        if layout != decoded:
            steps.append(_conversion(layout))
        small = first.plan(_accepted(first, upright))
        lying = small.resized(*(small.size if orientation < 5 else small.size[::-1]))
        steps.append(Step(first.name, lying, first.apply))
        steps.append(_turn(small, orientation))
        spec, remaining = small, following
    else:
        if orientation != 1:
            steps.append(_turn(layouts.oriented(decoded, orientation), orientation))
        remaining = [first, *following] if first else []
    more, rest = _following(remaining, spec, steps[-1].spec if steps else decoded)
    whole_way = (*steps, *more)
    return _Way(scale, sides_of(decoded, whole_way, frames), whole_way, rest)


def _following(
    operations: Sequence[Operation], spec: Spec, actual: Spec
) -> tuple[list[Step], tuple[Operation, ...]]:
    """The steps of operations on upright frames, and what can only be planned when a function has run: `spec`
    is the planned size, `actual` what the memory holds."""
    steps = list[Step]()
    for index, operation in enumerate(operations):
        actual = steps[-1].spec if steps else actual
        if operation.dynamic:
            steps.append(Step(operation.name, actual, call=partial(call, operation)))
            return steps, tuple(operations[index + 1 :])
        steps.extend(operation_steps(operation, spec, actual))
        if not operation.idle(spec):
            spec = steps[-1].spec
    return steps, ()


def sides_of(decoded: Spec, steps: Sequence[Step], frames: int) -> tuple[int, int]:
    """Bytes of the even and of the odd side of a lease for so many frames."""
    specs = [decoded, *(step.spec for step in steps if step.call is None)]
    even = max(_aligned(spec.nbytes * frames) for spec in specs[0::2])
    odd = max((_aligned(spec.nbytes * frames) for spec in specs[1::2]), default=0)
    return even, odd


def first_effective(operations: Sequence[Operation], spec: Spec) -> tuple[Operation | None, list[Operation]]:
    """The first operation that changes such a frame, and those after it."""
    for index, operation in enumerate(operations):
        if operation.dynamic or not operation.idle(spec):
            return operation, list(operations[index + 1 :])
    return None, []


def operation_steps(operation: Operation, spec: Spec, actual: Spec) -> Iterator[Step]:
    """The passes of one operation: `spec` is the planned size, `actual` what the memory holds."""
    if operation.idle(spec):
        return
    accepted = _accepted(operation, actual)
    if accepted != actual:
        yield _conversion(accepted)
    yield Step(operation.name, operation.plan(_accepted(operation, spec)), operation.apply)


def _accepted(operation: Operation, spec: Spec) -> Spec:
    return layouts.nearest(spec, operation.accepts, operation.depths)


def _conversion(spec: Spec) -> Step:
    return Step("convert", spec, layouts.convert_layout)


def _turn(spec: Spec, orientation: int) -> Step:
    return Step("orient", spec, partial(layouts.orient, orientation=orientation))


def call(operation: Operation, frame: Frame) -> Frame:
    """What a function of unknown result makes of a frame."""
    return operation.call(frame)  # type: ignore[attr-defined,no-any-return]


def begin_picture(operations: Sequence[Operation], header: Header, path: str, frames: int) -> None:
    """Tell operations that the frames of another picture come."""
    for operation in operations:
        if operation.in_order:
            width, height = layouts.oriented(header.spec, header.orientation).size
            operation.begin(ItemFacts(path, "image", (width, height), frames))


def _check_pixels(step: Step, limits: Limits) -> None:
    """What an operation makes may be larger than the limit on inputs only by the usual enlargements."""
    if step.spec.width * step.spec.height > 4 * limits.max_pixels:
        raise LimitError(
            f"{step.name} would make {step.spec.width}×{step.spec.height} pixels.",
            fix="Raise --max-pixels if that is meant.",
        )


def _aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGN) * ALIGN
