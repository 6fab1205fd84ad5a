"""Decoding and encoding of pictures in any format. Backends are imported when first needed.

    head = read_header(data, "a.jpg", Limits())     parses the header, decodes nothing
    head = shrink(head, 960, 640)                   a scaled decode, when a resize follows
    notes = decode(data, head, frames)              into memory that the caller owns
    encoded = encode(frames, fmt, metadata, options)

Every failure is an ItemError, for any input bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imgpar.core.error_messages import library_words, setting
from imgpar.core.errors import (
    DamagedError,
    EncodeError,
    ItemError,
    MissingExtraError,
    OutOfMemoryError,
    UnknownFormatError,
    UnsupportedError,
)
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import fitting_profile
from imgpar.formats.registry import (
    FORMATS,
    TWINNED,
    Format,
    added,
    every_format,
    format_of_suffix,
    list_hint,
    sniff,
)

if TYPE_CHECKING:
    from imgpar.formats.base import Encoded

_HEAD = 4096
_LEAST_DPI, _MOST_DPI = 0.01, 1e6
_MAX_PREFIX = 1 << 16
"""Maximum bytes before an embedded JPEG that is searched for; viewers do not show such files."""


def recognise(data: bytes | memoryview, name: str) -> Format:
    """Detect the format from the content; the name decides only where that is ambiguous (Targa, camera raw).

    Raises:
        UnknownFormatError: the content is of no known format.
        DamagedError: it is empty.
    """
    if not len(data):
        raise DamagedError("It is empty (0 bytes).")
    found = sniff(bytes(data[:_HEAD]))
    if found is not None and found.name not in TWINNED:
        return found
    named = format_of_suffix(name)
    if named and named is not found:
        packed = named.name == "svg" and bytes(data[:2]) == b"\x1f\x8b"
        weak = found is None and not named.magic and (named.pillow or named.package or packed)
        if weak or (found is not None and named.twin == found.name):
            found = named
    if found is None:
        start = bytes(data[:_MAX_PREFIX]).find(b"\xff\xd8\xff") if named and named.name == "jpeg" else 0
        if start > 0:
            raise UnknownFormatError(
                f"There are other data before the JPEG, which begins at byte {start:,}.",
                fix=f"Remove them: tail -c +{start + 1} FILE > NEW.jpg",
            )
        raise UnknownFormatError(
            "Its content is not of a known picture format"
            + (f", although its name says {named.title}." if named else "."),
            fix=list_hint(name) or " ".join(map(str, added().failed.values())),
        )
    return found


def read_header(data: bytes | memoryview, name: str, limits: Limits) -> Header:
    """Parse the header of a file. Nothing is decoded, so decompression bombs are harmless.

    Args:
        data: the whole file.
        name: file name, for formats that only the suffix tells.
        limits: maximum pixels and frames, pages, and password.

    Raises:
        UnknownFormatError, UnsupportedError, MissingExtraError: it cannot be read.
        LimitError: it has more pixels or frames than allowed.
        DamagedError: it is truncated or corrupt.
    """
    from imgpar.formats.base import check_size, damaged

    fmt = recognise(data, name)
    if fmt.kind == "video":
        raise clip_error(fmt, name)
    try:
        header: Header = _backend(fmt.readers[0], fmt.package).read_header(data, fmt, limits)
        width, height = header.spec.size
        if min(width, height, header.frames) < 1:
            size = f"{width}×{height} pixels" if header.frames > 0 else f"{header.frames} frames"
            raise damaged(fmt.title, f"its header says {size}", hopeless=True)
        check_size(width, height, limits, header.frames)
        header = _without_implausible_density(header)
        if header.frames > 1 and limits.pages and header.pages is None:
            header = _some_frames(header, limits)
    except ItemError:
        raise
    except Exception as error:
        raise _as_item_error(error, fmt, "opened") from error
    return header


def clip_error(fmt: Format, name: str) -> UnsupportedError:
    """The error for a clip where a picture is expected; the kind of an input is that of its suffix, if it has
    one."""
    named = format_of_suffix(name)
    reads = "imgpar.frames reads clips, and Pipeline.run converts them."
    misnamed = named is not None and named.kind != "video"
    return UnsupportedError(
        f"It is a clip ({fmt.title}), not a picture.",
        fix=f"Give it the suffix of a clip; in Python, {reads}" if misnamed else f"In Python, {reads}",
    )


def decode_scale(format_name: str, spec: Spec, width: int, height: int) -> int:
    """Largest scaled decode (1, 2, 4, 8 times smaller) that is enough for `width` × `height`; 1 where the
    format has none.

    Args:
        format_name: name of the format record.
        spec: of the full picture.
        width: in pixels, of the final picture.
        height: in pixels, of the final picture.
    """
    if format_name != "jpeg":
        return 1
    scale: int = _backend("jpeg.reader").scale_for(spec, width, height)
    return scale


def shrink(header: Header, width: int, height: int) -> Header:
    """The header for the smallest decode that is enough for `width` × `height`."""
    return at_scale(header, decode_scale(header.format, header.spec, width, height))


def at_scale(header: Header, scale: int) -> Header:
    """The header for a decode at 1/`scale`, as returned by `decode_scale`; unchanged for 1."""
    if scale == 1:
        return header
    return header._replace(spec=scaled_spec(header.spec, scale), scale=scale)


def scaled_spec(spec: Spec, scale: int) -> Spec:
    """The spec of a decode at 1/`scale`."""
    return spec.resized(-(-spec.width // scale), -(-spec.height // scale))


def scaled_part(spec: Spec, scale: int) -> tuple[float, float, float, float]:
    """The part of a decode at 1/`scale` that is picture: left, top, right and bottom in its pixels. Sides
    that are no multiple of `scale` are padded to whole pixels.

    >>> scaled_part(Spec(1001, 800), 8)
    (0.0, 0.0, 125.125, 100.0)
    """
    return (0.0, 0.0, spec.width / scale, spec.height / scale)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill every frame: the first one, or all `header.frames` of an animation, each fully composed.

    Args:
        data: the whole file.
        header: from `read_header`, possibly shrunk.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        DamagedError: the file is damaged, and nothing could be read or `accept_damaged` is false.
        ItemError: it cannot be decoded.
    """
    for frame in frames:
        if frame.spec != header.spec or frame.array.shape != header.spec.shape:
            raise ValueError(f"the frame is {frame.spec} {frame.array.shape}, the header says {header.spec}")
    # Strictly first, even with `accept_damaged`: lenient decoders do not report damage.
    try:
        return _read(data, header, frames, accept_damaged=False)
    except DamagedError as error:
        if not accept_damaged:
            raise
        complaint = error.message
    for frame in frames:
        frame.array[...] = 0  # no leftover of another picture where nothing can be read
    notes = _read(data, header, frames, accept_damaged=True)
    return (f"{complaint} What could be read was kept.", *notes)


