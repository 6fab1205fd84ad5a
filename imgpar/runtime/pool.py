"""Starts, stops and reaps worker processes. Knows nothing of jobs.

1. Never fork: forkserver where available, spawn elsewhere. All workers are asked of the fork server at once
   (`requested`), and their first tasks wait in their channels.
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
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, ClassVar

from imgpar.core import children
from imgpar.core.error_messages import setting
from imgpar.core.errors import RunError
from imgpar.core.tempfiles import remove_folder, temporary_folder
from imgpar.runtime.arena import MAX_WORKERS, Arena
from imgpar.runtime.channel import ParentEnd
from imgpar.runtime.entry import worker_main
from imgpar.runtime.exits import NOT_STARTED, read_log
from imgpar.runtime.protocol import STAGES, Stop
from imgpar.runtime.rlimits import more_processes
from imgpar.runtime.sandbox import Sandbox
from imgpar.runtime.startup import clean_start, forget_child, preload, start_method
from imgpar.runtime.stopped_processes import (
    KILL_SECONDS,
    ServerWatch,
    server_has_failed,
    wake,
    wake_at_exit,
)

STOP_SECONDS = 3.0
"""Seconds a worker may take to exit after `Stop`; then it is killed."""
START_SECONDS = 0.02
"""Maximum seconds for which starting workers may keep the loop from the others."""
START_TRIES = 20
"""Fork servers in a row that may die before they start a worker."""
REFUSED_TRIES = 3
"""Those that end by themselves: the system starts no further process."""
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
    request: Any = None
    """What the fork server has not answered yet."""
    lost: bool = False
    """Whether it died before it had answered."""


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
        sandbox: what the workers may touch; None is everything.
    """

    isolated: ClassVar[bool] = True
    """Whether a worker can be stopped at any time, and limited in memory."""

    def __init__(
        self,
        arena: Arena,
        memory_limit: int = 0,
        method: str | None = None,
        preload: str = "",
        sandbox: Sandbox | None = None,
    ) -> None:
        self._arena = arena
        self._limits, self._preload = (memory_limit, sandbox), preload
        self._context: Any = multiprocessing.get_context(method or start_method())
        self._asks = self._context.get_start_method() == "forkserver" and hasattr(select, "poll")
        """Whether workers are asked of a fork server."""
        self._folder = temporary_folder()
        wake_at_exit()
        self._next = 0
        self.workers: dict[int, WorkerProcess] = {}
        self._channels: dict[int, WorkerProcess] = {}
        """The workers, by the descriptors of their channels."""
        # `connection.wait` builds a selector at every call.
        self._poll: Any = select.poll() if hasattr(select, "poll") else None
        self._asked: dict[int, WorkerProcess] = {}
        """Workers that the fork server has not started yet, by the descriptor of its answer."""
        self._dead_server = 0
        self._watch: ServerWatch | None = None
        """Guards the fork server while it has to answer."""
        self._problem: Exception = EOFError()
        self._losses = self._refusals = self._silent = 0
        """Fork servers that died in a row without an answer; how many of those ended by themselves, and how
        many were killed for it."""

    def start(self, count: int) -> list[WorkerProcess]:
        """Start more workers. Returns at once; they initialise themselves, and tasks may be sent before.

        Args:
            count: of workers. Fewer are started, but at least one, where that takes `START_SECONDS`.

        Raises:
            RunError: the system starts no further process.
        """
        started: list[WorkerProcess] = []
        until = time.monotonic() + START_SECONDS
        try:
            with clean_start():
                if self._asks and self._preload:
                    preload(self._preload)
                while len(started) < count and (not started or time.monotonic() < until):
                    started.append(self._start_surely())
        except RunError:
            if not started:  # otherwise the next call meets it again
                raise
        finally:
            self._end_guard()
        return started

    def _start_surely(self) -> WorkerProcess:
        while not self._is_hopeless():
            try:
                return self._start()
            except (OSError, EOFError) as error:  # the fork server has died: the next attempt restarts it
                self._lose(error)
                time.sleep(0.005 * self._losses)  # it refuses connections shortly before it is dead
        silent, lost = self._silent >= SILENT_TRIES, isinstance(self._problem, FileNotFoundError)
        refused = self._refusals >= REFUSED_TRIES or isinstance(self._problem, BlockingIOError)
        self._losses = self._refusals = self._silent = 0
        if silent:
            raise RunError(
                f"The process that starts the workers did not answer for {KILL_SECONDS:g} s, twice.",
                fix="Find out what blocks new processes, and run again.",
            ) from self._problem
        fix = more_processes() if refused else f"Lower {setting('jobs')}."
        raise RunError(
            f"No worker process can be started ({self._problem}).",
            fix="The temporary files were removed: run again." if lost else fix,
        ) from self._problem

    def _is_hopeless(self) -> bool:
        return self._losses >= START_TRIES or self._refusals >= REFUSED_TRIES or self._silent >= SILENT_TRIES

    def _lose(self, problem: Exception) -> None:
        """A fork server has died."""
        self._problem = problem
        self._losses += 1
        self._refusals += server_has_failed()
        if self._watch is not None:
            self._silent += self._watch.killed
            self._watch.killed = False

    def _start(self) -> WorkerProcess:
        index = next(index for index in range(MAX_WORKERS) if index not in self.workers)
        log = os.path.join(self._folder, f"worker-{self._next}.log")
        self._next += 1
        clear_cell(self._arena, index)
        ours, theirs = self._context.Pipe(duplex=True)
        try:
            process = self._new_process(
                target=worker_main,
                args=(index, theirs, self._arena.handle, log, *self._limits, children.IN_GROUPS),
                name=f"imgpar-{index}",
                daemon=True,
            )
            if self._asks and self._watch is None:
                self._watch = ServerWatch().__enter__()
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        worker = WorkerProcess(index, process, ParentEnd(ours), log)
        self._add(worker)
        if self._asks:
            worker.request = process._popen
            self._asked[worker.request.sentinel] = worker
            self._poll.register(worker.request.sentinel, select.POLLIN)
        else:
            worker.handle = _handle_of(process.pid)
        return worker

    @property
    def _new_process(self) -> Any:
        """The class of processes."""
        if not self._asks:
            return self._context.Process
        from imgpar.runtime.requested import RequestedProcess

        return RequestedProcess

    def _hear(self, worker: WorkerProcess, seconds: float | None = 0.0) -> None:
        """Read the answer of the fork server about a worker, if it comes within that time; None waits."""
        request = worker.request
        if request is None or not request.answered(seconds):
            return
        worker.request = None
        del self._asked[request.sentinel]
        self._poll.unregister(request.sentinel)
        if request.pid is None:
            worker.lost = True  # its channel will end
            request.give_up()
            if request.server != self._dead_server:  # others were lost with it
                self._dead_server = request.server
                self._lose(EOFError("the process that starts them ends"))
        else:
            self._losses = self._refusals = self._silent = 0
            worker.handle = _handle_of(request.pid)
            # One that has ended already may have left its pid to another process.
            if request.poll() is not None and worker.handle >= 0:
                os.close(worker.handle)
                worker.handle = -1
        if self._watch is not None:
            self._watch.heard()
        self._end_guard()

    def _end_guard(self) -> None:
        """End the guard of the fork server unless that has to answer."""
        if self._watch is not None and not self._asked:
            self._watch.__exit__()
            self._watch = None

    def settle(self) -> None:
        """Wait until the fork server has started every worker that it was asked for."""
        for worker in tuple(self._asked.values()):
            self._hear(worker, None)

    def _add(self, worker: WorkerProcess) -> None:
        self.workers[worker.index] = worker
        handle = worker.channel.connection.fileno()
        self._channels[handle] = worker
        if self._poll:
            self._poll.register(handle, select.POLLIN)

    def _remove(self, worker: WorkerProcess) -> bool:
        """Forget a worker that is to be reaped; False where that was done before."""
        if self.workers.pop(worker.index, None) is None:
            # at interpreter exit: the thread of an unfinished run has handled its end already
            return False
        handle = worker.channel.connection.fileno()
        del self._channels[handle]
        if self._poll:
            self._poll.unregister(handle)
        return True

    def begun(self, worker: WorkerProcess) -> Begun:
        """What the worker is doing, from its cell of the board."""
        serial, tick, stage, item = self._arena.board[_cell(worker.index) : _cell(worker.index) + 4]
        # The board lies in memory that every worker can write.
        return Begun(serial, tick, STAGES[stage] if 0 <= stage < len(STAGES) else "", item - 1)

    def ready(self, timeout: float, also: tuple[Any, ...] = ()) -> tuple[list[WorkerProcess], list[Any]]:
        """Workers whose channel is readable or at EOF, and those of `also` that are readable."""
        if not self._poll:
            by_connection = {worker.channel.connection: worker for worker in self.workers.values()}
            found = wait([*by_connection, *also], timeout)
            return (
                [by_connection[item] for item in found if item in by_connection],
                [item for item in found if item not in by_connection],
            )
        for item in also:
            self._poll.register(item, select.POLLIN)
        try:
            handles = [handle for handle, _ in self._poll.poll(timeout * 1000)]
        finally:
            for item in also:
                self._poll.unregister(item)
        for handle in handles:
            if handle in self._asked:
                self._hear(self._asked[handle])
        workers = [self._channels[handle] for handle in handles if handle in self._channels]
        return workers, [item for item in also if item.fileno() in handles]

    def reap(self, worker: WorkerProcess) -> tuple[int | None, str]:
        """Clean up after a dead worker.

        Returns:
            Its exit code (−N for signal N, or `NOT_STARTED`) and the end of its log.
        """
        if not self._remove(worker):
            return None, ""
        self._hear(worker)
        if not worker.channel.ended(STOP_SECONDS):
            self.kill(worker)
            worker.channel.ended(STOP_SECONDS)
        self._hear(worker, None)  # a worker that has ended was started, or never will be
        worker.channel.close()
        if children.IN_GROUPS:
            children.end_group(worker.process.pid)
        worker.process.join(1.0)
        if worker.process.is_alive():  # it closed its channel but still runs
            self.kill(worker)
            worker.process.join(1.0)
        code = worker.process.exitcode
        with contextlib.suppress(ValueError):
            worker.process.close()
        if worker.handle >= 0:
            os.close(worker.handle)
        return NOT_STARTED if worker.lost else code, read_log(worker.log)

    def kill(self, worker: WorkerProcess) -> None:
        """Send SIGKILL to a worker; its channel will end. Waits until it has been started."""
        self._hear(worker, None)
        if worker.handle < 0:
            worker.process.kill()
            return
        # Not through `process`: after the fork server has died, that reports its children as dead too.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(worker.handle, signal.SIGKILL)

    def abort(self, worker: WorkerProcess) -> None:
        """Send SIGABRT to a worker, so that it logs a traceback if it can; use `kill` if it does not end."""
        self._hear(worker)
        if worker.request is not None:
            return
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
            if not worker.lost:
                forget_child(worker.process)
        self.workers.clear()
        self._asked.clear()
        self._watch = None  # its thread was not copied

    def kill_all(self) -> None:
        """Kill every worker at once."""
        for worker in self.workers.values():
            self.kill(worker)


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
