"""Processes stopped with SIGSTOP that others wait for: a run ends all the same.

1. A fork server that does not answer is continued, then killed; the pool starts another one.
2. A worker that is stopped, or whose ffmpeg is, is told apart from a busy one by its process state.
3. At exit the helper processes of multiprocessing are continued: they end with this process, and some Python
   versions wait for them.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from multiprocessing import util

WAKE_SECONDS = 10.0
"""Seconds the fork server may take to start a worker before it is continued."""
ENDING_SECONDS = 1.0
"""Seconds that a process may take from closing its files to its end."""
KILL_SECONDS = 60.0
"""Seconds before it is killed."""


class ServerWatch:
    """Guards starts of workers: an answer of the fork server has no deadline of its own."""

    def __init__(self) -> None:
        self.killed = False
        """Whether the fork server was killed because it did not answer."""
        self._heard = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgpar-server-watch", daemon=True)

    def __enter__(self) -> ServerWatch:
        with contextlib.suppress(RuntimeError):  # no further thread can be started: no guard
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()

    def heard(self) -> None:
        """The fork server has answered; the next answer has as long again."""
        self._heard = time.monotonic()

    def _watch(self) -> None:
        continued = 0.0
        """The last answer before the fork server was continued."""
        while True:
            heard = self._heard
            limit = KILL_SECONDS if continued == heard else WAKE_SECONDS
            if (rest := heard + limit - time.monotonic()) > 0.0:
                if self._done.wait(min(rest, WAKE_SECONDS)):  # it may answer meanwhile
                    return
            elif continued != heard:
                wake()
                continued = heard
            else:
                self.killed = True
                for pid in _pid_of("forkserver", "_forkserver", "_forkserver_pid"):
                    _send(pid, signal.SIGKILL)
                self.heard()  # the next one has as long


@cache
def wake_at_exit() -> None:
    """Continue the helper processes before anything waits for them when this process ends."""
    util.Finalize(None, wake, exitpriority=100)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=wake_at_exit.cache_clear)


def wake() -> None:
    """Continue the fork server and the resource tracker, if they run and are stopped."""
    if hasattr(signal, "SIGCONT"):
        for pid in _pid_of("forkserver", "_forkserver", "_forkserver_pid"):
            _send(pid, signal.SIGCONT)
        for pid in _pid_of("resource_tracker", "_resource_tracker", "_pid"):
            _send(pid, signal.SIGCONT)


def server_has_failed() -> bool:
    """Whether the fork server has ended by itself with an error: it could start no process. False where it
    runs, was killed, or the system does not tell."""
    if not hasattr(os, "waitid"):
        return False
    for pid in _pid_of("forkserver", "_forkserver", "_forkserver_pid"):
        with contextlib.suppress(OSError):
            _wait_for(pid, ENDING_SECONDS)
            # multiprocessing waits for it as well: it has to stay there.
            found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return found is not None and found.si_code == os.CLD_EXITED and found.si_status != 0
    return False


def is_stopped(pid: int) -> bool:
    """Whether a process or one of its children is stopped; False where the system does not report it."""
    return any(_state(each) == "T" for each in (pid, *_children(pid)))


def _wait_for(pid: int, seconds: float) -> None:
    """Wait until a process has ended."""
    if hasattr(os, "pidfd_open"):
        handle = os.pidfd_open(pid)
        try:
            select.select([handle], (), (), seconds)
        finally:
            os.close(handle)


def _state(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rpartition(")")[2].split()[0]
    return ""


def _children(pid: int) -> Iterator[int]:
    """Children of all threads: ffmpeg may have been started by any of them."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())


def _pid_of(module: str, helper: str, name: str) -> Iterator[int]:
    """Pid of a running helper process of multiprocessing. There is no public name for it, and without it a
    run would wait forever for a helper that was stopped."""
    loaded = sys.modules.get(f"multiprocessing.{module}")
    pid = getattr(getattr(loaded, helper, None), name, None)
    if isinstance(pid, int):
        yield pid


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
