"""Targa reader: Pillow, with a depth of 16 instead of 15 in the header, which is stored alike; and own code
for run-length packets that cross rows."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header
from imgpar.formats.backends import pillow
from imgpar.formats.base import damaged, detail_of
from imgpar.formats.registry import Format

_HEAD = 18
_COLOUR, _PIXEL = 7, 16
"""Offsets of the bits per palette colour and per pixel in the header."""
_RUNS = 8
"""Bit of the image type that marks run-length encoding."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Header from Pillow, with the alpha of a palette, and without that of an unused bit."""
    data = _in_16_bits(data)
    header = pillow.read_header(data, fmt, limits)
    if data[_PIXEL] == 16 and header.spec.layout == "RGBA" and not data[_PIXEL + 1] & 15:
        return header._replace(spec=header.spec.converted("RGBX"))
    mode = detail_of(header, pillow.PillowDetail).mode
    if data[_COLOUR] == 32 and data[_PIXEL + 1] & 15 == 8 and mode == "P":
        return header._replace(spec=header.spec.converted("RGBA"))
    return header


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
    data = _in_16_bits(data)
    try:
        return pillow.decode(data, header, frames, accept_damaged=False)
    except OSError:
        # Other writers let packets cross rows, which Pillow reports as overrun.
        whole = _without_runs(bytes(data))
        if whole is None and not accept_damaged:
            raise damaged("Targa", "it ends before its last pixel") from None
        return pillow.decode(whole or data, header, frames, accept_damaged=accept_damaged)


def _in_16_bits(data: bytes | memoryview) -> bytes | memoryview:
    """The file with 16 instead of 15 bits per pixel or colour, without the alpha bit."""
    if len(data) < _HEAD or 15 not in (data[_PIXEL], data[_COLOUR]):
        return data
    head = bytearray(data[:_HEAD])
    head[_COLOUR] += head[_COLOUR] == 15
    if head[_PIXEL] == 15:
        head[_PIXEL], head[_PIXEL + 1] = 16, head[_PIXEL + 1] & ~15
    return bytes(head) + bytes(data[_HEAD:])


def _without_runs(data: bytes) -> bytes | None:
    """The same file without run-length encoding; None where pixels are missing, or where it is not used."""
    length, palette, kind, _, count, bits, _, _, width, height, depth, _ = struct.unpack_from(
        "<BBBHHBHHHHBB", data
    )
    if not kind & _RUNS:
        return None
    item = -(-depth // 8)
    at = begin = _HEAD + length + (count * -(-bits // 8) if palette else 0)
    needed, out = width * height * item, bytearray()
    while len(out) < needed:
        if at >= len(data):
            return None
        head, at = data[at], at + 1
        pixels = (head & 127) + 1
        size = item if head & 128 else pixels * item
        piece, at = data[at : at + size], at + size
        if len(piece) < size:
            return None
        out += piece * pixels if head & 128 else piece
    return data[:2] + bytes((kind & ~_RUNS,)) + data[3:begin] + bytes(out[:needed])
