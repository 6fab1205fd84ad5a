"""Processes that somebody stopped (SIGSTOP) and that others wait for: a run ends all the same.

1. A fork server that does not answer is woken, then killed; the pool starts another one.
2. A worker that is stopped, or whose ffmpeg is, is told from one that has much to do by its state.
3. At the end the helpers of multiprocessing are woken: they end with this process, and some Pythons wait for
   them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from functools import cache
from multiprocessing import util

WAKE_SECONDS = 10.0
"""How long the fork server may take to start a worker, before it is woken."""
KILL_SECONDS = 60.0
"""How long before it is killed."""


class ServerWatch:
    """Around the start of a worker: the answer of the fork server has no deadline of its own."""

    def __init__(self) -> None:
        self.killed = False
        """Whether the fork server was killed, as it did not answer."""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgpar-server-watch", daemon=True)

    def __enter__(self) -> ServerWatch:
        with contextlib.suppress(RuntimeError):  # no room for another thread: then nobody watches
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        if not self._done.wait(WAKE_SECONDS):
            wake()
            if not self._done.wait(KILL_SECONDS - WAKE_SECONDS):
                self.killed = True
                for pid in _pid_of("forkserver", "_forkserver", "_forkserver_pid"):
                    _send(pid, signal.SIGKILL)


@cache
def wake_at_exit() -> None:
    """Wake the helpers before anything waits for them when this process ends."""
    util.Finalize(None, wake, exitpriority=100)


def wake() -> None:
    """Let the fork server and the resource tracker go on, if there are any and somebody stopped them."""
    if hasattr(signal, "SIGCONT"):
        for pid in _pid_of("forkserver", "_forkserver", "_forkserver_pid"):
            _send(pid, signal.SIGCONT)
        for pid in _pid_of("resource_tracker", "_resource_tracker", "_pid"):
            _send(pid, signal.SIGCONT)


def is_stopped(pid: int) -> bool:
    """Whether a process or one of its children is stopped; False where the system does not tell."""
    return any(_state(each) == "T" for each in (pid, *_children(pid)))


def _state(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rpartition(")")[2].split()[0]
    return ""


def _children(pid: int) -> Iterator[int]:
    """ffmpeg may have been started by any thread."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                yield from map(int, file.read().split())


def _pid_of(module: str, helper: str, name: str) -> Iterator[int]:
    """Of a helper of multiprocessing that runs; looked up where it keeps that to itself."""
    loaded = sys.modules.get(f"multiprocessing.{module}")
    pid = getattr(getattr(loaded, helper, None), name, None)
    if isinstance(pid, int):
        yield pid


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
