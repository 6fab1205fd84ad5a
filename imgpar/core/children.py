"""Programs that a worker starts, such as ffmpeg, end with it, however it ends. How depends on the system:

Linux      a signal that the kernel sends when the worker's main thread ends (`video.ffmpeg`)
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
