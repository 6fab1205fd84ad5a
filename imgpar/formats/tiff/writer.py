"""TIFF writer: any layout and depth, all metadata, any pages. Deflate with prediction, or LZW as in the
input; few colours with few bits, and black and white as group 4 (`compression`).

The file begins with the unmodified EXIF block. That block is a TIFF file itself, so its offsets, including
those in maker notes, remain valid; only the pointer to the first directory is changed:

    EXIF block (or 8 bytes) | values, strips and directory of page 1 | page 2 | …
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Metadata
from imgpar.formats.base import Encoded
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.formats.tiff import compression as tiff_packing
from imgpar.pixels.layouts import convert_layout
from imgpar.pixels.palette import FEW_LEVEL

Array = np.ndarray[Any, Any]

_BYTE, _ASCII, SHORT, LONG, _RATIONAL, _UNDEFINED = 1, 2, 3, 4, 5, 7
_CODES = {SHORT: "H", LONG: "I", _RATIONAL: "I"}
_IPTC, _ICC = 33723, 34675
_BYTES = (_BYTE, _ASCII, 6, _UNDEFINED)
"""Types that do not depend on byte order."""
_POINTERS = (tiff.EXIF_IFD, tiff.GPS_IFD, tiff.INTEROP_IFD)
_STRIP = 1 << 20
"""Bytes of a strip before compression."""
_PIXEL_TAGS = frozenset((
    *range(254, 260), 262, 266, 273, 274, *range(277, 280), *range(282, 285), 296, 297, 301, 317,
    *range(320, 326), 330, 338, 339, 347, 513, 514, *range(529, 533), 700, 33723, 34377, 34675,
))  # fmt: skip
"""Tags of pixel coding or of blocks that are written here."""
_NO_PALETTE = "its few colours are stored without a palette: in a TIFF that has no transparency"
Tags = dict[int, tuple[int, int, bytes]]


class Growing(Protocol):
    """A file that is written from its beginning to its end: a bytearray, or what is appended to one."""

    def __len__(self) -> int:
        """Offset of the next byte in the file."""
        ...

    def __iadd__(self, data: bytes | bytearray, /) -> Self:
        """Append bytes."""
        ...


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode one page per frame; a padded layout is stored without padding.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    order = tiff.byte_order(metadata.exif) or "<"
    out = bytearray(metadata.exif or struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 0))
    described = _described(out, metadata)
    link = 4
    frames = [_readable(frame) for frame in frames]
    level = (1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9)[4 if options.effort is None else options.effort]
    for number, frame in enumerate(frames):
        stored = tiff_packing.few(frame) if options.few_colours else None
        if stored:
            finest = FEW_LEVEL if options.effort is None else level
            tags = _few(out, frame, stored, order, options.packing, finest)
        else:
            tags = _pixels(out, frame, order, level, options.packing)
        if len(frames) > 1:
            tags[254] = directory_values(order, LONG, 2)
            place = (min(count, 65535) for count in (number, len(frames)))
            tags[297] = directory_values(order, SHORT, *place)
        if number == 0:
            tags |= described
            tags |= _blocks(metadata, order)
        elif number < len(metadata.pages):
            tags |= _copied(metadata.pages[number], order)
            tags |= _blocks(metadata.pages[number], order)
        elif metadata.icc:  # readers treat every page as a picture of its own
            tags[_ICC] = (_UNDEFINED, len(metadata.icc), metadata.icc)
        out += bytes(len(out) % 2)
        struct.pack_into(order + "I", out, link, len(out))
        link = write_directory(out, tags, order)
    if len(out) >= 1 << 32:
        raise EncodeError("The TIFF would be larger than 4 GiB.", fix="Choose png, or resize it.")
    unkept = options.palette and any(frame.spec.alpha for frame in frames)
    return Encoded(out, notes=(_NO_PALETTE,) if unkept else ())


def _described(exif: bytearray, metadata: Metadata) -> Tags:
    """Entries of the first directory of the EXIF block (camera, date, pointers); values stay in place."""
    main = tiff.first_ifd(metadata.exif)
    tags: Tags = {}
    for entry in main.entries.values() if main else ():
        if entry.tag not in _PIXEL_TAGS:
            tags[entry.tag] = (entry.kind, entry.number, bytes(exif[entry.at + 8 : entry.at + 12]))
    if metadata.comment and 270 not in tags:
        text = metadata.comment.replace(b"\0", b" ") + b"\0"
        tags[270] = (_ASCII, len(text), text)
    return tags


def _copied(metadata: Metadata, order: str) -> Tags:
    """The same for another page, whose EXIF block is not in the file: its texts and numbers are copied, its
    Exif and GPS sub-directories are not."""
    block = metadata.exif
    main = tiff.first_ifd(block)
    same = tiff.byte_order(block) == order
    return {
        entry.tag: (entry.kind, entry.number, block[entry.value_at : entry.value_at + entry.nbytes])
        for entry in (main.entries.values() if main else ())
        if entry.tag not in _PIXEL_TAGS and (entry.kind in _BYTES or (same and entry.tag not in _POINTERS))
    }


def _readable(frame: Frame) -> Frame:
    """Grey with alpha of more than 8 bits is valid, but few readers support it: written as RGBA."""
    if frame.spec.layout != "LA" or frame.spec.dtype == "uint8":
        return frame
    spec = frame.spec.converted("RGBA")
    coloured = Frame(spec, np.empty(spec.shape, spec.dtype))
    convert_layout(frame, coloured)
    return coloured


def _blocks(metadata: Metadata, order: str) -> Tags:
    tags: Tags = {}
    if metadata.xmp:
        tags[700] = (_BYTE, len(metadata.xmp), metadata.xmp)
    if metadata.iptc:
        tags[_IPTC] = (_UNDEFINED, len(metadata.iptc), metadata.iptc)
    if metadata.icc:
        tags[_ICC] = (_UNDEFINED, len(metadata.icc), metadata.icc)
    if metadata.dpi:
        for tag, value in ((282, metadata.dpi[0]), (283, metadata.dpi[1])):
            tags[tag] = directory_values(order, _RATIONAL, round(value * 1000), 1000)
        tags[296] = directory_values(order, SHORT, 2)
    return tags


def _pixels(out: bytearray, frame: Frame, order: str, level: int, packing: str) -> Tags:
    """Append the strips of a page; returns the tags that describe them.

    Args:
        out: the file so far; appended to.
        frame: the page.
        order: byte order, `<` or `>`.
        level: of deflate.
        packing: compression of the input.
    """
    spec = frame.spec
    compression = tiff_packing.chosen(packing, 8)
    channels = 3 if spec.layout == "RGBX" else spec.channels
    item = frame.array.dtype.itemsize
    rows = max(_STRIP // max(spec.width * channels * item, 1), 1)
    offsets, lengths = [], []
    for top in range(0, spec.height, rows):
        part = _predicted(frame.array[top : top + rows, :, :channels], order)
        strip = tiff_packing.packed(part, compression, level)
        offsets.append(len(out))
        lengths.append(len(strip))
        out += strip
    tags = {
        256: directory_values(order, LONG, spec.width),
        257: directory_values(order, LONG, spec.height),
        258: directory_values(order, SHORT, *([item * 8] * channels)),
        259: directory_values(order, SHORT, compression),
        262: directory_values(order, SHORT, 1 if spec.grey else 2),
        273: directory_values(order, LONG, *offsets),
        274: directory_values(order, SHORT, 1),
        277: directory_values(order, SHORT, channels),
        278: directory_values(order, LONG, rows),
        279: directory_values(order, LONG, *lengths),
        284: directory_values(order, SHORT, 1),
        317: directory_values(order, SHORT, 3 if item == 4 else 2),
        339: directory_values(order, SHORT, *([3 if item == 4 else 1] * channels)),
    }
    if spec.alpha:
        tags[338] = directory_values(order, SHORT, 2)
    return tags


def _few(
    out: bytearray, frame: Frame, stored: tiff_packing.Stored, order: str, packing: str, level: int
) -> Tags:
    """The same for a page of few colours, in one strip, as fax readers expect."""
    width, height = frame.spec.size
    compression = tiff_packing.chosen(packing, stored.bits)
    strip = tiff_packing.packed(stored.rows, compression, level, width=width)
    tags = {
        256: directory_values(order, LONG, width),
        257: directory_values(order, LONG, height),
        258: directory_values(order, SHORT, stored.bits),
        259: directory_values(order, SHORT, compression),
        262: directory_values(order, SHORT, stored.photometric),
        273: directory_values(order, LONG, len(out)),
        274: directory_values(order, SHORT, 1),
        277: directory_values(order, SHORT, 1),
        278: directory_values(order, LONG, height),
        279: directory_values(order, LONG, len(strip)),
        284: directory_values(order, SHORT, 1),
    }
    if stored.colour_map:
        tags[320] = directory_values(order, SHORT, *stored.colour_map)
    out += strip
    return tags


def _predicted(rows: Array, order: str) -> Array:
    """Horizontal prediction of rows, H×B uint8, which improves deflate.

    Integers: differences of values. Floats: the bytes of a row are sorted by significance, highest first in
    any byte order, and the differences are those of bytes (TIFF technical note 3).
    """
    height, width, channels = rows.shape
    if rows.dtype.kind == "f":
        planes = rows.astype(">f4").view(np.uint8).reshape(height, width * channels, 4)
        line = np.ascontiguousarray(planes.transpose(0, 2, 1)).reshape(height, -1)
        result = line.copy()
        np.subtract(line[:, channels:], line[:, :-channels], out=result[:, channels:])
        return result
    result = rows.copy()
    np.subtract(rows[:, 1:], rows[:, :-1], out=result[:, 1:])
    ordered = result if result.itemsize == 1 else result.astype(f"{order}u2")
    return np.ascontiguousarray(ordered).reshape(height, -1).view(np.uint8)


def directory_values(order: str, kind: int, *values: int) -> tuple[int, int, bytes]:
    """A directory entry: type, count and bytes."""
    count = len(values) // 2 if kind == _RATIONAL else len(values)
    return kind, count, struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)


def write_directory(out: Growing, tags: Tags, order: str) -> int:
    """Append a directory and its out-of-line values; returns the offset of its link to the next directory."""
    at = len(out)
    end = at + 2 + 12 * len(tags)
    entries, outside = bytearray(struct.pack(order + "H", len(tags))), bytearray()
    for tag, (kind, count, value) in sorted(tags.items()):
        if len(value) > 4:
            outside += bytes(len(outside) % 2)
            place = struct.pack(order + "I", end + 4 + len(outside))
            outside += value
        else:
            place = value.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, count) + place
    out += entries + bytes(4) + outside
    return end
