"""The chunks of a PNG: taken apart and put together."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from imgpar.formats.base import damaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT")


def build_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def chunks_of(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and body of every chunk that lies inside the file."""
    view = memoryview(data)
    at = 8
    while at + 12 <= len(view):
        length = int.from_bytes(view[at : at + 4], "big")
        kind = bytes(view[at + 4 : at + 8])
        yield kind, view[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            return


def broken(data: bytes | memoryview) -> str:
    """The first chunk of those that make the pixels whose checksum is wrong; empty where all are right.

    Decoders look at some of them only.
    """
    view, at = memoryview(data), 8
    for kind, body in chunks_of(data):
        end = at + 8 + len(body)
        if kind in _PIXELS and zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            return kind.decode()
        at = end + 4
    return ""


def ihdr(data: bytes | memoryview) -> tuple[int, int, int, int]:
    """Width, height, bits and colour type."""
    head = bytes(data[8:33])
    if len(head) < 25 or head[4:8] != b"IHDR":
        raise damaged("PNG", "it does not begin with its size", hopeless=True)
    width, height, bits, colour_type = struct.unpack_from(">IIBB", head, 8)
    return width, height, bits, colour_type
