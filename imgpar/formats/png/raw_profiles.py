"""Metadata in text chunks of a PNG, as written by ImageMagick: a name, a length, and hexadecimal digits.

"Raw profile type iptc" 0 | "\\niptc\\n      42\\n" | digits …          zTXt or tEXt
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from imgpar.formats.jpeg.header import EXIF
from imgpar.formats.metadata import iptc
from imgpar.formats.metadata.xmp import XMP

_KEYWORD = b"Raw profile type "
_LARGEST = 16 << 20


def read_metadata_chunks(chunks: Iterable[tuple[bytes, bytes | memoryview]]) -> dict[str, bytes]:
    """`exif`, `xmp`, `iptc` and `icc`, where present in the chunks of a file."""
    found: dict[str, bytes] = {}
    for kind, body in chunks:
        if kind in (b"tEXt", b"zTXt") and bytes(body[: len(_KEYWORD)]) == _KEYWORD:
            name, block = _unpacked(kind, bytes(body))
            if block:
                found.setdefault(name, block)
    return found


def iptc_body(records: bytes) -> bytes:
    """The body of the zTXt chunk for IPTC records."""
    block = iptc.wrap(records)
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return _KEYWORD + b"iptc\0\0" + zlib.compress(f"\niptc\n{len(block):8}\n{lines}\n".encode())


def raw_profile_kind(kind: bytes, body: bytes) -> str:
    """`exif`, `xmp`, `iptc` or `icc`, where a text chunk holds one; otherwise empty."""
    return _unpacked(kind, body)[0] if body.startswith(_KEYWORD) and kind != b"iTXt" else ""


def thinned(kind: bytes, body: bytes, what: str) -> bytes | None:
    """A text chunk without `gps`, `exif` or `xmp` (the same object if unchanged), or None."""
    if not body.startswith(_KEYWORD):
        return body
    name, block = _unpacked(kind, body)
    if what in (name, "all") or (what == "gps" and name in ("exif", "xmp")):
        return None
    left = iptc.iptc_without_places(block) if name == "iptc" and what == "gps" else block
    return body if left == block else iptc_body(left) if kind == b"zTXt" and left else None


def _unpacked(kind: bytes, body: bytes) -> tuple[str, bytes]:
    """Kind and content of the metadata in the chunk; empty where it is damaged."""
    keyword, _, text = body.partition(b"\0")
    try:
        if kind == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], _LARGEST)
        block = bytes.fromhex("".join(text.decode("ascii").split("\n")[3:]))
    except (zlib.error, ValueError):
        return "", b""
    name = keyword[len(_KEYWORD) :].decode("latin-1").lower()
    if name in ("exif", "app1") and block.startswith(EXIF):
        return "exif", block[len(EXIF) :]
    if name in ("xmp", "app1"):
        return "xmp", block.removeprefix(XMP)
    if name in ("iptc", "8bim"):
        return "iptc", block if block[:1] == b"\x1c" else iptc.find_iptc(block.removeprefix(iptc.PHOTOSHOP))
    return ("icc", block) if name in ("icc", "icm") else ("", b"")
