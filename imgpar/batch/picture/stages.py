"""Decode, transform and encode one picture, on memory provided by the caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from imgpar.batch.picture import targets
from imgpar.batch.picture.programs import Program, Step, Work, operation_steps
from imgpar.batch.picture.quality_search import Experience
from imgpar.core.errors import TransformError
from imgpar.core.limits import Limits
from imgpar.core.spec import Colour, Frame, Header, Metadata, Spec
from imgpar.formats import codec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import to_profile
from imgpar.formats.registry import Format, find_format
from imgpar.ops import Operation
from imgpar.ops.base import named_errors
from imgpar.pixels import layouts

Remarks = list[str]
"""What operations have found out about a picture, for the report."""


class EncodedOutput(NamedTuple):
    """One output, ready to be written."""

    data: bytes | bytearray | memoryview
    spec: Spec
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tries: int = 0
    """Number of encodes in the search for a size or a quality; 0 where nothing was searched for."""
    kept: str = ""
    """Why it is a copy of the input although settings ask for a smaller file; empty where it is none."""


def frames_in_buffer(buffer: memoryview, offset: int, spec: Spec, count: int) -> list[Frame]:
    """Consecutive frames in a buffer, as views of it.

    Args:
        buffer: bytes, such as a lease; views keep it alive.
        offset: of the first frame, in bytes.
        spec: of each frame.
        count: number of frames.
    """
    return [Frame(spec, _array(buffer, offset + index * spec.nbytes, spec)) for index in range(count)]


def _array(buffer: memoryview, offset: int, spec: Spec) -> np.ndarray:
    # np.frombuffer keeps the mapping alive and cannot dangle, unlike np.ndarray(buffer=…).
    flat = np.frombuffer(buffer[offset : offset + spec.nbytes], dtype=spec.dtype)
    return flat.reshape(spec.shape)


def own_frames(spec: Spec, count: int) -> list[Frame]:
    """Uninitialized frames in private memory."""
    return [Frame(spec, np.empty(spec.shape, spec.dtype)) for _ in range(count)]


def decode(
    program: Program, data: bytes | memoryview, lease: memoryview, limits: Limits
) -> tuple[list[Frame], tuple[str, ...]]:
    """Decode into the even side of `lease`.

    Args:
        program: of the picture.
        data: the bytes of the file.
        lease: at least `program.nbytes` bytes; the returned frames are views of it.
        limits: whether damage is accepted.

    Returns:
        The frames, and warnings of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    frames = frames_in_buffer(lease, 0, program.header.spec, program.frames)
    notes = codec.decode(data, program.header, frames, accept_damaged=limits.accept_damaged)
    if program.grey_icc:
        from imgpar.pixels.colour.convert import grey_to_srgb

        notes += grey_to_srgb(frames, program.grey_icc)
    return frames, notes


def transform_frames(
    program: Program, frames: list[Frame], lease: memoryview, remarks: Remarks | None = None
) -> tuple[list[Frame], int | None]:
    """Run all steps. Returns the frames and their offset in the lease; None where they are outside."""
    return run_steps(program.steps, program.rest, frames, lease, (0, program.sides[0]), remarks)


def run_steps(
    steps: Sequence[Step],
    rest: Sequence[Operation],
    frames: list[Frame],
    lease: memoryview,
    sides: tuple[int, int],
    remarks: Remarks | None = None,
) -> tuple[list[Frame], int | None]:
    """Run some steps of a program.

    Args:
        steps: in order.
        rest: operations after a function whose result has no known spec.
        frames: the input of the first step.
        lease: where results are written.
        sides: offsets in the lease of the even and of the odd side; the first step writes to the odd one.
        remarks: receives what operations have found out about the picture.

    Returns:
        The frames and their offset in the lease; None where they are outside. Without steps that is the even
        side.
    """
    side = 0
    for step in steps:
        if step.dynamic is not None:
            results = run_dynamic(frames, (step.dynamic, *rest), remarks)
            return results, sides[side] if results is frames else None
        side = 1 - side
        results = frames_in_buffer(lease, sides[side], step.spec, len(frames))
        _run(step, frames, results, remarks)
        frames = results
    return frames, sides[side]