def _read(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool
) -> tuple[str, ...]:
    fmt = FORMATS[header.format]
    try:
        read = _backend(fmt.readers[0], fmt.package).decode
        notes: tuple[str, ...] = read(data, header, frames, accept_damaged=accept_damaged)
    except ItemError:
        raise
    except Exception as error:
        raise _as_item_error(error, fmt, "read") from error
    return notes


def storable(spec: Spec, fmt: Format) -> tuple[Spec, tuple[str, ...]]:
    """The nearest pixel format that the encoder supports, and what it loses: "alpha", "depth".

    >>> from imgpar.formats.registry import find_format
    >>> storable(Spec(4, 3, "RGBA", "uint16"), find_format("jpeg"))[1]
    ('alpha', 'depth')
    """
    from imgpar.pixels.layouts import nearest

    if not fmt.writable or fmt.kind == "video":
        raise _unwritable(fmt)
    if spec.planar:
        return spec, ()  # made for the only encoder that supports it
    found = nearest(spec, fmt.layouts, fmt.dtypes)
    if fmt.name == "tiff" and found.layout == "LA" and found.dtype != "uint8":
        found = found.converted("RGBA")  # valid, but few readers support it
    if found == spec:
        return spec, ()
    lost = list[str]()
    if spec.alpha and not found.alpha:
        lost.append("alpha")
    if Spec(1, 1, "L", found.dtype).nbytes < Spec(1, 1, "L", spec.dtype).nbytes:
        lost.append("depth")
    return found, tuple(lost)


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """Encode frames of a `storable` spec.

    Pixels are upright: metadata is adjusted, and reduced by `options.strip`. Several frames become an
    animation (with `metadata.durations`) or pages.

    Args:
        frames: H×W×C arrays, not modified.
        fmt: the format record.
        metadata: of the picture.
        options: settings of the encoder.

    Returns:
        The bytes of the file, what was lost, and remarks.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    from imgpar.formats.metadata.density import fit_density

    if not fmt.writable or fmt.kind == "video":
        raise _unwritable(fmt)
    lost = tuple[str, ...]()
    if not metadata.bare:
        metadata, lost = _adjusted(metadata, frames[0].spec, fmt, options.strip)
    metadata, more = fit_density(metadata, fmt, options.strip, options.dpi)
    lost += more
    if len(frames) > 1:
        frames, more = _fitting_frames(frames, fmt, metadata)
        lost += more
    metadata, more = _of_pages(metadata, frames, fmt, options)
    lost += more
    if options.loop is not None and metadata.durations:
        metadata = metadata._replace(loop=options.loop)
    if options.palette and "palette" in fmt.takes:
        frames, options = _in_few_colours(frames, fmt, metadata, options)
    try:
        encoded: Encoded = _backend(fmt.writers[0], fmt.package).encode(frames, fmt, metadata, options)
    except ItemError:
        raise
    except Exception as error:
        raise _as_item_error(error, fmt, "written") from error
    return encoded._replace(lost=tuple(dict.fromkeys((*lost, *encoded.lost)))) if lost else encoded


@cache
def _backend(name: str, package: str = "") -> Any:
    """The module that reads or writes a format; a name of imgpar's own is without `imgpar.formats`."""
    return import_module(name if package else f"imgpar.formats.{name}")


