"""Decode, transform and encode for one picture, on memory that somebody else provides.

A `Program` is compiled from the header and the recipe before a pixel is decoded. It knows every frame
size on the way, so one lease is enough for the whole job and no job ever waits while it holds memory:

    ┌───────────────────────┬──────────────────────┬──────────┐
    │ even: decoded, step 2 │ odd: step 1, step 3  │ metadata │     one lease
    └───────────────────────┴──────────────────────┴──────────┘

Steps read one side and write the other. A function given by the user may return any size; from there on
frames live in the worker's own memory, until the result is put into a lease again if it has to travel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from imgpar import codecs, pixels
from imgpar.codecs.base import too_many_frames
from imgpar.codecs.formats import Format, find_format
from imgpar.codecs.options import EncodeOptions
from imgpar.errors import ImgparError, LimitError, TransformError
from imgpar.model import Frame, Header, Limits, Spec
from imgpar.operations import Operation

ALIGN = 64
"""Frames start at multiples of this many bytes, as SIMD code likes it."""

BLOB_SLACK = 1024
"""What pickling the metadata adds to their own bytes."""

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

    @property
    def nbytes(self) -> int:
        """Bytes of the lease that runs this program, metadata included."""
        return sum(self.sides) + _aligned(self.header.metadata.nbytes + BLOB_SLACK)


class Encoded(NamedTuple):
    """One output, ready to be written."""

    data: bytes | bytearray | memoryview
    spec: Spec
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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
    key = (header.format, header.spec, header.orientation, frames, tuple(operations))
    try:
        way = _way(*key)
    except TypeError:  # an operation that cannot be hashed
        way = _way.__wrapped__(*key)
    decoded = codecs.at_scale(header, way.scale)
    program = Program(decoded, header, frames, way.sides, way.steps, way.rest, lost, header.notes)
    return checked(program, limits)


def checked(program: Program, limits: Limits) -> Program:
    """The program, if it keeps the limits; raises LimitError."""
    for step in program.steps:
        _check_pixels(step, limits)
    spec = program.header.spec
    if program.nbytes > limits.memory:
        raise LimitError(
            f"It needs {program.nbytes >> 20:,} MiB for {program.frames} frame(s) of "
            f"{spec.width}×{spec.height}, but --memory is {limits.memory >> 20:,} MiB.",
            fix="Give it more with --memory.",
        )
    return program


class _Way(NamedTuple):
    """What the size of a picture and its orientation decide: alike for all such pictures of a run."""

    scale: int
    """1, 2, 4 or 8: how much smaller it is decoded."""
    sides: tuple[int, int]
    steps: tuple[Step, ...]
    rest: tuple[Operation, ...]


@lru_cache(maxsize=256)  # planning takes longer than anything else before the first pixel
def _way(
    format_name: str, stored: Spec, orientation: int, frames: int, operations: tuple[Operation, ...]
) -> _Way:
    """Walk the specs through the operations; decides the decoder's scale and when to turn upright."""
    upright = pixels.oriented(stored, orientation)
    first, following = first_effective(operations, upright)
    scale, decoded, steps = 1, stored, list[Step]()
    spec = upright
    whole = first.shrinks_to(_accepted(first, upright)) if first and not first.dynamic else None
    if first and whole and frames == 1:
        scale = codecs.scale_for(format_name, stored, *(whole if orientation < 5 else whole[::-1]))
        decoded = codecs.scaled(stored, scale)
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
            steps.append(_turn(pixels.oriented(decoded, orientation), orientation))
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
            steps.append(Step(operation.name, actual, call=partial(_call, operation)))
            return steps, tuple(operations[index + 1 :])
        steps.extend(_operation_steps(operation, spec, actual))
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


def _operation_steps(operation: Operation, spec: Spec, actual: Spec) -> Iterator[Step]:
    """The steps of one operation: `spec` is the planned size, `actual` what the memory holds."""
    if operation.idle(spec):
        return
    accepted = _accepted(operation, actual)
    if accepted != actual:
        yield _conversion(accepted)
    yield Step(operation.name, operation.plan(_accepted(operation, spec)), operation.apply)


def _accepted(operation: Operation, spec: Spec) -> Spec:
    return pixels.nearest(spec, operation.accepts, operation.depths)


def _conversion(spec: Spec) -> Step:
    return Step("convert", spec, pixels.convert)


def _turn(spec: Spec, orientation: int) -> Step:
    return Step("orient", spec, partial(pixels.orient, orientation=orientation))


def _call(operation: Operation, frame: Frame) -> Frame:
    return operation.call(frame)  # type: ignore[attr-defined,no-any-return]


def _check_pixels(step: Step, limits: Limits) -> None:
    """What an operation makes may be larger than the limit on inputs only by the usual enlargements."""
    if step.spec.width * step.spec.height > 4 * limits.max_pixels:
        raise LimitError(
            f"{step.name} would make {step.spec.width}×{step.spec.height} pixels.",
            fix="Raise --max-pixels if that is meant.",
        )


