"""Shared memory for batches, which is used again when the last array of a batch is gone."""

from __future__ import annotations

import math
import mmap
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class BatchMemory:
    """Blocks of one size after another, so that their pages are new only once.

    >>> memory = BatchMemory()
    >>> array = memory.array((2, 3), "uint8")
    >>> array[:] = 7
    >>> del array  # the next array has the same pages
    >>> int(memory.array((2, 3), "uint8")[0, 0])
    7
    """

    def __init__(self) -> None:
        self._free: deque[mmap.mmap] = deque()

    def array(self, shape: tuple[int, ...], dtype: str) -> Array:
        """A C-contiguous array, whose content is undefined. The memory is free with the last view of it."""
        import numpy as np

        block = self._block(math.prod(shape) * np.dtype(dtype).itemsize)
        flat = np.frombuffer(block, dtype, math.prod(shape))
        weakref.finalize(flat, self._free.append, block).atexit = False
        return flat.reshape(shape)

    def _block(self, nbytes: int) -> mmap.mmap:
        while self._free:
            block = self._free.popleft()
            if nbytes <= len(block) <= max(4 * nbytes, mmap.PAGESIZE):
                return block
        return mmap.mmap(-1, nbytes)
