"""What becomes of the frames at the end: a new file, or the input's own bytes where nothing changed them.

A picture that is copied is decoded all the same: a damaged file is not passed on as a good one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from imgpar import formats as codecs
from imgpar.batch.picture import planar, stages
from imgpar.batch.picture.programs import Program, begin_picture
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.batch.picture.verify import verify_encoded as compare
from imgpar.core.errors import EncodeError, TransformError, UsageError
from imgpar.core.model import Frame, Header, Limits, Metadata
from imgpar.formats import quality
from imgpar.formats.jpeg import motion_photo
from imgpar.formats.metadata import density
from imgpar.formats.metadata.policy import removed
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.formats.relevance import relevant
from imgpar.ops import Operation
from imgpar.ops.rotate import Rotate
from imgpar.pixels import layouts
from imgpar.pixels.palette import DETAIL

_EDITABLE = ("jpeg", "png", "webp", "avif", "heic", "tiff", "gif", "jxl", "jp2", "bmp")
_TURNED_AS_FILES = ("jpeg", "avif")
"""Those that are turned, or are shown turned by every viewer, without new pixels."""
_TAKEN_OUT = ("second picture", motion_photo.CLIP)
"""What goes with the first picture's metadata when a JPEG is edited."""
_TURNED_OUT = (*_TAKEN_OUT, "exif")
"""What goes when it is turned."""
_PLAIN = EncodeOptions()
_BEST = 98
"""Higher numbers make files larger and nothing better."""


class SourceBytes(NamedTuple):
    """The input's bytes, and the formats whose outputs are those bytes, or nearly."""

    data: bytes | memoryview = b""
    formats: frozenset[str] = frozenset()


def same_formats(
    program: Program, formats: Collection[str], options: EncodeOptions, limits: Limits
) -> frozenset[str]:
    """Those of the formats that get the input's bytes: none where a step changes pixels, a setting of the
    encoders is given, or damage is accepted. A JPEG that is only turned upright is among them, and an AVIF,
    whose container turns it."""
    header = program.source
    if limits.accept_damaged or header.format not in formats:
        return frozenset()
    for step in program.steps:
        if step.name != "orient" or header.format not in _TURNED_AS_FILES:
            return frozenset()
    if header.detail.get("turned"):
        return frozenset()
    first, last = header.detail.get("pages", (1, header.frames))
    # Of a file with one page nothing is chosen, and nothing split.
    pages = _PLAIN.pages if first == last == 1 else options.pages
    told = relevant(options, header.format, header.format)
    # A copy keeps every pixel; only what has been lossy so far can be asked to be written without loss.
    exact = find_format(header.format).lossless != "optional" or bool(header.detail.get("lossless"))
    lossless = options.lossless and not exact
    told = replace(told, strip="", background=_PLAIN.background, pages=pages, lossless=lossless)
    plain = told == _PLAIN
    # A copy of an animation keeps what our encoder for its format could not write.
    whole = program.frames == header.frames or not find_format(header.format).frames
    editable = not options.strip or header.format in _EDITABLE
    return frozenset({header.format} if plain and whole and editable else ())


def make(
    frames: list[Frame],
    header: Header,
    format_name: str,
    options: EncodeOptions,
    operations: Sequence[Operation],
    original: SourceBytes,
) -> EncodedOutput:
    """One output, with all that is lost on the way to it."""
    options = relevant(options, header.format, format_name)
    gone = removed(header.metadata, options.strip) if options.strip else ()
    asked = (f"removed, as --strip asks: {', '.join(gone)}",) if gone else ()
    said = header.notes + asked
    if find_format(format_name).kind == "video":
        from imgpar.batch.clip.animations import encode_clip

        return encode_clip(frames, header, format_name, options)
    if format_name in original.formats:
        copied = _copy(bytes(original.data), header, options)
        if isinstance(copied, EncodedOutput):
            return copied._replace(notes=asked)
        said += (copied,) if copied else ()
    lost = header.lost
    if header.metadata.gain_map and find_format(format_name).gain_map:
        from imgpar.batch.picture.gain_maps import fit_gain_map

        kept = fit_gain_map(header, operations, options)
        header = header._replace(metadata=header.metadata._replace(gain_map=kept))
        lost += () if kept else ("gain map",)
    if _lies_across(header, operations):
        header = header._replace(metadata=density.turn_density(header.metadata))
    options = _as_stored(_gentle(options, header, operations, format_name), header)
    encoded = stages.encode(frames, header, format_name, options)
    lost = tuple(dict.fromkeys((*lost, *encoded.lost)))
    return encoded._replace(lost=lost, notes=(*said, *encoded.notes))


