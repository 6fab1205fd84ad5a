"""The state of each job, from submission to its result. Bookkeeping only: no processes, pipes or clock.

    submit ─► tasks ─► assign ─► worker ─► done ─► (next stage) ─► settled
                ▲                  │ need ─► leases ─► grants
                └── died ◄─────────┘

1. `task_queue` chooses the next task, `leases` grants memory, `shared_frames` distributes frames of clips.
2. A dead worker is charged to the task it had begun; its other tasks are requeued. A charged task is retried
   alone on a worker.
"""

from __future__ import annotations

from typing import Literal

from imgpar.core.job import Job
from imgpar.runtime.arena import Allocator
from imgpar.runtime.leases import Leases, too_large
from imgpar.runtime.protocol import Deny, Done, Failed, Files, Offer, Placed, Sliced, Task
from imgpar.runtime.records import Cause, JobState, Settled, WorkerState
from imgpar.runtime.shared_frames import SharedFrames
from imgpar.runtime.task_queue import Tasks, task_of
from imgpar.runtime.validation import disorder


class Ledger:
    """The bookkeeping of one session; see the module for its rules.

    Args:
        allocator: of the arena.
        schedule: "auto", "staged" or "chain".
        arrays: whether frames are returned to the caller in order instead of being encoded.
        first_serial: serials continue from here, so that none is used twice in a session.
        together: whether one worker makes all outputs of a job, so that it can remove them again.
        facts: whether the results are facts about the inputs, and nothing is written.
        retried: whether a job at which a worker crashes or hangs is tried once more.
    """

    def __init__(
        self,
        allocator: Allocator,
        schedule: str = "auto",
        *,
        arrays: bool = False,
        first_serial: int = 0,
        together: bool = False,
        facts: bool = False,
        retried: bool = True,
    ) -> None:
        self.workers: dict[int, WorkerState] = {}
        self.jobs: dict[int, JobState] = {}
        """Every unsettled job, by id."""
        self.allocator = allocator
        self.arrays, self.retried = arrays, retried
        self._facts = facts
        self._together = together
        self._kills = 0
        """Number of workers that were killed from outside."""
        self._helping = SharedFrames(allocator.free)
        self.tasks = Tasks(self.workers, self._helping, schedule, first_serial, self._cut)
        self.leases = Leases(allocator, self.jobs, self.workers, self.tasks, self._helping, arrays=arrays)

    # ----- submission ------------------------------------------------------------------------------

    def submit(self, job: Job, run: int) -> None:
        """Queue a job."""
        state = self.jobs[job.id] = JobState(job, run)
        self.leases.expect(state)
        self.tasks.append(state)

    def again(self, state: JobState) -> None:
        """Requeue an array that has not been delivered; its memory goes to an earlier one."""
        self.jobs[state.job.id] = state
        self.leases.expect(state)
        self.leases.restart(state)

    def _cut(self, state: JobState, length: int) -> tuple[JobState, JobState]:
        """Cut a slice that no worker has in two."""
        first, rest = (JobState(job, state.run) for job in state.job.cut(length))
        self.jobs[first.job.id], self.jobs[rest.job.id] = first, rest
        self.leases.expect(rest)
        return first, rest

    def drain(self) -> int:
        """Drop the jobs that no worker has begun.

        Returns:
            How many items they have.
        """
        dropped = self.tasks.drop_queue()
        for state in dropped:
            del self.jobs[state.job.id]
            self.leases.forget(state)
        return sum(len(state.job.items) for state in dropped)

    def abandon(self) -> None:
        """Free everything: the workers are gone, and the run is given up."""
        for state in self.jobs.values():
            self.leases.free(state)
        self.leases.retire()
        self._helping.clear()
        self.jobs.clear()
        self.workers.clear()
        self.tasks.clear()

    @property
    def items(self) -> int:
        """Number of items of all unsettled jobs."""
        return sum(len(state.job.items) for state in self.jobs.values())

    @property
    def finished(self) -> bool:
        """Whether every submitted job is settled."""
        return not self.jobs and not self._helping.busy

    # ----- messages of workers ---------------------------------------------------------------------

    def owes(self, index: int) -> bool:
        """Whether a worker has tasks or a lease to release, and does not wait for memory."""
        worker = self.workers[index]
        return worker.waiting is None and bool(worker.outstanding or worker.revoked)

    def held(self, index: int) -> tuple[Task, ...]:
        """Tasks of a worker that are not answered yet."""
        return tuple(self.workers[index].outstanding.values()) if index in self.workers else ()

    def disorder(self, index: int, message: object) -> str:
        """What is invalid about a message, or an empty string. See `validation`."""
        worker = self.workers[index]
        return disorder(
            message,
            worker,
            lambda task: self.leases.of(worker, task),
            arrays=self.arrays,
            facts=self._facts,
            offered=self._helping.offered,
            files=lambda task: self.jobs[task.job.id].outputs,
        )

    def need(self, index: int, serial: int, nbytes: int, later: bool = False) -> Settled | None:
        """A task has released its lease and requests `nbytes`; settled if it can never have them.

        Args:
            index: of the worker.
            serial: of the task.
            nbytes: size of the lease in bytes.
            later: as `Need.later`.
        """
        worker = self.workers[index]
        state = self.jobs[worker.outstanding[serial].job.id]
        self.leases.take_back(worker)
        self.leases.free(state)
        self.leases.free_standing(worker)
        if self.arrays and nbytes <= self.allocator.largest:
            self.leases.needed(nbytes)
        if nbytes > self.allocator.largest:
            del worker.outstanding[serial]
            worker.alone = False
            if state.job.kind == "slice":
                self._restart(state)  # each for itself: the others need less
                return None
            return self._settle(state, "failed", too_large(serial, nbytes, self.allocator.largest))
        worker.requests.insert(0 if later else len(worker.requests), (serial, nbytes))
        return None

    def no_memory(self, index: int, serial: int) -> list[tuple[int, Deny]]:
        """The pages of the task's lease cannot be reserved: retire the lease and restart the job.

        Returns:
            Messages to workers that wait for more than there is now. Their jobs are restarted, and fail when
            they request it again.
        """
        worker = self.workers[index]
        task = worker.outstanding.pop(serial)
        state = self.jobs[task.job.id]
        self.leases.lose(worker, task, state)
        worker.ahead.pop(serial, None)
        worker.alone = False
        self._restart(state)
        return [(each, Deny(number)) for each in self.workers for number in self._out_of_reach(each)]

    def _out_of_reach(self, index: int) -> list[int]:
        """Restart the jobs for which a worker waits in vain; the serials of their tasks."""
        worker, largest = self.workers[index], self.allocator.largest
        serials = [serial for serial, nbytes in worker.requests if nbytes > largest]
        worker.requests = [each for each in worker.requests if each[0] not in serials]
        for serial in serials:
            self._restart(self.jobs[worker.outstanding.pop(serial).job.id])
            worker.alone = False
        return serials

    # ----- results --------------------------------------------------------------------------------

    def done(self, index: int, message: Done) -> Settled | None:
        """A task is finished: advance its job. Settled when that was the last one."""
        if self._is_frame(index, message.serial):
            self._frame_done(index, message)
            return None
        sent_ahead = message.serial in self.workers[index].ahead
        worker, task, state = self._take(index, message.serial)
        used = message.placed.lease if sent_ahead and message.placed else None
        self.leases.confirm(worker, task, used)
        if used:
            self.leases.needed(used.size)
        state.add(message)
        if message.unchanged:
            return self._settle(state, "unchanged")
        state.failure = state.failure or message.failed_output
        if task.stage == "encode":
            state.encoding -= 1
            return self._settle_encoded(state)
        placed = message.placed
        if placed is None:
            return self._settle(state, "failed" if state.failure else "ok", state.failure)
        if self.arrays and task.stage != "decode":
            # The lease, trimmed to the result, belongs to the receiver from here on.
            kept = self.allocator.trim(
                state.lease or placed.lease, placed.frames.offset, placed.frames.nbytes
            )
            placed, state.lease = placed._replace(lease=kept), None
            return self._settle(state, "array", placed=placed)
        if task.stage == "decode":
            self.tasks.decoded(state, placed)
        else:
            self._fan_out(state, placed)
        return None

    def files(self, index: int, message: Files) -> None:
        """A worker has written some files of its clip."""
        task = self.workers[index].outstanding[message.serial]
        self.jobs[task.job.id].outputs += message.outputs

    def _fan_out(self, state: JobState, placed: Placed) -> None:
        """One encode task per target, queued before anything that would request memory."""
        if self._together or any(target.retires or target.either for target in state.job.targets):
            # In place the original may be replaced only when the other outputs exist: one task, in order.
            parts: list[tuple[int, ...]] = [()]
        else:
            parts = [(target,) for target in range(len(state.job.targets))]
        state.encoding = len(parts)
        for targets in reversed(parts):
            self.tasks.downstream.appendleft(task_of(state, "encode", placed, targets))

    def failed(self, index: int, message: Failed) -> Settled | None:
        """A task has failed."""
        if self._is_frame(index, message.serial):
            self._helping.lost(self.workers[index].outstanding.pop(message.serial))
            return None
        _, task, state = self._take(index, message.serial)
        state.add(message)
        if task.stage == "encode":
            state.encoding -= 1
            state.failure = state.failure or message
            return self._settle_encoded(state)
        return self._settle(state, "failed", message)

    def sliced(self, index: int, message: Sliced) -> Settled:
        """A slice is finished: all of its items have a result."""
        worker, task, state = self._take(index, message.serial)
        self.leases.confirm(worker, task)
        self.leases.forget(state)
        del self.jobs[state.job.id]
        return Settled(state, "ok", sliced=message)

    def _settle_encoded(self, state: JobState) -> Settled | None:
        if state.encoding:
            return None
        # Encoded by whichever worker was free: they are told in the order of the targets.
        places = {target.path: place for place, target in enumerate(state.job.targets)}
        state.outputs.sort(key=lambda file: places.get(file.path, 0))
        return self._settle(state, "failed" if state.failure else "ok", state.failure)

    def _take(self, index: int, serial: int) -> tuple[WorkerState, Task, JobState]:
        worker = self.workers[index]
        task = worker.outstanding.pop(serial)
        worker.ahead.pop(serial, None)
        worker.alone = False
        self._helping.forget(serial)
        return worker, task, self.jobs[task.job.id]

    def _settle(
        self,
        state: JobState,
        kind: Literal["ok", "unchanged", "failed", "array"],
        failure: Failed | None = None,
        placed: Placed | None = None,
    ) -> Settled:
        self.leases.free(state)
        self.leases.forget(state)
        state.failure = failure
        del self.jobs[state.job.id]
        return Settled(state, kind, placed)

    # ----- frames of clips ------------------------------------------------------------------------

    def offer(self, index: int, message: Offer) -> None:
        """A worker offers a frame of its clip to the other workers."""
        task = self.workers[index].outstanding[message.serial]
        lease = self.jobs[task.job.id].lease
        assert lease is not None
        self._helping.offer(index, task, lease, message)

    def recall(self, index: int, serial: int) -> None:
        """The worker of a clip requests one of its frames back."""
        self._helping.recall(index, serial)

    def _is_frame(self, index: int, serial: int) -> bool:
        return self.workers[index].outstanding[serial].stage == "frame"

    def _frame_done(self, index: int, message: Done) -> None:
        task = self.workers[index].outstanding.pop(message.serial)
        state = self.jobs.get(task.job.id)
        if state is not None:
            for stage, seconds in message.timings:
                state.timings[stage] = state.timings.get(stage, 0.0) + seconds
        self._helping.finished(task)

    # ----- workers --------------------------------------------------------------------------------

    def hired(self, index: int) -> None:
        """A worker process has been started."""
        self.workers[index] = WorkerState()

    def died(self, index: int, begun: int, cause: Cause, failure: Failed) -> list[Settled]:
        """A worker is gone; everything it had sent has been handled.

        Args:
            index: of the worker.
            begun: serial of the task that it had begun, 0 for none.
            cause: "killed" allows more retries; the others are charged to the file.
            failure: reported if that task is given up.
        """
        worker = self.workers.pop(index)
        self.leases.free_standing(worker)
        self._kills += cause == "killed"
        settled = []
        shared = begun in worker.outstanding and worker.outstanding[begun].together > 1
        for serial, task in reversed(worker.outstanding.items()):
            if task.stage == "frame":
                self._helping.lost(task, crashed=serial == begun and cause != "killed")
                continue
            self._helping.forget(serial)
            state = self.jobs[task.job.id]
            state.single = state.single or (shared and task.together > 1)
            if serial != begun:
                self._put_back(state, task)
                continue
            if state.job.kind == "slice":
                found = self._found_in_slice(state, failure)
                if found is None:
                    continue
                state, failure = found, failure._replace(item=-1)
                task = self.tasks.first(state)
            if state.charge(cause, self._kills, failure.item) or not (self.retried or cause == "killed"):
                settled += self._give_up(state, task, failure)
            else:
                self.tasks.suspects.append(self._retry(state, task))
        return settled

    def _restart(self, state: JobState) -> None:
        """Restart a job that could not go on; a slice as the jobs that it consists of."""
        if state.job.kind != "slice":
            self.leases.restart(state)
            return
        for part in reversed(self._parts_of(state)):
            self.tasks.requeue(part, sort=False)

    def _parts_of(self, state: JobState) -> list[JobState]:
        """The jobs of a slice that was begun, which takes their place. Files that they have written are found
        by the next attempt."""
        self.leases.forget(state)
        del self.jobs[state.job.id]
        parts = [JobState(job, state.run, attempt=state.attempt + 1) for job in state.job.parts()]
        self.jobs.update((part.job.id, part) for part in parts)
        return parts

    def _found_in_slice(self, state: JobState, failure: Failed) -> JobState | None:
        """The job of a slice at which its worker died; the others are requeued. None where the worker was at
        none of them."""
        parts, found = self._parts_of(state), failure.item
        for number in reversed(range(len(parts))):
            if number != found:
                self.tasks.requeue(parts[number], sort=False)
        return parts[found] if 0 <= found < len(parts) else None

    def waits(self, index: int, serial: int) -> bool:
        """Whether a task of a worker waits for memory."""
        return any(serial == other for other, _ in self.workers[index].requests)

    def _put_back(self, state: JobState, task: Task) -> None:
        # Encoding only reads frames. A transform overwrites them, and may have released its lease.
        if task.stage == "encode":
            self.tasks.downstream.appendleft(task)
        else:
            self.leases.restart(state)

    def _retry(self, state: JobState, task: Task) -> Task:
        if task.stage == "encode":  # the frames are still valid: encoding only reads them
            return task_of(state, "encode", task.placed, task.targets)
        self.leases.free(state)
        state.outputs.clear()
        return self.tasks.first(state)

    def _give_up(self, state: JobState, task: Task, failure: Failed) -> list[Settled]:
        if task.stage == "encode":
            state.encoding -= 1
            state.failure = state.failure or failure
            settled = self._settle_encoded(state)
            return [settled] if settled else []
        return [self._settle(state, "failed", failure)]
