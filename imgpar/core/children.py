"""Programs that a worker starts, such as ffmpeg, end with it, however it ends. How depends on the system:

Linux      a signal that the kernel sends when a pipe of the worker is closed (`Lifeline`)
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
from typing import Any

IN_GROUPS = os.name == "posix" and not sys.platform.startswith("linux")
"""Whether workers lead process groups on this system."""
_NEW_GROUP_NO_WINDOW = 0x0800_0200

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

    The usual way, PR_SET_PDEATHSIG, has to be called by the child: that takes a fork, which copies the page
    tables of a worker (6 ms for one with PyAV and OpenCV), where `subprocess` otherwise calls vfork. It also
    depends on the thread that has started the program.

    A process that is killed within the microseconds between the start of the program and `ends` leaves it
    running: it then ends when its work is done, and its output is a temporary file.
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
