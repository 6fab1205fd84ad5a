"""An input's bytes, as they are in one moment."""

from __future__ import annotations

import os

from imgpar.errors import SourceError
from imgpar.sources.base import why_unreadable


def read_whole(path: str) -> tuple[bytes, os.stat_result]:
    """All bytes of a file that does not change meanwhile, and its status.

    Raises:
        SourceError: it cannot be read, or changed while it was read.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            data = file.read()
            while len(data) < before.st_size and (more := file.read()):
                data += more
            after = os.fstat(file.fileno())
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != after.st_size:
        raise SourceError("It changed while it was read.", fix="Run again when it is complete.")
    if not data:
        raise SourceError("It is empty (0 bytes).")
    return data, after
