"""Removes metadata from JPEG, PNG, WebP, AVIF and HEIC without re-encoding (others: `tiff.strip`,
`gif.strip`, `metadata.boxes`)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from io import BytesIO

from imgpar.core.blocks import Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.gif import strip as gif_edit
from imgpar.formats.jpeg import gain_map, motion_photo
from imgpar.formats.jpeg.header import (
    APP0,
    COM,
    EXIF,
    ICC,
    MPF,
    SEGMENT,
    Segment,
    join_head,
    parse_segments,
    split_head,
)
from imgpar.formats.metadata import boxes, iptc
from imgpar.formats.metadata.policy import strip_block, strip_exif, strip_xmp
from imgpar.formats.metadata.xmp import XMP, XMP_EXTENSION
from imgpar.formats.metadata.xmp import segments as xmp_segments
from imgpar.formats.png import raw_profiles
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.formats.registry import sniff
from imgpar.formats.tiff import strip as tiff_edit
from imgpar.formats.tlv import PNG_CHUNKS, RIFF_CHUNKS, walk

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""End of a scan: inside of it 0xFF is followed by 0 or a restart marker."""
_APP1, _APP13, _EOI = APP0 + 1, APP0 + 13, 0xD9
_METADATA_MARKERS = {COM, *range(APP0 + 1, APP0 + 14), APP0 + 15}
"""Segments with metadata: all but JFIF and Adobe."""
_CAMERAS = {"gps": (b"GoPro", b"GPS"), "exif": (b"Meta\0", b"META\0")}
"""Prefixes of segments in which cameras repeat EXIF."""
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_NO_EXIF = b"II*\0\x08\0\0\0"
"""A TIFF header whose only directory, made of the following zeros, is empty."""
_NO_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
_VP8X_EXIF, _VP8X_XMP = 0x08, 0x04
_NOTHING = Metadata()


def strip_file(data: bytes, format_name: str, what: str, known: Metadata = _NOTHING) -> bytes | None:
    """The file without `gps`, `exif`, `xmp` or `all`; None where re-encoding is needed.

    Further pictures in a JPEG are removed too, as they contain metadata; a gain map is kept.

    Args:
        data: the whole file.
        format_name: name of its record.
        what: `gps`, `exif`, `xmp` or `all`.
        known: metadata from its header: what was parsed from a block is not parsed again.
    """
    editor = _EDITORS.get(format_name)
    return editor(data, what, known) if editor else None


def _jpeg(data: bytes, what: str, known: Metadata) -> bytes | None:
    segments, at = split_head(data)
    end = _end_of_picture(data, at) if at else 0
    if not end:
        return None
    first_part = next((body[len(XMP) :] for _, body in segments if body.startswith(XMP)), b"")
    packet = known.xmp if known.xmp == first_part else parse_segments(data).xmp
    left = motion_photo.without_clip(strip_xmp(packet, what))
    kept = list[Segment]()
    for marker, body in segments:
        if marker == _APP1 and body.startswith((XMP, XMP_EXTENSION)):
            if left == packet:
                kept.append((marker, body))
            elif body.startswith(XMP):  # all parts are written where the first part was
                kept += [(_APP1, part) for part in xmp_segments(left, SEGMENT)]
        elif (rest := _jpeg_segment(marker, body, what, known)) is not None:
            kept.append((marker, rest))
    first = join_head(kept) + data[at:end]
    light, _, _ = gain_map.look(data, packet) if len(data) > end else (b"", [], [])
    return (
        gain_map.attached(first, gain_map.with_gain_map_metadata(light, light, what)) or None
        if light
        else first
    )


def _jpeg_segment(marker: int, body: bytes, what: str, known: Metadata) -> bytes | None:
    """The segment, if it is not XMP, with reduced content, or None."""
    if marker == _APP1 and body.startswith(EXIF):
        left = strip_exif(known.exif.same(body[len(EXIF) :]), what)
        return EXIF + left if left else None
    if marker == _APP13 and body.startswith(iptc.PHOTOSHOP) and what == "gps":
        records = iptc.iptc_without_places(iptc.find_iptc(body[len(iptc.PHOTOSHOP) :]))
        return iptc.PHOTOSHOP + iptc.wrap(records) if records else None
    if what == "all":
        return body if marker not in _METADATA_MARKERS or body.startswith((ICC, gain_map.ISO)) else None
    goes = body.startswith(MPF) or (what in _CAMERAS and body.startswith(_CAMERAS[what]))
    return None if goes else body


