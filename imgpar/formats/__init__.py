"""Pictures between bytes and frames. Backends are imported when they are first needed.

    head = read_header(data, "a.jpg", Limits())     what the file says, nothing is decoded
    head = shrink(head, 960, 640)                   a smaller decode, when a resize follows
    notes = decode(data, head, frames)              into memory that the caller owns
    encoded = encode(frames, fmt, metadata, options)

Every failure is an ItemError, whatever the bytes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imgpar.core.errors import (
    DamagedError,
    EncodeError,
    ItemError,
    MissingExtraError,
    OutOfMemoryError,
    UnknownFormatError,
    library_words,
)
from imgpar.core.model import Frame, Header, Limits, Metadata, Spec
from imgpar.formats.options import EncodeOptions
from imgpar.formats.output_profile import fitting_profile, srgb_frame, to_profile
from imgpar.formats.registry import (
    FORMATS,
    TWINNED,
    Format,
    find_format,
    format_of_suffix,
    sniff,
)

if TYPE_CHECKING:
    from imgpar.formats.base import Encoded

__all__ = [
    "FORMATS",
    "EncodeOptions",
    "Format",
    "at_scale",
    "decode",
    "encode",
    "find_format",
    "format_of_suffix",
    "read_header",
    "recognise",
    "decode_scale",
    "scaled_spec",
    "srgb_frame",
    "shrink",
    "sniff",
    "storable",
    "to_profile",
]

_HEAD = 4096
_LEAST_DPI, _MOST_DPI = 0.01, 1e6
_JUNK = 1 << 16
"""Bytes in which a JPEG is looked for that does not begin the file; no viewer shows such files."""


def recognise(data: bytes | memoryview, name: str) -> Format:
    """The format of the content; the name counts only where the content is not clear (Targa, camera raw).

    Raises UnknownFormatError.
    """
    found = sniff(bytes(data[:_HEAD]))
    if found is not None and found.name not in TWINNED:
        return found
    named = format_of_suffix(name)
    if named and named is not found:
        packed = named.name == "svg" and bytes(data[:2]) == b"\x1f\x8b"
        weak = found is None and not named.magic and (named.pillow or packed)
        if weak or (found is not None and named.twin == found.name):
            found = named
    if found is None:
        if not len(data):
            raise UnknownFormatError("The file is empty.")
        start = bytes(data[:_JUNK]).find(b"\xff\xd8\xff") if named and named.name == "jpeg" else 0
        if start > 0:
            raise UnknownFormatError(
                f"Other data stand before the JPEG, which begins at byte {start:,}.",
                fix=f"Cut them off: tail -c +{start + 1} FILE > NEW.jpg",
            )
        raise UnknownFormatError(
            "Its content is no picture that imgpar knows"
            + (f", although its name says {named.title}." if named else ".")
        )
    return found


def read_header(data: bytes | memoryview, name: str, limits: Limits) -> Header:
    """What a file says about itself; `name` is its name, for formats that only a suffix tells.

    Raises UnknownFormatError, UnsupportedError, MissingExtraError, LimitError (more pixels or frames than
    allowed) and DamagedError. Nothing is decoded, so a bomb costs nothing.
    """
    from imgpar.formats.base import check_size

    fmt = recognise(data, name)
    if fmt.kind == "video":
        raise UnknownFormatError(
            f"It is a clip ({fmt.title}), not a picture.",
            fix="Call it so by its name; in Python, imgpar.frames reads clips.",
        )
    try:
        header: Header = _backend(fmt.readers[0]).read_header(data, fmt, limits)
        check_size(*header.spec.size, limits, header.frames)
        header = _without_nonsense(header)
        if header.frames > 1 and limits.pages and "pages" not in header.detail:
            header = _some_frames(header, limits)
    except ItemError:
        raise
    except Exception as error:
        raise _explained(error, fmt, "opened") from error
    return header


def decode_scale(format_name: str, spec: Spec, width: int, height: int) -> int:
    """How many times smaller (1, 2, 4, 8) such a picture may be decoded, and still be half as large again as
    `width` × `height`; 1 where the format cannot do that."""
    if format_name != "jpeg":
        return 1
    scale: int = _backend("jpeg.reader").scale_for(spec, width, height)
    return scale


def shrink(header: Header, width: int, height: int) -> Header:
    """The header for the smallest decode that is still half as large again as `width` × `height`."""
    return at_scale(header, decode_scale(header.format, header.spec, width, height))


def at_scale(header: Header, scale: int) -> Header:
    """The header for a decode at 1/`scale`, which `scale_for` has found; the header itself for 1."""
    if scale == 1:
        return header
    return header._replace(spec=scaled_spec(header.spec, scale), detail={**header.detail, "scale": scale})


def scaled_spec(spec: Spec, scale: int) -> Spec:
    """What a decode at 1/`scale` fills."""
    return spec.resized(-(-spec.width // scale), -(-spec.height // scale))


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill every frame: the first one, or all `header.frames` of an animation, each fully composed.

    Each `frame.spec` is `header.spec`. Returns remarks of the decoder. Raises DamagedError, unless
    `accept_damaged` and something could be read: then a remark says what is wrong.
    """
    for frame in frames:
        if frame.spec != header.spec or frame.array.shape != header.spec.shape:
            raise ValueError(f"the frame is {frame.spec} {frame.array.shape}, the header says {header.spec}")
    # Strictly first, also where damage is accepted: lenient decoders do not say that they were.
    try:
        return _read(data, header, frames, accept_damaged=False)
    except DamagedError as error:
        if not accept_damaged:
            raise
        complaint = error.message
    for frame in frames:
        frame.array[...] = 0  # no rest of another picture where nothing can be read
    notes = _read(data, header, frames, accept_damaged=True)
    return (f"{complaint} What could be read was kept.", *notes)


