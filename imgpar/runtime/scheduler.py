"""The main loop of the parent. It never decodes and never blocks; all decisions are made here.

         plan (Job | Outcome)
              │ read ahead
    ┌─────────▼──────────┐   assign, grants    ┌──────────────┐
    │  ledger            ├────────────────────►│ channels     │──► workers
    │  (all state)       │◄────────────────────┤ (wait on all)│◄──
    └─────────┬──────────┘  done, need, EOF    └──────────────┘
              ▼ settled
            sink

Each turn: read the plan, start workers, assign tasks, receive messages for at most one tick, check deadlines.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from imgpar.core.errors import RunError, SetupError, traced
from imgpar.core.job import Event, Job
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Pool, WorkerProcess
from imgpar.runtime.protocol import (
    Advanced,
    Begin,
    Deny,
    Done,
    Dropped,
    Failed,
    Files,
    Forget,
    Need,
    NoMemory,
    Offer,
    Recall,
    Revoke,
    Sliced,
    Task,
    ToWorker,
    Work,
)
from imgpar.runtime.records import Settled
from imgpar.runtime.slices import sent
from imgpar.runtime.task_queue import BATCH_ITEMS
from imgpar.runtime.watchdog import Watchdog

TICK = 0.1
"""Maximum seconds between checks of the deadlines and of the cancel token."""
MAX_DELAY = 0.02
"""Maximum seconds for which answers to small tasks may accumulate."""
PULL_SECONDS = 0.02
"""Maximum seconds that planning may keep the loop from the workers."""
LOOKAHEAD = 32
"""Jobs per worker that are planned ahead; their inputs may have been fetched, and lie on the disk."""
SLICED_AHEAD = 2 * BATCH_ITEMS
"""Items per worker, where they are in slices: of fewer, each slice would be cut like one of the last."""
FIRST_STAGES = ("chain", "decode")
"""Stages of the first task of a job."""


class NotYet:
    """In a plan: the next job is not ready, and should be asked for again after a tick."""


class CancelToken:
    """Stops a run from outside; safe to use from signal handlers and other threads.

    >>> token = CancelToken()
    >>> token.cancel()
    >>> token.cancelled
    True
    """

    def __init__(self) -> None:
        self.cancelled = False
        self.killed = False

    def cancel(self) -> None:
        """Begin no further tasks; finish those in flight."""
        self.cancelled = True

    def kill(self) -> None:
        """Stop at once; tasks in flight are not finished."""
        self.cancelled = self.killed = True


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run took."""

    left: int = 0
    """Items that were planned but not done, because the run was cancelled."""
    workers: int = 0
    """Maximum number of worker processes at one time."""
    seconds: float = 0.0
    """From the first task assigned to the last job settled."""


