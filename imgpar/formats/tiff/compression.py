"""How the rows of a TIFF are stored and packed: few colours with few bits; deflate, LZW or, for black and
white, CCITT group 4. LZW and group 4 are libtiff's, in Pillow.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin, features

from imgpar.core.model import Frame
from imgpar.pixels.palette import greys, indexed, packed_rows

Array = np.ndarray[Any, Any]

LZW, DEFLATE, GROUP4 = 5, 8, 4
PACKINGS = {2: "g4", 3: "g4", GROUP4: "g4", LZW: "lzw", DEFLATE: "deflate", 32946: "deflate"}
"""What an output is packed with, by the input's compression."""
_NAMES = {LZW: "tiff_lzw", GROUP4: "group4"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE = 0, 1, 3
_WHOLE = 1 << 30


class Stored(NamedTuple):
    """A page of few colours."""

    rows: Array
    """H×B uint8: pixels, the first one in the highest bits."""
    bits: int
    photometric: int
    colour_map: tuple[int, ...] = ()
    """All reds, greens and blues, with 16 bits."""


def few(frame: Frame) -> Stored | None:
    """A page as few bits hold it exactly; None where they do not. A palette of a TIFF has no transparency."""
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
    """The compression (tag 259) for a page: the input's, group 4 for black and white of other origin."""
    if packing != "deflate" and not features.check("libtiff"):
        return DEFLATE
    if bits == 1 and packing in ("g4", ""):
        return GROUP4
    return LZW if packing == "lzw" else DEFLATE


def packed(rows: Array, compression: int, level: int, *, width: int = 0) -> bytes:
    """Rows of bytes (H×B uint8) as one strip; `width` in pixels for group 4."""
    if compression == DEFLATE:
        return zlib.compress(np.ascontiguousarray(rows), level)
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
