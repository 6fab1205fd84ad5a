"""Programs that a worker starts, such as ffmpeg, end with it, however it ends. How depends on the system:

Linux      a signal that the kernel sends when a pipe of the worker is closed (`Lifeline`), and for long work
           when its main thread ends (`dying_with_thread`)
Windows    a job object (`runtime.job_object`)
others     a process group: the worker leads one of its own, which its programs stay in. Whoever sees the end
           ends the group: the parent that of a dead worker, before it asks for the exit code, so that the
           number belongs to no other process yet; the worker its own when the parent is gone
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

IN_GROUPS = os.name == "posix" and not sys.platform.startswith("linux")
"""Whether workers lead process groups on this system."""
_NEW_GROUP_NO_WINDOW = 0x0800_0200
_PR_SET_PDEATHSIG = 1

_leads = False


def lead_group() -> None:
    """Let this worker lead a process group; its programs will belong to it."""
    global _leads
    with contextlib.suppress(OSError):  # it leads one already
        os.setpgid(0, 0)
    _leads = os.getpgrp() == os.getpid()


def leads_group() -> bool:
    """Whether this worker leads a process group, to which its programs belong."""
    return _leads


def program_options() -> dict[str, Any]:
    """Options of `subprocess` for a program: Ctrl-C, which goes to the group in the foreground, is left to
    the parent; no window is opened."""
    if os.name == "nt":
        return {"creationflags": _NEW_GROUP_NO_WINDOW}
    return {} if _leads else {"process_group": 0}


class Lifeline:
    """A pipe whose end kills a program (Linux): SIGKILL at EOF, when the process that started it has ended.

    It needs no fork, which copies the page tables of a worker: 6 ms for one with PyAV and OpenCV. It holds
    from `ends` on. A process that is killed in the microseconds before leaves the program running, so one
    that may run for long, and whose own pipes do not end it, has `dying_with_thread` as well.
    """

    def __init__(self) -> None:
        self._ours: int | None = None
        self.inherited: tuple[int, ...] = ()
        """Descriptors that the program inherits (`pass_fds`)."""
        if sys.platform == "linux" and not _leads:
            theirs, self._ours = os.pipe()
            self.inherited = (theirs,)

    def ends(self, pid: int) -> None:
        """Let a program end with this process.

        Args:
            pid: of the program, which has inherited the descriptors; they are closed here.
        """
        if sys.platform != "linux" or not self.inherited:
            return
        import fcntl

        with contextlib.suppress(OSError):  # not known to every emulation of Linux
            fcntl.fcntl(self.inherited[0], fcntl.F_SETOWN, pid)
            fcntl.fcntl(self.inherited[0], fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(self.inherited[0], fcntl.F_SETFL, os.O_ASYNC)
        self._close_inherited()

    def close(self) -> None:
        """Close the pipe: the program has ended or was not started, or this is a forked child."""
        self._close_inherited()
        ours, self._ours = self._ours, None
        if ours is not None:
            os.close(ours)

    def _close_inherited(self) -> None:
        given, self.inherited = self.inherited, ()
        for theirs in given:
            os.close(theirs)

    __del__ = close


def dying_with_thread() -> Callable[[], None] | None:
    """A `preexec_fn`: Linux ends the program when the thread that started it ends. None in other threads than
    the main one, on other systems, and where a process group does it."""
    # With code between fork and exec, Python clears the thread-local objects of other threads in the child; a
    # scaler of PyAV would then wait for threads that the child lacks. Workers use the main thread.
    main_thread = threading.current_thread() is threading.main_thread()
    if sys.platform != "linux" or _leads or not main_thread:
        return None
    prctl, parent = _libc().prctl, os.getpid()

    def request() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before prctl was called
            os._exit(1)

    return request


@cache
def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def end_own_group() -> None:
    """End this worker and its programs, where it leads a group."""
    if _leads:
        os.killpg(0, signal.SIGKILL)


def end_group(leader: int | None) -> None:
    """End the programs of a worker that is gone.

    Args:
        leader: its pid, of which nobody has read the exit code; None if it was never started.
    """
    # BSD systems refuse a signal to a group in which all have ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if leader:
            os.killpg(leader, signal.SIGKILL)