class Scheduler:
    """Runs one plan on a pool of workers.

    Args:
        pool: its workers are kept after the run.
        ledger: new for each run.
        begin: sent to every worker before its first task.
        limit: maximum number of workers.
        timeout: seconds for one step of a job; None is 15 minutes for pictures and no limit for clips.
        name: marks the temporary files of this run; those of dead workers are removed.
        sets_up: whether the performer may fail to be set up in a worker, which ends the run.
        sink: called with everything in the plan that is not a `Job`, and with every `Settled` of the ledger.
        cancel: checked every tick.
        turn: called every turn; returns whether the run may end (arrays have a consumer).
        started: called with each job when a worker gets its first task; again where it is begun anew.
        wakeup: a connection that ends the wait when it becomes readable.
    """

    def __init__(
        self,
        pool: Pool,
        ledger: Ledger,
        begin: Begin,
        *,
        limit: int,
        timeout: float | None,
        name: str = "",
        sets_up: bool = False,
        sink: Callable[[Any], None],
        cancel: CancelToken,
        turn: Callable[[], bool] = lambda: True,
        started: Callable[[Job], object] | None = None,
        wakeup: Connection[Any, Any] | None = None,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._begin = begin
        self._limit = ledger.tasks.cores = limit
        self._sets_up = sets_up
        self._sink = sink
        self._cancel = cancel
        self._turn = turn
        self._started = started
        self._wakeup = (wakeup,) if wakeup else ()
        self._plan: Iterator[object] | None = None
        self._plan_waits = False
        """Whether the plan has no job ready."""
        self._watchdog = Watchdog(pool, ledger, timeout, name)
        self._starting = False
        """Whether more workers are to be started."""
        self._left = self._most = 0
        self._first = self._last = 0.0
        self._task_seconds = 0.0
        """Average seconds per task and worker, as a moving average."""
        self._received = 0.0
        """Time of the last messages of the workers."""

    def run(self, plan: Iterator[object]) -> Effort:
        """Run until every job is settled or the token is cancelled.

        Raises:
            RunError: workers cannot be started, or the performer cannot be set up.
        """
        self._plan = plan
        for worker in self._pool.workers.values():
            self._initialise(worker)
        try:
            while not (self._turn() and self._complete()):
                self._one_turn()
            self._left += self._ledger.items  # 0, unless the run was killed
        finally:
            self._finish()
        return Effort(self._left, self._most, max(0.0, self._last - self._first))

    def _one_turn(self) -> None:
        if self._cancel.cancelled:
            self._plan = None
            self._left += self._ledger.drain()
        self._pull()
        self._start_workers()
        self._assign()
        self._delay()
        pulling = self._plan is not None and self._needs_jobs and not self._plan_waits
        self._receive(0.0 if self._complete() or pulling or self._starting else TICK)
        self._watchdog.check_deadlines()

    def _delay(self) -> None:
        """Let answers accumulate as long as no worker runs out of tasks: the workers need this core more."""
        rest = self._received + self._ledger.tasks.spare * self._task_seconds - time.monotonic()
        if rest > 0.0:
            time.sleep(min(MAX_DELAY, rest))

    def _complete(self) -> bool:
        return self._cancel.killed or (self._plan is None and self._ledger.finished)

    # ----- plan and workers -----------------------------------------------------------------------

    @property
    def _needs_jobs(self) -> bool:
        tasks = self._ledger.tasks
        ahead = SLICED_AHEAD if tasks.queue and tasks.queue[-1].job.kind == "slice" else LOOKAHEAD
        return tasks.queued < ahead * self._limit

    def _pull(self) -> None:
        """Take jobs from the plan until enough are queued, but do not keep the workers waiting."""
        until = time.monotonic() + PULL_SECONDS
        self._plan_waits = False
        while self._plan is not None and self._needs_jobs and time.monotonic() < until:
            planned = next(self._plan, None)
            if planned is None:
                self._plan = None
            elif isinstance(planned, NotYet):
                self._plan_waits = True
                return
            elif isinstance(planned, Job):
                self._ledger.submit(planned, self._begin.run)
            else:
                self._sink(planned)

    def _start_workers(self) -> None:
        """Start some workers while there are jobs for them: never more workers than jobs."""
        wanted = min(self._limit, self._ledger.tasks.queued + self._ledger.tasks.in_flight)
        if missing := max(0, wanted - len(self._pool.workers)):
            try:
                for worker in self._pool.start(missing):
                    self._initialise(worker)
            except RunError:
                if not self._pool.workers:
                    raise
                self._limit = wanted = len(self._pool.workers)  # continue with those that run
        self._starting = len(self._pool.workers) < wanted
        self._most = max(self._most, len(self._pool.workers))

    def _initialise(self, worker: WorkerProcess) -> None:
        self._ledger.hired(worker.index)
        self._send(worker, self._begin)

    def _finish(self) -> None:
        """Keep the workers for the next run, without the memory and the performer of this one."""
        if self._cancel.killed or self._ledger.tasks.in_flight:
            self._watchdog.end_all()
            self._ledger.abandon()
            return
        self._pool.settle()
        self._ledger.leases.retire()
        for worker in self._pool.workers.values():
            self._send(worker, Revoke())
            self._send(worker, Forget(self._begin.run))

    # ----- messages -------------------------------------------------------------------------------

    def _send(self, worker: WorkerProcess, message: ToWorker) -> None:
        with contextlib.suppress(OSError):  # it is dead: its channel will end
            try:
                worker.channel.send(message)
            except TimeoutError:  # it does not read, and half of a message is in its pipe
                self._pool.kill(worker)

    def _assign(self) -> None:
        for index, message in self._ledger.leases.grants():
            self._send(self._pool.workers[index], message)
        for worker in self._pool.workers.values():
            if tasks := self._ledger.tasks.assign(worker.index):
                self._first = self._first or time.monotonic()
                ready = self._ledger.leases.ahead(worker.index, tasks)
                self._send(worker, Work(tuple(map(sent, ready))))
                self._tell_started(tasks)

    def _tell_started(self, tasks: Iterable[Task]) -> None:
        if self._started is not None:
            for task in tasks:
                if task.stage in FIRST_STAGES:
                    self._started(task.job)

    def _receive(self, timeout: float) -> None:
        workers, calls = self._pool.ready(timeout, self._wakeup)
        self._received = time.monotonic()
        for call in calls:
            call.recv_bytes()
        for worker in workers:
            self._read(worker)
        self._start_workers()  # replaces dead workers
        self._assign()  # before planning and the journal take their time

    def _read(self, worker: WorkerProcess) -> None:
        """Handle some messages of a worker; at the end of its channel, its death."""
        try:
            messages = worker.channel.receive()
        except (EOFError, OSError):
            for settled in self._watchdog.reap(worker):
                self._sink(settled)
            return
        # Outside of the `try`: an error here, for instance in a callback, is not the death of the worker.
        for message in messages:
            if not self._watchdog.rejects(worker, message):
                self._handle(worker, message)

    def _handle(self, worker: WorkerProcess, message: object) -> None:
        settled: Settled | None = None
        match message:
            case Sliced():
                self._watchdog.failed_starts = 0
                made = message.made
                self._measure(sum(map(sum, made.seconds)), len(made.numbers))
                for failed in message.failed:
                    self._check_set_up(failed)
                settled = self._ledger.sliced(worker.index, message)
            case Done():
                self._watchdog.failed_starts = 0
                self._measure(sum(seconds for _, seconds in message.timings), 1)
                settled = self._ledger.done(worker.index, message)
            case Failed():
                self._watchdog.failed_starts = 0
                self._check_set_up(message)
                settled = self._ledger.failed(worker.index, message)
            case Need(serial):
                settled = self._ledger.need(worker.index, *message)
                if not self._ledger.waits(worker.index, serial):
                    self._send(worker, Deny(serial))
            case Offer():
                self._ledger.offer(worker.index, message)
            case Advanced():
                self._advance(worker, message)
            case Files():
                self._ledger.files(worker.index, message)
            case Recall(serial):
                self._ledger.recall(worker.index, serial)
            case NoMemory(serial):
                for index, denial in self._ledger.no_memory(worker.index, serial):
                    self._send(self._pool.workers[index], denial)
            case Dropped(token):
                self._ledger.leases.dropped(worker.index, token)
        if settled is not None:
            self._last = self._received
            self._sink(settled)

    def _measure(self, seconds: float, count: int) -> None:
        """Learn how long tasks take, from which follows how many are sent at a time."""
        if count:
            self._task_seconds += (seconds / count - self._task_seconds) / 8
            self._ledger.tasks.seconds = self._task_seconds

    def _check_set_up(self, failed: Failed) -> None:
        if self._sets_up and failed.error == SetupError.__name__:
            raise traced(SetupError(failed.message, fix=failed.fix), failed.traceback)

    def _advance(self, worker: WorkerProcess, message: Advanced) -> None:
        for task in self._ledger.held(worker.index):
            if task.serial == message.serial:
                job = task.job
                path = job.item.path if len(job.items) == 1 else job.targets[0].path
                self._sink(Event("frames", text=path, frames=(message.frames, message.total)))
