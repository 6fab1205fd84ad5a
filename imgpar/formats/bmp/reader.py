"""BMP reader: Pillow, and own code for bit fields and headers that Pillow and OpenCV misread."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.errors import LimitError, UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Metadata, Spec
from imgpar.formats.backends import pillow
from imgpar.formats.base import check_size, damaged, unclear
from imgpar.formats.registry import Format

Array = np.ndarray[Any, Any]

_FILE_HEAD = 14
_DEPTH_AT = 28
"""Offset of the bits per pixel in headers of 40 bytes and more."""
_OS2 = 12
"""Bytes of the oldest header, with 16-bit sizes and an unpadded palette."""
_PLAIN, _FIELDS, _ALPHA_FIELDS = 0, 3, 6
_RUNS = (1, 2)
"""Run-length encoding of 8 and of 4 bits, which Pillow reads."""
_USUAL = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
"""Default masks of red, green, blue and alpha."""
_INCH = 0.0254


class Bitmap(NamedTuple):
    """Header of an uncompressed bitmap."""

    width: int
    height: int
    bits: int
    """Per pixel."""
    masks: tuple[int, int, int, int]
    palette: int
    """Bytes of an entry; 0 where there is no palette."""
    palette_at: int
    at: int
    """Offset of the pixels."""
    upward: bool
    """Whether rows are stored bottom-up."""
    dpi: tuple[float, float] | None

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return (self.width * self.bits + 31) // 32 * 4

    def facts(self, _: Header) -> dict[str, Fact]:
        """No properties for `imgpar info`."""
        return {}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Header from Pillow, or own parsing where Pillow rejects the file."""
    try:
        header = pillow.read_header(data, fmt, limits)
    except LimitError:
        raise
    except Exception:
        found = _parsed(data)
        if found is None:
            raise
    else:
        # With 16 bits Pillow ignores alpha.
        found = None if header.spec.alpha or data[_DEPTH_AT] != 16 else _parsed(data)
        if found is None or not found.masks[3]:
            return header
    check_size(found.width, found.height, limits)
    layout = "RGBA" if found.masks[3] else "RGB"
    spec = Spec(found.width, found.height, layout)  # type: ignore[arg-type]
    return Header(fmt.name, spec, metadata=Metadata(dpi=found.dpi), detail=found)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frame.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    found = header.detail
    if not isinstance(found, Bitmap):
        return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
    needed, there = found.row * found.height, len(data) - found.at
    if there < needed and not accept_damaged:
        raise damaged("BMP", f"its pixels take {needed:,} bytes, {max(there, 0):,} are there")
    stored = np.zeros(needed, np.uint8)
    part = np.frombuffer(data, np.uint8)[found.at : found.at + needed]
    stored[: part.size] = part
    rows = stored.reshape(found.height, found.row)
    pixels = _from_palette(data, rows, found) if found.palette else _from_masks(rows, found)
    np.copyto(frames[0].array, pixels[::-1] if found.upward else pixels)
    return ()


def _parsed(data: bytes | memoryview) -> Bitmap | None:
    """The header; None for unknown headers. Raises UnsupportedError."""
    try:
        (at,), (length,) = struct.unpack_from("<I", data, 10), struct.unpack_from("<I", data, _FILE_HEAD)
        if length == _OS2:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            packing, dpi = _PLAIN, None
        else:
            width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
            head = bytes(data[_FILE_HEAD : _FILE_HEAD + length]).ljust(124, b"\0")
            packing, _, across, down = struct.unpack_from("<IIii", head, 16)
            dpi = (across * _INCH, down * _INCH) if across > 0 and down > 0 else None
        masks = _masks(data, length, bits, packing)
    except struct.error:
        return None
    if width < 1 or not height or not 12 <= length <= 124 or packing in _RUNS:
        return None
    if packing in (4, 5) or (packing == _PLAIN and bits == 64):
        raise UnsupportedError(
            f"This BMP is of a kind that imgpar does not read (compression {packing}, {bits} bits)."
        )
    if packing not in (_PLAIN, _FIELDS, _ALPHA_FIELDS):
        raise unclear("BMP", f"its compression has the unknown number {packing}")
    if bits not in (1, 2, 4, 8, 16, 24, 32):
        return None
    palette = 0 if bits > 8 else 3 if length == _OS2 else 4
    return Bitmap(
        width, abs(height), bits, masks, palette, _FILE_HEAD + length, at, height > 0, dpi
    )  # fmt: skip


def _masks(data: bytes | memoryview, length: int, bits: int, packing: int) -> tuple[int, int, int, int]:
    if packing not in (_FIELDS, _ALPHA_FIELDS) or bits not in (16, 32):
        return _USUAL.get(bits, (0, 0, 0, 0))
    red, green, blue = struct.unpack_from("<3I", data, _FILE_HEAD + 40)
    known = packing == _ALPHA_FIELDS or length >= 56
    return red, green, blue, struct.unpack_from("<I", data, _FILE_HEAD + 52)[0] if known else 0


def _from_masks(rows: Array, found: Bitmap) -> Array:
    item = found.bits // 8
    parts = rows[:, : found.width * item].reshape(found.height, found.width, item).astype(np.uint32)
    values = sum(parts[..., place] << np.uint32(8 * place) for place in range(item))
    masks = found.masks if found.masks[3] else found.masks[:3]
    return np.stack([_channel(values, mask) for mask in masks], axis=-1)


def _channel(values: Any, mask: int) -> Array:
    """The bits of a mask, scaled to 0 … 255."""
    if not mask:
        return np.zeros(values.shape, np.uint8)
    low = (mask & -mask).bit_length() - 1
    picked = (values & np.uint32(mask)) >> np.uint32(low)
    made: Array = np.rint(picked * (255 / (mask >> low))).astype(np.uint8)
    return made


def _from_palette(data: bytes | memoryview, rows: Array, found: Bitmap) -> Array:
    count = min(1 << found.bits, max(found.at - found.palette_at, 0) // found.palette)
    table = np.zeros((256, 3), np.uint8)
    entries = np.frombuffer(data, np.uint8, count * found.palette, found.palette_at)
    table[:count] = entries.reshape(count, found.palette)[:, 2::-1]
    single = np.unpackbits(rows, axis=1).reshape(found.height, -1, found.bits)
    weights = 1 << np.arange(found.bits - 1, -1, -1)
    numbers = (single[:, : found.width] * weights).sum(-1)
    made: Array = table[numbers]
    return made
