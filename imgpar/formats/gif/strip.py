"""Removes comments and XMP from a GIF without touching its frames."""

from __future__ import annotations

from imgpar.core.spec import Metadata
from imgpar.formats.metadata.policy import strip_xmp

_XMP_HEAD = b"\x21\xff\x0bXMP DataXMP"
XMP_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_EXTENSION, _COMMENT, _PICTURE = 0x21, 0xFE, 0x2C


def strip_gif(data: bytes, what: str, known: Metadata) -> bytes | None:
    """The file without `gps`, `exif`, `xmp` or `all`; None where its blocks cannot be parsed."""
    if what == "exif":
        return data
    at = 13 + _table(data[10]) if len(data) > 13 else 0
    parts = [data[:at]] if at else []
    while 0 < at < len(data) and data[at] in (_EXTENSION, _PICTURE):
        begin, extension = at, data[at] == _EXTENSION
        if at + 10 > len(data):
            return None
        at = _end(data, at + 2 if extension else at + 11 + _table(data[at + 9]))
        block = data[begin:at]
        if extension and block.startswith(_XMP_HEAD):
            block = _xmp(block, what, known)
        parts.append(b"" if what == "all" and extension and block[1:2] == bytes((_COMMENT,)) else block)
    if data[at : at + 1] != b";":
        return None
    return b"".join((*parts, data[at:]))


def _xmp(block: bytes, what: str, known: Metadata) -> bytes:
    packet = block[len(_XMP_HEAD) :].removesuffix(XMP_TRAILER)
    left = strip_xmp(known.xmp.same(packet), what)
    return _XMP_HEAD + left + XMP_TRAILER if left else b""


def _table(flags: int) -> int:
    """Bytes of the palette according to the flags of a screen or image descriptor."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end(data: bytes, at: int) -> int:
    """The offset behind the last sub-block."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
