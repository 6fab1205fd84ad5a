"""Streams of zlib, by libdeflate where the package deflate is installed: smaller, in a third of the time."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from imgpar.formats.base import loadable

if TYPE_CHECKING:
    import numpy as np

_LEVELS_OF_ZLIB = 9


def zlib_stream(data: bytes | memoryview | np.ndarray[Any, Any], level: int) -> bytes:
    """The data as a zlib stream.

    Args:
        data: contiguous.
        level: 1 to 12; zlib has 9.
    """
    if loadable("deflate"):
        import deflate

        made: bytes | bytearray = deflate.zlib_compress(data, level)
        return bytes(made)
    return zlib.compress(data, min(level, _LEVELS_OF_ZLIB))
