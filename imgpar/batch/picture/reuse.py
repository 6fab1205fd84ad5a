"""Copies of the input: where its bytes may be the output, upright, stripped, or optimised."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from imgpar.batch.picture.programs import Program, Step
from imgpar.batch.picture.stages import EncodedOutput
from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.core.spec import Header, Spec
from imgpar.formats import codec
from imgpar.formats.jpeg import motion_photo
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import find_format
from imgpar.formats.relevance import relevant
from imgpar.pixels import layouts

_EDITABLE = ("jpeg", "png", "webp", "avif", "heic", "tiff", "gif", "jxl", "jp2", "bmp")
_ROTATED_WITHOUT_ENCODING = ("jpeg", "avif")
"""Formats rotated without encoding again: by a lossless transform, or by a property of the container."""
_LOST_BY_EDITING = ("second picture", motion_photo.CLIP)
"""Losses when the metadata of a JPEG are edited."""
_LOST_BY_ROTATION = (*_LOST_BY_EDITING, "exif")
"""Losses when a JPEG is rotated."""
_SIZE_ONLY = (
    "quality",
    "effort",
    "progressive",
    "max_bytes",
    "shrink",
    "target",
    "optimise",
    "only_if_smaller",
    "best_format",
)
"""Settings whose only purpose is a smaller file."""
PLAIN = "copied"
"""The reason for a copy that needs no remark."""
_NEAR = 3
"""Difference of qualities within which a JPEG is not encoded again: it would lose more than it saves."""
_DEFAULTS = EncodeOptions()
_ANY_SIZE = Limits(max_pixels=1 << 62, max_frames=1 << 31)
"""For a file that was within the limits before."""


class SourceBytes(NamedTuple):
    """The bytes of the input, and the formats whose outputs may be copies, possibly rotated or stripped."""

    data: bytes | memoryview = b""
    formats: frozenset[str] = frozenset()
    """Formats whose outputs are copies."""
    fallback: frozenset[str] = frozenset()
    """Formats whose outputs differ from copies only in size: see `--only-if-smaller`."""

    def __bool__(self) -> bool:
        """Whether the bytes are of use."""
        return bool(self.formats or self.fallback)


_NOTHING = SourceBytes()


def reusable(
    program: Program,
    formats: Collection[str],
    options: EncodeOptions,
    limits: Limits,
    data: bytes | memoryview = b"",
    made: Spec | None = None,
    *,
    keep_smaller: bool = False,
) -> SourceBytes:
    """For which of `formats` the bytes of the input may be used, and the bytes, if they are of use.

    None where a step changes pixels, or damage is accepted. A JPEG or AVIF that is only rotated upright is
    copied: the JPEG by a lossless transform, the AVIF by its container.

    Args:
        program: of the picture.
        formats: of the outputs.
        options: encoder settings.
        limits: of the run.
        data: the bytes of the input.
        made: the spec of the result. None, before it is known, assumes that operations that depend on the
            pixels change nothing.
        keep_smaller: whether a file that is not smaller than the input gives way to a copy of that, where
            only its size was asked for.
    """
    header = program.source
    if limits.accept_damaged or header.format not in formats:
        return _NOTHING
    if program.steps and program.steps[0].dynamic is None and program.steps[0].name != "orient":
        return _NOTHING  # before anything else is asked: most pictures are scaled
    given = relevant(options, header.format, header.format)
    as_it_lies = header.format in _ROTATED_WITHOUT_ENCODING or _keeps_tag(given, keep_smaller=keep_smaller)
    for step in program.steps:
        if step.dynamic is not None:
            if not _left_alone(program, step, made):
                return SourceBytes()
        elif step.name != "orient" or not as_it_lies:
            return SourceBytes()
    if header.turned and not as_it_lies:
        return SourceBytes()
    requested = len(header.pages or range(header.frames))
    # The setting of pages has no effect where it names all that the file has.
    every = requested >= header.total and (requested == 1 or not options.split)
    pages = _DEFAULTS.pages if every else options.pages
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
    # A copy of an animation keeps properties that the encoder of its format cannot write.
    whole = program.frames == header.frames or not find_format(header.format).frames
    editable = not (options.strip or options.edits) or header.format in _EDITABLE
    if not (whole and editable):
        return SourceBytes()
    # A copy that is small enough is the best file of at most so many bytes; it may be optimised.
    kept = ("max_bytes", "shrink", "optimise", "only_if_smaller", "best_format")
    plain = replace(given, **{name: getattr(_DEFAULTS, name) for name in kept}) == _DEFAULTS
    size_only = replace(given, **{name: getattr(_DEFAULTS, name) for name in _SIZE_ONLY}) == _DEFAULTS
    same = frozenset({header.format})
    # A file with the score that is asked for may be larger than the input, whose score is perfect.
    smaller = keep_smaller or given.target or given.best_format
    fallback = same if size_only and smaller else frozenset[str]()
    found = SourceBytes(b"", same if plain else frozenset(), fallback)
    return found._replace(data=data) if found else found


def _keeps_tag(options: EncodeOptions, *, keep_smaller: bool) -> bool:
    """Whether the orientation may stay a tag: new metadata or a smaller file are no reason to encode again,
    which would change pixels."""
    smaller = keep_smaller and any(getattr(options, name) != getattr(_DEFAULTS, name) for name in _SIZE_ONLY)
    asked = options.edits or options.optimise or options.only_if_smaller or smaller
    return bool(asked) and options.strip not in ("exif", "all")


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


def optimised(encoded: EncodedOutput, format_name: str) -> EncodedOutput:
    """The output, compressed better without a change of its pixels where that is possible."""
    from imgpar.formats.optimise import optimise

    data, note = optimise(encoded.data, find_format(format_name))
    return encoded._replace(data=data, notes=(*encoded.notes, *((note,) if note else ())))


def copied_output(
    original: SourceBytes, header: Header, format_name: str, options: EncodeOptions, path: str
) -> tuple[EncodedOutput | None, str]:
    """The bytes of the input as an output; or None and perhaps the reason why that is impossible."""
    if format_name not in original.formats | original.fallback:
        return None, ""
    stays = _keeps_tag(options, keep_smaller=format_name in original.fallback)
    copied = _copy(bytes(original.data), header, options, path, tag_stays=stays)
    if not isinstance(copied, EncodedOutput):
        return None, copied
    return optimised(copied, format_name) if options.optimise else copied, ""


def why_copied(
    original: SourceBytes,
    header: Header,
    format_name: str,
    options: EncodeOptions,
    copied: EncodedOutput,
) -> str:
    """Why the copy is the output, before anything is encoded; empty where it is not."""
    fits = options.max_bytes is None or len(copied.data) <= options.max_bytes
    if format_name in original.formats and fits:
        return PLAIN
    found = header.coding.quality
    if format_name not in original.fallback or options.quality is None or format_name != "jpeg" or not fits:
        return ""
    if 0 < found <= options.quality + _NEAR:
        return f"kept: it has quality {found} already, and would only lose by being encoded again"
    return ""


def _copy(
    data: bytes, header: Header, options: EncodeOptions, path: str, *, tag_stays: bool
) -> EncodedOutput | str:
    """The bytes of the input, upright and with other metadata; or the reason why it has to be encoded
    again."""
    spec, lost = layouts.oriented(header.spec, header.orientation), tuple[str, ...]()
    notes = tuple[str, ...]()
    if header.orientation != 1 and header.format == "jpeg":
        turned, why = _upright(data, header, options)
        if why and not tag_stays:
            return f"encoded again to be upright: {why}"
        if why:
            notes = (f"its orientation stays a tag: {why}",)
        else:
            data, lost = turned, _LOST_BY_ROTATION
    elif header.orientation != 1 and header.format not in _ROTATED_WITHOUT_ENCODING:
        notes = ("its orientation stays a tag",)
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
