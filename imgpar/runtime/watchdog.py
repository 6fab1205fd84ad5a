"""Workers that hang, lie or die: how that is noticed, what it is called, and what is cleaned up after them.

stopped (SIGSTOP) for a minute ─────► SIGKILL─┐
same step for too long ─► SIGABRT ─► SIGKILL ─┤
cannot be believed ──────────────────► SIGKILL ┼─► end of its channel ─► bury ─► ledger.died
the OOM killer, a crash, a person ─────────────┘
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from imgpar.core.errors import RunError
from imgpar.core.fs import partial_path, remove_file
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Begun, Pool, WorkerProcess, describe_exit
from imgpar.runtime.protocol import Failed
from imgpar.runtime.records import Cause, Settled
from imgpar.runtime.stopped_processes import is_stopped

STEP_SECONDS = 900.0
"""A picture that takes a worker longer than this has hung it."""
MAX_STILLBORN = 3
"""Workers that die before they begin anything, one after the other, before the run is given up."""
MAX_STILLBORN_KILLED = 50
"""The same for those that were killed from outside."""
START_SECONDS = 60.0
"""How long a worker may take to begin what it was given; looked at only where there are deadlines."""
STOPPED_SECONDS = 60.0
"""How long a worker that has something to do may be stopped (SIGSTOP), before it is killed."""
LOOK_SECONDS = 1.0
ABORT_SECONDS = 1.0
"""How long an overdue worker may take to say where it is, before it is killed."""


@dataclass(slots=True)
class Sighting:
    """Since when a worker has been seen at the same step."""

    begun: Begun
    since: float
    looked: float = 0.0
    """When its state was asked for."""


class Deaths:
    """Watches over the workers of one run.

    Args:
        pool: has the processes.
        ledger: knows what they were given.
        timeout: seconds for one step of a job; None is 15 minutes for pictures and no limit for clips.
        name: marks the temporary files of this run; those of workers that die are removed.
    """

    def __init__(self, pool: Pool, ledger: Ledger, timeout: float | None, name: str) -> None:
        self._pool = pool
        self._ledger = ledger
        self._timeout = timeout
        self._name = name
        self._sightings: dict[int, Sighting] = {}
        self._overdue: dict[int, float] = {}
        """When workers that took too long were told to stop."""
        self._disorder: dict[int, str] = {}
        """Workers that were killed for what they said."""
        self.stillborn = 0
        """Workers that died before they began anything, since one did something."""

    def confused(self, worker: WorkerProcess, message: object) -> bool:
        """Whether a worker cannot be believed any more; then it is killed, and nothing it says counts."""
        if worker.index not in self._disorder:
            problem = self._ledger.disorder(worker.index, message)
            if not problem:
                return False
            self._disorder[worker.index] = problem
            self._pool.kill(worker)
        return True

    def check_deadlines(self) -> None:
        """Stop the workers that have been at the same step for too long."""
        now = time.monotonic()
        for worker in self._pool.workers.values():
            begun = self._pool.begun(worker)
            seen = self._sightings.get(worker.index)
            if seen is None or (seen.begun.serial, seen.begun.tick) != (begun.serial, begun.tick):
                self._sightings[worker.index] = Sighting(begun, now)
            elif now - seen.since > STOPPED_SECONDS and self._is_stopped(worker, seen, now):
                self._pool.kill(worker)
            elif now - seen.since > self._deadline(worker, begun):
                if worker.index not in self._overdue:
                    self._overdue[worker.index] = now
                    self._pool.abort(worker)
                elif now - self._overdue[worker.index] > ABORT_SECONDS:
                    self._pool.kill(worker)

    def _is_stopped(self, worker: WorkerProcess, seen: Sighting, now: float) -> bool:
        """Whether a worker that has something to do will never do it; looked at once a second."""
        if now - seen.looked < LOOK_SECONDS or not (seen.begun.serial or self._ledger.owes(worker.index)):
            return False
        seen.looked = now
        return is_stopped(worker.process.pid)

    def _deadline(self, worker: WorkerProcess, begun: Begun) -> float:
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
        streams = any(task.job.kind == "stream" for task in self._ledger.held(index))
        return math.inf if streams else STEP_SECONDS

    def bury(self, worker: WorkerProcess) -> list[Settled]:
        """Clean up after a worker that is gone, and charge what it was at; the jobs that this ends.

        Raises:
            RunError: one after the other dies before it begins anything.
        """
        begun = self._pool.begun(worker)
        code, words = self._pool.bury(worker)
        self._sightings.pop(worker.index, None)
        self._clean_up_after(worker)
        overdue = self._overdue.pop(worker.index, None) is not None
        confused = self._disorder.pop(worker.index, "")
        if confused:
            begun = self._at_fault(worker, begun)
        cause: Cause = "deadline" if overdue else "killed" if code in (-9, -15, 255, None) else "crash"
        cause = "crash" if confused else cause
        self.stillborn = 0 if begun.tick else self.stillborn + 1
        if self.stillborn >= (MAX_STILLBORN_KILLED if cause == "killed" else MAX_STILLBORN):
            last = next(reversed(words.strip().splitlines()), "")
            said = f"The last one {describe_exit(code)}{f': {last}' if last else ''}"
            raise RunError(f"Workers die as soon as they start. {said}.", fix="See imgpar doctor.")
        end = confused or describe_exit(code)
        failure = self._overran(worker, begun, words) if overdue else _obituary(begun, end, words)
        return self._ledger.died(worker.index, begun.serial, cause, failure)

    def _at_fault(self, worker: WorkerProcess, begun: Begun) -> Begun:
        """The task to charge for what a worker said: the one at hand, or else the next, so that it does not
        go on for ever."""
        held = [task.serial for task in self._ledger.held(worker.index)]
        if begun.serial in held or not held:
            return begun
        return replace(begun, serial=held[0])

    def end_all(self) -> None:
        """Kill and bury everybody: what they were at is nobody's any more."""
        self._pool.kill_all()
        for worker in list(self._pool.workers.values()):
            self._pool.bury(worker)
            self._clean_up_after(worker)

    def _clean_up_after(self, worker: WorkerProcess) -> None:
        """Remove the halves of files that a dead worker leaves behind."""
        for task in self._ledger.held(worker.index):
            for target in task.job.targets:
                remove_file(partial_path(target.path, self._name, task.serial))

    def _overran(self, worker: WorkerProcess, begun: Begun, words: str) -> Failed:
        seconds = self._patience(worker.index)
        message = f"It took longer than {seconds:g} s in stage {begun.stage}, twice."
        fix = "Give it more with --timeout."
        return Failed(begun.serial, begun.stage, "WorkerDiedError", message, fix, words)


def _obituary(begun: Begun, end: str, words: str) -> Failed:
    where = f" in stage {begun.stage}" if begun.stage else ""
    message = f"The worker process {end}{where}, every time it was tried."
    return Failed(begun.serial, begun.stage, "WorkerDiedError", message, "", words)
