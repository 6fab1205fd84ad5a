"""Writes changed EXIF, XMP and IPTC into a file without re-encoding; everything else keeps its bytes (`strip`
removes, AVIF and HEIC: `replace_items`)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from imgpar.core.spec import Metadata
from imgpar.formats.gif.strip import XMP_TRAILER
from imgpar.formats.jp2.boxes import UUIDS
from imgpar.formats.jpeg.header import APP0, EXIF, MPF, SEGMENT, Segment, join_head, split_head
from imgpar.formats.jpeg.multi_picture import with_moved_pictures
from imgpar.formats.jxl.header import CONTAINER
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata import iptc
from imgpar.formats.metadata.editing import Edited
from imgpar.formats.metadata.exif_rewrite import UNDEFINED, NewTag
from imgpar.formats.metadata.replace_items import with_items
from imgpar.formats.metadata.room import room_problem
from imgpar.formats.metadata.xmp import XMP, XMP_EXTENSION
from imgpar.formats.metadata.xmp import segments as xmp_segments
from imgpar.formats.png import raw_profiles
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.formats.tlv import BOXES, JXL_BOXES, PNG_CHUNKS, RIFF_CHUNKS, build_box, walk

_APP1, _APP2, _APP13 = APP0 + 1, APP0 + 2, APP0 + 13
_DIGEST = 0x0425
"""Photoshop resource with a digest of the IPTC records, by which readers see that others changed them."""
_XMP_CHUNK = b"XML:com.adobe.xmp\0\0\0\0\0"
_VP8X_ICC, _VP8X_ALPHA, _VP8X_EXIF, _VP8X_XMP = 0x20, 0x10, 0x08, 0x04
_BYTE = 1
_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG = 700, 33723, 34377
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_BIG = 1 << 32


def with_metadata(data: bytes, format_name: str, before: Metadata, edited: Edited) -> bytes | None:
    """The file with changed metadata; None where it has to be encoded again.

    Args:
        data: the whole file.
        format_name: name of its record.
        before: its metadata.
        edited: the new metadata, and the changes.

    Raises:
        EncodeError: a JPEG has no room for them.
    """
    if edited.metadata == before and format_name != "tiff":
        return data
    editor = _EDITORS.get(format_name)
    return editor(data, before, edited) if editor else None


def _jpeg(data: bytes, before: Metadata, edited: Edited) -> bytes | None:
    segments, at = split_head(data)
    after = edited.metadata
    if not at:
        return None
    packet = xmp_segments(after.xmp, SEGMENT) if after.xmp else []
    first = [(_APP1, EXIF + after.exif)] if after.exif else []
    new = [*first, *((_APP1, body) for body in packet)]
    kept, records = list[Segment](), after.iptc if after.iptc != before.iptc else None
    for marker, body in segments:
        if marker == _APP1 and body.startswith((EXIF, XMP, XMP_EXTENSION)):
            continue
        if marker == _APP13 and body.startswith(iptc.PHOTOSHOP) and records is not None:
            body = iptc.PHOTOSHOP + b"".join(_resources(body[len(iptc.PHOTOSHOP) :], records))
            if len(body) > SEGMENT:  # with other resources
                raise room_problem("iptc", len(body))
        kept.append((marker, body))
    jfif = sum(1 for marker, _ in kept[:1] if marker == APP0)
    made = [*kept[:jfif], *new, *kept[jfif:]]
    if any(marker == _APP2 and body.startswith(MPF) for marker, body in made):
        made = with_moved_pictures(segments, made)
    return join_head(made) + data[at:]


def _resources(blocks: bytes, records: bytes) -> Iterator[bytes]:
    """Photoshop resources with other IPTC records."""
    for number, _, whole in iptc.resources(blocks):
        if number == iptc.RESOURCE:
            yield iptc.wrap(records) if records else b""
        elif number != _DIGEST:
            yield whole


def _png(data: bytes, before: Metadata, edited: Edited) -> bytes | None:
    after, parts, last = edited.metadata, list[bytes | memoryview]([SIGNATURE]), b""
    new = [build_chunk(b"eXIf", after.exif)] if after.exif else []
    new += [build_chunk(b"iTXt", _XMP_CHUNK + after.xmp)] if after.xmp else []
    if after.iptc and after.iptc != before.iptc:
        new.append(build_chunk(b"zTXt", raw_profiles.iptc_body(after.iptc)))
    texts = edited.changes.png if after.text != before.text else {}
    for kind, view, whole, _ in walk(data, PNG_CHUNKS):
        last, body = kind, bytes(view) if kind in (b"tEXt", b"zTXt", b"iTXt") else b""
        if kind == b"IDAT" and new:
            parts += new
            new = []
        keyword = body.partition(b"\0")[0]
        if kind == b"eXIf" or keyword == _XMP_CHUNK[:17]:
            continue
        if body and (raw := raw_profiles.raw_profile_kind(kind, body)):
            if raw in ("exif", "xmp") or (raw == "iptc" and after.iptc != before.iptc):
                continue
        elif keyword in texts:
            if texts[keyword]:
                parts.append(build_chunk(b"iTXt", keyword + b"\0\0\0\0\0" + texts[keyword].encode()))
            continue
        parts.append(whole)
    return b"".join(parts) if last == b"IEND" and not new else None


def _webp(data: bytes, before: Metadata, edited: Edited) -> bytes | None:  # noqa: ARG001
    after = edited.metadata
    chunks = [(kind, bytes(body), complete) for kind, body, _, complete in walk(data, RIFF_CHUNKS)]
    if not chunks or not all(complete for _, _, complete in chunks):
        return None
    kept = [(kind, body) for kind, body, _ in chunks if kind not in (b"EXIF", b"XMP ")]
    head = _extended(kept)
    if head is None:
        return None
    flags = head[0] & ~(_VP8X_EXIF | _VP8X_XMP)
    flags |= _VP8X_EXIF * bool(after.exif) | _VP8X_XMP * bool(after.xmp)
    rest = [(kind, body) for kind, body in kept if kind != b"VP8X"]
    rest += [(b"EXIF", bytes(after.exif))] if after.exif else []
    rest += [(b"XMP ", bytes(after.xmp))] if after.xmp else []
    parts = [(b"VP8X", bytes((flags,)) + head[1:]), *rest]
    content = b"".join(_chunk(kind, body) for kind, body in parts)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _extended(chunks: list[tuple[bytes, bytes]]) -> bytes | None:
    """The body of the VP8X chunk; for a file without one it is made from the frame header."""
    kind, body = chunks[0]
    if kind == b"VP8X" and len(body) >= 10:
        return body
    flags = _VP8X_ICC * any(name == b"ICCP" for name, _ in chunks)
    if kind == b"VP8 " and len(body) >= 10:  # RFC 6386, 9.1: 14 bits each behind the start code
        width, height = (number & 0x3FFF for number in struct.unpack_from("<HH", body, 6))
    elif kind == b"VP8L" and len(body) >= 5:
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags |= _VP8X_ALPHA * (bits >> 28 & 1)
    else:
        return None
    size: bytes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes((flags, 0, 0, 0)) + size


def _jxl(data: bytes, before: Metadata, edited: Edited) -> bytes | None:  # noqa: ARG001
    """Exif and XML boxes; a bare codestream gets a container."""
    after = edited.metadata
    new = [(b"Exif", bytes(4) + after.exif)] if after.exif else []
    new += [(b"xml ", bytes(after.xmp))] if after.xmp else []
    if not data.startswith(CONTAINER):
        boxes = [(b"ftyp", b"jxl \0\0\0\0jxl "), *new, (b"jxlc", data)]
        return None if len(data) + 8 >= _BIG else CONTAINER + b"".join(build_box(*box) for box in boxes)
    parts = list[tuple[bytes, bytes]]()
    for kind, body, _, complete in walk(data, JXL_BOXES):
        if not complete or len(body) + 8 >= _BIG:
            return None
        own = bytes(body[:4]) if kind == b"brob" else kind
        if own not in (b"Exif", b"xml ", b"jbrd"):
            parts.append((kind, bytes(body)))
    at = next((n for n, (kind, _) in enumerate(parts) if kind in (b"jxlc", b"jxlp")), len(parts))
    return b"".join(build_box(*box) for box in [*parts[:at], *new, *parts[at:]])


def _jp2(data: bytes, before: Metadata, edited: Edited) -> bytes | None:
    after = edited.metadata
    if data.startswith(b"\xff\x4f"):
        return None
    parts = list[bytes]()
    for kind, body, whole, complete in walk(data, BOXES):
        if not complete or len(body) + 8 >= _BIG:
            return None
        ids = bytes(body[:16]) if kind == b"uuid" else b""
        name = next((name for name, known in UUIDS.items() if ids in known), "") if ids else ""
        if not name or getattr(after, name) == getattr(before, name):
            # A box that extends to the end of the file gets a length, as others follow it.
            parts.append(bytes(whole) if bytes(whole[:4]) != bytes(4) else build_box(kind, body))
    for name, uuids in UUIDS.items():
        block = getattr(after, name)
        if block and block != getattr(before, name):
            parts.append(build_box(b"uuid", uuids[0] + block))
    return b"".join(parts)


def _gif(data: bytes, before: Metadata, edited: Edited) -> bytes | None:
    from imgpar.formats.gif.strip import strip_gif

    without = strip_gif(data, "xmp", before)
    if without is None or not edited.metadata.xmp:
        return without
    at: int = 13 + (3 << (without[10] & 7) + 1 if without[10] & 0x80 else 0)
    block = _GIF_XMP + edited.metadata.xmp + XMP_TRAILER
    return b"GIF89a" + without[6:at] + block + without[at:]


def _tiff(data: bytes, before: Metadata, edited: Edited) -> bytes | None:
    """The tags of the first page; the file is one of EXIF's directories itself."""
    after = edited.metadata
    if not tiff.byte_order(data) or tiff.leading_ifd(data) is None:
        return None  # BigTIFF
    more: dict[int, NewTag | None] = {}
    if after.xmp != before.xmp:
        more[_XMP_TAG] = (_BYTE, len(after.xmp), bytes(after.xmp)) if after.xmp else None
    if after.iptc != before.iptc:
        more[_IPTC_TAG] = (UNDEFINED, len(after.iptc), after.iptc) if after.iptc else None
        first = tiff.leading_ifd(data)
        entry = first.entries.get(_PHOTOSHOP_TAG) if first else None
        if entry is not None:
            blocks = data[entry.value_at : entry.value_at + entry.nbytes]
            left = b"".join(_resources(blocks, after.iptc))
            more[_PHOTOSHOP_TAG] = (entry.kind, len(left), left) if left else None
    made = edited.changes.in_tiff(data, more)
    return made if made and len(made) < _BIG else None


def _items(data: bytes, before: Metadata, edited: Edited) -> bytes | None:
    after = edited.metadata
    changed = {
        kind: bytes(getattr(after, kind))
        for kind in ("exif", "xmp")
        if getattr(after, kind) != getattr(before, kind)
    }
    return with_items(data, changed)


_EDITORS: dict[str, Callable[[bytes, Metadata, Edited], bytes | None]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _items,
    "heic": _items,
    "tiff": _tiff,
    "gif": _gif,
    "jxl": _jxl,
    "jp2": _jp2,
    "bmp": lambda data, _, __: data,
}
