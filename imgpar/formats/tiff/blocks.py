"""Decompresses strips and tiles of a TIFF page to rows of bytes: uncompressed, deflate, PackBits, and LZW
with imagecodecs. The bytes are interpreted by `samples`.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from PIL import TiffImagePlugin

from imgpar.core.errors import DamagedError, UnsupportedError
from imgpar.formats.backends import imagecodecs, pillow
from imgpar.formats.base import damaged

Array = np.ndarray[Any, Any]
Tags = TiffImagePlugin.ImageFileDirectory_v2

_NONE, _LZW, _PACK_BITS = 1, 5, 32773
_DEFLATE = (8, 32946)
_LOWEST_BIT_FIRST = 2
_MOST_BYTES = 1 << 30


def rows(
    data: bytes | memoryview,
    tags: Tags,
    height: int,
    across: int,
    row: int,
    plane: tuple[int, int],
    *,
    accept_damaged: bool,
) -> Array:
    """Height × across × row bytes.

    Args:
        data: the file.
        tags: of the page.
        height: of the page.
        across: tiles per row of tiles, 1 for strips.
        row: bytes of a row of a tile or strip.
        plane: number of the plane, and count of planes.
        accept_damaged: fill missing bytes with zeros.

    Raises:
        DamagedError: strips are missing, lie outside the file, or are too short.
        MissingExtraError: they require imagecodecs, which is not installed.
        UnsupportedError: they have another compression.
    """
    tiled = 322 in tags
    lines = int(tags[323]) if tiled else min(int(tags.get(278, height)), height)
    offsets, lengths = tags.get(324 if tiled else 273, ()), tags.get(325 if tiled else 279, ())
    (number, planes), count = plane, -(-height // lines) * across
    begin = number * (len(offsets) // planes)
    places = list(zip(offsets, lengths, strict=False))[begin : begin + count]
    if len(places) < count:
        raise damaged("TIFF", f"it has only {len(places)} of {count} strips", hopeless=True)
    if count * lines * row > _MOST_BYTES:
        raise damaged("TIFF", "its tiles are too large", hopeless=True)
    result = np.zeros((count // across * lines if tiled else height, across, row), np.uint8)
    for number, (offset, length) in enumerate(places):
        top, column = number // across * lines, number % across
        block = result[top : top + lines, column]
        stored = np.frombuffer(_unpacked(data[offset : offset + length], tags, *block.shape), np.uint8)
        if len(stored) < block.size and not accept_damaged:
            raise damaged("TIFF", "its pixels end too early")
        whole = len(stored) // row
        block[:whole] = stored[: whole * row].reshape(-1, row)[: len(block)]
    return result[:height]


def _unpacked(stored: bytes | memoryview, tags: Tags, lines: int, row: int) -> bytes | memoryview:
    """The bytes of a strip or tile; too few if it is damaged."""
    if int(tags.get(266, 1)) == _LOWEST_BIT_FIRST:
        stored = np.packbits(np.unpackbits(np.frombuffer(stored, np.uint8)), bitorder="little").tobytes()
    packing = int(tags.get(259, _NONE))
    if packing == _NONE:
        return stored[: lines * row]
    if packing in _DEFLATE:
        try:
            return zlib.decompressobj().decompress(stored, lines * row)
        except zlib.error:
            return b""
    if packing == _PACK_BITS:
        return pillow.from_packbits(stored, row, lines, "TIFF").tobytes()
    if packing == _LZW:
        try:
            return imagecodecs.unpacked("lzw", stored, "TIFF", lines * row)
        except (DamagedError, UnsupportedError):  # of one strip: the others may be intact
            return b""
    raise UnsupportedError(f"This TIFF is of a kind that imgpar does not read (compression {packing}).")
