"""The steps of one picture, planned from its header and the recipe before decoding.

A `Program` contains every frame size, so that one lease is enough for the whole job, and a job never waits
for memory while it holds some:

    ┌───────────────────────┬──────────────────────┬──────────┐
    │ even: decoded, step 2 │ odd: step 1, step 3  │ metadata │     one lease
    └───────────────────────┴──────────────────────┴──────────┘

Steps read one side and write the other. Where the size of a result is not known before (a function of the
user, a crop to the content), the frames after it are in private memory of the worker, and are copied into a
lease where another worker needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from imgpar.core.blocks import Icc
from imgpar.core.errors import (
    LimitError,
    setting,
)
from imgpar.core.job import ItemFacts
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Spec
from imgpar.formats import codec
from imgpar.formats.base import too_many_frames
from imgpar.formats.options import EncodeOptions
from imgpar.ops import Operation
from imgpar.ops.base import for_item, named_errors
from imgpar.pixels import layouts
from imgpar.pixels.colour.icc_header import profile_space

ALIGN = 64
"""Alignment of frames in bytes, for SIMD code."""

BLOB_SLACK = 1024
"""Bytes that a serialized header needs besides its metadata."""

Work = Callable[[Frame, Frame], None]


class Step(NamedTuple):
    """One pass over a frame: the function, and the spec of its result, which is unknown with `dynamic`."""

    name: str
    spec: Spec
    work: Work | None = None
    dynamic: Operation | None = None
    """The operation whose result has an unknown spec."""
    looking: Operation | None = None
    """The operation that has to be settled on the frames first; `work` is unused then."""


class Program(NamedTuple):
    """The steps of one picture."""

    header: Header
    """As decoded: possibly smaller than in the file, for JPEGs decoded at a reduced scale."""
    source: Header
    """As in the file; sizes in percent refer to it."""
    frames: int
    sides: tuple[int, int]
    """Bytes of the even and of the odd side."""
    steps: tuple[Step, ...]
    rest: tuple[Operation, ...] = ()
    """Operations after the first one whose result has no known spec."""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scale: int = 1
    """1, 2, 4 or 8: reduction at which the picture is decoded."""
    grey_icc: Icc = Icc()
    """The grey ICC profile from which decoded pixels are converted to sRGB, where operations add colours. The
    header does not contain it any more."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result, as far as it is known before a function of the user is called."""
        if self.steps:
            return self.steps[-1].spec.size
        return layouts.oriented(self.source.spec, self.source.orientation).size

    @property
    def nbytes(self) -> int:
        """Bytes of the lease that runs this program, metadata included."""
        return sum(self.sides) + blob_nbytes(self.header)


def compile_program(
    header: Header,
    operations: Sequence[Operation],
    limits: Limits,
    *,
    keep_frames: bool = True,
    most_scale: int = 8,
) -> Program:
    """Plan every step from the header alone.

    Args:
        header: from `codec.read_header`.
        operations: of the recipe, in order.
        limits: pictures that exceed them are refused.
        keep_frames: False where no target can hold an animation; then only the first frame is decoded.
        most_scale: greatest reduction at which the picture may be decoded.

    Raises:
        LimitError: the picture, or an intermediate size, exceeds the limits.
        TransformError: an operation cannot handle such a picture.
    """
    frames = header.frames if keep_frames else 1
    if frames > limits.max_frames:
        raise too_many_frames(frames, limits)
    lost = (*header.lost, "frames") if frames < header.frames else header.lost
    converted, operations, grey_icc = _in_image_colours(header, tuple(operations))
    states = tuple(operation.state() for operation in operations)
    key = (header.format, header.spec, header.orientation, frames, most_scale, operations, states)
    try:
        plan = _plan(*key)
    except TypeError:  # an operation that cannot be hashed
        plan = _plan.__wrapped__(*key)
    decoded = codec.at_scale(converted, plan.scale)
    program = Program(
        decoded, header, frames, plan.sides, plan.steps, plan.rest, lost, header.notes, plan.scale, grey_icc
    )
    return checked_program(program, limits)


def blob_nbytes(header: Header) -> int:
    """Bytes of a lease for the serialized header behind the frames."""
    return aligned(header.metadata.nbytes + BLOB_SLACK)


