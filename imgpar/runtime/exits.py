"""How a worker has ended: its exit code, and the end of its log."""

from __future__ import annotations

import contextlib
import os
import signal
import stat

NOT_STARTED = 256
"""In place of an exit code: the fork server has died before it started the worker."""
_PLAIN_FILE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def read_log(path: str, limit: int = 4000) -> str:
    """The end of a worker's log."""
    try:
        # A worker may have put anything there: a pipe, or more than fits into memory.
        with open(os.open(path, os.O_RDONLY | _PLAIN_FILE), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ""
            file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
            return file.read(limit).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def describe_exit(code: int | None) -> str:
    """How a process ended, as text.

    >>> describe_exit(-11)
    'was ended by SIGSEGV'
    >>> describe_exit(1)
    'exited with code 1'
    """
    if code is None or code in (255, NOT_STARTED):
        return "is gone"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"exited with code {code}"