def _some_frames(header: Header, limits: Limits) -> Header:
    """The header of an animation of which only some frames are requested."""
    from imgpar.formats.base import chosen_pages

    wanted = chosen_pages(limits, header.frames, "frame")
    durations = header.metadata.durations
    known = len(wanted) > 1 and len(durations) == header.frames
    kept = tuple(durations[number] for number in wanted) if known else ()
    metadata = header.metadata._replace(durations=kept)
    return header._replace(frames=len(wanted), metadata=metadata, numbers=tuple(wanted), total=header.frames)


def _without_implausible_density(header: Header) -> Header:
    """The header without an implausible density."""
    dpi = header.metadata.dpi
    if dpi is None or all(_LEAST_DPI <= value <= _MOST_DPI for value in dpi):
        return header
    note = f"its density of {dpi[0]:.3g} dots per inch was dropped"
    return header._replace(metadata=header.metadata._replace(dpi=None), notes=(*header.notes, note))


def _unwritable(fmt: Format) -> EncodeError:
    known = ", ".join(each.name for each in every_format() if each.writable and each.kind == "image")
    return EncodeError(f"This version cannot write {fmt.title}.", fix=f"It writes {known}.")


def _adjusted(metadata: Metadata, spec: Spec, fmt: Format, what: str) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata as supported by the format, reduced by `what` and valid for the new picture; and what is
    lost."""
    from imgpar.formats.metadata.policy import bake, describe_lost, strip

    # Blocks as they were read come first: what is found in them serves all outputs of the picture.
    metadata, lost = fitting_profile(strip(metadata, what), spec)
    lost += describe_lost(metadata, fmt)
    return bake(_without_missing_gain_map(metadata, fmt), *spec.size), lost


def _in_few_colours(
    frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions
) -> tuple[Sequence[Frame], EncodeOptions]:
    """The frames quantised to `--palette` colours, to be stored with a palette."""
    from imgpar.pixels.quantize import reduced_frames

    assert options.palette
    reduced_options = replace(options, few_colours=True)
    if fmt.name == "gif" and len(frames) > 1:
        return frames, reduced_options  # it composes the frames of an animation itself
    made, changed = reduced_frames(list(frames), options.palette, together=bool(metadata.durations))
    if changed and options.lossless:
        raise EncodeError(
            f"It has more than {options.palette} colours, which --lossless would keep.",
            fix=f"Leave {setting('lossless')} or {setting('palette')} out.",
        )
    return made, reduced_options


def _of_pages(
    metadata: Metadata, frames: Sequence[Frame], fmt: Format, options: EncodeOptions
) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of each page, where the format holds pages."""
    from imgpar.formats.metadata.density import with_density

    if not metadata.pages:
        return metadata, ()
    if not fmt.paged or len(metadata.pages) != len(frames):
        return metadata._replace(pages=()), ()
    carried = [
        _adjusted(page, frame.spec, fmt, options.strip)
        for page, frame in zip(metadata.pages, frames, strict=True)
    ]
    lost = tuple(loss for _, losses in carried for loss in losses)
    pages = (with_density(page, options.dpi) if options.dpi else page for page, _ in carried)
    return metadata._replace(pages=tuple(pages)), lost


def _without_missing_gain_map(metadata: Metadata, fmt: Format) -> Metadata:
    """Remove references to a gain map from XMP where none is written."""
    if not metadata.xmp or (metadata.gain_map and fmt.gain_map):
        return metadata
    from imgpar.formats.jpeg.gain_map import without_promise

    return metadata._replace(gain_map=b"", xmp=without_promise(metadata.xmp))


def _fitting_frames(
    frames: Sequence[Frame], fmt: Format, metadata: Metadata
) -> tuple[Sequence[Frame], tuple[str, ...]]:
    """Frames without durations are pages, which only TIFF holds; an animation in a TIFF loses its timing."""
    pages = not metadata.durations
    if fmt.name == "tiff":
        return frames, () if pages else ("timing",)
    if pages or not fmt.frames:
        return frames[:1], ("pages",) if pages else ("frames",)
    return frames, ()


def _as_item_error(error: Exception, fmt: Format, done: str) -> ItemError:
    """Convert any exception of a backend to an ItemError with its message."""
    from imgpar.formats.base import refused

    if isinstance(error, MemoryError):
        return OutOfMemoryError(f"Not enough memory: this {fmt.title} could not be {done}.")
    if isinstance(error, ImportError):
        of = f" of {fmt.package}" if fmt.package else ""
        return MissingExtraError(f"A package{of} cannot be loaded: {error}.", fix="See imgpar doctor.")
    if done != "written":
        return refused(fmt.title, library_words(error), hopeless=done == "opened")
    return EncodeError(f"The {fmt.title} encoder failed: {library_words(error, 'it cannot write this')}.")
