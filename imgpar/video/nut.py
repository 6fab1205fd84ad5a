"""Raw frames with timestamps for an ffmpeg at the other end of a pipe, as NUT; frames are not copied.

    file id ─ main header ─ stream header, rate ─ (syncpoint ─ frame header ─ planes) …

ffmpeg's own muxer would copy each frame three times before the pipe. The stream header is taken from it, as
only it knows the FourCC of a pixel format. Every frame has a syncpoint with its timestamp.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

from imgpar.video.plane_layout import PlaneLayout

_ID = b"nut/multimedia container\0"
_MAIN, _STREAM, _SYNC = (
    bytes.fromhex(code) for code in ("4e4d7a561f5f04ad", "4e5311405bf2f9db", "4e4be4adeeca4569")
)
_KEY, _CODED_PTS, _SIZE_MSB, _CHECKSUM, _INVALID = 1, 8, 32, 64, 8192
_FRAME = b"\x01"
"""The only frame code in use."""
_MAX_DISTANCE = 65536


class NutHeaders:
    """The bytes before the first frame, and before each frame.

    Args:
        layout: of every frame.
        rate: frames per second, or 0.
        base: time base of the timestamps, in seconds.
    """

    def __init__(self, layout: PlaneLayout, rate: Fraction, base: Fraction) -> None:
        stream = _stream_header(layout, rate, base)
        self.start = _ID + _packet(_MAIN, _main(base)) + stream
        self._mask = (1 << _pts_shift(stream)) - 1
        self._size = _number(layout.nbytes)

    def frame(self, stamp: int) -> bytes:
        """Header of a frame with the timestamp `stamp`."""
        sync = _packet(_SYNC, _number(stamp % (1 << 64)) + _number(0))
        head = _FRAME + _number(stamp & self._mask) + self._size
        return sync + head + _checksum(head)


def _main(base: Fraction) -> bytes:
    """One stream, one time base, one frame code."""
    # Flags, six more fields (time, multiplier, stream, size, reserved, count); each frame stores its size.
    valid = _KEY | _CODED_PTS | _SIZE_MSB | _CHECKSUM
    ways = [(_INVALID, 1), (valid, 1), (_INVALID, 253)]  # of 256 codes, one is reserved: the N of headers
    table = b"".join(b"".join(map(_number, (flags, 6, 0, 1, 0, 0, 0, count))) for flags, count in ways)
    head = b"".join(map(_number, (3, 1, _MAX_DISTANCE, 1, base.numerator, base.denominator)))
    return head + table + _number(0)


def _stream_header(layout: PlaneLayout, rate: Fraction, base: Fraction) -> bytes:
    """The packet as written by ffmpeg's muxer, with its rate."""
    import av

    written = io.BytesIO()
    with av.open(written, "w", format="nut") as container:
        stream: Any = container.add_stream("rawvideo", rate=rate)
        stream.width, stream.height, stream.pix_fmt = layout.width, layout.height, layout.pixel_format
        stream.time_base = stream.codec_context.time_base = base
        container.start_encoding()
    found = written.getvalue()
    return found[found.index(_STREAM) :]


def _pts_shift(packet: bytes) -> int:
    """Number of timestamp bits in a frame header."""
    _, place = _read(packet, len(_STREAM))
    for _ in range(2):  # number and class of the stream
        _, place = _read(packet, place)
    length, place = _read(packet, place)  # FourCC of the pixel format
    place += length
    _, place = _read(packet, place)  # its time base
    return _read(packet, place)[0]


def _packet(code: bytes, content: bytes) -> bytes:
    return code + _number(len(content) + 4) + content + _checksum(content)


def _number(value: int) -> bytes:
    """Variable-length integer: seven bits per byte, the highest first.

    >>> _number(300).hex()
    '822c'
    """
    found = [value & 127]
    while value := value >> 7:
        found.append(value & 127 | 128)
    return bytes(reversed(found))


def _read(data: bytes, place: int) -> tuple[int, int]:
    """A variable-length integer, and the offset behind it."""
    value = 0
    while True:
        byte = data[place]
        place += 1
        value = value << 7 | byte & 127
        if byte < 128:
            return value, place


def _row(number: int) -> int:
    number <<= 24
    for _ in range(8):
        number = (number << 1) ^ (0x104C11DB7 if number >> 31 else 0)
    return number


_TABLE = tuple(_row(number) for number in range(256))


def _checksum(data: bytes) -> bytes:
    """CRC-32, highest bit first, initial value zero."""
    found = 0
    for byte in data:
        found = (found << 8 & 0xFFFFFFFF) ^ _TABLE[found >> 24 ^ byte]
    return found.to_bytes(4, "big")
