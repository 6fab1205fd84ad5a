"""Starts, stops and reaps worker processes. Knows nothing of jobs.

1. Never fork: forkserver where available, spawn elsewhere.
2. Workers do not need the user's `__main__`: see `startup`.
3. A worker is dead when its channel is at EOF; only then is its exit code read. The fork server may be killed
   like any other process: it is restarted, and exit codes it reported are not trusted.
4. stdout and stderr of a worker and of its C libraries go to a file per worker: processes do not interleave
   their output on the terminal, and a crash leaves its traceback.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import stat
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, ClassVar

from imgpar.core.errors import (
    RunError,
    setting,
)
from imgpar.core.tempfiles import remove_folder, temporary_folder
from imgpar.runtime.arena import MAX_WORKERS, Arena
from imgpar.runtime.channel import ParentEnd
from imgpar.runtime.entry import worker_main
from imgpar.runtime.protocol import STAGES, Stop
from imgpar.runtime.startup import clean_start, forget_child, preload, start_method
from imgpar.runtime.stopped_processes import KILL_SECONDS, ServerWatch, wake, wake_at_exit

WINDOWS_HANDLES = 60
"""`connection.wait` takes at most 63 handles on Windows before Python 3.13."""
STOP_SECONDS = 3.0
"""Seconds a worker may take to exit after `Stop`; then it is killed."""
START_TRIES = 20
"""Attempts to start one worker: the fork server may die during each."""


SILENT_TRIES = 2
"""Fork servers that do not answer before the run is given up."""


@dataclass(slots=True)
class WorkerProcess:
    """A process and the parent's end of its channel."""

    index: int
    process: Any
    channel: ParentEnd
    log: str
    handle: int = -1
    """A pidfd, which no other process can reuse; -1 where there are none."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a worker was doing when the parent read its cell."""

    serial: int
    """Of the task; 0 for none."""
    tick: int
    """Changes with every task, and when memory was granted."""
    stage: str
    item: int = -1
    """Index of the item, in a job with several; −1 is unknown."""


