"""Who has which memory, and whose turn it is to get some. Pure bookkeeping, a part of the ledger.

1. A job holds at most one lease, and asks for it only while it holds none: nobody waits for memory while
   holding some, so there is no deadlock.
2. In a chain the lease belongs to the worker (its standing lease, kept from job to job, so most jobs ask
   for nothing). In stages, and for arrays, it belongs to the job and travels with it.
3. Memory is granted first come, first served; for arrays in the order of the jobs, since they are
   consumed in that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imgpar.runtime.arena import Allocator
from imgpar.runtime.protocol import (
    Deny,
    Failed,
    Grant,
    Lease,
    Revoke,
    Task,
    ToWorker,
)
from imgpar.runtime.records import JobState, WorkerState
from imgpar.runtime.shared_frames import Helping
from imgpar.runtime.task_queue import Tasks


class Leases:
    """The memory of one session.

    Args:
        allocator: of the arena.
        jobs: every job that is not settled, by its id.
        workers: as the ledger knows them.
        tasks: who has to begin again goes back there.
        helping: others may still use a clip's lease.
        arrays: frames are handed to the caller in order instead of being encoded.
    """

    def __init__(
        self,
        allocator: Allocator,
        jobs: Mapping[int, JobState],
        workers: Mapping[int, WorkerState],
        tasks: Tasks,
        helping: Helping,
        *,
        arrays: bool,
    ) -> None:
        self._allocator = allocator
        self._jobs = jobs
        self._workers = workers
        self._tasks = tasks
        self._helping = helping
        self._arrays = arrays
        self._ungranted: dict[int, None] = {}
        """Ids of jobs without memory, for the order of grants in arrays."""

    # ----- whose it is ----------------------------------------------------------------------------

    def owned_by_job(self, task: Task) -> bool:
        """Whether the job, not the worker, owns the lease of this task."""
        return self._arrays or task.stage != "chain" or task.job.kind == "stream"

    def of(self, worker: WorkerState, task: Task) -> Lease | None:
        """The memory of a task that this worker has."""
        state = self._jobs.get(task.job.id)
        return worker.pocket if state is None or not self.owned_by_job(task) else state.lease

    def expect(self, state: JobState) -> None:
        """This job has no memory, and will want some."""
        self._ungranted[state.job.id] = None

    def forget(self, state: JobState) -> None:
        """This job will not want any."""
        self._ungranted.pop(state.job.id, None)

    def confirm(self, worker: WorkerState, task: Task) -> None:
        """A task that ended well has reserved its pages."""
        lease = self.of(worker, task)
        if lease is None or not lease.fresh:
            return
        self._allocator.confirm(lease)
        known = lease._replace(fresh=False)
        if self.owned_by_job(task):
            self._jobs[task.job.id].lease = known
        else:
            worker.pocket = known

    # ----- given back -----------------------------------------------------------------------------

    def free(self, state: JobState) -> None:
        """Take back what a job holds."""
        if state.lease is not None:
            if not self._helping.keep(state.lease):
                self._allocator.free(state.lease)
            state.lease = None
            self.expect(state)

    def free_pocket(self, worker: WorkerState) -> None:
        """Take back what a worker holds."""
        if worker.pocket is not None:
            self._allocator.free(worker.pocket)
            worker.pocket = None

    def lose(self, worker: WorkerState, task: Task, state: JobState) -> None:
        """The pages of the task's lease cannot be had: nobody shall get it any more."""
        if self.owned_by_job(task):
            lease, state.lease = state.lease, None
        else:
            lease, worker.pocket = worker.pocket, None
        if lease is not None:
            self._allocator.lose(lease)

    def dropped(self, index: int, token: int) -> None:
        """A worker has given its standing lease back, as it was told."""
        worker = self._workers[index]
        if worker.revoked == token:
            worker.revoked = 0
            self.free_pocket(worker)

    def retire(self) -> None:
        """Take all standing leases back at the end of a run; every worker is idle, and is told so."""
        for worker in self._workers.values():
            self.free_pocket(worker)

    def release(self, lease: Lease) -> None:
        """The receiver of an array has let it go; may be called from any thread."""
        self._allocator.give_back(lease)

    def restart(self, state: JobState) -> None:
        """A job gives its memory back and begins again."""
        self.free(state)
        self._tasks.requeue(state, sort=self._arrays)  # arrays are wanted in their order

    # ----- asked for and granted ------------------------------------------------------------------

    def grants(self) -> list[tuple[int, ToWorker]]:
        """Give memory to those who wait, as far as it goes, and tell clips of their frames; call after
        anything was freed or asked."""
        messages: list[tuple[int, ToWorker]] = []
        while (index := self._first_waiting()) is not None:
            worker = self._workers[index]
            assert worker.waiting is not None
            serial, nbytes = worker.waiting
            lease = self._allocator.lease(_roomy(nbytes, self._allocator.largest))
            if lease is None:
                lease = self._allocator.lease(nbytes)
            if lease is None:
                revoked = list(self._revoke())
                messages += revoked
                if any(self._workers[who].pocket is None for who, _ in revoked):
                    continue  # an idle worker's standing lease is free at once: try again
                break
            task = worker.outstanding[serial]
            state = self._jobs[task.job.id]
            if self.owned_by_job(task):
                state.lease = lease
            else:
                worker.pocket = lease
            worker.waiting = None
            self.forget(state)
            messages.append((index, Grant(serial, lease)))
        if self._arrays and self.stalled and self._first_waiting() is None:
            messages.append(self._make_way())
        messages += self._helping.mail
        self._helping.mail.clear()
        return messages

    def _first_waiting(self) -> int | None:
        """Whose turn it is to get memory."""
        waiting = [(worker, index) for index, worker in self._workers.items() if worker.waiting]
        if not waiting:
            return None
        if not self._arrays:
            return min(waiting, key=lambda pair: _waiting_serial(pair[0]))[1]
        worker, index = min(waiting, key=lambda pair: _waiting_job(pair[0]))
        return index if _waiting_job(worker) == min(self._ungranted) else None

    def _make_way(self) -> tuple[int, Deny]:
        """Every worker waits with a later array than the one that is wanted: the last one steps back."""
        wanted = min(self._ungranted)
        waiting = [(worker, index) for index, worker in self._workers.items() if worker.waiting]
        # Whoever has the wanted one behind what it waits with, else the one that is furthest ahead.
        holders = [
            pair for pair in waiting if any(task.job.id == wanted for task in pair[0].outstanding.values())
        ]
        worker, index = max(holders or waiting, key=lambda pair: _waiting_job(pair[0]))
        serial = _waiting_serial(worker)
        task = worker.outstanding.pop(serial)
        worker.waiting = None
        self.restart(self._jobs[task.job.id])
        return index, Deny(serial)

    def _revoke(self) -> Iterator[tuple[int, Revoke]]:
        for index, worker in self._workers.items():
            if worker.pocket is not None and worker.waiting is None and not worker.revoked:
                if worker.outstanding:
                    worker.revoked = self._tasks.next_serial()
                else:
                    self.free_pocket(worker)
                yield index, Revoke(worker.revoked)

    @property
    def stalled(self) -> bool:
        """Whether everything that is left waits for memory that nobody here will free."""
        workers, tasks = self._workers.values(), self._tasks
        if not any(worker.waiting for worker in workers) or tasks.downstream:
            return False
        if tasks.queue or tasks.suspects:
            return all(worker.waiting for worker in workers)
        return all(worker.waiting or not worker.outstanding for worker in workers)

    @property
    def stuck(self) -> bool:
        """Whether all wait, and there is no memory for the one whose turn it is: help must come from outside.

        When it is nobody's turn, the one that is wanted is still queued, and `grants` makes way for it.
        """
        index = self._first_waiting() if self.stalled else None
        if index is None:
            return False
        lease = self._allocator.lease(self._workers[index].waiting[1])  # type: ignore[index]
        if lease is not None:
            self._allocator.free(lease)
        return lease is None


def too_large(serial: int, nbytes: int, largest: int) -> Failed:
    """The failure of a job whose frames can never fit."""
    return Failed(
        serial,
        "decode",
        "LimitError",
        f"It needs {nbytes >> 20:,} MiB of shared memory, but there are only {largest >> 20:,} MiB.",
        "Give it more with --memory.",
        "",
    )


def _waiting_serial(worker: WorkerState) -> int:
    assert worker.waiting is not None
    return worker.waiting[0]


def _waiting_job(worker: WorkerState) -> int:
    return worker.outstanding[_waiting_serial(worker)].job.id


def _roomy(nbytes: int, largest: int) -> int:
    """A little more than asked for, so that the next, slightly larger picture fits as well."""
    return min(largest, nbytes + nbytes // 8)
