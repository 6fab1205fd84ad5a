"""Starts, stops and buries worker processes. It knows nothing of jobs.

1. Never fork: forkserver where there is one, spawn elsewhere.
2. Workers do not need the user's `__main__`: see `warmup`.
3. A worker is dead when its channel is at its end; only then is its exit code asked for.
4. What a worker or a C library in it prints goes to a file of its own, and is read from there: several
   processes never write over each other on the terminal, and a crash leaves its traceback.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from imgpar.runtime.channel import Channel
from imgpar.runtime.entry import worker_main
from imgpar.runtime.frames import MAX_WORKERS, Arena
from imgpar.runtime.messages import STAGES, Stop
from imgpar.runtime.warmup import clean_start, preload, start_method

WINDOWS_HANDLES = 60
"""`connection.wait` takes at most 63 handles on Windows before Python 3.13."""
STOP_SECONDS = 3.0
"""How long a worker may take to exit when it is told to; then it is killed."""


@dataclass(slots=True)
class Worker:
    """A process and the parent's end of its channel."""

    index: int
    process: Any
    channel: Channel
    log: Path


@dataclass(frozen=True, slots=True)
class Begun:
    """What a worker was doing when the parent looked."""

    serial: int
    """Of the task, 0 for none."""
    tick: int
    """Changes with every task, and when memory was granted."""
    stage: str


class Pool:
    """The worker processes of one session.

    Args:
        arena: they map it.
        memory_limit: bytes of private memory per worker, where the system can limit it; 0 is no limit.
        method: start method; None is the best of this system.
    """

    def __init__(self, arena: Arena, memory_limit: int = 0, method: str | None = None) -> None:
        self._arena = arena
        self._memory_limit = memory_limit
        self._context: Any = multiprocessing.get_context(method or start_method())
        self._folder = Path(tempfile.mkdtemp(prefix="imgpar-"))
        self._next = 0
        self.workers: dict[int, Worker] = {}

    def start(self) -> Worker:
        """Start one more worker; returns at once, the worker gets ready by itself."""
        index = self._free_cell()
        log = self._folder / f"worker-{self._next}.log"
        self._next += 1
        ours, theirs = self._context.Pipe(duplex=True)
        with clean_start():
            if self._context.get_start_method() == "forkserver":
                preload()
            process = self._context.Process(
                target=worker_main,
                args=(index, theirs, self._arena.handle, str(log), self._memory_limit),
                name=f"imgpar-{index}",
                daemon=True,
            )
            process.start()
        theirs.close()
        self._arena.board[_cell(index)] = 0
        worker = Worker(index, process, Channel(ours), log)
        self.workers[index] = worker
        return worker

    def _free_cell(self) -> int:
        return next(index for index in range(MAX_WORKERS) if index not in self.workers)

    def begun(self, worker: Worker) -> Begun:
        """What the worker is at, from its cell of the board."""
        serial, tick, stage = self._arena.board[_cell(worker.index) : _cell(worker.index) + 3]
        return Begun(serial, tick, STAGES[stage])

    def ready(self, timeout: float, also: tuple[Any, ...] = ()) -> tuple[list[Worker], list[Any]]:
        """Workers whose channel has something to read (or has ended), and which of `also` have."""
        by_connection = {worker.channel.connection: worker for worker in self.workers.values()}
        found = wait([*by_connection, *also], timeout)
        return (
            [by_connection[item] for item in found if item in by_connection],
            [item for item in found if item not in by_connection],
        )

    def bury(self, worker: Worker) -> tuple[int | None, str]:
        """Clean up after a dead worker; returns its exit code (−N for signal N) and its last words."""
        del self.workers[worker.index]
        worker.channel.close()
        worker.process.join(1.0)
        if worker.process.is_alive():  # it closed its channel, but lingers
            worker.process.kill()
            worker.process.join(1.0)
        code = worker.process.exitcode
        with contextlib.suppress(ValueError):
            worker.process.close()
        return code, read_log(worker.log)

    def kill(self, worker: Worker) -> None:
        """Stop a worker in the middle of whatever it does; its channel will end."""
        worker.process.kill()

    def close(self) -> None:
        """End every worker: asked first, killed if it does not listen."""
        for worker in self.workers.values():
            with contextlib.suppress(OSError):
                worker.channel.send(Stop())
        deadline = time.monotonic() + STOP_SECONDS
        for worker in list(self.workers.values()):
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
            self.bury(worker)
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill_all(self) -> None:
        """Stop every worker now."""
        for worker in self.workers.values():
            worker.process.kill()


def available_cores() -> int:
    """Cores that this process may use: CPU affinity, and the quota of its cgroup."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return min(cores, WINDOWS_HANDLES if sys.platform == "win32" else MAX_WORKERS - 1)


def read_log(path: Path, limit: int = 4000) -> str:
    """The end of what a worker printed."""
    try:
        return path.read_bytes()[-limit:].decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""


def describe_exit(code: int | None) -> str:
    """How a process ended, in words.

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


def _cell(index: int) -> int:
    return index * 8  # 64 bytes, eight numbers of 8 bytes
