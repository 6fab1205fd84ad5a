"""A worker in a thread of this process, for processes that may start no others, and on request (`jobs=0`).

The worker is the same, behind the same channel, so the outputs are the same. What needs a process of its own
is missing: a crash ends this process, and a step can neither be stopped nor limited in memory.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import select
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from imgpar.core.errors import ArenaError
from imgpar.runtime.arena import BOARD_BYTES, Arena
from imgpar.runtime.channel import ParentEnd, WorkerEnd
from imgpar.runtime.context import Performer, TaskStopped
from imgpar.runtime.pool import STOP_SECONDS, Pool, WorkerProcess, clear_cell
from imgpar.runtime.protocol import Lease, Stop, ToParent
from imgpar.runtime.worker import Worker

KILLED = -9
"""Exit code of a worker whose task has to be tried again: that of a process ended by SIGKILL."""


class PrivateArena(Arena):
    """Memory of this process alone. Pages are allocated on first use, and a forked child has its own."""

    def _open(self) -> None:
        private: int = getattr(mmap, "MAP_PRIVATE", 0)
        # Windows knows no flags, and gives a mapping without a name to this process only.
        how = {"flags": private | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)} if private else {}
        try:
            self.buffer = memoryview(mmap.mmap(-1, self.size, **how))
        except OSError as error:  # such as in a worker, whose memory is limited
            raise ArenaError(
                f"This process gets no memory of {self.size >> 20} MiB ({error.strerror or error}).",
                fix="Lower --memory (memory='256M').",
            ) from error


class WorkerEnded(TaskStopped):
    """The worker ends in the middle of a task."""


class ThreadPool(Pool):
    """The only worker of a session, as a thread.

    Args:
        arena: of this process.
    """

    isolated = False

    def __init__(self, arena: PrivateArena) -> None:
        self._arena = arena
        self.workers: dict[int, WorkerProcess] = {}
        self._channels: dict[int, WorkerProcess] = {}
        self._asked: dict[int, WorkerProcess] = {}
        self._poll: Any = select.poll() if hasattr(select, "poll") else None

    def start(self, count: int) -> list[WorkerProcess]:  # noqa: ARG002
        """Start the worker. Returns at once."""
        index = 0
        clear_cell(self._arena, index)
        ours, theirs = multiprocessing.Pipe(duplex=True)
        thread = _Thread(index, theirs, self._arena)
        thread.start()
        worker = WorkerProcess(index, thread, ParentEnd(ours), log="")
        self._add(worker)
        return [worker]

    def reap(self, worker: WorkerProcess) -> tuple[int | None, str]:
        """Wait until the worker has ended; see `Pool.reap`. Until then it may write into the arena."""
        if not self._remove(worker):
            return None, ""
        while not worker.channel.ended(STOP_SECONDS):
            pass  # what it still sends is dropped, so that it does not wait for a reader
        worker.process.join()
        worker.channel.close()
        return worker.process.exitcode, worker.process.log

    def kill(self, worker: WorkerProcess) -> None:
        """End a worker with its next message: its task is not reported."""
        worker.process.end.killed = True
        with contextlib.suppress(OSError):
            worker.channel.send(Stop())

    def close(self) -> None:
        """End the worker, after the task in progress."""
        self.kill_all()
        for worker in list(self.workers.values()):
            self.reap(worker)

    def disown(self) -> None:
        """Forget a worker that a fork has not copied."""
        for worker in self.workers.values():
            worker.channel.close()
            worker.process.end.close()
        self.workers.clear()


class _Thread(threading.Thread):
    """The thread of a worker, with what a process would leave at its end."""

    def __init__(self, index: int, connection: Connection[Any, Any], arena: Arena) -> None:
        super().__init__(name=f"imgpar-{index}", daemon=True)
        self.end = _KillableEnd(connection)
        self._worker = _ThreadWorker(index, self.end, _View(arena), _NoLog())
        self.exitcode, self.log = 0, ""

    def run(self) -> None:
        """Run the loop of the worker."""
        try:
            with contextlib.suppress(EOFError, OSError):
                self._worker.loop()
        except WorkerEnded:
            self.exitcode = KILLED
        except BaseException:  # such as a SystemExit of a library
            self.exitcode, self.log = 1, traceback.format_exc()
        finally:
            del self._worker  # with its view of the arena
            self.end.close()


class _KillableEnd(WorkerEnd):
    """The worker's end of the channel; it sends nothing after `killed`."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        super().__init__(connection)
        self.killed = False

    def send(self, message: ToParent) -> None:
        """Send a message; raises `WorkerEnded` when the worker has been killed."""
        if self.killed:
            raise WorkerEnded
        super().send(message)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()


class _ThreadWorker(Worker):
    """Leaves this process as it is: its signals, its log, and what libraries do with its threads."""

    def _begin(self, performer: Performer) -> None:
        pass

    def _quit(self) -> NoReturn:
        raise WorkerEnded

    _die = _quit


class _View:
    """The arena as its own process sees it."""

    def __init__(self, arena: Arena) -> None:
        self.buffer = arena.buffer
        self.board = arena.buffer[:BOARD_BYTES].cast("q")

    def reserve(self, lease: Lease) -> None:
        """Private pages need not be reserved."""


class _NoLog:
    """What a task prints appears where this process prints."""

    def lines(self) -> list[str]:
        """Nothing is captured."""
        return []
