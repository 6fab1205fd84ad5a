"""JPEG XL header: container boxes, size, depth and colours (ISO 18181).

libjxl's Python packages decode pixels before they return a size, so the size is parsed here, where it can be
rejected.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from imgpar.formats.tlv import JXL_BOXES, walk

Point = tuple[float, float]
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDE = ((1, 9), (1, 13), (1, 18), (1, 30))
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_ALPHA, _SPOT, _COLOUR_FILTER = 0, 2, 5
_CUSTOM = 2
_PRIMARIES = {1: "srgb", 9: "rec2100", 11: "p3"}
D65: Point = (0.3127, 0.3290)
_WHITES = {1: D65, 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_CURVES = {1: "rec709", 8: "linear", 13: "srgb", 16: "pq", 17: "dci", 18: "hlg"}


@dataclass(slots=True)
class JxlHeader:
    """Parsed header; sizes are those of the stored picture, before rotation."""

    width: int = 0
    height: int = 0
    orientation: int = 1
    animated: bool = False
    loops: int = 0
    bits: int = 8
    floating: bool = False
    grey: bool = False
    alpha: bool = False
    more_channels: bool = False
    profile: bool = False
    """Whether the colours are described by an ICC profile, which is compressed and not read here."""
    absolute: bool = True
    """Stored as XYB: absolute colours, independent of the profile."""
    primaries: str = "srgb"
    points: tuple[Point, ...] = ()
    """x and y of red, green and blue where `primaries` has no name for them."""
    white: Point = D65
    transfer: str = "srgb"
    gamma: float = 0.0
    """Exponent of the transfer function "gamma"."""
    places: Places | None = None
    """Bit positions of the fields that control the output of the decoder; None where absent."""

    @property
    def light(self) -> bool:
        """Whether the decoder outputs linear light: XYB with an ICC profile, which it cannot use, and grey
        whose white point is not D65."""
        return self.absolute and (self.profile or (self.grey and self.white != D65))


class Places(NamedTuple):
    """Bit positions of header fields, after the two bytes of the magic."""

    more: int
    """Of the flag for orientation, display size, preview and animation."""
    shown: int
    """Of the flag for a display size; 0 where absent."""
    depth: tuple[int, int]
    """Start and end of sample type and bit depth."""
    colours: int
    """End of the colour description."""


def jxl_boxes(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and body of every box of the container; a bare codestream is a single box."""
    view = memoryview(data)
    if bytes(view[: len(CONTAINER)]) != CONTAINER:
        yield b"jxlc", view
        return
    for box in walk(view, JXL_BOXES):
        yield box.kind, box.body


def codestream_of(data: bytes | memoryview) -> bytes:
    """The codestream without its boxes; it may be split."""
    parts = [
        body[4:] if kind == b"jxlp" else body for kind, body in jxl_boxes(data) if kind in (b"jxlc", b"jxlp")
    ]
    return b"".join(parts)


def parse_codestream(codestream: bytes) -> JxlHeader | None:
    """Size, depth and colours; None where this is not a codestream. Unusual values keep their defaults."""
    if codestream[:2] != b"\xff\x0a":
        return None
    bits, header = _Bits(codestream[2:]), JxlHeader()
    header.width, header.height = _read_size(bits)
    # Fields behind the size are optional: a stream that ends within them is left to the decoder.
    with contextlib.suppress(EOFError):
        _read_metadata(bits, header)
    return header


