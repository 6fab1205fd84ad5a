"""Chunks of a PNG: built, and checked."""

from __future__ import annotations

import struct
import zlib

from imgpar.formats.base import damaged
from imgpar.formats.tlv import PNG_CHUNKS, walk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT")


def build_chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    """A chunk with its length and CRC."""
    crc = zlib.crc32(body, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", crc)))


def broken(data: bytes | memoryview) -> str:
    """The first chunk of pixel data with a wrong CRC; empty where all are right.

    Decoders check only some of them.
    """
    for kind, body, whole, _ in walk(data, PNG_CHUNKS):
        end = 8 + len(body)
        if kind in _PIXELS and zlib.crc32(whole[4:end]) != int.from_bytes(whole[end:], "big"):
            return kind.decode()
    return ""


def ihdr(data: bytes | memoryview) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type."""
    head = bytes(data[8:33])
    if len(head) < 25 or head[4:8] != b"IHDR":
        raise damaged("PNG", "it does not begin with its size", hopeless=True)
    width, height, bits, colour_type = struct.unpack_from(">IIBB", head, 8)
    return width, height, bits, colour_type
