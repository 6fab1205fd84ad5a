"""What the reader and the writer of JPEG share: simplejpeg, and the planes of a frame."""

from __future__ import annotations

from functools import cache

from imgpar.core.spec import Frame
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
