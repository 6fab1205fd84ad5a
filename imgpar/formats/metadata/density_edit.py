"""Writes the density into a file without encoding it again: the pixels keep every byte.

Where a file holds it in several places (JFIF and EXIF, pHYs and eXIf, XMP), all of them agree afterwards.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from imgpar.core.blocks import Exif, Xmp
from imgpar.core.spec import Header, Metadata
from imgpar.formats.jp2.boxes import UUIDS, density_box
from imgpar.formats.jpeg.header import (
    APP0,
    EXIF,
    MPF,
    SEGMENT,
    Segment,
    join_head,
    parse_segments,
    split_head,
)
from imgpar.formats.jxl.header import CONTAINER
from imgpar.formats.metadata.density import exif_density, exif_with_density, xmp_with_density
from imgpar.formats.metadata.exif import RATIONAL, RESOLUTION_UNIT, SHORT, X_RESOLUTION, Y_RESOLUTION
from imgpar.formats.metadata.strip import stored_blocks
from imgpar.formats.metadata.xmp import XMP
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.formats.tiff.strip import Directory, Shape, read_directory, shape_of
from imgpar.formats.tlv import BOXES, JXL_BOXES, PNG_CHUNKS, RIFF_CHUNKS, build_box, walk

_APP1 = APP0 + 1
_JFIF = b"JFIF\0"
_PER_INCH = 1
_METRE = 0.0254
_INCH = 2
_EQUAL = 0.05
"""Difference of dpi below which a file already has the density: PNG, BMP and JPEG 2000 round it."""
_VP8X_EXIF, _VP8X_ALPHA = 0x08, 0x10
_BMP_DENSITY = 38
"""Offset of the dots per metre, in the header of 40 bytes or more."""
_XMP_TAG = 700


def edit_density(data: bytes, header: Header, dpi: float) -> bytes | None:
    """The file with another density; the same object where it has that already.

    Args:
        data: the whole file.
        header: of the file.
        dpi: dots per inch, horizontally and vertically.

    Returns:
        None where it would have to be encoded again.
    """
    if all(_has(metadata, dpi) for metadata in (header.metadata, *header.metadata.pages)):
        return data
    editor = _EDITORS.get(header.format)
    try:
        return editor(data, header, dpi) if editor else None
    except (struct.error, KeyError, ValueError):
        return None  # its structure is not as it should be: a decoder may read it all the same


def _has(metadata: Metadata, dpi: float) -> bool:
    """Whether every density is this one already."""
    found = [density for density in (metadata.dpi, exif_density(metadata.exif)) if density]
    return bool(found) and all(abs(side - dpi) < _EQUAL for density in found for side in density)


def _jpeg(data: bytes, header: Header, dpi: float) -> bytes | None:
    segments, at = split_head(data)
    if not at:
        return None
    made, indexed, placed = list[Segment](), False, False
    for marker, body in segments:
        new = _jpeg_segment(marker, body, dpi)
        full = len(new) > SEGMENT
        if full and not body.startswith(EXIF):
            return None
        if full:  # the density goes into JFIF only
            new = body
        if indexed and len(new) != len(body):
            return None  # the offsets of further pictures count from their index
        indexed = indexed or body.startswith(MPF)
        made.append((marker, new))
        placed = placed or (new.startswith((_JFIF, EXIF)) and not full)
    if not placed and parse_segments(data).adobe_transform is None:
        made.insert(0, (APP0, _jfif(b"\1\1" + bytes(7), dpi)))
    elif not placed and header.metadata.exif:
        return None
    elif not placed:  # JFIF would say that an Adobe RGB is YCbCr
        made.insert(0, (_APP1, EXIF + exif_with_density(header.metadata.exif, (dpi, dpi))))
    return join_head(made) + data[at:]


def _jpeg_segment(marker: int, body: bytes, dpi: float) -> bytes:
    if marker == APP0 and body.startswith(_JFIF) and len(body) >= 14:
        return _jfif(body[5:], dpi)
    if marker == _APP1 and body.startswith(EXIF):
        return EXIF + exif_with_density(Exif(body[len(EXIF) :]), (dpi, dpi))
    if marker == _APP1 and body.startswith(XMP):
        return XMP + xmp_with_density(Xmp(body[len(XMP) :]), dpi)
    return body


def _jfif(rest: bytes, dpi: float) -> bytes:
    """A JFIF segment with another density; `rest` follows its name."""
    side = min(max(round(dpi), 1), 65535)
    return _JFIF + rest[:2] + struct.pack(">BHH", _PER_INCH, side, side) + rest[7:]


def _png(data: bytes, header: Header, dpi: float) -> bytes | None:  # noqa: ARG001
    side = round(dpi / _METRE)
    parts, kind = list[bytes | memoryview]([SIGNATURE]), b""
    for kind, body, stored, _ in walk(data, PNG_CHUNKS):
        whole: bytes | memoryview = stored
        if kind == b"pHYs":
            continue
        if kind == b"eXIf":
            whole = build_chunk(kind, exif_with_density(Exif(body), (dpi, dpi)))
        elif kind == b"iTXt" and b"tiff:XResolution" in bytes(body):
            whole = build_chunk(kind, xmp_with_density(Xmp(body), dpi))
        parts.append(whole)
        if kind == b"IHDR":
            parts.append(build_chunk(b"pHYs", struct.pack(">IIB", side, side, 1)))
    return b"".join(parts) if kind == b"IEND" else None


def _bmp(data: bytes, header: Header, dpi: float) -> bytes | None:  # noqa: ARG001
    (length,) = struct.unpack_from("<I", data, 14)
    if length < 40:
        return None
    side = round(dpi / _METRE)
    return data[:_BMP_DENSITY] + struct.pack("<ii", side, side) + data[_BMP_DENSITY + 8 :]


def _webp(data: bytes, header: Header, dpi: float) -> bytes | None:
    exif = exif_with_density(header.metadata.exif, (dpi, dpi))
    parts, extended = list[bytes | memoryview](), False
    for kind, body, stored, complete in walk(data, RIFF_CHUNKS):
        whole: bytes | memoryview = stored
        if not complete:
            return None
        extended = extended or kind == b"VP8X"
        if kind == b"VP8X":
            whole = _chunk(kind, bytes((body[0] | _VP8X_EXIF,)) + body[1:])
        elif kind == b"XMP ":
            whole = _chunk(kind, xmp_with_density(Xmp(body), dpi))
        if kind != b"EXIF":
            parts.append(whole)
    if not extended:
        parts.insert(0, _vp8x(bytes(parts[0]), header))
    parts.append(_chunk(b"EXIF", exif))
    content = b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _vp8x(first: bytes, header: Header) -> bytes:
    """The header of the extended format, for a file whose only chunk is `first`."""
    alpha = first.startswith(b"VP8L") and first[12] & 0x10
    sides = b"".join((side - 1).to_bytes(3, "little") for side in header.spec.size)
    return _chunk(b"VP8X", bytes((_VP8X_EXIF | (_VP8X_ALPHA if alpha else 0), 0, 0, 0)) + sides)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _tiff(data: bytes, header: Header, dpi: float) -> bytes | None:  # noqa: ARG001
    """Every page: resolutions are overwritten, or the directory is copied to the end with them."""
    shape, out = shape_of(data), bytearray(data)
    link, seen = (8 if shape.big else 4), set[int]()
    while True:
        (at,) = struct.unpack_from(shape.pack("o"), out, link)
        if not at or at in seen:
            return bytes(out)
        seen.add(at)
        directory = read_directory(data, shape, at)
        _renew_xmp(data, out, shape, directory, dpi)
        next_at = directory.next_at
        if not _overwrite(out, shape, directory, dpi):
            new, next_at = _directory_with_density(out, shape, directory, dpi)
            struct.pack_into(shape.pack("o"), out, link, new)
        link = next_at


def _overwrite(out: bytearray, shape: Shape, directory: Directory, dpi: float) -> bool:
    entries = {entry.tag: entry for entry in directory.entries if entry.number == 1}
    sides = [entries.get(tag) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    unit = entries.get(RESOLUTION_UNIT)
    if unit is None or unit.kind != SHORT or any(side is None or side.kind != RATIONAL for side in sides):
        return False
    for side in sides:
        assert side is not None
        struct.pack_into(shape.order + "II", out, side.value_at, round(dpi * 1000), 1000)
    struct.pack_into(shape.order + "H", out, unit.value_at, _INCH)
    return True


def _directory_with_density(
    out: bytearray, shape: Shape, directory: Directory, dpi: float
) -> tuple[int, int]:
    """Append a copy of the directory with a density; returns its offset, and that of its link to the next."""
    out += bytes(-len(out) % 8)
    ratio, offset = struct.pack(shape.order + "II", round(dpi * 1000), 1000), shape.pack("o")
    inside = struct.calcsize(offset) >= len(ratio)
    value = ratio if inside else struct.pack(offset, len(out))
    raw = {entry.tag: bytes(out[entry.at : entry.at + shape.step]) for entry in directory.entries}
    head = shape.order + "HH" + offset[1:]
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        raw[tag] = struct.pack(head, tag, RATIONAL, 1) + value
    raw[RESOLUTION_UNIT] = struct.pack(head + "H", RESOLUTION_UNIT, SHORT, 1, _INCH).ljust(shape.step, b"\0")
    following = bytes(out[directory.next_at : directory.next_at + struct.calcsize(offset)])
    if not inside:
        out += ratio
    at = len(out)
    out += struct.pack(shape.pack("n"), len(raw)) + b"".join(raw[tag] for tag in sorted(raw)) + following
    return at, len(out) - len(following)


def _renew_xmp(data: bytes, out: bytearray, shape: Shape, directory: Directory, dpi: float) -> None:
    """XMP with another density, behind everything else."""
    entry = next((entry for entry in directory.entries if entry.tag == _XMP_TAG), None)
    if entry is None:
        return
    old = Xmp(data[entry.value_at : entry.value_at + entry.nbytes])
    new = xmp_with_density(old, dpi)
    if new is old:
        return
    out += bytes(len(out) % 2)
    struct.pack_into(shape.pack("o"), out, entry.at + 4, len(new) * entry.number // entry.nbytes)
    struct.pack_into(shape.pack("o"), out, entry.at + 4 + struct.calcsize(shape.pack("o")), len(out))
    out += new


def _jp2(data: bytes, header: Header, dpi: float) -> bytes | None:  # noqa: ARG001
    parts = list[bytes]()
    for kind, body, _, complete in walk(data, BOXES):
        if not complete:
            return None
        content = bytes(body)
        if kind == b"jp2h":
            inner = [(box.kind, bytes(box.body)) for box in walk(body, BOXES) if box.kind != b"res "]
            content = b"".join(build_box(*box) for box in inner) + density_box((dpi, dpi))
        elif kind == b"uuid" and content[:16] in UUIDS["exif"]:
            block = content[16:]
            prefix = EXIF if block.startswith(EXIF) else b""
            content = content[:16] + prefix + exif_with_density(Exif(block[len(prefix) :]), (dpi, dpi))
        elif kind == b"uuid" and content[:16] in UUIDS["xmp"]:
            content = content[:16] + xmp_with_density(Xmp(content[16:]), dpi)
        parts.append(build_box(kind, content))
    return b"".join(parts) if data[4:8] == b"jP  " else None


def _jxl(data: bytes, header: Header, dpi: float) -> bytes | None:
    exif = build_box(b"Exif", bytes(4) + exif_with_density(header.metadata.exif, (dpi, dpi)))
    if not data.startswith(CONTAINER):
        return CONTAINER + build_box(b"ftyp", b"jxl \0\0\0\0jxl ") + exif + build_box(b"jxlc", data)
    parts = list[bytes]([CONTAINER])
    for kind, body, _, complete in walk(data[len(CONTAINER) :], JXL_BOXES):
        if not complete or kind == b"brob":
            return None
        content = bytes(body)
        if kind in (b"Exif", b"jbrd"):  # the JPEG could be restored with its own EXIF only
            continue
        if kind == b"xml ":
            content = xmp_with_density(Xmp(content), dpi)
        parts.append(build_box(kind, content))
        if kind == b"ftyp":
            parts.append(exif)
    return b"".join(parts)


def _boxed(data: bytes, header: Header, dpi: float) -> bytes | None:
    """AVIF and HEIC: EXIF with a density is overwritten in place, so that no offset changes."""
    block = stored_blocks(data, header.format).get("exif", b"")
    new = exif_with_density(Exif(block), (dpi, dpi)) if block else b""
    return data.replace(block, new) if len(new) == len(block) and data.count(block) == 1 else None


_EDITORS: dict[str, Callable[[bytes, Header, float], bytes | None]] = {
    "jpeg": _jpeg,
    "png": _png,
    "tiff": _tiff,
    "webp": _webp,
    "bmp": _bmp,
    "jp2": _jp2,
    "jxl": _jxl,
    "avif": _boxed,
    "heic": _boxed,
}