def _run(step: Step, frames: Sequence[Frame], results: Sequence[Frame], remarks: Remarks | None) -> None:
    with named_errors(step.name):
        works = list[Work]()
        if step.looking:
            works += [operation.apply for operation in _settled(step.looking, frames, remarks)]
        else:
            assert step.work is not None
            works.append(step.work)
        for index, (source, result) in enumerate(zip(frames, results, strict=True)):
            works[min(index, len(works) - 1)](source, result)


def _settled(operation: Operation, frames: Sequence[Frame], remarks: Remarks | None) -> Sequence[Operation]:
    """The operations for these frames: one for each, or one for all. `remarks` gets what they found out."""
    if operation.each_frame:
        settled = [operation.settled([frame]) for frame in frames]
    else:
        settled = [operation.settled(frames)]
    if remarks is not None and (remark := operation.remark(settled, frames[0].spec)):
        remarks.append(remark)
    return settled


def run_dynamic(
    frames: list[Frame], operations: Sequence[Operation], remarks: Remarks | None = None
) -> list[Frame]:
    """Run operations of which the first may return any size, in private memory.

    The result is `frames` itself where nothing changes.

    Args:
        frames: all of one spec.
        operations: in order.
        remarks: receives what operations have found out about the picture.
    """
    for operation in operations:
        if operation.dynamic and not operation.looks:
            frames = list(operation.over(frames, remarks))
        else:
            settled = operation
            if operation.dynamic:
                with named_errors(operation.name):
                    (settled,) = _settled(operation, frames, remarks)
            spec = frames[0].spec
            for step in operation_steps(settled, spec, spec):
                results = own_frames(step.spec, len(frames))
                _run(step, frames, results, remarks)
                frames = results
        check_one_spec(frames)
    return frames


def check_one_spec(frames: Sequence[Frame]) -> None:
    """Raise TransformError where the results of a function for one item differ in size or pixel format."""
    if len({frame.spec for frame in frames}) > 1:
        raise TransformError("The function returned frames of different sizes for one animation.")


def run_over(frames: Iterator[Frame], operations: Sequence[Operation]) -> Iterator[Frame]:
    """Run operations of which some work on several frames at once, on frames of a clip.

    Args:
        frames: in order; each stays valid. They are requested as results are.
        operations: in order.
    """
    for operation in operations:
        frames = operation.over(frames) if operation.together else _one_by_one(frames, operation)
    return frames


def _one_by_one(frames: Iterator[Frame], operation: Operation) -> Iterator[Frame]:
    for frame in frames:
        yield run_dynamic([frame], (operation,))[0]


def encode(
    frames: list[Frame],
    header: Header,
    format_name: str,
    options: EncodeOptions,
    experience: Experience | None = None,
) -> EncodedOutput:
    """Encode for one target; pixel formats that it cannot hold are converted, and the loss is reported.

    Args:
        frames: all of one spec, except for pages of a TIFF; they are not modified.
        header: of the picture.
        format_name: of the output.
        options: encoder settings.
        experience: of the searches of the run for a size or a quality.

    Raises:
        EncodeError: the encoder fails, the format cannot hold the picture, or the size or quality that the
            settings ask for cannot be met.
    """
    fmt = find_format(format_name)
    cut = not fmt.frames and len(frames) > 1
    dropped = "frames" if header.metadata.durations else "pages"
    written = codec.storable(_needed_spec(frames[0].spec, fmt, options), fmt)[0]
    if fmt.paged and len(header.metadata.pages) == len(frames):
        frames, metadata, lost, notes = _page_by_page(frames, header.metadata, fmt, options)
    else:
        frames, metadata, lost, notes = to_profile(
            frames[:1] if cut else frames, header.metadata, fmt, options, grey=written.grey
        )
    if cut:
        lost += (dropped,)
    fitting = list[Frame]()
    for frame in frames:
        spec, narrowed = codec.storable(_needed_spec(frame.spec, fmt, options), fmt)
        if options.palette and spec.dtype == "uint8" != frame.spec.dtype:
            narrowed = (*narrowed, "depth")
        if narrowed:
            lost += tuple(kind for kind in narrowed if kind not in lost and is_used(kind, frame))
        if spec != frame.spec:
            converted = own_frames(spec, 1)[0]
            layouts.convert_layout(frame, converted, _background_of(frame, spec, metadata, options))
            frame = converted
        fitting.append(frame)
    source_quality = _quality_of_source(header, fitting[0].spec)
    encoded, size, tries, note = targets.encode_aimed(
        fitting, fmt, metadata, options, source_quality=source_quality, experience=experience
    )
    notes = (*notes, *encoded.notes, *((note,) if note else ()))
    return EncodedOutput(encoded.data, encoded.spec or size, (*lost, *encoded.lost), notes, tries)


