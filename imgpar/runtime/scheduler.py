"""The parent's loop. It never decodes and never blocks; it owns every decision.

         plan (Job | Outcome)
              │ pulled a little ahead
    ┌─────────▼──────────┐   assign, grants    ┌──────────────┐
    │  ledger            ├────────────────────►│ channels     │──► workers
    │  (who has what)    │◄────────────────────┤ (wait on all)│◄──
    └─────────┬──────────┘  done, need, EOF    └──────────────┘
              ▼ settled
            sink

Each turn: pull the plan, hire workers, hand out tasks, listen for at most a tick, look at deadlines.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from imgpar.core.errors import RunError
from imgpar.core.model import Event, Job
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Pool, WorkerProcess
from imgpar.runtime.protocol import (
    Advanced,
    Begin,
    Deny,
    Done,
    Dropped,
    Failed,
    Forget,
    Need,
    NoMemory,
    Offer,
    Recall,
    Revoke,
    ToWorker,
    Work,
)
from imgpar.runtime.records import Settled
from imgpar.runtime.watchdog import Deaths

TICK = 0.1
"""Seconds between looks at the deadlines and at the cancel token, at most."""
DOZE = 0.02
"""Seconds for which answers to small tasks may pile up, at most."""
PULL_SECONDS = 0.02
"""How long the plan may keep the loop from its workers."""
LOOKAHEAD = 32
"""Jobs per worker that are planned ahead."""


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
        """Begin nothing more; finish what is in flight."""
        self.cancelled = True

    def kill(self) -> None:
        """Stop now; what is in flight is not finished."""
        self.cancelled = self.killed = True


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run took."""

    left: int = 0
    """Jobs that were planned but not done, because the run was cancelled."""
    workers: int = 0
    """The most worker processes at one time."""
    seconds: float = 0.0
    """From the first task handed out to the last job settled."""


