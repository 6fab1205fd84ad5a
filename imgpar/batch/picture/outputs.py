"""The bytes of one output: encoded frames, or the bytes of the input where nothing changes them.

A picture that is copied is decoded as well, so that a damaged file is an error and not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from imgpar.batch.picture import planar, stages
from imgpar.batch.picture.programs import begin_picture, operations_for
from imgpar.batch.picture.quality_search import Experience
from imgpar.batch.picture.reuse import PLAIN, SourceBytes, copied_output, optimised, reusable, why_copied
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.batch.picture.verify import verify_encoded as compare
from imgpar.core.error_messages import setting
from imgpar.core.errors import TransformError, UsageError
from imgpar.core.exiting import held_at_exit
from imgpar.core.limits import Limits
from imgpar.core.spec import Dtype, Frame, Header, Layout, Metadata
from imgpar.formats import codec, quality
from imgpar.formats.metadata import density
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.formats.metadata.policy import removed, strip
from imgpar.formats.metadata.reading import template_values
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import srgb_frame
from imgpar.formats.registry import Format, find_format
from imgpar.formats.relevance import relevant
from imgpar.ops import Operation
from imgpar.ops.rotate import Rotate

Array = np.ndarray[Any, Any]

_DEFAULTS = EncodeOptions()
_MAX_QUALITY = 98
"""Highest quality that is used unasked: higher ones only make files larger."""


def make(
    frames: list[Frame],
    header: Header,
    format_name: str,
    options: EncodeOptions,
    operations: Sequence[Operation],
    original: SourceBytes,
    path: str,
    *,
    experience: Experience | None = None,
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
        experience: of the searches of the run for a size or a quality.

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
    copied, why = copied_output(original, header, format_name, options, path)
    if copied is not None:
        copied = copied._replace(notes=(*stripped, *copied.notes))
        if reason := why_copied(original, header, format_name, options, copied):
            if reason != PLAIN:
                return copied._replace(notes=(*copied.notes, reason), kept=reason)
            # In place, such a file need not be written again.
            asked = options.max_bytes is not None or options.optimise or options.only_if_smaller
            return copied._replace(kept="kept: it cannot be made smaller" if asked else "")
    elif format_name in original.formats:
        notes += (why,) if why else ()
    lost = header.lost
    if header.metadata.gain_map and find_format(format_name).gain_map:
        from imgpar.batch.picture.gain_maps import fit_gain_map

        gain_map = fit_gain_map(header, operations, options)
        header = header._replace(metadata=header.metadata._replace(gain_map=gain_map))
        lost += () if gain_map else ("gain map",)
    if _swaps_axes(header, operations):
        header = header._replace(metadata=density.turn_density(header.metadata))
    if edits := options.edits:
        header, options, more, remarks = _with_edits(header, options, edits, find_format(format_name), path)
        lost, notes = (*lost, *more), (*notes, *remarks)
    options = _with_source_quality(options, header, operations, format_name)
    options = _with_stored_layout(options, header, operations)
    encoded = stages.encode(frames, header, format_name, options, experience)
    if lost or notes or encoded.lost:
        lost = tuple(dict.fromkeys((*lost, *encoded.lost)))
        encoded = encoded._replace(lost=lost, notes=(*notes, *encoded.notes))
    if options.optimise:
        encoded = optimised(encoded, format_name)
    if copied is None or format_name not in original.fallback or len(encoded.data) < len(copied.data):
        return encoded
    saved = (
        f"kept: the new file would not be smaller ({len(encoded.data):,} bytes, it has {len(copied.data):,})"
    )
    return copied._replace(notes=(*copied.notes, saved), tries=encoded.tries, kept=saved)


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


def _private(nbytes: int) -> memoryview:
    return memoryview(bytearray(nbytes))


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
    memory: Callable[[int], memoryview] = _private,
    during: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> EncodedOutput:
    """Decode, transform and encode a picture at once.

    Args:
        data: the bytes of the file; they are not modified.
        name: file name; its suffix helps to recognize the format.
        operations: of the recipe, in order.
        format_name: of the output.
        options: encoder settings.
        limits: inputs that exceed them are refused.
        strict: refuse an output that loses something.
        verify: decode the output again and compare it.
        memory: gives that many bytes for the frames; without it, memory of this process.
        during: told which stage a block is, such as `StageClock.during`.

    Raises:
        ItemError: the picture cannot be decoded, transformed or encoded, or is refused.
        UsageError: `options` splits pages into several outputs.
    """
    if options.split:
        raise UsageError("Pages cannot be split in memory.", fix="Write them into a folder.")
    limits = options.reading(limits)
    with during("decode"):
        header = codec.read_header(data, name, limits)
        fmt = find_format(format_name)
        operations, remarks = operations_for(operations, header, name, options)
        program = planar.choose_program(
            header, operations, limits, (fmt.name,), options, keep_frames=fmt.frames
        )
        lease = memory(program.nbytes)
        frames, notes = stages.decode(program, data, lease, limits)
    with during("transform"):
        begin_picture(operations, header, name, len(frames))
        found = list[str]()
        frames, _ = stages.transform_frames(program, frames, lease, found)
    with during("encode"):
        smaller = bool(options.only_if_smaller)
        original = reusable(program, (fmt.name,), options, limits, data, frames[0].spec, keep_smaller=smaller)
        head = program.header._replace(lost=program.lost)
        encoded = make(frames, head, fmt.name, options, operations, original, name)
        check(encoded, frames, fmt.name, head.metadata, strict=strict, verify=verify)
    return encoded._replace(notes=(*notes, *remarks, *found, *encoded.notes))


@held_at_exit()
def picture_array(
    data: bytes, name: str, operations: tuple[Operation, ...], limits: Limits, layout: Layout, dtype: Dtype
) -> Array:
    """Decode and transform a picture in this process, in private memory.

    Args:
        data: the bytes of the file; they are not modified.
        name: file name; its suffix helps to recognize the format.
        operations: of the recipe, in order.
        limits: inputs that exceed them are refused.
        layout: of the array.
        dtype: of the array.

    Returns:
        The first frame in sRGB, H×W×C, C-contiguous; it belongs to the caller.

    Raises:
        ItemError: the picture cannot be decoded or transformed, or is refused.
    """
    header = codec.read_header(data, name, limits)
    operations, _ = operations_for(operations, header, name, _DEFAULTS)
    program = planar.choose_program(header, operations, limits, (), _DEFAULTS, keep_frames=False)
    lease = memoryview(bytearray(program.nbytes))
    frames, _ = stages.decode(program, data, lease, limits)
    begin_picture(operations, header, name, len(frames))
    frames, _ = stages.transform_frames(program, frames, lease, [])
    frame, _ = srgb_frame(frames[0], program.header.metadata)
    return np.ascontiguousarray(stages.to_array(frame, layout, dtype).array)


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
            fix=f"Choose a format that holds it, or omit {setting('strict')}.",
        )
    if verify:
        compare(encoded, frames, format_name, metadata)
