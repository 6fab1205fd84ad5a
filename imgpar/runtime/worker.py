"""The main loop of a worker process. It owns nothing and may die at any instruction.

    channel ─► Work ─► performer.perform(task, context) ─► Done
                         │  ▲
                       Need Grant     only when the standing lease is too small

Before each task it writes the serial of the task into its cell of the board, from which the parent learns
which task to charge when this process dies.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol

from imgpar.core.error_messages import setting
from imgpar.core.errors import HelperKilledError
from imgpar.runtime.arena import CHUNK
from imgpar.runtime.channel import WorkerEnd, shorten
from imgpar.runtime.context import Context, Performer, TaskStopped
from imgpar.runtime.failures import failure_of
from imgpar.runtime.protocol import (
    Begin,
    Deny,
    Done,
    Dropped,
    Failed,
    Forget,
    Grant,
    Lease,
    Need,
    NoMemory,
    Revoke,
    Sliced,
    Stop,
    Task,
    Work,
)
from imgpar.runtime.slices import is_plain, received, results_of
from imgpar.runtime.stage_times import StageClock


class Denied(TaskStopped):
    """The parent grants no memory for this task."""


class OutOfPagesError(TaskStopped):
    """The pages of the lease could not be reserved."""


class Log(Protocol):
    """Destination of what this process prints."""

    def lines(self) -> list[str]:
        """What was printed since the last call."""


class View(Protocol):
    """The arena as a worker sees it."""

    buffer: memoryview[int]
    board: memoryview[int]

    def reserve(self, lease: Lease) -> None:
        """Reserve the pages of a lease; raises OSError where there are none left."""


class Worker:
    """State of a worker: its channel, its view of the arena, its standing lease.

    Args:
        index: number of the worker, and of its cell of the board.
        channel: to the parent.
        view: of the arena.
        log: lines printed by this process.
    """

    def __init__(self, index: int, channel: WorkerEnd, view: View, log: Log) -> None:
        self._channel = channel
        self._view = view
        self._cell = index * 8
        self._log = log
        self._performers: dict[int, Performer] = {}
        self._kept: dict[str, Any] = {}
        self._queue: deque[Task | Revoke] = deque()
        self._standing: Lease | None = None
        self._requests: dict[int, int] = {}
        """Bytes requested for tasks, by their serials, until they are granted or denied."""
        self._denied: dict[int, Deny] = {}
        """Answers for tasks that do not wait now: another one, begun meanwhile, does."""
        self._ahead: dict[int, Lease] = {}
        """Leases that came with tasks, by their serials. A request gives them back: what the parent has sent
        before it knew of the request it takes for given back, too."""

    def loop(self) -> None:
        """Run until the parent sends `Stop` or is gone."""
        while True:
            while self._queue:
                self._next()
                while self._channel.waiting():  # messages are also read between the tasks of a batch
                    if not self._accept(self._channel.receive()):
                        return
            if not self._accept(self._channel.receive()):
                return

    def _accept(self, message: Any) -> bool:
        match message:
            case Work(tasks):
                self._queue.extend(map(received, tasks))
                self._ahead |= {each.serial: each.lease for each in tasks if each.lease and not each.piece}
            case Begin(run, payload):
                self._performers[run] = performer = pickle.loads(payload)  # noqa: S301 - from our own parent
                self._begin(performer)
            case Forget(run):
                if performer := self._performers.pop(run, None):
                    performer.end()
            case Revoke():
                self._queue.append(message)
            case Stop():
                return False
        return True

    def _next(self) -> None:
        task = self._queue.popleft()
        if isinstance(task, Revoke):
            self._standing = None
            if task.token:
                self._channel.send(Dropped(task.token))
        elif task.job.kind == "slice":
            self._perform_slice(task)
        elif task.together > 1:
            others = (self._queue.popleft() for _ in range(task.together - 1))
            self._perform_together([task, *others])  # type: ignore[list-item]
        else:
            self._perform(task)

    def _following(self) -> Task | Revoke | None:
        return self._queue[0] if self._queue else None

    def _read_ahead(self, task: Task | Revoke | None) -> None:
        """Let the input of the next task be read while another one is performed, to which a hang counts."""
        if isinstance(task, Task) and (performer := self._performers.get(task.run)):
            performer.read_ahead(task)

    # ----- one task -------------------------------------------------------------------------------

    def _perform_together(self, tasks: Sequence[Task]) -> None:
        """Perform tasks that share a part of their work, and answer each."""
        self._enter(tasks[0])
        contexts = [self._context(task) for task in tasks]
        try:
            ends = self._performers[tasks[0].run].perform_together(tasks, contexts)
        except Exception as error:
            ends = [(number, partial(_raise, error)) for number in range(len(tasks))]
        for number, end in ends:
            self._perform(tasks[number], contexts[number], end)

    def _enter(self, task: Task) -> None:
        """Write to the board which task this process is working on."""
        board = self._view.board
        board[self._cell + 1] += 1
        board[self._cell + 3] = 0
        board[self._cell] = task.serial

    def _context(self, task: Task) -> Context:
        clock = StageClock(self._view.board, self._cell)
        return Context(
            task,
            clock,
            self._view.buffer,
            self._kept,
            self._lease,
            self._request,
            self._channel,
            self._accept_now,
        )

    def _perform_slice(self, task: Task) -> None:
        """Perform the jobs of a slice one after the other, and answer for all of them at once."""
        made, done, failed = list[Done](), list[Done](), list[Failed]()
        parts = [task._replace(job=job) for job in task.job.parts()]
        for number, part in enumerate(parts):
            self._enter(task)
            context = self._context(part)
            context.clock.at_item(number)
            self._read_ahead(parts[number + 1] if number + 1 < len(parts) else self._following())
            match self._result(context.task, context, None):
                case Done() as result:
                    plain = is_plain(result, part.job.targets[0].path)
                    (made if plain else done).append(result._replace(serial=number))
                case Failed() as result:
                    failed.append(result._replace(serial=number, item=-1))
                case message:  # the parent sends the jobs again, each for itself
                    self._answer(message)
                    return
        self._answer(Sliced(task.serial, results_of(made), tuple(done), tuple(failed)))

    def _perform(
        self, task: Task, context: Context | None = None, end: Callable[[], Done] | None = None
    ) -> None:
        """Perform a task and answer it; with `end` the part of it that is left."""
        self._enter(task)
        self._read_ahead(self._following())
        self._answer(self._result(task, context or self._context(task), end))
        self._ahead.pop(task.serial, None)  # it has failed before it needed any

    def _result(
        self, task: Task, context: Context, end: Callable[[], Done] | None
    ) -> Done | Failed | NoMemory | None:
        """The answer to a task; None where the parent expects none."""
        board, clock = self._view.board, context.clock
        message: Done | Failed | NoMemory | None
        try:
            message = end() if end else self._performers[task.run].perform(task, context)
        except Denied:
            message = None
        except OutOfPagesError:
            self._standing = None
            message = NoMemory(task.serial)
        except TaskStopped:
            raise
        except HelperKilledError:
            self._die()  # a killed ffmpeg is treated like a killed worker: the parent retries the job
        except Exception as error:
            item, items = board[self._cell + 3] - 1, task.job.items
            path = items[item if len(items) > 1 else 0].path if item >= 0 or len(items) == 1 else ""
            message = failure_of(error, task.serial, clock.stage, clock.timings(), item, path)
        if isinstance(message, Done | Failed):
            if notes := (*message.notes, *self._log.lines()):
                message = message._replace(notes=_limit_texts(notes, 10))
            if isinstance(message, Done) and message.lost:
                message = message._replace(lost=_limit_texts(message.lost, 100))
        return message

    def _answer(self, message: Done | Failed | Sliced | NoMemory | None) -> None:
        if message is not None:
            self._send_result(message)
        # Last: a task that has run but is not answered must not look like one that was never begun.
        self._view.board[self._cell] = 0

    def _send_result(self, message: Done | Failed | Sliced | NoMemory) -> None:
        try:
            self._channel.send(message)
        except ValueError:
            text = "It has more outputs than fit into one message."
            fix = f"The files were written; convert fewer pages at a time with {setting('pages')}."
            self._channel.send(Failed(message.serial, "commit", "LimitError", text, fix, ""))

    def _accept_now(self, message: Any) -> None:
        if not self._accept(message):
            self._quit()

    # ----- the process around it ------------------------------------------------------------------

    def _begin(self, performer: Performer) -> None:
        """Prepare this process for a run."""
        performer.begin()

    def _quit(self) -> NoReturn:
        """End in the middle of a task, because the parent says so."""
        os._exit(0)

    def _die(self) -> NoReturn:
        """End as if killed, so that the task is tried again."""
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        raise AssertionError("still alive")

    # ----- memory ---------------------------------------------------------------------------------

    def _lease(self, task: Task, nbytes: int, standing: bool = False) -> Lease:
        """A lease for a task that holds none: the standing lease if it is large enough, else a new one."""
        if standing and self._standing is not None and nbytes <= self._standing.size:
            return self._standing
        self._standing = None  # a request releases the standing lease: see `Ledger.need`
        lease = self._ahead.pop(task.serial, None)
        if lease is not None and nbytes <= lease.size:
            lease = lease._replace(size=-(-nbytes // CHUNK) * CHUNK)
        else:
            lease = self._requested(task, nbytes)
        try:
            self._view.reserve(lease)
        except OSError as error:
            raise OutOfPagesError from error
        if standing:
            self._standing = lease._replace(fresh=False)
        return lease

    def _requested(self, task: Task, nbytes: int) -> Lease:
        if task.serial not in self._requests:
            self._request(task, nbytes)
        try:
            return self._await_grant(task)
        finally:
            del self._requests[task.serial]

    def _request(self, task: Task, nbytes: int) -> None:
        """Request a lease that `_lease` awaits later; the task gives up the one that it has."""
        self._ahead.clear()
        self._requests[task.serial] = nbytes
        self._channel.send(Need(task.serial, nbytes))

    def _await_grant(self, task: Task) -> Lease:
        """Wait for memory. Tasks of other jobs are performed meanwhile, which may wait, too; so that they do
        not wait for each other, what is granted to a task that cannot go on is returned."""
        board = self._view.board
        board[self._cell] = 0  # waiting cannot crash
        while True:
            message = self._denied.pop(task.serial, None) or self._channel.receive()
            match message:
                case Grant(serial, lease, ahead) if serial == task.serial:
                    self._ahead |= ahead
                    board[self._cell + 1] += 1
                    board[self._cell] = task.serial
                    return lease
                case Deny(serial) if serial == task.serial:
                    raise Denied
                case Grant(serial):
                    self._channel.send(Need(serial, self._requests[serial], later=True))
                case Deny(serial):
                    self._denied[serial] = message
                case Work(tasks):
                    if tasks[0].together > 1:
                        self._perform_together(tasks)
                        continue
                    for other in tasks:
                        if other.stage in ("transform", "encode", "frame"):
                            self._perform(other)
                        else:
                            self._queue.append(received(other))
                case _:
                    self._accept_now(message)


def _raise(error: Exception) -> Done:
    raise error


def _limit_texts(texts: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Each text once and shortened, as the parent limits their length."""
    return tuple(shorten(text, 500) for text in list(dict.fromkeys(texts))[:most])