def _in_image_colours(
    header: Header, operations: tuple[Operation, ...]
) -> tuple[Header, tuple[Operation, ...], Icc]:
    """The header and the operations in the same colour space, and the grey ICC profile to convert from first.

    Colours of operations are given in sRGB and are converted to the profile of the picture. A grey profile
    cannot express colours: a picture that gets some is converted to sRGB when it is decoded.
    """
    metadata = header.metadata
    if not (metadata.icc or metadata.cicp):
        return header, operations, Icc()
    from imgpar.pixels.colour.named_colours import into_colours_of

    if profile_space(metadata.icc) == "GRAY" and _has_colours(header, operations):
        from imgpar.formats.profile_conversion import tagged

        srgb = metadata._replace(icc=Icc(), exif=tagged(metadata.exif))
        return header._replace(metadata=srgb), operations, metadata.icc
    into = into_colours_of(metadata)
    if into is None:
        return header, operations, Icc()
    return header, tuple(operation.coloured(into) for operation in operations), Icc()


def _has_colours(header: Header, operations: Sequence[Operation]) -> bool:
    """Whether a picture has colour channels after some operation; a function of the user may add them."""
    spec = layouts.oriented(header.spec, header.orientation)
    for operation in operations:
        if not operation.portable or not spec.grey:
            return True
        with named_errors(operation.name):
            if not operation.idle(spec):
                spec = operation.plan(_accepted(operation, spec))
    return not spec.grey


def checked_program(program: Program, limits: Limits) -> Program:
    """The program, where it is within the limits; raises LimitError."""
    for step in program.steps:
        _check_pixels(step, limits)
    spec = program.header.spec
    if program.nbytes > limits.memory:
        raise LimitError(
            f"It needs {_mebibytes(program.nbytes)} for {program.frames} "
            f"{'frame' if program.frames == 1 else 'frames'} of "
            f"{spec.width}×{spec.height}, but --memory is {_mebibytes(limits.memory)}.",
            fix=f"Raise {setting('memory')}.",
        )
    return program


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):,.1f} MiB" if count < 10 << 20 else f"{count >> 20:,} MiB"


class _Plan(NamedTuple):
    """The part of a program that depends only on size, orientation and operations; cached."""

    scale: int
    sides: tuple[int, int]
    steps: tuple[Step, ...]
    rest: tuple[Operation, ...]


@lru_cache(maxsize=256)  # planning takes longer than anything else before the first pixel
def _plan(
    format_name: str,
    stored: Spec,
    orientation: int,
    frames: int,
    most_scale: int,
    operations: tuple[Operation, ...],
    states: tuple[Hashable, ...],  # noqa: ARG001 - for the cache: the state of files that operations read
) -> _Plan:
    """Compute the spec after each operation, the scale of the decoder, and where to rotate upright."""
    upright = layouts.oriented(stored, orientation)
    first, following = first_effective(operations, upright)
    scale, decoded, steps = 1, stored, list[Step]()
    spec = upright
    whole = first.shrinks_to(_accepted(first, upright)) if first and not first.dynamic else None
    if first and whole and frames == 1:
        scale = codec.decode_scale(format_name, stored, *(whole if orientation < 5 else whole[::-1]))
        scale = min(scale, most_scale)
        decoded = codec.scaled_spec(stored, scale)
    if first and whole and orientation != 1 and first.plan(upright).size == whole:
        # The whole picture is scaled, not cropped: rotating the small result is cheaper.
        layout = _accepted(first, decoded)
        if layout != decoded:
            steps.append(_conversion(layout))
        small = first.plan(_accepted(first, upright))
        stored_size = small.resized(*(small.size if orientation < 5 else small.size[::-1]))
        if scale > 1:
            first = first.within(codec.scaled_part(stored, scale))
        steps.append(Step(first.name, stored_size, first.apply))
        steps.append(_turn(small, orientation))
        spec, remaining = small, following
    else:
        if orientation != 1:
            steps.append(_turn(layouts.oriented(decoded, orientation), orientation))
        if first and scale > 1:
            first = first.within(layouts.oriented_box(codec.scaled_part(stored, scale), decoded, orientation))
        remaining = [first, *following] if first else []
    more, rest = _following(remaining, spec, steps[-1].spec if steps else decoded)
    all_steps = (*steps, *more)
    return _Plan(scale, sides_of(decoded, all_steps, frames), all_steps, rest)


