"""The bytes of one output: encoded frames, or the bytes of the input where nothing changes them.

A picture that is copied is decoded as well, so that a damaged file is an error and not copied.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from imgpar.batch.picture import planar, stages
from imgpar.batch.picture.programs import Program, Step, begin_picture, operations_for
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.batch.picture.verify import verify_encoded as compare
from imgpar.core.errors import EncodeError, TransformError, UsageError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats import codec, quality
from imgpar.formats.jpeg import motion_photo
from imgpar.formats.metadata import density
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.formats.metadata.policy import removed, strip
from imgpar.formats.metadata.reading import template_values
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format, find_format
from imgpar.formats.relevance import relevant
from imgpar.ops import Operation
from imgpar.ops.rotate import Rotate
from imgpar.pixels import layouts

_EDITABLE = ("jpeg", "png", "webp", "avif", "heic", "tiff", "gif", "jxl", "jp2", "bmp")
_ROTATED_WITHOUT_ENCODING = ("jpeg", "avif")
"""Formats rotated without encoding again: by a lossless transform, or by a property of the container."""
_LOST_BY_EDITING = ("second picture", motion_photo.CLIP)
"""Losses when the metadata of a JPEG are edited."""
_LOST_BY_ROTATION = (*_LOST_BY_EDITING, "exif")
"""Losses when a JPEG is rotated."""
_DEFAULTS = EncodeOptions()
_ANY_SIZE = Limits(max_pixels=1 << 62, max_frames=1 << 31)
"""For a file that was within the limits before."""
_MAX_QUALITY = 98
"""Highest quality that is used unasked: higher ones only make files larger."""


class SourceBytes(NamedTuple):
    """The bytes of the input, and the formats whose outputs are copies, possibly rotated or stripped."""

    data: bytes | memoryview = b""
    formats: frozenset[str] = frozenset()


def same_formats(
    program: Program,
    formats: Collection[str],
    options: EncodeOptions,
    limits: Limits,
    made: Spec | None = None,
) -> frozenset[str]:
    """The formats among `formats` whose outputs are copies of the input.

    None where a step changes pixels, an encoder setting is given, or damage is accepted. A JPEG or AVIF that
    is only rotated upright is copied: the JPEG by a lossless transform, the AVIF by its container.

    Args:
        program: of the picture.
        formats: of the outputs.
        options: encoder settings.
        limits: of the run.
        made: the spec of the result. None, before it is known, assumes that operations that depend on the
            pixels change nothing.
    """
    header = program.source
    if limits.accept_damaged or header.format not in formats:
        return frozenset()
    for step in program.steps:
        if step.dynamic is not None:
            if not _left_alone(program, step, made):
                return frozenset()
        elif step.name != "orient" or header.format not in _ROTATED_WITHOUT_ENCODING:
            return frozenset()
    if header.turned:
        return frozenset()
    requested = len(header.pages or range(header.frames))
    # The setting of pages has no effect where it names all that the file has.
    every = requested >= header.total and (requested == 1 or not options.split)
    pages = _DEFAULTS.pages if every else options.pages
    given = relevant(options, header.format, header.format)
    # A copy keeps every pixel; `lossless` matters only for a file that is lossy so far.
    exact = find_format(header.format).lossless != "optional" or header.coding.lossless
    lossless = options.lossless and not exact
    given = given.without_metadata()
    given = replace(
        given,
        dpi=None,
        scaled=False,
        background=_DEFAULTS.background,
        pages=pages,
        lossless=lossless,
    )
    plain = given == _DEFAULTS
    # A copy of an animation keeps properties that the encoder of its format cannot write.
    whole = program.frames == header.frames or not find_format(header.format).frames
    editable = not (options.strip or options.edits) or header.format in _EDITABLE
    return frozenset({header.format} if plain and whole and editable else ())


def _left_alone(program: Program, step: Step, made: Spec | None) -> bool:
    """Whether an operation that depends on the pixels, and those after it, have changed nothing: alone, each
    of them changes the size with the picture."""
    assert step.dynamic is not None
    following = (step.dynamic, *program.rest)
    looking = sum(operation.looks for operation in following)
    others = all(
        operation.looks or (not operation.dynamic and operation.idle(step.spec)) for operation in following
    )
    return looking == 1 and others and made in (None, step.spec)


def make(
    frames: list[Frame],
    header: Header,
    format_name: str,
    options: EncodeOptions,
    operations: Sequence[Operation],
    original: SourceBytes,
    path: str,
) -> EncodedOutput:
    """Make one output.

    Args:
        frames: the transformed frames, all of one spec except for pages of a TIFF.
        header: of the decoded picture, with the losses so far.
        format_name: of the output.
        options: encoder settings.
        operations: of the recipe; they decide whether a gain map is kept.
        original: the bytes of the input, where they may be copied.
        path: of the input, for templates in the metadata.

    Returns:
        The bytes, with all losses and notes.

    Raises:
        EncodeError: the encoder fails, or the format cannot hold the picture.
        TransformError: the output is a clip, and the input a still picture.
    """
    options = relevant(options, header.format, format_name)
    gone = removed(header.metadata, options.strip) if options.strip else ()
    stripped = (f"removed, as --strip asks: {', '.join(gone)}",) if gone else ()
    notes = header.notes + stripped
    if find_format(format_name).kind == "video":
        from imgpar.batch.clip.animations import encode_clip

        if options.set.facts:
            options = options.with_literals(template_values(strip(header.metadata, options.strip), path))
        return encode_clip(frames, header, format_name, options)
    if format_name in original.formats:
        copied = _copy(bytes(original.data), header, options, path)
        if isinstance(copied, EncodedOutput):
            return copied._replace(notes=(*stripped, *copied.notes))
        notes += (copied,) if copied else ()
    lost = header.lost
    if header.metadata.gain_map and find_format(format_name).gain_map:
        from imgpar.batch.picture.gain_maps import fit_gain_map

        kept = fit_gain_map(header, operations, options)
        header = header._replace(metadata=header.metadata._replace(gain_map=kept))
        lost += () if kept else ("gain map",)
    if _swaps_axes(header, operations):
        header = header._replace(metadata=density.turn_density(header.metadata))
    if edits := options.edits:
        header, options, more, remarks = _with_edits(header, options, edits, find_format(format_name), path)
        lost, notes = (*lost, *more), (*notes, *remarks)
    options = _with_source_quality(options, header, operations, format_name)
    options = _with_stored_layout(options, header, operations)
    encoded = stages.encode(frames, header, format_name, options)
    lost = tuple(dict.fromkeys((*lost, *encoded.lost)))
    return encoded._replace(lost=lost, notes=(*notes, *encoded.notes))


def _swaps_axes(header: Header, operations: Sequence[Operation]) -> bool:
    """Whether width and height of the file are swapped, and with them the densities in x and y."""
    swapped = header.orientation > 4
    for operation in operations:
        if isinstance(operation, Rotate) and operation.degrees % 180 == 90:
            swapped = not swapped
    return swapped


def _with_edits(
    header: Header, options: EncodeOptions, edits: MetadataEdits, fmt: Format, path: str
) -> tuple[Header, EncodeOptions, tuple[str, ...], tuple[str, ...]]:
    """The header with the metadata that are to be written, and the settings without what is done then; losses
    and notes."""
    from imgpar.formats.metadata.editing import edited

    made = edited(strip(header.metadata, options.strip), edits, fmt, path, options.strip)
    metadata = made.metadata
    if options.strip in ("exif", "all") and not fmt.density:
        metadata = metadata._replace(dpi=None)  # it would go into EXIF
    rest = replace(options, strip="")
    return header._replace(metadata=metadata), rest, made.lost, made.notes


def _copy(data: bytes, header: Header, options: EncodeOptions, path: str) -> EncodedOutput | str:
    """The bytes of the input, upright and with other metadata; or the reason why it has to be encoded
    again."""
    spec, lost = layouts.oriented(header.spec, header.orientation), tuple[str, ...]()
    notes = tuple[str, ...]()
    if header.orientation != 1 and header.format == "jpeg":
        turned, why = _upright(data, header, options)
        if why and not options.edits:
            return f"encoded again to be upright: {why}"
        if why:  # new metadata are no reason to encode a picture again
            notes = (f"its orientation stays a tag: {why}",)
        else:
            data, lost = turned, _LOST_BY_ROTATION
    if options.strip:
        from imgpar.formats.metadata.strip import strip_file

        without = strip_file(data, header.format, options.strip, header.metadata)
        if without is None:
            return ""
        data = without
        if not lost:
            lost = (*_LOST_BY_EDITING, "paths") if header.format == "tiff" else _LOST_BY_EDITING
    found = tuple(kind for kind in lost if kind in header.lost)
    if options.dpi is None and not options.edits:
        return EncodedOutput(data, spec, found, notes)
    fmt = find_format(header.format)
    if options.strip or header.orientation != 1:  # its metadata are not those of the header any more
        header = codec.read_header(data, path, _ANY_SIZE)
    if options.dpi is not None and not (fmt.density or fmt.exif):
        found = (*found, "density")
    elif options.dpi is not None:
        from imgpar.formats.metadata.density_edit import edit_density

        dense = edit_density(data, header, options.dpi)
        if dense is None:
            return "encoded again for its density: it has no place for one"
        data, header = dense, codec.read_header(dense, path, _ANY_SIZE) if options.edits else header
    if not (edits := options.edits):
        return EncodedOutput(data, spec, found, notes)
    from imgpar.formats.metadata.editing import edited
    from imgpar.formats.metadata.replace import with_metadata

    made = edited(header.metadata, edits, fmt, path, options.strip)
    written = with_metadata(data, header.format, header.metadata, made)
    return (
        "" if written is None else EncodedOutput(written, spec, (*found, *made.lost), (*notes, *made.notes))
    )


def _upright(data: bytes, header: Header, options: EncodeOptions) -> tuple[bytes, str]:
    """The JPEG and its gain map rotated without loss; or the reason why that is impossible."""
    from imgpar.formats.jpeg.header import parse_segments
    from imgpar.formats.jpeg.lossless_turn import turn_jpeg, why_not_lossless

    frame = parse_segments(data).frame
    if why := why_not_lossless(frame, header.orientation):
        return b"", why
    try:
        made = turn_jpeg(data, frame, header.orientation, header.metadata)
    except EncodeError as error:
        return b"", error.message
    if not header.metadata.gain_map:
        return made, ""
    from imgpar.batch.picture.gain_maps import fit_gain_map
    from imgpar.formats.jpeg.gain_map import attached

    gain_map = fit_gain_map(header, (), options)
    both = attached(made, gain_map) if gain_map else b""
    return both, "" if both else "its gain map cannot be turned with it"


def _with_source_quality(
    options: EncodeOptions, header: Header, operations: Sequence[Operation], target: str
) -> EncodeOptions:
    """The settings for a picture that is only rotated upright: at least the quality of the input."""
    found = header.coding.quality
    if operations or header.format != target or options.quality is not None:
        return options
    if header.coding.lossless:
        return replace(options, lossless=True)
    if found <= quality.DEFAULT:
        return options
    return replace(options, quality=min(found, _MAX_QUALITY))


def _with_stored_layout(
    options: EncodeOptions, header: Header, operations: Sequence[Operation]
) -> EncodeOptions:
    """The settings with the palette and the packing of the input. Whether the picture still has few colours,
    or has them after an operation, is determined by the encoder."""
    few = header.coding.few_colours or any(operation.few_colours for operation in operations)
    packing = header.coding.packing
    return replace(options, few_colours=few, packing=packing) if few or packing else options


def convert_bytes(
    data: bytes,
    name: str,
    operations: tuple[Operation, ...],
    format_name: str,
    options: EncodeOptions,
    limits: Limits,
    *,
    strict: bool = False,
    verify: bool = False,
) -> EncodedOutput:
    """Decode, transform and encode a picture in this process, in private memory.

    Args:
        data: the bytes of the file; they are not modified.
        name: file name; its suffix helps to recognize the format.
        operations: of the recipe, in order.
        format_name: of the output.
        options: encoder settings.
        limits: inputs that exceed them are refused.
        strict: refuse an output that loses something.
        verify: decode the output again and compare it.

    Raises:
        ItemError: the picture cannot be decoded, transformed or encoded, or is refused.
        UsageError: `options` splits pages into several outputs.
    """
    if options.split:
        raise UsageError("Pages cannot be split in memory.", fix="Write them into a folder.")
    limits = options.reading(limits)
    header = codec.read_header(data, name, limits)
    fmt = find_format(format_name)
    operations, remarks = operations_for(operations, header, name, options.strip)
    program = planar.choose_program(header, operations, limits, (fmt.name,), options, keep_frames=fmt.frames)
    lease = memoryview(bytearray(program.nbytes))
    frames, notes = stages.decode(program, data, lease, limits)
    begin_picture(operations, header, name, len(frames))
    found = list[str]()
    frames, _ = stages.transform_frames(program, frames, lease, found)
    same = same_formats(program, (fmt.name,), options, limits, frames[0].spec)
    head = program.header._replace(lost=program.lost)
    encoded = make(
        frames, head, fmt.name, options, operations, SourceBytes(data if same else b"", same), name
    )
    check(encoded, frames, fmt.name, head.metadata, strict=strict, verify=verify)
    return encoded._replace(notes=(*notes, *remarks, *found, *encoded.notes))


def check(
    encoded: EncodedOutput,
    frames: Sequence[Frame],
    format_name: str,
    metadata: Metadata,
    *,
    strict: bool,
    verify: bool,
) -> None:
    """Refuse an output with losses (`strict`), or one that differs from its frames (`verify`).

    Args:
        encoded: the output.
        frames: the frames it was encoded from.
        format_name: of the output.
        metadata: of the frames, with their colour profile.
        strict: whether losses are errors.
        verify: whether the output is decoded and compared.

    Raises:
        TransformError: it has losses.
        EncodeError: it cannot be decoded, or looks different.
    """
    if strict and encoded.lost:
        raise TransformError(
            f"It would lose {', '.join(dict.fromkeys(encoded.lost))}.",
            fix="Choose a format that holds it, or omit --strict.",
        )
    if verify:
        compare(encoded, frames, format_name, metadata)
