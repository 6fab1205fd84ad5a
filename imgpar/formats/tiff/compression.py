"""Storage of TIFF rows: few colours with few bits; deflate, LZW or, for black and white, CCITT group 4. LZW
and group 4 are done by libtiff, in Pillow."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin, features

from imgpar.core.spec import Frame
from imgpar.formats.deflating import zlib_stream
from imgpar.pixels.palette import greys, indexed, packed_rows

Array = np.ndarray[Any, Any]

LZW, DEFLATE, GROUP4 = 5, 8, 4
PACKINGS = {2: "g4", 3: "g4", GROUP4: "g4", LZW: "lzw", DEFLATE: "deflate", 32946: "deflate"}
"""Compression of an output, by the compression tag of the input."""
_NAMES = {LZW: "tiff_lzw", GROUP4: "group4"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE = 0, 1, 3
_WHOLE = 1 << 30


class Stored(NamedTuple):
    """A page of few colours."""

    rows: Array
    """H×B uint8: packed pixels, most significant bit first."""
    bits: int
    photometric: int
    colour_map: tuple[int, ...] = ()
    """All reds, greens and blues, with 16 bits."""


def few(frame: Frame) -> Stored | None:
    """A page packed into few bits; None where that is not exact. A TIFF palette has no alpha."""
    if frame.spec.layout == "LA":
        return None
    if found := greys(frame):
        if found.bits == 1:
            return Stored(packed_rows(1 - found.levels, 1), 1, _WHITE_IS_ZERO)
        return Stored(packed_rows(found.levels, found.bits), found.bits, _BLACK_IS_ZERO)
    colours = None if frame.spec.grey else indexed(frame)
    if colours is None or (frame.spec.alpha and colours.clear):
        return None
    table = np.zeros((3, 1 << colours.bits), np.uint16)
    table[:, : len(colours.palette)] = colours.palette[:, :3].T.astype(np.uint16) * 257
    return Stored(
        packed_rows(colours.numbers, colours.bits), colours.bits, _PALETTE, tuple(table.ravel().tolist())
    )


def chosen(packing: str, bits: int) -> int:
    """The compression (tag 259) for a page: that of the input, group 4 for other black and white."""
    if packing != "deflate" and not features.check("libtiff"):
        return DEFLATE
    if bits == 1 and packing in ("g4", ""):
        return GROUP4
    return LZW if packing == "lzw" else DEFLATE


def packed(rows: Array, compression: int, level: int, *, width: int = 0) -> bytes:
    """Compress rows (H×B uint8) as one strip; `width` in pixels for group 4.

    Args:
        rows: H×B uint8, not modified.
        compression: value of tag 259.
        level: of deflate.
        width: in pixels, for group 4.
    """
    if compression == DEFLATE:
        return zlib_stream(np.ascontiguousarray(rows), level)
    mode, across = ("1", width) if compression == GROUP4 else ("L", rows.shape[1])
    image = Image.frombytes(mode, (across, len(rows)), np.ascontiguousarray(rows).tobytes(), "raw", mode)
    sink = BytesIO()
    image.save(sink, "TIFF", compression=_NAMES[compression], strip_size=_WHOLE)
    file = sink.getvalue()
    tags = TiffImagePlugin.ImageFileDirectory_v2(file[:8])
    sink.seek(int.from_bytes(file[4:8], "little" if file[:2] == b"II" else "big"))
    tags.load(sink)
    (at,), (length,) = tags[273], tags[279]
    return file[at : at + length]
