"""Which job or worker holds which memory, and the order of grants. Pure bookkeeping, a part of the ledger.

1. A job holds at most one lease, and requests one only while it holds none. No job waits for memory while
   holding memory, so there is no deadlock.
2. In a chain the lease belongs to the worker: its standing lease, kept from job to job, so that most jobs
   request nothing. In stages, and for arrays, it belongs to the job and moves with it.
3. Memory is granted first come, first served; for arrays in job order, since they are consumed in that order.
4. For arrays it is sent with the task where there is plenty: as much as the last ones needed. A worker
   requests more where that is too little, and gives back what it has for tasks that it has not begun: rule 1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from imgpar.core.error_messages import setting
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
from imgpar.runtime.shared_frames import SharedFrames
from imgpar.runtime.task_queue import Tasks

RECENT = 32
"""How many needs the next one is guessed from."""
LITTLE = 8 << 20
"""Bytes that may be sent with any task."""


class Leases:
    """The memory of one session.

    Args:
        allocator: of the arena.
        jobs: every unsettled job, by id.
        workers: state of the workers, by index; owned by the ledger.
        tasks: queue to which restarted jobs return.
        helping: shared frames; helpers may still use the lease of a clip.
        arrays: whether frames are returned to the caller in order instead of being encoded.
    """

    def __init__(
        self,
        allocator: Allocator,
        jobs: Mapping[int, JobState],
        workers: Mapping[int, WorkerState],
        tasks: Tasks,
        helping: SharedFrames,
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
        """Ids of jobs without memory, in order; used to order the grants of arrays."""
        self._needs: deque[int] = deque(maxlen=RECENT)
        """Bytes that the last arrays needed."""

    # ----- ownership -------------------------------------------------------------------------------

    def owned_by_job(self, task: Task) -> bool:
        """Whether the lease of this task belongs to the job, not to the worker."""
        return self._arrays or task.stage != "chain" or task.job.kind == "stream"

    def of(self, worker: WorkerState, task: Task) -> Lease | None:
        """The lease of a task that this worker holds."""
        state = self._jobs.get(task.job.id)
        return worker.standing if state is None or not self.owned_by_job(task) else state.lease

    def expect(self, state: JobState) -> None:
        """Register a job that has no memory and will request some."""
        self._ungranted[state.job.id] = None

    def forget(self, state: JobState) -> None:
        """Remove a job from those that will request memory."""
        self._ungranted.pop(state.job.id, None)

    def confirm(self, worker: WorkerState, task: Task, used: Lease | None = None) -> None:
        """Record that a task that succeeded has reserved the pages of its lease, or those that it used."""
        lease = self.of(worker, task)
        if lease is None or not lease.fresh:
            return
        self._allocator.confirm(used or lease)
        known = lease._replace(fresh=False)
        if self.owned_by_job(task):
            self._jobs[task.job.id].lease = known
        else:
            worker.standing = known

    # ----- release ---------------------------------------------------------------------------------

    def free(self, state: JobState) -> None:
        """Free the lease of a job."""
        if state.lease is not None:
            if not self._helping.keep(state.lease):
                self._allocator.free(state.lease)
            state.lease = None
            self.expect(state)

    def free_standing(self, worker: WorkerState) -> None:
        """Free the standing lease of a worker."""
        if worker.standing is not None:
            self._allocator.free(worker.standing)
            worker.standing = None

    def lose(self, worker: WorkerState, task: Task, state: JobState) -> None:
        """Retire the lease of a task whose pages cannot be reserved; it is not granted again."""
        if self.owned_by_job(task):
            lease, state.lease = state.lease, None
        else:
            lease, worker.standing = worker.standing, None
        if lease is not None:
            self._allocator.lose(lease)

    def dropped(self, index: int, token: int) -> None:
        """A worker has released its standing lease after a `Revoke`."""
        worker = self._workers[index]
        if worker.revoked == token:
            worker.revoked = 0
            self.free_standing(worker)

    def retire(self) -> None:
        """Free all standing leases at the end of a run, when every worker is idle; each worker is
        informed."""
        for worker in self._workers.values():
            self.free_standing(worker)

    def release(self, lease: Lease) -> None:
        """The receiver has released an array; may be called from any thread."""
        self._allocator.give_back(lease)

    def restart(self, state: JobState) -> None:
        """Free the memory of a job and restart it."""
        self.free(state)
        self._tasks.requeue(state, sort=self._arrays)  # arrays are delivered in order

    # ----- memory that is sent with tasks ----------------------------------------------------------

    def needed(self, nbytes: int) -> None:
        """Learn what an array needed."""
        self._needs.append(nbytes)

    def ahead(self, index: int, tasks: Sequence[Task]) -> Sequence[Task]:
        """Tasks of a worker as they are sent: with memory, where that is guessed and plenty."""
        if not self._arrays:
            return tasks
        return [task._replace(lease=self._ahead_of(self._workers[index], task)) for task in tasks]

    def _again(self, worker: WorkerState, serial: int) -> tuple[tuple[int, Lease], ...]:
        """Memory for the tasks of a worker that gave theirs back when it requested some for one of them."""
        if not self._arrays or worker.requests:
            return ()
        found = ((task.serial, self._ahead_of(worker, task)) for task in worker.outstanding.values())
        return tuple((number, lease) for number, lease in found if lease is not None and number != serial)

    def _ahead_of(self, worker: WorkerState, task: Task) -> Lease | None:
        state = self._jobs[task.job.id]
        if not self._needs or task.stage != "chain" or task.job.kind == "stream" or state.lease is not None:
            return None
        if any(each.requests for each in self._workers.values()):  # first those that wait
            return None
        guess = self._guess()
        if self._allocator.leased + guess > self._allocator.largest // 2:
            return None
        if (lease := self._allocator.lease(guess)) is None:
            return None
        state.lease = lease
        self.forget(state)
        worker.ahead[task.serial] = state
        return lease

    def _guess(self) -> int:
        """Bytes for the next array: what the largest of the last ones needed, and an eighth more; but a
        single large picture does not make all others hold as much."""
        ordered = sorted(self._needs)
        most = min(ordered[-1], max(LITTLE, 2 * ordered[len(ordered) // 2]))
        return min(self._allocator.largest, most + most // 8)

    def take_back(self, worker: WorkerState) -> None:
        """Free what was sent with tasks that a worker has not begun: it does so itself when it requests
        memory."""
        for state in worker.ahead.values():
            self.free(state)
        worker.ahead.clear()

    # ----- requests and grants ---------------------------------------------------------------------

    def grants(self) -> list[tuple[int, ToWorker]]:
        """Messages that grant memory to waiting tasks, as far as it suffices, and deliver results of shared
        frames. Call after every release or request."""
        messages: list[tuple[int, ToWorker]] = []
        while (index := self._first_waiting()) is not None:
            worker = self._workers[index]
            assert worker.waiting is not None
            serial, nbytes = worker.waiting
            # An eighth more, so that a slightly larger picture fits as well.
            lease = self._allocator.lease(min(self._allocator.largest, nbytes + nbytes // 8))
            if lease is None:
                lease = self._allocator.lease(nbytes)
            if lease is None:
                revoked = list(self._revoke())
                messages += revoked
                if any(self._workers[who].standing is None for who, _ in revoked):
                    continue  # the standing lease of an idle worker is free at once: try again
                break
            task = worker.outstanding[serial]
            state = self._jobs[task.job.id]
            if self.owned_by_job(task):
                state.lease = lease
            else:
                worker.standing = lease
            worker.requests.pop()
            self.forget(state)
            messages.append((index, Grant(serial, lease, self._again(worker, serial))))
        if self._arrays and self.stalled and self._first_waiting() is None:
            messages.append(self._deny_last())
        messages += self._helping.messages
        self._helping.messages.clear()
        return messages

    def _first_waiting(self) -> int | None:
        """Index of the worker that is next to receive memory."""
        waiting = [(worker, index) for index, worker in self._workers.items() if worker.waiting]
        if not waiting:
            return None
        if not self._arrays:
            return min(waiting, key=lambda pair: _waiting_serial(pair[0]))[1]
        worker, index = min(waiting, key=lambda pair: _waiting_job(pair[0]))
        return index if _waiting_job(worker) == min(self._ungranted) else None

    def _deny_last(self) -> tuple[int, Deny]:
        """Every worker waits with a later array than the next one to deliver: the last of them is denied."""
        wanted = min(self._ungranted)
        waiting = [(worker, index) for index, worker in self._workers.items() if worker.waiting]
        # The worker that holds the next array behind the waiting one, else the one that is furthest ahead.
        candidates = [
            pair for pair in waiting if any(task.job.id == wanted for task in pair[0].outstanding.values())
        ]
        worker, index = max(candidates or waiting, key=lambda pair: _waiting_job(pair[0]))
        serial = _waiting_serial(worker)
        task = worker.outstanding.pop(serial)
        worker.requests.pop()
        self.restart(self._jobs[task.job.id])
        return index, Deny(serial)

    def _revoke(self) -> Iterator[tuple[int, Revoke]]:
        for index, worker in self._workers.items():
            if worker.standing is not None and worker.waiting is None and not worker.revoked:
                if worker.outstanding:
                    worker.revoked = self._tasks.next_serial()
                else:
                    self.free_standing(worker)
                yield index, Revoke(worker.revoked)

    @property
    def stalled(self) -> bool:
        """Whether all remaining tasks wait for memory that no task will free."""
        workers, tasks = self._workers.values(), self._tasks
        if not any(worker.waiting for worker in workers) or tasks.downstream or tasks.collected:
            return False
        if any(map(_works_meanwhile, workers)):
            return False
        if tasks.queue or tasks.suspects:
            return all(worker.waiting for worker in workers)
        return all(worker.waiting or not worker.outstanding for worker in workers)

    @property
    def stuck(self) -> bool:
        """Whether the run is stalled and the next request cannot be granted without outside help.

        When no worker is next, the array to deliver is still queued, and `grants` makes room for it.
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
        f"Raise the limit with {setting('memory')}.",
        "",
    )


def _works_meanwhile(worker: WorkerState) -> bool:
    """Whether a worker that waits for memory has a task to perform meanwhile."""
    waiting = {serial for serial, _ in worker.requests}
    return bool(waiting) and any(
        task.stage in ("transform", "encode") and serial not in waiting
        for serial, task in worker.outstanding.items()
    )


def _waiting_serial(worker: WorkerState) -> int:
    assert worker.waiting is not None
    return worker.waiting[0]


def _waiting_job(worker: WorkerState) -> int:
    return worker.outstanding[_waiting_serial(worker)].job.id