def _lies_across(header: Header, operations: Sequence[Operation]) -> bool:
    """Whether what was across in the file is now down, and needs the density of the other side."""
    across = header.orientation > 4
    for operation in operations:
        if isinstance(operation, Rotate) and operation.degrees % 180 == 90:
            across = not across
    return across


def _copy(data: bytes, header: Header, options: EncodeOptions) -> EncodedOutput | str:
    """The input's bytes, turned upright and without the metadata that are not wanted; or why that cannot be
    without new pixels."""
    spec, lost = layouts.oriented(header.spec, header.orientation), tuple[str, ...]()
    if header.orientation != 1 and header.format == "jpeg":
        data, why = _upright(data, header, options)
        if why:
            return f"encoded again to be upright: {why}"
        lost = _TURNED_OUT
    if options.strip:
        from imgpar.formats.metadata.strip import strip_file

        edited = strip_file(data, header.format, options.strip)
        if edited is None:
            return ""
        data, lost = edited, lost or _TAKEN_OUT + ("paths",) * (header.format == "tiff")
    return EncodedOutput(data, spec, tuple(kind for kind in lost if kind in header.lost))


def _upright(data: bytes, header: Header, options: EncodeOptions) -> tuple[bytes, str]:
    """The JPEG turned without loss, its gain map with it; or why that cannot be."""
    from imgpar.formats.jpeg.lossless_turn import turn_jpeg, why_not_lossless

    if why := why_not_lossless(data, header.orientation):
        return b"", why
    try:
        made = turn_jpeg(data, header.orientation)
    except EncodeError as error:
        return b"", error.message
    if not header.metadata.gain_map:
        return made, ""
    from imgpar.batch.picture.gain_maps import fit_gain_map
    from imgpar.formats.jpeg.gain_map import attached

    light = fit_gain_map(header, (), options)
    both = attached(made, light) if light else b""
    return both, "" if both else "its gain map cannot be turned with it"


def _gentle(
    options: EncodeOptions, header: Header, operations: Sequence[Operation], target: str
) -> EncodeOptions:
    """The settings for a picture that is only turned upright: no worse than the input."""
    found = header.detail.get("quality", 0)
    if operations or header.format != target or options.quality is not None:
        return options
    if header.detail.get("lossless"):
        return replace(options, lossless=True)
    if found <= quality.DEFAULT:
        return options
    return replace(options, quality=min(found, _BEST))


def _as_stored(options: EncodeOptions, header: Header) -> EncodeOptions:
    """The settings with how the input held its pixels. Whether operations have left it few colours is seen
    when the output is written."""
    few, packing = bool(header.detail.get(DETAIL)), str(header.detail.get("packing", ""))
    return replace(options, few_colours=few, packing=packing) if few or packing else options


def convert_bytes(
    data: bytes,
    name: str,
    operations: Sequence[Operation],
    format_name: str,
    options: EncodeOptions,
    limits: Limits,
    *,
    strict: bool = False,
    verify: bool = False,
) -> EncodedOutput:
    """The whole chain in this process and in its own memory."""
    if options.split:
        raise UsageError("Pages cannot be split into one block of bytes.", fix="Write them into a folder.")
    limits = options.reading(limits)
    header = codecs.read_header(data, name, limits)
    fmt = find_format(format_name)
    program = planar.choose_program(header, operations, limits, (fmt.name,), options, keep_frames=fmt.frames)
    same = same_formats(program, (fmt.name,), options, limits)
    lease = memoryview(bytearray(program.nbytes))
    frames, notes = stages.decode(program, data, lease, limits)
    begin_picture(operations, header, name, len(frames))
    frames, _ = stages.transform_frames(program, frames, lease)
    head = program.header._replace(lost=program.lost)
    encoded = make(frames, head, fmt.name, options, operations, SourceBytes(data if same else b"", same))
    check(encoded, frames, fmt.name, head.metadata, strict=strict, verify=verify)
    return encoded._replace(notes=(*notes, *encoded.notes))


def check(
    encoded: EncodedOutput,
    frames: Sequence[Frame],
    format_name: str,
    metadata: Metadata,
    *,
    strict: bool,
    verify: bool,
) -> None:
    """Refuse an output that lost something (`strict`), or that is not the picture it was made of (`verify`).

    Raises:
        TransformError, EncodeError: it is not to be written.
    """
    if strict and encoded.lost:
        raise TransformError(
            f"It would lose {', '.join(dict.fromkeys(encoded.lost))}.",
            fix="Choose a format that holds it, or leave --strict out.",
        )
    if verify:
        compare(encoded, frames, format_name, metadata)