def _read(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool
) -> tuple[str, ...]:
    fmt = FORMATS[header.format]
    try:
        read = _backend(fmt.readers[0]).decode
        notes: tuple[str, ...] = read(data, header, frames, accept_damaged=accept_damaged)
    except ItemError:
        raise
    except Exception as error:
        raise _explained(error, fmt, "read") from error
    return notes


def storable(spec: Spec, fmt: Format) -> tuple[Spec, tuple[str, ...]]:
    """The nearest pixel format that the encoder takes, and what that loses: "alpha", "depth".

    >>> storable(Spec(4, 3, "RGBA", "uint16"), find_format("jpeg"))[1]
    ('alpha', 'depth')
    """
    from imgpar.pixels.layouts import nearest

    if not fmt.writable or fmt.kind == "video":
        raise _unwritable(fmt)
    if spec.planar:
        return spec, ()  # made for the one encoder that takes it
    found = nearest(spec, fmt.layouts, fmt.dtypes)
    if fmt.name == "tiff" and found.layout == "LA" and found.dtype != "uint8":
        found = found.converted("RGBA")  # valid, but hardly any reader takes it
    if found == spec:
        return spec, ()
    lost = ("alpha",) * (spec.alpha and not found.alpha) + ("depth",) * (
        Spec(1, 1, "L", found.dtype).nbytes < Spec(1, 1, "L", spec.dtype).nbytes
    )
    return found, lost


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """Frames of a `storable` spec as a file of this format.

    The pixels stand upright: metadata is made to say so and thinned by `options.strip`. Several frames
    become an animation (with `metadata.durations`) or pages. Raises EncodeError.
    """
    from imgpar.formats.metadata.density import fit_density

    if not fmt.writable or fmt.kind == "video":
        raise _unwritable(fmt)
    lost = tuple[str, ...]()
    if not metadata.bare:
        metadata, lost = _carried(metadata, frames[0].spec, fmt, options.strip)
    metadata, more = fit_density(metadata, fmt, options.strip)
    lost += more
    if len(frames) > 1:
        frames, more = _fitting_frames(frames, fmt, metadata)
        lost += more
    metadata, more = _of_pages(metadata, frames, fmt, options.strip)
    lost += more
    if options.palette and "palette" in fmt.takes:
        frames, options = _in_few_colours(frames, fmt, metadata, options)
    try:
        encoded: Encoded = _backend(fmt.writers[0]).encode(frames, fmt, metadata, options)
    except ItemError:
        raise
    except Exception as error:
        raise _explained(error, fmt, "written") from error
    return encoded._replace(lost=tuple(dict.fromkeys((*lost, *encoded.lost)))) if lost else encoded


@cache
def _backend(name: str) -> Any:
    return import_module(f"imgpar.formats.{name}")