def _following(
    operations: Sequence[Operation], spec: Spec, actual: Spec
) -> tuple[list[Step], tuple[Operation, ...]]:
    """The steps of operations on upright frames, and the operations after the first one whose result has no
    known spec.

    `spec` is the planned size, `actual` the spec of the frame in memory.
    """
    steps = list[Step]()
    for index, operation in enumerate(operations):
        actual = steps[-1].spec if steps else actual
        if operation.dynamic:
            steps.append(Step(operation.name, actual, dynamic=operation))
            return steps, tuple(operations[index + 1 :])
        steps.extend(operation_steps(operation, spec, actual))
        if not operation.idle(spec):
            spec = steps[-1].spec
    return steps, ()


def sides_of(decoded: Spec, steps: Sequence[Step], frames: int) -> tuple[int, int]:
    """Bytes of the even and of the odd side of a lease for `frames` frames."""
    specs = [decoded, *(step.spec for step in steps if step.dynamic is None)]
    even = max(aligned(spec.nbytes * frames) for spec in specs[0::2])
    odd = max((aligned(spec.nbytes * frames) for spec in specs[1::2]), default=0)
    return even, odd


def first_effective(operations: Sequence[Operation], spec: Spec) -> tuple[Operation | None, list[Operation]]:
    """The first operation that changes a frame of this spec, and those after it."""
    for index, operation in enumerate(operations):
        if operation.dynamic or not operation.idle(spec):
            return operation, list(operations[index + 1 :])
    return None, []


def operation_steps(operation: Operation, spec: Spec, actual: Spec) -> Iterator[Step]:
    """The passes of one operation: `spec` is the planned size, `actual` the spec of the frame in memory."""
    if operation.idle(spec):
        return
    accepted = _accepted(operation, actual)
    if accepted != actual:
        yield _conversion(accepted)
    with named_errors(operation.name):
        planned = operation.plan(_accepted(operation, spec))
    if operation.looks:
        yield Step(operation.name, planned, looking=operation)
    else:
        yield Step(operation.name, planned, operation.apply)


def _accepted(operation: Operation, spec: Spec) -> Spec:
    return layouts.nearest(spec, operation.accepts, operation.depths)


def _conversion(spec: Spec) -> Step:
    return Step("convert", spec, layouts.convert_layout)


def _turn(spec: Spec, orientation: int) -> Step:
    return Step("orient", spec, partial(layouts.orient, orientation=orientation))


def operations_for(
    operations: tuple[Operation, ...], header: Header, path: str, encode: EncodeOptions
) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
    """The operations for one picture, whose metadata some insert into texts, and remarks.

    Args:
        operations: of the recipe.
        header: of the picture.
        path: of its file.
        encode: what is stripped counts as missing, and what is set as given.
    """

    def facts() -> ItemFacts:
        from imgpar.formats.metadata import policy, reading

        details = reading.template_values(policy.strip(header.metadata, encode.strip), path)
        details = encode.edits.applied(details) if encode.edits else details
        size = layouts.oriented(header.spec, header.orientation).size
        return ItemFacts(path, "image", size, header.frames, details)

    return for_item(operations, facts)


def begin_picture(operations: Sequence[Operation], header: Header, path: str, frames: int) -> None:
    """Call `begin` of the operations that keep a state, before the frames of a picture.

    Args:
        operations: of the recipe.
        header: of the picture.
        path: of its file.
        frames: number of frames that follow.
    """
    for operation in operations:
        if operation.in_order:
            width, height = layouts.oriented(header.spec, header.orientation).size
            operation.begin(ItemFacts(path, "image", (width, height), frames))


def _check_pixels(step: Step, limits: Limits) -> None:
    """Raise LimitError where the result of a step has more than four times the pixels allowed for inputs."""
    if step.spec.width * step.spec.height > 4 * limits.max_pixels:
        raise LimitError(
            f"{step.name} would make {step.spec.width}×{step.spec.height} pixels.",
            fix=f"Raise {setting('max_pixels')} if that is intended.",
        )


def aligned(nbytes: int) -> int:
    """The number of bytes rounded up to `ALIGN`."""
    return -(-nbytes // ALIGN) * ALIGN