def frames_at(buffer: memoryview, offset: int, spec: Spec, count: int) -> list[Frame]:
    """Frames that lie one after the other in a buffer; arrays look into it and own nothing."""
    return [Frame(spec, _array(buffer, offset + index * spec.nbytes, spec)) for index in range(count)]


def _array(buffer: memoryview, offset: int, spec: Spec) -> np.ndarray:
    # np.frombuffer keeps the mapping alive and cannot dangle, unlike np.ndarray(buffer=…).
    flat = np.frombuffer(buffer[offset : offset + spec.nbytes], dtype=spec.dtype)
    return flat.reshape(spec.shape)


def own_frames(spec: Spec, count: int) -> list[Frame]:
    """Frames in this process's own memory."""
    return [Frame(spec, np.empty(spec.shape, spec.dtype)) for _ in range(count)]


def decode(
    program: Program, data: bytes | memoryview, lease: memoryview, limits: Limits
) -> tuple[list[Frame], tuple[str, ...]]:
    """Decode into the even side of `lease`; returns the frames and the decoder's complaints."""
    frames = frames_at(lease, 0, program.header.spec, program.frames)
    notes = codecs.decode(data, program.header, frames, accept_damaged=limits.accept_damaged)
    return frames, notes


def transform(program: Program, frames: list[Frame], lease: memoryview) -> tuple[list[Frame], int | None]:
    """Run all steps. Returns the frames and their offset in the lease, or None when they are not in it."""
    side, offsets = 0, (0, program.sides[0])
    for step in program.steps:
        if step.call is not None:
            results = [step.call(frame) for frame in frames]
            return _dynamic(results, program.rest), None
        side = 1 - side
        results = frames_at(lease, offsets[side], step.spec, program.frames)
        _run(step, frames, results)
        frames = results
    return frames, offsets[side]


def _run(step: Step, frames: Sequence[Frame], results: Sequence[Frame]) -> None:
    assert step.work is not None
    for source, result in zip(frames, results, strict=True):
        try:
            step.work(source, result)
        except (ImgparError, MemoryError):
            raise
        except Exception as error:
            raise TransformError(f"{step.name} failed: {type(error).__name__}: {error}.") from error


def _dynamic(frames: list[Frame], operations: Sequence[Operation]) -> list[Frame]:
    """The operations after a function of unknown result, in this process's own memory."""
    if len({frame.spec for frame in frames}) > 1:
        raise TransformError("The function returned frames of different sizes for one animation.")
    for index, operation in enumerate(operations):
        spec = frames[0].spec
        if operation.dynamic:
            return _dynamic([_call(operation, frame) for frame in frames], operations[index + 1 :])
        for step in _operation_steps(operation, spec, spec):
            results = own_frames(step.spec, len(frames))
            _run(step, frames, results)
            frames = results
    return frames


def encode(frames: list[Frame], header: Header, format_name: str, options: EncodeOptions) -> Encoded:
    """Encode for one target; pixel formats that the target cannot hold are converted and named.

    Frames have one spec, but for pages of a TIFF.
    """
    fmt = find_format(format_name)
    cut = not fmt.frames and len(frames) > 1
    dropped = "frames" if header.metadata.durations else "pages"
    frames, metadata, lost, notes = codecs.to_profile(
        frames[:1] if cut else frames, header.metadata, fmt, options
    )
    lost += (dropped,) * cut
    fitting = list[Frame]()
    for frame in frames:
        spec, narrowed = codecs.storable(_on_colour(frame.spec, fmt, options), fmt)
        lost += tuple(kind for kind in narrowed if kind not in lost and _used(kind, frame))
        if spec != frame.spec:
            converted = own_frames(spec, 1)[0]
            pixels.convert(frame, converted, options.background)
            frame = converted
        fitting.append(frame)
    encoded = codecs.encode(fitting, fmt, metadata, options)
    return Encoded(encoded.data, fitting[0].spec, (*lost, *encoded.lost), (*notes, *encoded.notes))


def _on_colour(spec: Spec, fmt: Format, options: EncodeOptions) -> Spec:
    """What a grey picture becomes: coloured, where it has to be laid on a coloured background."""
    red, green, blue, _ = options.background
    coloured = spec.layout == "LA" and not fmt.alpha and not red == green == blue
    return spec.converted("RGBA") if coloured else spec


def _used(kind: str, frame: Frame) -> bool:
    """Whether a picture makes use of what it would lose: nobody misses transparency of opaque pixels, or
    16 bits that repeat 8."""
    array = frame.array
    if kind == "alpha":
        return bool((array[..., -1] < pixels.PEAK[array.dtype.name]).any())
    return array.dtype != np.uint16 or bool((array >> 8 != array & 255).any())


def to_array(frame: Frame, layout: str, dtype: str) -> Frame:
    """The frame as an array for users: C-contiguous, in the pixel format they asked for."""
    spec = frame.spec.converted(layout, dtype)  # type: ignore[arg-type]
    if spec == frame.spec:
        return frame
    result = own_frames(spec, 1)[0]
    pixels.convert(frame, result)
    return result


def _aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGN) * ALIGN
