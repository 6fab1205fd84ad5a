"""PNG reader: most pictures through kornia_rs (`quick`), the others 8 bits through Pillow and 16 bits through
OpenCV (Pillow reduces colour to 8).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from imgpar.core.blocks import Xmp
from imgpar.core.errors import DamagedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Layout, Metadata
from imgpar.formats.backends import pillow
from imgpar.formats.base import check_size, damaged, detail_of
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.png import animation as apng
from imgpar.formats.png import colour as png_colour
from imgpar.formats.png import deep as png_deep
from imgpar.formats.png import quick as png_quick
from imgpar.formats.png import raw_profiles
from imgpar.formats.png.chunks import SIGNATURE, broken, ihdr
from imgpar.formats.png.deep import LAYOUTS
from imgpar.formats.png.detail import PngDetail
from imgpar.formats.registry import Format
from imgpar.formats.tlv import PNG_CHUNKS, walk
from imgpar.pixels.colour.icc_header import rgb_or_grey
from imgpar.pixels.palette import marked

Array = np.ndarray[Any, Any]

_NOT_TEXT = (
    b"XML:com.adobe.xmp\0", b"Raw profile type", b"Comment\0", b"Software\0", b"date:", b"exif:", b"png:",
    b"icc:", b"xmp:", b"iptc:",
)  # fmt: skip
"""Prefixes of text chunks with other metadata, or notes of ImageMagick."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Header from Pillow, with the bit depth that it hides and the timing of animations."""
    width, height, bits, colour_type = ihdr(data)
    check_size(width, height, limits)
    essential = False
    try:
        header = pillow.read_header(data, fmt, limits)
    except (DamagedError, OSError, ValueError):
        # A damaged ancillary chunk (profile, text …) does not make the picture unreadable.
        header = pillow.read_header(_essential(data), fmt, limits)
        notes = (*header.notes, "damaged ancillary chunks were dropped")
        header, data, essential = header._replace(notes=notes), _essential(data), True
    chunks = _chunks(data)
    header = _coloured(header, chunks, grey=colour_type in (0, 4))
    header = header._replace(metadata=_with_raw(header.metadata, chunks)._replace(text=_text(chunks)))
    mode = detail_of(header, pillow.PillowDetail).mode
    orientation = tiff.get_orientation(header.metadata.exif)
    header = header._replace(orientation=orientation, detail=PngDetail(mode, bits, essential))
    if bits == 16 and header.frames == 1 and colour_type in LAYOUTS:
        layout = LAYOUTS[colour_type]
        if any(kind == b"tRNS" for kind, _ in chunks):
            layout = {"L": "LA", "RGB": "RGBA"}.get(layout, layout)  # type: ignore[assignment]
        return header._replace(spec=header.spec.converted(layout, "uint16"))
    header = marked(header, bits < 8 or colour_type == 3)
    if header.frames == 1:
        return header
    return _animated(header, chunks)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frames; 16-bit pictures keep full bit depth.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    if detail_of(header, PngDetail).essential:
        data = _essential(data)
    chunks = _chunks(data)
    if not accept_damaged and (not chunks or chunks[-1][0] != b"IEND"):
        raise damaged("PNG", "it ends before its last chunk")
    if not accept_damaged and (kind := broken(data)):
        raise damaged("PNG", f"the checksum of a chunk with its pixels ({kind}) is wrong")
    if not accept_damaged and _plain(chunks, header) and png_quick.decode(data, ihdr(data)[3], frames[0]):
        return ()
    if header.spec.dtype != "uint16":
        return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
    png_deep.decode(chunks, header, frames, accept_damaged=accept_damaged)
    return ()


def _plain(chunks: list[tuple[bytes, memoryview]], header: Header) -> bool:
    """Whether it is the picture of a still file, of its depth, without a transparent colour."""
    bits = detail_of(header, PngDetail).bits
    deep = 16 if header.spec.dtype == "uint16" else 8
    # One frame may be wanted of an animation, and not the first.
    more = any(kind in (b"tRNS", b"acTL") for kind, _ in chunks)
    return header.frames == 1 and bits == deep and not more


def _essential(data: bytes | memoryview) -> bytes:
    """The critical chunks of the file, each with its own CRC."""
    wanted = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
    return b"".join((SIGNATURE, *(chunk.whole for chunk in walk(data, PNG_CHUNKS) if chunk.kind in wanted)))


def _chunks(data: bytes | memoryview) -> list[tuple[bytes, memoryview]]:
    """Type and body of every chunk."""
    return [(chunk.kind, chunk.body) for chunk in walk(data, PNG_CHUNKS)]


def _text(chunks: list[tuple[bytes, memoryview]]) -> tuple[tuple[bytes, bytes], ...]:
    """Text chunks written by users (title, author …); not those of programs, nor those read elsewhere."""
    found = ((kind, bytes(body)) for kind, body in chunks if kind in (b"tEXt", b"zTXt", b"iTXt"))
    return tuple((kind, body) for kind, body in found if not body.startswith(_NOT_TEXT))


def _with_raw(metadata: Metadata, chunks: list[tuple[bytes, memoryview]]) -> Metadata:
    """Add the metadata that ImageMagick stored as text, where no standard chunk has it."""
    found = raw_profiles.read_metadata_chunks(chunks)
    return metadata._replace(
        exif=metadata.exif or tiff.sound_exif(found.get("exif", b"")),
        xmp=metadata.xmp or Xmp(found.get("xmp", b"")),
        iptc=found.get("iptc", b""),
        icc=metadata.icc or rgb_or_grey(found.get("icc", b"")),
    )


def _coloured(header: Header, chunks: list[tuple[bytes, memoryview]], *, grey: bool) -> Header:
    """The header with the colours of the chunks; cICP takes precedence over a profile."""
    if header.metadata.icc and not any(kind == b"cICP" for kind, _ in chunks):
        return header
    small = {kind: bytes(body) for kind, body in chunks if len(body) <= 32}
    found = png_colour.chunk_colours(small, grey=grey)
    if found.note:
        return header._replace(notes=(*header.notes, found.note), lost=(*header.lost, "gamut"))
    return header._replace(metadata=header.metadata._replace(icc=found.icc, cicp=found.cicp))


def _animated(header: Header, chunks: list[tuple[bytes, memoryview]]) -> Header:
    """Durations from the frame control chunks. Frames may leave parts of the canvas empty, hence alpha."""
    detail, durations = detail_of(header, PngDetail), []
    deep = detail.bits == 16 and bool(apng.stored_frames(chunks))
    opaque = header.spec.layout == "RGBX"
    for kind, body in chunks:
        if kind == b"fcTL" and len(body) >= 26:
            *box, top, over, below, dispose, _ = struct.unpack_from(">IIIIHHBB", body, 4)
            durations.append(round(1000 * over / (below or 100)))
            opaque = opaque and dispose == 0 and (top, *box) == (0, *header.spec.size, 0)
    colours: Layout = "RGB" if deep else "RGBX"
    spec = header.spec.converted(colours if opaque else "RGBA", "uint16" if deep else "uint8")
    return header._replace(
        spec=spec,
        detail=detail._replace(deep_frames=deep),
        metadata=header.metadata._replace(durations=tuple(durations[-header.frames :])),
        lost=(*header.lost, *(("depth",) if detail.bits == 16 and not deep else ())),
    )
