"""Lossless storage of pictures with few colours in few bits.

A picture from a file with a palette, or with grey of less than 8 bits, is analysed before it is written: if
it has at most 256 colours, the smallest sufficient bit depth is used. Every pixel keeps its value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.spec import Frame, Header

Array = np.ndarray[Any, Any]

MOST = 256
"""Maximum number of colours in a palette."""
FEW_LEVEL = 9
"""Default deflate level: rows of few bits are short."""
_SAMPLE = 1 << 16
"""Pixels that are sampled first: enough to recognise a photo."""
_PIECE = 1 << 20
"""Pixels per step, for the cache and little memory."""
_OPAQUE = np.uint32(0xFF000000)


class Indexed(NamedTuple):
    """A picture with a palette."""

    numbers: Array
    """H×W uint8 palette indices."""
    palette: Array
    """N×4 uint8: red, green, blue, alpha; colours that are not opaque come first."""

    @property
    def bits(self) -> int:
        """Bits per pixel: 1, 2, 4 or 8."""
        return bits_for(len(self.palette))

    @property
    def clear(self) -> int:
        """Number of colours that are not opaque."""
        return int((self.palette[:, 3] < 255).sum())


class Greys(NamedTuple):
    """A grey picture with equal steps from black to white, in 1, 2 or 4 bits."""

    levels: Array
    """H×W uint8, 0 to 2**bits - 1."""
    bits: int
    clear: int | None = None
    """The transparent level."""


def marked(header: Header, few: bool) -> Header:
    """The header, marked as having few colours if `few`."""
    return header._replace(coding=header.coding._replace(few_colours=True)) if few else header


def bits_for(count: int) -> int:
    """Bits per pixel for `count` colours.

    >>> [bits_for(count) for count in (1, 2, 3, 4, 5, 16, 17, 256)]
    [1, 1, 2, 2, 4, 4, 8, 8]
    """
    return next(bits for bits in (1, 2, 4, 8) if count <= 1 << bits)


def indexed(frame: Frame, most: int = MOST) -> Indexed | None:
    """The picture with its palette; None where it has more than `most` colours, or not 8 bits."""
    if frame.spec.dtype != "uint8":
        return None
    packed = _packed(frame)
    colours = _colours_of(packed, most)
    if colours is None:
        return None
    order = np.lexsort((colours, colours >= _OPAQUE))
    colours = colours[order]
    return Indexed(_looked_up(packed, colours), colours[:, None].view(np.uint8).reshape(-1, 4))


def greys(frame: Frame) -> Greys | None:
    """A grey picture with less than 8 bits; None where that is not exact.

    One level that no opaque pixel has may be transparent.
    """
    if not frame.spec.grey or frame.spec.dtype != "uint8":
        return None
    values, clear = frame.array[..., 0], None
    seen = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    bits = next((bits for bits in (1, 2, 4) if not (seen % (255 // ((1 << bits) - 1))).any()), 8)
    if bits == 8:
        return None
    step = 255 // ((1 << bits) - 1)
    if frame.spec.alpha:
        alpha = frame.array[..., 1]
        hidden = np.unique(values[alpha == 0])
        if len(hidden) > 1 or ((alpha > 0) & (alpha < 255)).any():
            return None
        if len(hidden):
            if (alpha[values == hidden[0]] > 0).any():
                return None
            clear = int(hidden[0]) // step
    return Greys(values // np.uint8(step), bits, clear)


def packed_rows(values: Array, bits: int) -> Array:
    """Packed rows, H×B uint8, most significant bit first; a row ends at a byte boundary.

    >>> packed_rows(np.array([[1, 0, 1]], np.uint8), 1).tolist()
    [[160]]
    """
    if bits == 8:
        return values
    if bits == 1:
        return np.packbits(values, axis=1)
    each = 8 // bits
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % each)))
    rows = np.zeros((len(values), padded.shape[1] // each), np.uint8)
    for place in range(each):
        rows |= padded[:, place::each] << np.uint8(8 - bits * (place + 1))
    return rows


def _packed(frame: Frame) -> Array:
    """H×W uint32, red in the lowest byte and alpha in the highest."""
    import cv2

    array, layout = np.ascontiguousarray(frame.array), frame.spec.layout
    if layout == "L":
        array = cv2.cvtColor(array, cv2.COLOR_GRAY2RGBA)
    elif layout == "LA":
        array = np.ascontiguousarray(array[..., [0, 0, 0, 1]])
    elif layout == "RGB":
        array = cv2.cvtColor(array, cv2.COLOR_RGB2RGBA)
    packed: Array = array.view("<u4")[..., 0]
    return packed | _OPAQUE if layout == "RGBX" else packed


def _colours_of(packed: Array, most: int) -> Array | None:
    """All distinct values, sorted; None where there are more than `most`."""
    flat = packed.ravel()
    found = np.unique(flat[:: max(len(flat) // _SAMPLE, 1)])
    for at in range(0, len(flat), _PIECE):
        piece = flat[at : at + _PIECE]
        while len(found) <= most:
            new = piece[found[_looked_up(piece, found)] != piece]
            if not len(new):
                break
            found = np.union1d(found, new[:_SAMPLE])
        if len(found) > most:
            return None
    return found


def _looked_up(packed: Array, colours: Array) -> Array:
    """The index of each pixel's colour; arbitrary if it is not in `colours`."""
    factor, table = _table(colours.tobytes())
    index = np.empty(packed.shape, np.uint8)
    source, target = packed.reshape(-1), index.reshape(-1)
    for at in range(0, len(source), _PIECE):
        target[at : at + _PIECE] = table[source[at : at + _PIECE] * factor >> np.uint32(16)]
    return index


@lru_cache(maxsize=8)
def _table(values: bytes) -> tuple[np.uint32, Array]:
    """A factor whose products distinguish these colours by their upper 16 bits, and the index for each."""
    colours = np.frombuffer(values, np.uint32)
    for number in range(1, 1 << 12):
        factor = np.uint32(0x9E3779B1 * number & 0xFFFFFFFF | 1)
        places = colours * factor >> np.uint32(16)
        if len(np.unique(places)) == len(colours):
            table = np.zeros(1 << 16, np.uint8)
            table[places] = np.arange(len(colours), dtype=np.uint8)
            return factor, table
    raise AssertionError("no factor keeps these colours apart")