def _end_of_picture(data: bytes, at: int) -> int:
    """The offset behind the last marker of the first picture; 0 where it has none."""
    while at + 4 <= len(data):
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found = _MARKER.search(data, at)
        if found is None:
            return 0
        at = found.start()
        if data[at + 1] == _EOI:
            return at + 2
    return 0


def _png(data: bytes, what: str, known: Metadata) -> bytes | None:
    parts, kind = list[bytes | memoryview]([SIGNATURE]), b""
    for kind, view, whole, _ in walk(data, PNG_CHUNKS):
        body = bytes(view)
        kept = _png_chunk(kind, body, what, known)
        if kept is body:
            parts.append(whole)
        elif kept is not None:
            parts.append(build_chunk(kind, kept))
    return b"".join(parts) if kind == b"IEND" else None


def _png_chunk(kind: bytes, body: bytes, what: str, known: Metadata) -> bytes | None:
    """The chunk with reduced content (the same object if unchanged), or None."""
    if kind == b"eXIf":
        return strip_exif(known.exif.same(body), what) or None
    if kind in _PNG_TEXT and body.startswith(_XMP_KEYWORD):
        plain = body[len(_XMP_KEYWORD) : len(_XMP_KEYWORD) + 1] == b"\0"
        if what == "gps" and plain:
            if known.xmp and body.endswith(known.xmp):
                return body.removesuffix(known.xmp) + strip_xmp(known.xmp, what)
            return strip_xmp(Xmp(body), what)
        return body if what == "exif" else None
    if what == "all" and (kind in _PNG_TEXT or kind == b"tIME"):
        return None
    return raw_profiles.thinned(kind, body, what) if kind in _PNG_TEXT else body


def _webp(data: bytes, what: str, known: Metadata) -> bytes | None:
    parts, flags_at = list[bytes | memoryview](), 0
    for kind, body, whole, _ in walk(data, RIFF_CHUNKS):
        if kind == b"VP8X":
            flags_at = 12 + sum(map(len, parts)) + 8
        if kind == b"EXIF":
            block = bytes(body)
            prefix = EXIF if block.startswith(EXIF) else b""
            exif = strip_exif(known.exif.same(block[len(prefix) :]), what)
            parts.append(_webp_chunk(kind, prefix + exif) if exif else b"")
        elif kind == b"XMP ":
            xmp = strip_xmp(known.xmp.same(bytes(body)), what)
            parts.append(_webp_chunk(kind, xmp) if xmp else b"")
        else:
            parts.append(whole)
    content = b"".join(parts)
    result = bytearray(b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content)
    if flags_at:
        if what in ("exif", "all"):
            result[flags_at] &= ~_VP8X_EXIF
        if what in ("xmp", "all"):
            result[flags_at] &= ~_VP8X_XMP
    return bytes(result)


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _boxed(data: bytes, what: str, known: Metadata) -> bytes | None:
    """AVIF and HEIC: metadata is overwritten in place, so that no offset changes."""
    fmt = sniff(data[:64])
    header = stored_blocks(data, fmt.name if fmt else "")
    for kind, block in header.items():
        if data.count(block) != 1:
            return None
        left = strip_block(kind, block, what, known)
        blank, filler = (_NO_EXIF, b"\0") if kind == "exif" else (_NO_XMP, b" ")
        left = (left or blank[: len(block)]).ljust(len(block), filler)
        if len(left) != len(block):
            return None
        data = data.replace(block, left)
    return data


def stored_blocks(data: bytes, format_name: str) -> dict[str, bytes]:
    """EXIF and XMP of an AVIF or HEIC, as stored."""
    if format_name == "heic":
        import pillow_heif

        info = pillow_heif.open_heif(data, convert_hdr_to_8bit=False).info
    else:
        from PIL import AvifImagePlugin

        info = AvifImagePlugin.AvifImageFile(BytesIO(data)).info
    blocks = {"exif": (info.get("exif") or b"").removeprefix(EXIF), "xmp": info.get("xmp") or b""}
    return {kind: block for kind, block in blocks.items() if block}


_EDITORS: dict[str, Callable[[bytes, str, Metadata], bytes | None]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _boxed,
    "heic": _boxed,
    "tiff": lambda data, what, _: tiff_edit.strip_tiff(data, what),
    "gif": gif_edit.strip_gif,
    "jxl": boxes.stripped_jxl,
    "jp2": boxes.stripped_jp2,
    "bmp": lambda data, _, __: data,
}