def without_alpha(frame: Frame, options: EncodeOptions) -> tuple[Frame, tuple[str, ...]]:
    """A frame in sRGB on the background, and whether that loses something; itself where it has no alpha."""
    if not frame.spec.alpha:
        return frame, ()
    red, green, blue, _ = options.background
    grey = frame.spec.grey and red == green == blue
    result = own_frames(frame.spec.converted("L" if grey else "RGB"), 1)[0]
    source = frame if grey or not frame.spec.grey else to_array(frame, "RGBA", frame.spec.dtype)
    layouts.convert_layout(source, result, options.background)
    return result, ("alpha",) if is_used("alpha", frame) else ()


def _quality_of_source(header: Header, spec: Spec) -> int:
    """The quality of a JPEG whose pixels have kept their size; 0 for all others."""
    whole = layouts.oriented(header.spec, header.orientation)
    same = header.format == "jpeg" and header.scale == 1 and whole.size == spec.size
    return header.coding.quality if same else 0


def _page_by_page(
    frames: Sequence[Frame], metadata: Metadata, fmt: Format, options: EncodeOptions
) -> tuple[list[Frame], Metadata, tuple[str, ...], tuple[str, ...]]:
    """Convert each page to the output profile, or keep the profile of the page."""
    made, pages = list[Frame](), list[Metadata]()
    lost, notes = dict[str, None](), dict[str, None]()
    for frame, own in zip(frames, metadata.pages, strict=True):
        grey = codec.storable(_needed_spec(frame.spec, fmt, options), fmt)[0].grey
        (page,), page_metadata, page_lost, page_notes = to_profile([frame], own, fmt, options, grey=grey)
        made.append(page)
        pages.append(page_metadata)
        lost |= dict.fromkeys(page_lost)
        notes |= dict.fromkeys(page_notes)
    first = metadata._replace(icc=pages[0].icc, cicp=pages[0].cicp, pages=tuple(pages))
    return made, first, tuple(lost), tuple(notes)


def _needed_spec(spec: Spec, fmt: Format, options: EncodeOptions) -> Spec:
    """The spec needed for the output: 8 bits for a palette; RGBA where grey with alpha is composited on a
    coloured background."""
    if options.palette and "palette" in fmt.takes:
        spec = spec.converted(spec.layout, "uint8")
    red, green, blue, _ = options.background
    coloured = spec.layout == "LA" and not fmt.alpha and not red == green == blue
    return spec.converted("RGBA") if coloured else spec


def _background_of(frame: Frame, spec: Spec, metadata: Metadata, options: EncodeOptions) -> Colour:
    """The background, given in sRGB, in the colour space of the picture."""
    if not frame.spec.alpha or spec.alpha or not (metadata.icc or metadata.cicp):
        return options.background
    from imgpar.pixels.colour.named_colours import into_colours_of

    into = into_colours_of(metadata)
    return into.colour(options.background) if into else options.background


def is_used(kind: str, frame: Frame) -> bool:
    """Whether a loss would change the picture: not where all pixels are opaque, or where 16-bit samples are
    8-bit samples scaled up."""
    array = frame.array
    if kind == "alpha":
        return bool((array[..., -1] < layouts.PEAK[array.dtype.name]).any())
    return array.dtype != np.uint16 or bool((array >> 8 != array & 255).any())


def to_array(frame: Frame, layout: str, dtype: str) -> Frame:
    """The frame in the given pixel format, C-contiguous; the same object where nothing changes."""
    spec = frame.spec.converted(layout, dtype)  # type: ignore[arg-type]
    if spec == frame.spec:
        return frame
    result = own_frames(spec, 1)[0]
    layouts.convert_layout(frame, result)
    return result
