"""Removes metadata from JPEG XL and JPEG 2000: boxes are removed, codestreams are not changed."""

from __future__ import annotations

from imgpar.core.spec import Metadata
from imgpar.formats.jp2.boxes import UUIDS, comment_of
from imgpar.formats.jxl.header import CONTAINER
from imgpar.formats.metadata.policy import strip_block
from imgpar.formats.tlv import BOXES, JXL_BOXES, adjacent_segments, build_box, walk

_JXL = {b"Exif": "exif", b"xml ": "xmp"}
_SOC, _COM, _SOT = b"\xff\x4f", 0x64, 0x90
_BIG = 1 << 32


def stripped_jxl(data: bytes, what: str, known: Metadata) -> bytes | None:
    """The file without `gps`, `exif`, `xmp` or `all`; None where compressed boxes would have to be changed,
    or a box is cut off.

    The data for reconstructing the original JPEG are removed too, as they contain the same metadata.
    """
    if not data.startswith(CONTAINER):
        return data
    parts, changed = list[tuple[bytes, bytes]](), False
    for kind, body, _, complete in walk(data, JXL_BOXES):
        if not complete:
            return None
        packed = kind == b"brob"
        name = _JXL.get(bytes(body[:4]) if packed else kind, "")
        if packed and name and what == "gps":
            return None
        head = 4 if name == "exif" and not packed else 0
        left = strip_block(name, bytes(body[head:]), what, known) if name else bytes(body)
        changed = changed or (bool(name) and left != bytes(body[head:]))
        if left or not name:
            parts.append((kind, bytes(body[:head]) + left if name else left))
    return _joined([part for part in parts if not (changed and part[0] == b"jbrd")])


def stripped_jp2(data: bytes, what: str, known: Metadata) -> bytes | None:
    """The same for JPEG 2000, with boxes or as a bare codestream, whose comments are removed by `all`; None
    where a box is cut off."""
    if data.startswith(_SOC):
        return _without_comments(data) if what == "all" else data
    parts = list[tuple[bytes, bytes]]()
    for kind, body, _, complete in walk(data, BOXES):
        if not complete:
            return None
        content = bytes(body)
        name = next((n for n, ids in UUIDS.items() if content[:16] in ids), "") if kind == b"uuid" else ""
        if name:
            left = strip_block(name, content[16:], what, known)
            parts += [(kind, content[:16] + left)] if left else []
        elif kind == b"jp2c" and what == "all":
            short = _without_comments(content)
            if short is None:
                return None
            parts.append((kind, short))
        elif what != "all" or kind not in (b"xml ", b"uuid", b"uinf"):
            parts.append((kind, content))
    return _joined(parts)


def _joined(parts: list[tuple[bytes, bytes]]) -> bytes | None:
    if any(len(body) + 8 >= _BIG for _, body in parts):
        return None
    return b"".join(build_box(kind, body) for kind, body in parts)


def _without_comments(stream: bytes) -> bytes | None:
    """A codestream without user comments in its main header; None where that cannot be parsed."""
    parts = [stream[:2]]
    for segment in adjacent_segments(stream, _SOT):
        if segment.marker == _SOT:
            return b"".join((*parts, stream[segment.at :]))
        if segment.marker != _COM or not comment_of(bytes(segment.body[2:])):
            parts.append(stream[segment.at : segment.end])
    return None