class Scheduler:
    """Runs one plan on a pool of workers.

    Args:
        pool: its workers are kept after the run.
        ledger: new for each run.
        run: number of the run; goes into every task.
        begin: what workers must know before their first task.
        limit: how many workers may be hired.
        timeout: seconds for one step of a job; None is 15 minutes for pictures and no limit for clips.
        name: marks the temporary files of this run; those of workers that die are removed.
        sink: called with everything in the plan that is no Job, and with every Settled of the ledger.
        cancel: looked at every tick.
        turn: one more thing to do every turn; says whether the run may end (arrays have a consumer).
        wakeup: a connection that ends the wait when something can be read from it.
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
        sink: Callable[[Any], None],
        cancel: CancelToken,
        turn: Callable[[], bool] = lambda: True,
        wakeup: Connection[Any, Any] | None = None,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._begin = begin
        self._limit = ledger.tasks.cores = limit
        self._sink = sink
        self._cancel = cancel
        self._turn = turn
        self._wakeup = (wakeup,) if wakeup else ()
        self._plan: Iterator[object] | None = None
        self._deaths = Deaths(pool, ledger, timeout, name)
        self._left = self._most = 0
        self._first = self._last = 0.0
        self._pace = 0.0
        """Seconds that a worker had for a task, of late."""
        self._heard = 0.0
        """When it was last known what the workers are at."""

    def run(self, plan: Iterator[object]) -> Effort:
        """Until every job is settled, or the token says stop.

        Raises:
            RunError: workers cannot be started.
        """
        self._plan = plan
        for worker in self._pool.workers.values():
            self._welcome(worker)
        try:
            while not (self._turn() and self._complete()):
                self._one_turn()
            self._left += len(self._ledger.jobs)  # none, unless the run was killed
        finally:
            self._farewell()
        return Effort(self._left, self._most, max(0.0, self._last - self._first))

    def _one_turn(self) -> None:
        if self._cancel.cancelled:
            self._plan = None
            self._left += self._ledger.drain()
        self._pull()
        self._hire()
        self._feed()
        self._doze()
        self._listen(0.0 if self._complete() or (self._plan is not None and self._hungry) else TICK)
        self._deaths.check_deadlines()

    def _doze(self) -> None:
        """Let answers pile up as long as nobody runs out of tasks: the workers need this core more."""
        rest = self._heard + self._ledger.tasks.spare * self._pace - time.monotonic()
        if rest > 0.0 and not self._wakeup:
            time.sleep(min(DOZE, rest))

    def _complete(self) -> bool:
        return self._cancel.killed or (self._plan is None and self._ledger.finished)

    # ----- plan and workers -----------------------------------------------------------------------

    @property
    def _hungry(self) -> bool:
        return self._ledger.tasks.queued < LOOKAHEAD * self._limit

    def _pull(self) -> None:
        """Take jobs from the plan until enough are queued, but do not keep the workers waiting."""
        until = time.monotonic() + PULL_SECONDS
        while self._plan is not None and self._hungry and time.monotonic() < until:
            planned = next(self._plan, None)
            if planned is None:
                self._plan = None
            elif isinstance(planned, Job):
                self._ledger.submit(planned, self._begin.run)
            else:
                self._sink(planned)

    def _hire(self) -> None:
        """Start workers as long as there are jobs for them: never more workers than jobs."""
        wanted = min(self._limit, self._ledger.tasks.queued + self._ledger.tasks.in_flight)
        while len(self._pool.workers) < wanted:
            try:
                self._welcome(self._pool.start())
            except RunError:
                if not self._pool.workers:
                    raise
                self._limit = wanted = len(self._pool.workers)  # go on with those who are there
        self._most = max(self._most, len(self._pool.workers))

    def _welcome(self, worker: WorkerProcess) -> None:
        self._ledger.hired(worker.index)
        self._send(worker, self._begin)

    def _farewell(self) -> None:
        """Workers are kept for the next run, without the memory and the recipe of this one."""
        if self._cancel.killed or self._ledger.tasks.in_flight:
            self._deaths.end_all()
            self._ledger.abandon()
            return
        self._ledger.leases.retire()
        for worker in self._pool.workers.values():
            self._send(worker, Revoke())
            self._send(worker, Forget(self._begin.run))

    # ----- messages -------------------------------------------------------------------------------

    def _send(self, worker: WorkerProcess, message: ToWorker) -> None:
        with contextlib.suppress(OSError):  # it is dead; the end of its channel will tell
            try:
                worker.channel.send(message)
            except TimeoutError:  # it reads nothing any more, and half of a message is in its pipe
                self._pool.kill(worker)

    def _feed(self) -> None:
        for index, message in self._ledger.leases.grants():
            self._send(self._pool.workers[index], message)
        for worker in self._pool.workers.values():
            if tasks := self._ledger.tasks.assign(worker.index):
                self._first = self._first or time.monotonic()
                self._send(worker, Work(tasks))

    def _listen(self, timeout: float) -> None:
        workers, calls = self._pool.ready(timeout, self._wakeup)
        self._heard = time.monotonic()
        for call in calls:
            call.recv_bytes()
        for worker in workers:
            self._read(worker)
        self._hire()  # in place of those who died
        self._feed()  # before plan and journal take their time

    def _read(self, worker: WorkerProcess) -> None:
        """Some of what a worker has sent; at the end of its channel, its burial."""
        try:
            messages = worker.channel.receive()
        except (EOFError, OSError):
            for settled in self._deaths.bury(worker):
                self._sink(settled)
            return
        # Outside of the `try`: what goes wrong here, in a listener say, is not the worker's death.
        for message in messages:
            if not self._deaths.confused(worker, message):
                self._handle(worker, message)

    def _handle(self, worker: WorkerProcess, message: object) -> None:
        settled: Settled | None = None
        match message:
            case Done():
                self._deaths.stillborn = 0
                self._pace += (sum(seconds for _, seconds in message.timings) - self._pace) / 8
                settled = self._ledger.done(worker.index, message)
            case Failed():
                self._deaths.stillborn = 0
                settled = self._ledger.failed(worker.index, message)
            case Need(serial, nbytes):
                settled = self._ledger.need(worker.index, serial, nbytes)
                if settled is not None:
                    self._send(worker, Deny(serial))
            case Offer():
                self._ledger.offer(worker.index, message)
            case Advanced():
                self._advance(worker, message)
            case Recall(serial):
                self._ledger.recall(worker.index, serial)
            case NoMemory(serial):
                self._ledger.no_memory(worker.index, serial)
            case Dropped(token):
                self._ledger.leases.dropped(worker.index, token)
        if settled is not None:
            self._last = self._heard
            self._sink(settled)

    def _advance(self, worker: WorkerProcess, message: Advanced) -> None:
        for task in self._ledger.held(worker.index):
            if task.serial == message.serial:
                path = task.job.item.path
                self._sink(Event("frames", text=path, frames=(message.frames, message.total)))
