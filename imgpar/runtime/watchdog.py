"""Workers that hang, crash or send invalid messages: detection, description and clean-up.

stopped (SIGSTOP) for a minute ──────► SIGKILL ┐
same step for too long ──► SIGABRT ──► SIGKILL ┤
invalid message ─────────────────────► SIGKILL ┼─► EOF of its channel ─► reap ─► ledger.died
OOM killer, crash, user ───────────────────────┘
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from imgpar.core.error_messages import setting
from imgpar.core.errors import RunError
from imgpar.core.fs import partial_path, remove_file
from imgpar.runtime.exits import NOT_STARTED, describe_exit
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Begun, Pool, WorkerProcess
from imgpar.runtime.protocol import Failed
from imgpar.runtime.records import Cause, Settled
from imgpar.runtime.rlimits import more_processes
from imgpar.runtime.stopped_processes import is_stopped

STEP_SECONDS = 900.0
"""Seconds after which a worker is considered hung by a picture."""
MAX_FAILED_STARTS = 3
"""Consecutive workers that may die before they begin a task, before the run is given up."""
MAX_KILLED_STARTS = 50
"""The same for workers that were killed from outside."""
START_SECONDS = 60.0
"""Seconds a worker may take to begin a task; checked only where there are deadlines."""
STOPPED_SECONDS = 60.0
"""Seconds a worker with tasks may be stopped (SIGSTOP) before it is killed."""
LOOK_SECONDS = 1.0
ABORT_SECONDS = 1.0
"""Seconds an overdue worker may take to write its traceback before it is killed."""


@dataclass(slots=True)
class _Step:
    """Since when a worker has been at the same step."""

    begun: Begun
    since: float
    looked: float = 0.0
    """Time of the last check of its process state."""


class Watchdog:
    """Watches the workers of one run.

    Args:
        pool: owns the processes.
        ledger: has the tasks assigned to them.
        timeout: seconds for one step of a job; None is 15 minutes for pictures and no limit for clips.
        name: marks the temporary files of this run; those of dead workers are removed.
    """

    def __init__(self, pool: Pool, ledger: Ledger, timeout: float | None, name: str) -> None:
        self._pool = pool
        self._ledger = ledger
        self._timeout = timeout
        self._name = name
        self._steps: dict[int, _Step] = {}
        self._overdue: dict[int, float] = {}
        """Times at which overdue workers were sent SIGABRT."""
        self._invalid: dict[int, str] = {}
        """Workers that were killed for an invalid message, and what was invalid."""
        self.failed_starts = 0
        """Consecutive workers that died before they began a task."""

    def rejects(self, worker: WorkerProcess, message: object) -> bool:
        """Whether a worker has sent an invalid message; then it is killed, and its messages are ignored."""
        if worker.index not in self._invalid:
            problem = self._ledger.disorder(worker.index, message)
            if not problem:
                return False
            self._invalid[worker.index] = problem
            self._pool.kill(worker)
        return True

    def check_deadlines(self) -> None:
        """Stop the workers that have been at the same step for too long, where they can be stopped."""
        if not self._pool.isolated:
            return
        now = time.monotonic()
        for worker in self._pool.workers.values():
            if worker.request is not None:  # its time begins when it runs; the fork server has its own
                continue
            begun = self._pool.begun(worker)
            seen = self._steps.get(worker.index)
            if seen is None or (seen.begun.serial, seen.begun.tick) != (begun.serial, begun.tick):
                self._steps[worker.index] = _Step(begun, now)
            elif now - seen.since > STOPPED_SECONDS and self._is_stopped(worker, seen, now):
                self._pool.kill(worker)
            elif now - seen.since > self._deadline(worker, begun):
                if worker.index not in self._overdue:
                    self._overdue[worker.index] = now
                    self._pool.abort(worker)
                elif now - self._overdue[worker.index] > ABORT_SECONDS:
                    self._pool.kill(worker)

    def _is_stopped(self, worker: WorkerProcess, seen: _Step, now: float) -> bool:
        """Whether a worker with tasks is stopped; checked once a second."""
        if now - seen.looked < LOOK_SECONDS or not (seen.begun.serial or self._ledger.owes(worker.index)):
            return False
        seen.looked = now
        return is_stopped(worker.process.pid)

    def _deadline(self, worker: WorkerProcess, begun: Begun) -> float:
        """Seconds that a worker may be at the same step."""
        if begun.serial:
            return self._step_limit(worker.index, begun.item)
        if not self._ledger.owes(worker.index):
            return math.inf
        return max(START_SECONDS, self._timeout or 0.0)

    def _step_limit(self, index: int, item: int) -> float:
        """The value of `--timeout`; without it 15 minutes for pictures, also those of a job with several
        items, and no limit for clips."""
        if self._timeout is not None:
            return self._timeout
        streams = any(
            task.job.kind == "stream" and (task.piece is None or task.piece.item < 0)
            for task in self._ledger.held(index)
        )
        return math.inf if streams and item < 0 else STEP_SECONDS

    def reap(self, worker: WorkerProcess) -> list[Settled]:
        """Clean up after a dead worker and charge its task.

        Returns:
            The jobs that this ends.

        Raises:
            RunError: consecutive workers die before they begin a task.
        """
        begun = self._pool.begun(worker)
        code, log = self._pool.reap(worker)
        self._steps.pop(worker.index, None)
        self._clean_up_after(worker)
        overdue = self._overdue.pop(worker.index, None) is not None
        invalid = self._invalid.pop(worker.index, "")
        if invalid:
            begun = self._at_fault(worker, begun)
        cause: Cause = "crash"
        if overdue:
            cause = "deadline"
        elif code in (-9, -15, 255, NOT_STARTED, None):
            cause = "killed"
        cause = "crash" if invalid else cause
        if code != NOT_STARTED:  # those the pool counts
            self.failed_starts = 0 if begun.tick else self.failed_starts + 1
        if self.failed_starts >= (MAX_KILLED_STARTS if cause == "killed" else MAX_FAILED_STARTS):
            last = next(reversed(log.strip().splitlines()), "")
            detail = f"The last one {describe_exit(code)}{f': {last}' if last else ''}"
            if "can't start new thread" in last:
                raise RunError(
                    "The system starts no further thread for the workers.",
                    fix=more_processes(),
                )
            raise RunError(f"Workers die as soon as they start. {detail}.", fix="See imgpar doctor.")
        end = invalid or describe_exit(code)
        failure = self._timed_out(worker, begun, log) if overdue else _died(begun, end, log)
        return self._ledger.died(worker.index, begun.serial, cause, failure)

    def _at_fault(self, worker: WorkerProcess, begun: Begun) -> Begun:
        """The task to charge for an invalid message: the current one, or else the next, so that retries
        end."""
        held = [task.serial for task in self._ledger.held(worker.index)]
        if begun.serial in held or not held:
            return begun
        return replace(begun, serial=held[0])

    def end_all(self) -> None:
        """Kill and reap all workers and drop their tasks."""
        self._pool.kill_all()
        for worker in list(self._pool.workers.values()):
            self._pool.reap(worker)
            self._clean_up_after(worker)

    def _clean_up_after(self, worker: WorkerProcess) -> None:
        """Remove the partial files of a dead worker."""
        for task in self._ledger.held(worker.index):
            for target in task.job.targets:
                remove_file(partial_path(target.path, self._name, task.serial))

    def _timed_out(self, worker: WorkerProcess, begun: Begun, log: str) -> Failed:
        seconds = self._step_limit(worker.index, begun.item)
        where = f" in stage {begun.stage}" if begun.stage else ""
        twice = ", twice" if self._ledger.retried else ""
        message = f"It took longer than {seconds:g} s{where}{twice}."
        fix = f"Raise the limit with {setting('timeout')}."
        return Failed(begun.serial, begun.stage, "WorkerDiedError", message, fix, log, item=begun.item)


def _died(begun: Begun, end: str, log: str) -> Failed:
    where = f" in stage {begun.stage}" if begun.stage else ""
    message = f"The worker process {end}{where}, every time it was tried."
    return Failed(begun.serial, begun.stage, "WorkerDiedError", message, "", log, item=begun.item)
