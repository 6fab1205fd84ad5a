"""The bytes of an input."""

from __future__ import annotations

import contextlib
import os
import stat

from imgpar.batch.run_spec import RunSpec
from imgpar.core.error_messages import setting
from imgpar.core.errors import DamagedError, LimitError, SourceError
from imgpar.core.fs import long_path
from imgpar.core.job import Item
from imgpar.inputs.batches import special_kind, why_unreadable
from imgpar.inputs.opening import opened
from imgpar.outputs.commit import Times, default_times

ONE_READ = 1 << 30
"""Most bytes of one read call, which every system supports."""
_AHEAD = 32 << 20
"""Most bytes of a file that are read ahead."""
_AHEAD_STEP = 1 << 20
"""Bytes of one advice: of a longer one Linux reads the beginning only."""
_READ = os.O_RDONLY
for _name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK"):  # a file may have become a pipe since it was listed
    _READ |= getattr(os, _name, 0)


def read_item(item: Item, run: RunSpec) -> tuple[bytes, Times]:
    """All bytes of an input, and what its outputs take over: times and mode.

    Raises:
        SourceError: it cannot be read, or changed while it was read.
        DamagedError: it is empty.
        LimitError: it is larger than the memory limit, in a source that is no folder.
    """
    if not (item.source or item.fetched):
        return read_whole(item.path)
    if item.size > run.limits.memory:
        raise LimitError(
            f"It has {item.size / 1e6:,.0f} MB, and the limit is {run.limits.memory / 1e6:,.0f} MB.",
            fix=f"Raise it with {setting('memory')}.",
        )
    with opened(item, run.sources) as content:
        if isinstance(content, str):
            return read_whole(content)[0], default_times(item.mtime_ns)
        data = content if isinstance(content, bytes) else content.read()
    if item.size and len(data) != item.size:
        raise SourceError("It changed after the inputs were listed.", fix="Run again.")
    if not data:
        raise DamagedError("It is empty (0 bytes).")
    return data, default_times(item.mtime_ns)


def read_ahead(path: str, size: int) -> None:
    """Let the system read a file into its cache while this process does something else.

    Nothing happens where the system takes no such advice, or the file cannot be opened: whoever reads it
    says so.

    Args:
        path: of the file.
        size: bytes that it has, as far as is known.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    with contextlib.suppress(OSError, ValueError):
        handle = os.open(long_path(path), _READ)
        try:
            for start in range(0, min(size, _AHEAD), _AHEAD_STEP):
                os.posix_fadvise(handle, start, _AHEAD_STEP, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(handle)


def read_whole(path: str) -> tuple[bytes, os.stat_result]:
    """All bytes of a file, and its status; a file that changes meanwhile is an error.

    Raises:
        SourceError: it cannot be read, or changed while it was read.
        DamagedError: it is empty.
    """
    try:
        # Without a file object, which makes more system calls.
        handle = os.open(long_path(path), _READ)
        try:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode) and not stat.S_ISDIR(before.st_mode):
                kind = special_kind(before.st_mode)
                raise SourceError(f"It is {kind} now; it was a file when it was listed.", fix="Run again.")
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
