"""The loop inside a worker process. It owns nothing and may die at any instruction.

    channel ─► Work ─► performer.perform(task, context) ─► Done
                         │  ▲
                       Need Grant     only when the standing lease is too small

Before each task it writes the task's serial into its cell of the board; that is all the parent needs to
know which task to charge when this process is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from typing import Any, Protocol

from imgpar.core.errors import HelperKilledError
from imgpar.runtime.arena import ArenaView
from imgpar.runtime.channel import WorkerEnd, shorten
from imgpar.runtime.context import Context, Performer
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
    Stop,
    Task,
    Work,
)
from imgpar.runtime.stage_times import StageClock


class Denied(Exception):  # noqa: N818 - not an error: the parent has settled the job
    """The parent will give no memory for this task."""


class OutOfPagesError(Exception):
    """The lease could not be backed with pages."""


class Log(Protocol):
    """Where this process's prints go."""

    def lines(self) -> list[str]:
        """What was printed since the last look."""


class Worker:
    """State of a worker: its channel, its view of the arena, its standing lease."""

    def __init__(self, index: int, channel: WorkerEnd, view: ArenaView, log: Log) -> None:
        self._channel = channel
        self._view = view
        self._cell = index * 8
        self._log = log
        self._performers: dict[int, Performer] = {}
        self._kept: dict[str, Any] = {}
        self._queue: deque[Task | Revoke] = deque()
        self._pocket: Lease | None = None

    def loop(self) -> None:
        """Until the parent says stop, or is gone."""
        while True:
            while self._queue:
                self._next()
                while self._channel.waiting():  # a batch does not make the worker deaf
                    if not self._accept(self._channel.receive()):
                        return
            if not self._accept(self._channel.receive()):
                return

    def _accept(self, message: Any) -> bool:
        match message:
            case Work(tasks):
                self._queue.extend(tasks)
            case Begin(run, payload):
                self._performers[run] = performer = pickle.loads(payload)  # noqa: S301 - from our own parent
                performer.begin()
            case Forget(run):
                self._performers.pop(run, None)
            case Revoke():
                self._queue.append(message)
            case Stop():
                return False
        return True

    def _next(self) -> None:
        task = self._queue.popleft()
        if isinstance(task, Revoke):
            self._pocket = None
            if task.token:
                self._channel.send(Dropped(task.token))
        else:
            self._perform(task)

    # ----- one task -------------------------------------------------------------------------------

    def _perform(self, task: Task) -> None:
        board = self._view.board
        board[self._cell + 1] += 1
        board[self._cell] = task.serial
        clock = StageClock(board, self._cell)
        message: Done | Failed | NoMemory | None
        try:
            context = Context(
                task, clock, self._view.buffer, self._kept, self._lease, self._channel, self._accept_now
            )
            message = self._performers[task.run].perform(task, context)
        except Denied:
            message = None
        except OutOfPagesError:
            self._pocket = None
            message = NoMemory(task.serial)
        except HelperKilledError:
            # Whoever kills ffmpeg kills this job, as if it were this process: the parent tries it again.
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            message = None
        except Exception as error:
            message = failure_of(error, task.serial, clock.stage, clock.timings())
        if isinstance(message, Done | Failed):
            if notes := (*message.notes, *self._log.lines()):
                message = message._replace(notes=_brief(notes, 10))
            if isinstance(message, Done) and message.lost:
                message = message._replace(lost=_brief(message.lost, 100))
        if message is not None:
            self._tell(message)
        # Last: a task that has run, but has not been answered, must not pass for one that never began.
        board[self._cell] = 0

    def _tell(self, message: Done | Failed | NoMemory) -> None:
        try:
            self._channel.send(message)
        except ValueError:
            text = "It became more files than can be told of at once."
            fix = "They are there; convert fewer pages at a time with --pages."
            self._channel.send(Failed(message.serial, "commit", "LimitError", text, fix, ""))

    def _accept_now(self, message: Any) -> None:
        if not self._accept(message):
            os._exit(0)

    # ----- memory ---------------------------------------------------------------------------------

    def _lease(self, task: Task, nbytes: int, standing: bool = False) -> Lease:
        """Memory for a task that holds none: the standing lease if it is enough, else the parent's."""
        if standing and self._pocket is not None and nbytes <= self._pocket.size:
            return self._pocket
        self._pocket = None  # who asks gives back what it has: see `Ledger.need`
        self._channel.send(Need(task.serial, nbytes))
        lease = self._await_grant(task)
        try:
            self._view.reserve(lease)
        except OSError as error:
            raise OutOfPagesError from error
        if standing:
            self._pocket = lease._replace(fresh=False)
        return lease

    def _await_grant(self, task: Task) -> Lease:
        """Wait for memory. Frames of other jobs that only need work, no memory, are done meanwhile."""
        board = self._view.board
        board[self._cell] = 0  # waiting cannot crash
        while True:
            message = self._channel.receive()
            match message:
                case Grant(serial, lease) if serial == task.serial:
                    board[self._cell + 1] += 1
                    board[self._cell] = task.serial
                    return lease
                case Deny(serial) if serial == task.serial:
                    raise Denied
                case Work(tasks):
                    for other in tasks:
                        if other.stage in ("transform", "encode", "frame"):
                            self._perform(other)
                        else:
                            self._queue.append(other)
                case _:
                    self._accept_now(message)


def _brief(texts: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Each text once and cut; the parent takes no long ones."""
    return tuple(shorten(text, 500) for text in list(dict.fromkeys(texts))[:most])
