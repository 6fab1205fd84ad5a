"""What the reader and the writer of JPEG share: simplejpeg, and the planes of a frame."""

from __future__ import annotations

from functools import cache

from imgpar.core.spec import CHROMA, Frame
from imgpar.formats.jpeg import turbo


@cache
def has_simplejpeg() -> bool:
    """Whether simplejpeg is installed, which some platforms have no wheels of."""
    try:
        import simplejpeg  # noqa: F401
    except ImportError:
        return False
    return True


def planes(frame: Frame) -> turbo.Planes:
    """Addresses and row strides of the planes."""
    (rows, row), (_, colour_row) = frame.spec.rooms
    start = frame.array.ctypes.data
    colour = start + rows * row
    return (start, colour, colour + colour_row // 2), (row, colour_row, colour_row)


def lower(planes: turbo.Planes, rows: int, sampling: str) -> turbo.Planes:
    """The planes from this row of luma on, which is the first of a chroma sample."""
    (luma, *colours), strides = planes
    down = CHROMA[f"YCC{sampling}"][1]
    blue, red = (start + rows // down * stride for start, stride in zip(colours, strides[1:], strict=True))
    return (luma + rows * strides[0], blue, red), strides
