"""Targa, read: Pillow, and a loop over the packets of those whose runs go on over the end of a row."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from imgpar.codecs import pillow
from imgpar.codecs.base import damaged
from imgpar.codecs.formats import Format
from imgpar.model import Frame, Header, Limits

_HEAD = 18
_RUNS = 8
"""The bit of the kind that says that runs are packed."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Pillow's view."""
    return pillow.read_header(data, fmt, limits)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the one frame."""
    try:
        return pillow.decode(data, header, frames, accept_damaged=False)
    except OSError:
        # Other writers pack runs over the ends of rows, of which Pillow says that they overrun.
        whole = _without_runs(bytes(data))
        if whole is None and not accept_damaged:
            raise damaged("Targa", "it ends before its last pixel") from None
        return pillow.decode(whole or data, header, frames, accept_damaged=accept_damaged)


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