class _Bits:
    """Bit reader, least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._number, self._count = int.from_bytes(data[:512], "little"), 8 * min(len(data), 512)
        self._left = self._count

    @property
    def at(self) -> int:
        """Number of bits read."""
        return self._count - self._left

    def take(self, count: int) -> int:
        if count > self._left:
            raise EOFError
        value = self._number & ((1 << count) - 1)
        self._number >>= count
        self._left -= count
        return value

    def pick(self, *choices: tuple[int, int]) -> int:
        """Two bits select a base and the number of bits added to it."""
        base, count = choices[self.take(2)]
        return base + self.take(count)


def _read_size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = 8 * (1 + bits.take(5)) if small else bits.pick(*_SIDE)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return (8 * (1 + bits.take(5)) if small else bits.pick(*_SIDE)), height


def _read_metadata(bits: _Bits, header: JxlHeader) -> None:
    if bits.take(1):
        return
    more, shown = bits.at, 0
    if bits.take(1):
        header.orientation = 1 + bits.take(3)
        shown = bits.at
        if bits.take(1):
            _read_size(bits)
        if bits.take(1):
            _skip_preview(bits)
        header.animated = bool(bits.take(1))
        if header.animated:
            bits.pick((100, 0), (1000, 0), (1, 10), (1, 30))
            bits.pick((1, 0), (1001, 0), (1, 8), (1, 10))
            header.loops = bits.pick((0, 0), (0, 3), (0, 16), (0, 32))
            bits.take(1)
    depth = bits.at
    header.bits, header.floating = _read_depth(bits)
    end = bits.at
    bits.take(1)
    for _ in range(bits.pick((0, 0), (1, 0), (2, 4), (1, 12))):
        kind = _read_channel(bits)
        header.more_channels = header.more_channels or kind != _ALPHA or header.alpha
        header.alpha = header.alpha or kind == _ALPHA
    header.absolute = bool(bits.take(1))
    _read_colours(bits, header)
    header.places = Places(more, shown, (depth, end), bits.at)


def _skip_preview(bits: _Bits) -> None:
    choices = (
        ((16, 0), (32, 0), (1, 5), (33, 9)) if bits.take(1) else ((1, 6), (65, 8), (321, 10), (1345, 12))
    )
    bits.pick(*choices)
    if not bits.take(3):
        bits.pick(*choices)


def _read_depth(bits: _Bits) -> tuple[int, bool]:
    if not bits.take(1):
        return bits.pick((8, 0), (10, 0), (12, 0), (1, 6)), False
    depth = bits.pick((32, 0), (16, 0), (24, 0), (1, 6))
    bits.take(4)
    return depth, True


def _read_channel(bits: _Bits) -> int:
    """Type of an extra channel."""
    if bits.take(1):
        return _ALPHA
    kind = bits.pick(*_ENUM)
    _read_depth(bits)
    bits.pick((0, 0), (3, 0), (4, 0), (1, 3))
    for _ in range(bits.pick((0, 0), (0, 4), (16, 5), (48, 10))):
        bits.take(8)
    if kind == _ALPHA:
        bits.take(1)
    elif kind == _SPOT:
        bits.take(64)
    elif kind == _COLOUR_FILTER:
        bits.pick((1, 0), (0, 2), (3, 4), (19, 8))
    return kind


def _read_colours(bits: _Bits, header: JxlHeader) -> None:
    if bits.take(1):
        return
    header.profile = bool(bits.take(1))
    space = bits.pick(*_ENUM)
    header.grey = space == 1
    if header.profile or space == 2:
        return
    white = bits.pick(*_ENUM)
    header.white = _points(bits, 1)[0] if white == _CUSTOM else _WHITES.get(white, header.white)
    if not header.grey:
        number = bits.pick(*_ENUM)
        header.primaries = _PRIMARIES.get(number, "unusual")
        header.points = _points(bits, 3) if number == _CUSTOM else ()
    if bits.take(1):
        header.transfer, header.gamma = "gamma", 1e7 / max(bits.take(24), 1)
    else:
        header.transfer = _CURVES.get(bits.pick(*_ENUM), "unusual")
    bits.pick(*_ENUM)


def _points(bits: _Bits, count: int) -> tuple[Point, ...]:
    """Millionths; the lowest bit is the sign."""
    values = [bits.pick((0, 19), (524288, 19), (1048576, 20), (2097152, 21)) for _ in range(2 * count)]
    signed = [(-(value + 1) // 2 if value & 1 else value // 2) / 1e6 for value in values]
    return tuple(zip(signed[::2], signed[1::2], strict=True))