class Pool:
    """The worker processes of one session.

    Args:
        arena: mapped by the workers.
        memory_limit: bytes of private memory per worker, where the system can limit it; 0 is no limit.
        method: start method; None is the best of this system.
        preload: name of a module that the fork server imports once; empty for none.
    """

    isolated: ClassVar[bool] = True
    """Whether a worker can be stopped at any time, and limited in memory."""

    def __init__(
        self, arena: Arena, memory_limit: int = 0, method: str | None = None, preload: str = ""
    ) -> None:
        self._arena = arena
        self._memory_limit, self._preload = memory_limit, preload
        self._context: Any = multiprocessing.get_context(method or start_method())
        self._folder = temporary_folder()
        wake_at_exit()
        self._next = 0
        self.workers: dict[int, WorkerProcess] = {}
        # `connection.wait` builds a selector at every call.
        self._poll: Any = select.poll() if hasattr(select, "poll") else None

    def start(self) -> WorkerProcess:
        """Start one more worker. Returns at once; the worker initialises itself.

        Raises:
            RunError: the system starts no further process.
        """
        problem: Exception | None = None
        silent = 0
        for attempt in range(START_TRIES):
            watch = ServerWatch()
            try:
                with watch:
                    return self._start()
            except (OSError, EOFError) as error:  # the fork server has died: the next attempt restarts it
                problem = error
                silent += watch.killed
                if silent == SILENT_TRIES:
                    raise RunError(
                        f"The process that starts the workers did not answer for {KILL_SECONDS:g} s, twice.",
                        fix="Find out what blocks new processes, and run again.",
                    ) from error
                time.sleep(0.005 * attempt)  # a dying process refuses connections shortly before it is dead
        lost = isinstance(problem, FileNotFoundError)  # the socket of the fork server
        raise RunError(
            f"No worker process can be started ({problem}).",
            fix="The temporary files were removed: run again." if lost else f"Lower {setting('jobs')}.",
        )

    def _start(self) -> WorkerProcess:
        index = next(index for index in range(MAX_WORKERS) if index not in self.workers)
        log = os.path.join(self._folder, f"worker-{self._next}.log")
        self._next += 1
        clear_cell(self._arena, index)
        ours, theirs = self._context.Pipe(duplex=True)
        try:
            with clean_start():
                if self._preload and self._context.get_start_method() == "forkserver":
                    preload(self._preload)
                process = self._context.Process(
                    target=worker_main,
                    args=(index, theirs, self._arena.handle, log, self._memory_limit),
                    name=f"imgpar-{index}",
                    daemon=True,
                )
                process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        worker = WorkerProcess(index, process, ParentEnd(ours), log, _handle_of(process.pid))
        self._add(worker)
        return worker

    def _add(self, worker: WorkerProcess) -> None:
        self.workers[worker.index] = worker
        if self._poll:
            self._poll.register(worker.channel.connection, select.POLLIN)

    def begun(self, worker: WorkerProcess) -> Begun:
        """What the worker is doing, from its cell of the board."""
        serial, tick, stage, item = self._arena.board[_cell(worker.index) : _cell(worker.index) + 4]
        # The board lies in memory that every worker can write.
        return Begun(serial, tick, STAGES[stage] if 0 <= stage < len(STAGES) else "", item - 1)

    def ready(self, timeout: float, also: tuple[Any, ...] = ()) -> tuple[list[WorkerProcess], list[Any]]:
        """Workers whose channel is readable or at EOF, and those of `also` that are readable."""
        if self._poll and not also:
            by_handle = {worker.channel.connection.fileno(): worker for worker in self.workers.values()}
            return [by_handle[handle] for handle, _ in self._poll.poll(timeout * 1000)], []
        by_connection = {worker.channel.connection: worker for worker in self.workers.values()}
        found = wait([*by_connection, *also], timeout)
        return (
            [by_connection[item] for item in found if item in by_connection],
            [item for item in found if item not in by_connection],
        )

    def reap(self, worker: WorkerProcess) -> tuple[int | None, str]:
        """Clean up after a dead worker.

        Returns:
            Its exit code (−N for signal N) and the end of its log.
        """
        if self.workers.pop(worker.index, None) is None:
            # at interpreter exit: the thread of an unfinished run has handled its end already
            return None, ""
        if self._poll:
            self._poll.unregister(worker.channel.connection)
        if not worker.channel.ended(STOP_SECONDS):
            self.kill(worker)
            worker.channel.ended(STOP_SECONDS)
        worker.channel.close()
        worker.process.join(1.0)
        if worker.process.is_alive():  # it closed its channel but still runs
            self.kill(worker)
            worker.process.join(1.0)
        code = worker.process.exitcode
        with contextlib.suppress(ValueError):
            worker.process.close()
        if worker.handle >= 0:
            os.close(worker.handle)
        return code, read_log(worker.log)

    def kill(self, worker: WorkerProcess) -> None:
        """Send SIGKILL to a worker; its channel will end."""
        if worker.handle < 0:
            worker.process.kill()
            return
        # Not through `process`: after the fork server has died, that reports its children as dead too.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(worker.handle, signal.SIGKILL)

    def abort(self, worker: WorkerProcess) -> None:
        """Send SIGABRT to a worker, so that it logs a traceback if it can; use `kill` if it does not end."""
        if worker.handle < 0:
            worker.process.kill()
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(worker.handle, signal.SIGABRT)

    def close(self) -> None:
        """End every worker: `Stop` first, SIGKILL after `STOP_SECONDS`."""
        wake()  # the fork server reports how they end
        for worker in self.workers.values():
            with contextlib.suppress(OSError):
                worker.channel.send(Stop())
        deadline = time.monotonic() + STOP_SECONDS
        for worker in list(self.workers.values()):
            if not worker.channel.ended(deadline - time.monotonic()):
                self.kill(worker)
            self.reap(worker)
        remove_folder(self._folder)

    def disown(self) -> None:
        """In a fork of the process that has started the workers: close its handles, and let them be."""
        for worker in self.workers.values():
            worker.channel.close()
            if worker.handle >= 0:
                os.close(worker.handle)
            forget_child(worker.process)
        self.workers.clear()

    def kill_all(self) -> None:
        """Kill every worker at once."""
        for worker in self.workers.values():
            self.kill(worker)


_PLAIN_FILE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def available_cores() -> int:
    """Cores that this process may use: CPU affinity, and the quota of its cgroup."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError), open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
        quota, period = file.read().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return min(cores, WINDOWS_HANDLES if sys.platform == "win32" else MAX_WORKERS - 1)


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
    if code is None or code == 255:
        return "is gone"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"exited with code {code}"


def clear_cell(arena: Arena, index: int) -> None:
    """Clear the cell of a worker that is to be started."""
    arena.board[_cell(index) : _cell(index) + 3] = _BLANK


def _cell(index: int) -> int:
    return index * 8  # 64 bytes: eight numbers of 8 bytes


_BLANK = memoryview(bytes(24)).cast("q")


def _handle_of(pid: int) -> int:
    with contextlib.suppress(AttributeError, OSError):  # Linux only; the process may be gone already
        return os.pidfd_open(pid)
    return -1
