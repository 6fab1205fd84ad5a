"""Targa, read: Pillow, told of 16 bits where a header says 15, which are stored alike; and a loop over the
packets of those whose runs go on over the end of a row."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from imgpar.core.model import Frame, Header, Limits
from imgpar.formats.backends import pillow
from imgpar.formats.base import damaged
from imgpar.formats.registry import Format

_HEAD = 18
_COLOUR, _PIXEL = 7, 16
"""Where the header says how many bits a colour of the palette and a pixel have."""
_RUNS = 8
"""The bit of the kind that says that runs are packed."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Pillow's view, with the transparency of a palette, and without that of a bit that means nothing."""
    data = _in_16_bits(data)
    header = pillow.read_header(data, fmt, limits)
    if data[_PIXEL] == 16 and header.spec.layout == "RGBA" and not data[_PIXEL + 1] & 15:
        return header._replace(spec=header.spec.converted("RGBX"))
    if data[_COLOUR] == 32 and data[_PIXEL + 1] & 15 == 8 and header.detail["mode"] == "P":
        return header._replace(spec=header.spec.converted("RGBA"))
    return header


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the one frame."""
    data = _in_16_bits(data)
    try:
        return pillow.decode(data, header, frames, accept_damaged=False)
    except OSError:
        # Other writers pack runs over the ends of rows, of which Pillow says that they overrun.
        whole = _without_runs(bytes(data))
        if whole is None and not accept_damaged:
            raise damaged("Targa", "it ends before its last pixel") from None
        return pillow.decode(whole or data, header, frames, accept_damaged=accept_damaged)


def _in_16_bits(data: bytes | memoryview) -> bytes | memoryview:
    """The file with 16 for 15 bits of a pixel or a colour, without the bit for transparency."""
    if len(data) < _HEAD or 15 not in (data[_PIXEL], data[_COLOUR]):
        return data
    head = bytearray(data[:_HEAD])
    head[_COLOUR] += head[_COLOUR] == 15
    if head[_PIXEL] == 15:
        head[_PIXEL], head[_PIXEL + 1] = 16, head[_PIXEL + 1] & ~15
    return bytes(head) + bytes(data[_HEAD:])


def _without_runs(data: bytes) -> bytes | None:
    """The same file with every pixel by itself; None where pixels are missing, or where it has no runs."""
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
