"""The bytes of an input file."""

from __future__ import annotations

import os

from imgpar.core.errors import DamagedError, SourceError
from imgpar.inputs.batches import why_unreadable

ONE_READ = 1 << 30
"""Most bytes of one read call, which every system supports."""


def read_whole(path: str) -> tuple[bytes, os.stat_result]:
    """All bytes of a file, and its status; a file that changes meanwhile is an error.

    Raises:
        SourceError: it cannot be read, or changed while it was read.
        DamagedError: it is empty.
    """
    try:
        # Without a file object, which makes more system calls.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            before = os.fstat(handle)
            data = os.read(handle, min(before.st_size, ONE_READ))
            while len(data) < before.st_size and (more := os.read(handle, ONE_READ)):
                data += more
            after = os.fstat(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != after.st_size:
        raise SourceError("It changed while it was read.", fix="Run again when it is complete.")
    if not data:
        raise DamagedError("It is empty (0 bytes).")
    return data, after
