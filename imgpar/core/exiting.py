"""Calls of daemon threads at the end of the process.

The interpreter ends a daemon thread when it comes back from C code. Where that is C++ code which cannot be
unwound, such as OpenCV, the whole process aborts. So the process ends after the calls in progress, and no
further ones begin.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
from multiprocessing import util  # noqa: F401 - its function for the end, which is called after this one

END_SECONDS = 5.0
"""How long the process waits for calls in progress."""

_calls = set[object]()
_changed = threading.Condition()
_exiting = False


@contextlib.contextmanager
def held_at_exit() -> Iterator[None]:
    """A call for whose end the process waits.

    >>> with held_at_exit():
    ...     6 * 7
    42

    Raises:
        SystemExit: as `end_daemon_at_exit`.
    """
    call = object()
    with _changed:
        end_daemon_at_exit()
        _calls.add(call)
    try:
        yield
    finally:
        with _changed:
            _calls.discard(call)
            _changed.notify_all()


def end_daemon_at_exit() -> None:
    """End a daemon thread while the process ends: raises SystemExit, which in a thread prints nothing."""
    if _exiting and threading.current_thread().daemon:
        raise SystemExit


@atexit.register
def _wait() -> None:
    global _exiting
    with _changed:
        _exiting = True
        _changed.wait_for(lambda: not _calls, END_SECONDS)


def _after_fork() -> None:
    """The calls of other threads are not in the child."""
    global _changed
    _changed = threading.Condition()
    _calls.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
