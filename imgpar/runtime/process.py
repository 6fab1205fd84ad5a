"""A worker process: signals, limits, log and exit. The main loop is in `worker`."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from imgpar.core.children import end_own_group, lead_group
from imgpar.runtime.arena import ArenaHandle
from imgpar.runtime.channel import WorkerEnd
from imgpar.runtime.sandbox import Sandbox, restrict
from imgpar.runtime.worker import Worker


def run_worker(
    index: int,
    connection: Connection[Any, Any],
    arena: ArenaHandle,
    log: str,
    memory_limit: int,
    sandbox: Sandbox | None = None,
    in_group: bool = False,
) -> None:
    """Set up the process and run its loop; does not return.

    Args:
        index: number of the worker.
        connection: the worker's end of its pipe.
        arena: handle of the shared memory.
        log: path of the file that receives stdout and stderr.
        memory_limit: bytes of private memory; 0 is no limit.
        sandbox: what it may touch; None is everything.
        in_group: whether it leads a process group of its own.
    """
    _ignore_signals()
    if in_group:
        lead_group()
    tail = LogTail(log)
    if sandbox is not None:
        restrict(sandbox)
    _limit_memory(memory_limit)
    if sys.platform == "win32":
        from imgpar.runtime import job_object

        # The arena may count towards the memory of each process that maps it.
        job_object.enter(memory_limit + arena.size if memory_limit else 0)
    if not in_group:
        _die_with_parent()
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        Worker(index, WorkerEnd(connection), arena.map(), tail).loop()
        os._exit(0)
    end_own_group()
    # No atexit handlers, no destructors of C libraries: there is nothing to save.
    os._exit(0)


def _ignore_signals() -> None:
    """Ignore signals: a terminal sends Ctrl-C to the whole group, and the parent controls the workers."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _limit_memory(nbytes: int) -> None:
    """Limit private memory only: RLIMIT_AS would count the arena."""
    if nbytes and os.path.exists("/proc/self"):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (nbytes, nbytes))


def _die_with_parent() -> None:
    """Let the system end this process when the parent is gone, by SIGIO at EOF of the parent's pipe. The
    thread of `_exit_with_parent` cannot do so while a C library holds the GIL. Not where a worker
    leads a group (macOS, BSD): there SIGIO is ignored by default, and the thread ends the group."""
    parent = parent_process()
    if parent is None or not hasattr(os, "O_ASYNC"):
        return
    import fcntl

    with contextlib.suppress(OSError):
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)


def _exit_with_parent() -> None:
    """End this process when the parent is gone, whatever the main thread is doing."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        end_own_group()
        os._exit(1)


class LogTail:
    """What this process has printed to its log since the last call: warnings of C libraries, prints of the
    user's functions."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(self._fd, 1)
        os.dup2(self._fd, 2)
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        faulthandler.enable(2, all_threads=False)

    def lines(self) -> list[str]:
        """New lines; the file is truncated, so that it stays small in long runs."""
        size = os.fstat(self._fd).st_size
        if not size:
            return []
        os.lseek(self._fd, 0, os.SEEK_SET)
        text = os.read(self._fd, 4096).decode("utf-8", "replace")
        os.ftruncate(self._fd, 0)
        return [line for line in text.splitlines() if line.strip()]
