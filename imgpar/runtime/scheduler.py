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
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from imgpar.codecs.formats import FORMATS
from imgpar.commit import temporary_path
from imgpar.errors import RunError
from imgpar.files import remove
from imgpar.model import Event, Job, Outcome
from imgpar.runtime.ledger import Cause, Ledger
from imgpar.runtime.messages import (
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
from imgpar.runtime.pool import Begun, Pool, Worker, describe_exit
from imgpar.runtime.records import Settled
from imgpar.unchanged import Unchanged

TICK = 0.1
"""Seconds between looks at the deadlines and at the cancel token, at most."""
DOZE = 0.004
"""Seconds for which answers to small tasks may pile up."""
PULL_SECONDS = 0.02
"""How long the plan may keep the loop from its workers."""
LOOKAHEAD = 32
"""Jobs per worker that are planned ahead."""
PICTURE_SECONDS = 900.0
"""A picture that takes a worker longer than this has hung it."""
MAX_STILLBORN = 3
"""Workers that die before they begin anything, one after the other, before the run is given up."""
MAX_STILLBORN_KILLED = 50
"""The same for those that were killed from outside."""
START_SECONDS = 60.0
"""How long a worker may take to begin what it was given; looked at only where there are deadlines."""
ABORT_SECONDS = 1.0
"""How long an overdue worker may take to say where it is, before it is killed."""


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


@dataclass(slots=True)
class Sighting:
    """Since when a worker has been seen at the same step."""

    begun: Begun
    since: float


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
        sink: called with every Outcome and Unchanged of the plan and every Settled of the ledger.
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
        self._limit = ledger.cores = limit
        self._timeout = timeout
        self._name = name
        self._sink = sink
        self._cancel = cancel
        self._turn = turn
        self._wakeup = (wakeup,) if wakeup else ()
        self._plan: Iterator[Job | Outcome | Unchanged] | None = None
        self._sightings: dict[int, Sighting] = {}
        self._overdue: dict[int, float] = {}
        """When workers that took too long were told to stop."""
        self._disorder: dict[int, str] = {}
        """Workers that were killed for what they said."""
        self._stillborn = 0
        self._left = self._most = 0
        self._first = self._last = 0.0

    def run(self, plan: Iterator[Job | Outcome | Unchanged]) -> Effort:
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
        if self._ledger.ample and not self._wakeup:
            time.sleep(DOZE)  # several answers in one turn: the workers need this core more
        self._listen(0.0 if self._complete() or (self._plan is not None and self._hungry) else TICK)
        self._check_deadlines()

    def _complete(self) -> bool:
        return self._cancel.killed or (self._plan is None and self._ledger.finished)

    # ----- plan and workers -----------------------------------------------------------------------

    @property
    def _hungry(self) -> bool:
        return self._ledger.queued < LOOKAHEAD * self._limit

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
        wanted = min(self._limit, self._ledger.queued + self._ledger.in_flight)
        while len(self._pool.workers) < wanted:
            try:
                self._welcome(self._pool.start())
            except RunError:
                if not self._pool.workers:
                    raise
                self._limit = wanted = len(self._pool.workers)  # go on with those who are there
        self._most = max(self._most, len(self._pool.workers))

    def _welcome(self, worker: Worker) -> None:
        self._ledger.hired(worker.index)
        self._send(worker, self._begin)

    def _farewell(self) -> None:
        """Workers are kept for the next run, without the memory and the recipe of this one."""
        if self._cancel.killed or self._ledger.in_flight:
            self._pool.kill_all()
            for worker in list(self._pool.workers.values()):
                self._pool.bury(worker)
                self._clean_up_after(worker)
            self._ledger.abandon()
            return
        self._ledger.retire()
        for worker in self._pool.workers.values():
            self._send(worker, Revoke())
            self._send(worker, Forget(self._begin.run))

    # ----- messages -------------------------------------------------------------------------------

    def _send(self, worker: Worker, message: ToWorker) -> None:
        with contextlib.suppress(OSError):  # it is dead; the end of its channel will tell
            worker.channel.send(message)

    def _feed(self) -> None:
        for index, message in self._ledger.grants():
            self._send(self._pool.workers[index], message)
        for worker in self._pool.workers.values():
            if tasks := self._ledger.assign(worker.index):
                self._first = self._first or time.monotonic()
                self._send(worker, Work(tasks))

    def _listen(self, timeout: float) -> None:
        workers, calls = self._pool.ready(timeout, self._wakeup)
        for call in calls:
            call.recv_bytes()
        for worker in workers:
            self._read(worker)
        self._hire()  # in place of those who died

    def _read(self, worker: Worker) -> None:
        """Everything that a worker has sent; at the end of its channel, its burial."""
        while True:
            try:
                if not worker.channel.waiting():
                    return
                message = worker.channel.receive()
            except (EOFError, OSError):
                self._bury(worker)
                return
            except Exception as error:
                message = error  # no pickle: as wrong as any other message that is none
            # Outside of the `try`: what goes wrong here, in a listener say, is not the worker's death.
            if not self._confused(worker, message):
                self._handle(worker, message)

    def _confused(self, worker: Worker, message: object) -> bool:
        """Whether a worker cannot be believed any more; then it is killed, and nothing it says counts."""
        if worker.index not in self._disorder:
            problem = self._ledger.disorder(worker.index, message)
            if not problem:
                return False
            self._disorder[worker.index] = problem
            self._pool.kill(worker)
        return True

    def _handle(self, worker: Worker, message: object) -> None:
        settled: Settled | None = None
        match message:
            case Done():
                self._stillborn = 0
                settled = self._ledger.done(worker.index, message)
            case Failed():
                self._stillborn = 0
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
                self._ledger.dropped(worker.index, token)
        if settled is not None:
            self._last = time.monotonic()
            self._sink(settled)

    def _advance(self, worker: Worker, message: Advanced) -> None:
        for task in self._ledger.held(worker.index):
            if task.serial == message.serial:
                path = task.job.item.path
                self._sink(Event("frames", text=path, frames=(message.frames, message.total)))

    # ----- deaths ---------------------------------------------------------------------------------

    def _check_deadlines(self) -> None:
        now = time.monotonic()
        for worker in self._pool.workers.values():
            begun = self._pool.begun(worker)
            seen = self._sightings.get(worker.index)
            if seen is None or (seen.begun.serial, seen.begun.tick) != (begun.serial, begun.tick):
                self._sightings[worker.index] = Sighting(begun, now)
            elif now - seen.since > self._deadline(worker, begun):
                if worker.index not in self._overdue:
                    self._overdue[worker.index] = now
                    self._pool.abort(worker)
                elif now - self._overdue[worker.index] > ABORT_SECONDS:
                    self._pool.kill(worker)

    def _deadline(self, worker: Worker, begun: Begun) -> float:
        """Seconds that a worker may be seen at the same step."""
        if begun.serial:
            return self._patience(worker.index)
        if not self._ledger.owes(worker.index):
            return math.inf
        return max(START_SECONDS, self._timeout or 0.0)

    def _patience(self, index: int) -> float:
        """What `--timeout` says; without it a picture has long enough, and a clip for ever."""
        if self._timeout is not None:
            return self._timeout
        formats = {target.format for task in self._ledger.held(index) for target in task.job.targets}
        clips = any(name in FORMATS and FORMATS[name].kind == "video" for name in formats)
        return math.inf if clips else PICTURE_SECONDS

    def _bury(self, worker: Worker) -> None:
        begun = self._pool.begun(worker)
        code, words = self._pool.bury(worker)
        self._sightings.pop(worker.index, None)
        self._clean_up_after(worker)
        overdue = self._overdue.pop(worker.index, None) is not None
        confused = self._disorder.pop(worker.index, "")
        cause: Cause = "deadline" if overdue else "killed" if code in (-9, -15, 255, None) else "crash"
        cause = "crash" if confused else cause
        self._stillborn = 0 if begun.tick else self._stillborn + 1
        if self._stillborn >= (MAX_STILLBORN_KILLED if cause == "killed" else MAX_STILLBORN):
            raise RunError(f"Workers die as soon as they start (the last one {describe_exit(code)}). {words}")
        end = confused or describe_exit(code)
        failure = self._overran(worker, begun, words) if overdue else _obituary(begun, end, words)
        for settled in self._ledger.died(worker.index, begun.serial, cause, failure):
            self._sink(settled)

    def _clean_up_after(self, worker: Worker) -> None:
        """Remove the halves of files that a dead worker leaves behind."""
        for task in self._ledger.held(worker.index):
            for target in task.job.targets:
                remove(temporary_path(target, self._name, task.serial))

    def _overran(self, worker: Worker, begun: Begun, words: str) -> Failed:
        seconds = self._patience(worker.index)
        message = f"It took longer than {seconds:g} s in stage {begun.stage}, twice."
        fix = "Give it more with --timeout."
        return Failed(begun.serial, begun.stage, "WorkerDiedError", message, fix, words)


def _obituary(begun: Begun, end: str, words: str) -> Failed:
    message = f"The worker process {end} in stage {begun.stage}, every time it was tried."
    return Failed(begun.serial, begun.stage, "WorkerDiedError", message, "", words)