def _some_frames(header: Header, limits: Limits) -> Header:
    """The header of an animation of which only some frames are wanted."""
    from imgpar.formats.base import chosen_pages

    wanted = chosen_pages(limits, header.frames)
    durations = header.metadata.durations
    kept = durations[wanted.start : wanted.stop] if len(wanted) > 1 else ()
    metadata = header.metadata._replace(durations=kept)
    detail = {**header.detail, "numbers": tuple(wanted)}
    return header._replace(frames=len(wanted), metadata=metadata, detail=detail)


def _without_nonsense(header: Header) -> Header:
    """The header without a density that no device has, and no format holds."""
    dpi = header.metadata.dpi
    if dpi is None or all(_LEAST_DPI <= value <= _MOST_DPI for value in dpi):
        return header
    note = f"its density of {dpi[0]:.3g} dots per inch was left out"
    return header._replace(metadata=header.metadata._replace(dpi=None), notes=(*header.notes, note))


def _unwritable(fmt: Format) -> EncodeError:
    known = ", ".join(each.name for each in FORMATS.values() if each.writable and each.kind == "image")
    return EncodeError(f"This version cannot write {fmt.title}.", fix=f"It writes {known}.")


def _carried(metadata: Metadata, spec: Spec, fmt: Format, what: str) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata as the format takes them, thinned by `what` and true of the new picture; what is lost."""
    from imgpar.formats.metadata.policy import bake, describe_lost, strip

    metadata, lost = fitting_profile(strip(bake(metadata, *spec.size), what), spec)
    return _true_of_light(metadata, fmt), lost + describe_lost(metadata, fmt)


def _in_few_colours(
    frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions
) -> tuple[Sequence[Frame], EncodeOptions]:
    """The frames in as many colours as `--palette` allows, to be stored as such."""
    from imgpar.pixels.quantize import reduced_frames

    assert options.palette
    told = replace(options, few_colours=True)
    if fmt.name == "gif" and len(frames) > 1:
        return frames, told  # it draws the frames of an animation on top of each other
    made, changed = reduced_frames(list(frames), options.palette, together=bool(metadata.durations))
    if changed and options.lossless:
        raise EncodeError(
            f"It has more than {options.palette} colours, which --lossless would keep.",
            fix="Leave --lossless or --palette out.",
        )
    return made, told


def _of_pages(
    metadata: Metadata, frames: Sequence[Frame], fmt: Format, what: str
) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of each page as the format takes them, where it holds pages."""
    if not metadata.pages:
        return metadata, ()
    if not fmt.paged or len(metadata.pages) != len(frames):
        return metadata._replace(pages=()), ()
    carried = [
        _carried(page, frame.spec, fmt, what) for page, frame in zip(metadata.pages, frames, strict=True)
    ]
    lost = tuple(loss for _, losses in carried for loss in losses)
    return metadata._replace(pages=tuple(page for page, _ in carried)), lost


def _true_of_light(metadata: Metadata, fmt: Format) -> Metadata:
    """XMP promises no gain map where none is written."""
    if not metadata.xmp or (metadata.gain_map and fmt.gain_map):
        return metadata
    from imgpar.formats.jpeg.gain_map import without_promise

    return metadata._replace(gain_map=b"", xmp=without_promise(metadata.xmp))


def _fitting_frames(
    frames: Sequence[Frame], fmt: Format, metadata: Metadata
) -> tuple[Sequence[Frame], tuple[str, ...]]:
    """Frames without times are pages, which only TIFF holds; an animation in a TIFF loses its times."""
    pages = not metadata.durations
    if fmt.name == "tiff":
        return frames, () if pages else ("timing",)
    if pages or not fmt.frames:
        return frames[:1], ("pages",) if pages else ("frames",)
    return frames, ()


def _explained(error: Exception, fmt: Format, done: str) -> ItemError:
    """Whatever a backend raises becomes an ItemError that says what the backend said."""
    from imgpar.formats.base import refused

    if isinstance(error, MemoryError):
        return OutOfMemoryError(f"Not enough memory: this {fmt.title} could not be {done}.")
    if isinstance(error, ImportError):
        return MissingExtraError(f"A package cannot be loaded: {error}.", fix="imgpar doctor tells more.")
    if done != "written":
        return refused(fmt.title, library_words(error), hopeless=done == "opened")
    return EncodeError(f"The {fmt.title} encoder failed: {library_words(error, 'it cannot write this')}.")
