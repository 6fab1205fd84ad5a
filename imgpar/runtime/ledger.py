"""Who has which job and which memory. Pure bookkeeping: no processes, no pipes, no clock.

    submit ─► queue ─► assign ─► worker ─► done ─► (next stage) ─► settled
                 ▲                 │ need ─► grants
                 └── died ◄────────┘

1. A job holds at most one lease, and asks for it only while it holds none: nobody waits for memory while
   holding some, so there is no deadlock.
2. In a chain the lease belongs to the worker (its standing lease, kept from job to job, so most jobs ask
   for nothing). In stages, and for arrays, it belongs to the job and travels with it.
3. Work that is furthest downstream comes first: it frees memory.
4. A worker that dies is charged to the task it had begun; its other tasks go back unharmed. A charged
   task is tried again alone in a worker.
5. Memory is granted first come, first served; for arrays in the order of the jobs, since they are
   consumed in that order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

from imgpar.model import Job
from imgpar.runtime.claims import disorder
from imgpar.runtime.clips import is_clip
from imgpar.runtime.frames import Allocator
from imgpar.runtime.helping import Helping
from imgpar.runtime.messages import (
    Deny,
    Done,
    Failed,
    Grant,
    Lease,
    Offer,
    Placed,
    Revoke,
    Task,
    TaskStage,
    ToWorker,
)
from imgpar.runtime.records import JobState, Settled, WorkerState
from imgpar.sources.companions import SIDECAR

Cause = Literal["crash", "killed", "deadline"]

MAX_CRASHES = 2
"""A crash, a hang or running out of memory is the file's fault: two are enough."""
MAX_KILLS = 5
"""A plain SIGKILL comes from outside (the OOM killer, a person): be patient."""
MAX_ATTEMPTS = 25
"""Kills that hit other workers in between, too, are not counted up to here: somebody kills at random."""
BATCH_TASKS = 16
BATCH_BYTES = 1 << 20
"""Small pictures travel in batches: at most this many, of at most this many bytes together."""
BATCH_TEXT = 6000
"""Characters of paths in a worker's pipe: what is sent must fit into the smallest pipe (8 KiB on macOS), or
the parent would wait for a busy worker."""
BATCH_REFILL = 4
"""A batch is topped up when this many tasks are left, so that one message carries several."""


class Ledger:
    """The bookkeeping of one session; see the module for its rules.

    Args:
        allocator: of the arena.
        schedule: "auto", "staged" or "chain".
        arrays: frames are handed to the caller in order instead of being encoded.
        together: a job's outputs are all made by one worker, so that it can take them back.
        first_serial: serials go on from here, so that none is used twice in a session.
    """

    def __init__(
        self,
        allocator: Allocator,
        schedule: str = "auto",
        *,
        arrays: bool = False,
        first_serial: int = 0,
        together: bool = False,
    ) -> None:
        self.allocator = allocator
        self.schedule = schedule
        self.arrays = arrays
        self._together = together
        self.workers: dict[int, WorkerState] = {}
        self.jobs: dict[int, JobState] = {}
        """Every job that is not settled, by its id."""
        self._queue: deque[JobState] = deque()
        self._downstream: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._ungranted: dict[int, None] = {}
        """Ids of jobs without memory, for the order of grants in arrays."""
        self._serial = first_serial
        self._kills = 0
        """Workers that were killed from outside."""
        self.cores = 1
        """Cores that all tasks together may use."""
        self._helping = Helping()

    # ----- jobs in, tasks out ---------------------------------------------------------------------

    def submit(self, job: Job, run: int) -> None:
        """Take a job into the queue."""
        state = JobState(job, run)
        self.jobs[job.id] = state
        self._ungranted[job.id] = None
        self._queue.append(state)

    @property
    def queued(self) -> int:
        """Jobs that no worker has yet."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Tasks at workers, or ready for one."""
        at_workers = sum(len(worker.outstanding) for worker in self.workers.values())
        return at_workers + len(self._downstream) + len(self._suspects) + len(self._helping.queue)

    @property
    def last_serial(self) -> int:
        """The highest serial so far."""
        return self._serial

    @property
    def finished(self) -> bool:
        """Whether every job that was submitted is settled."""
        return not self.jobs and not self._helping.busy

    def owes(self, index: int) -> bool:
        """Whether a worker has something to do and waits for nothing."""
        worker = self.workers[index]
        return bool(worker.outstanding) and worker.waiting is None

    def held(self, index: int) -> tuple[Task, ...]:
        """What a worker has been given and has not answered."""
        return tuple(self.workers[index].outstanding.values()) if index in self.workers else ()

    def disorder(self, index: int, message: object) -> str:
        """What is wrong with what this worker says; nothing when it can be believed. See `claims`."""
        worker = self.workers[index]

        def lease_of(task: Task) -> Lease | None:
            state = self.jobs.get(task.job.id)
            return worker.pocket if state is None or not self.owns(task) else state.lease

        return disorder(message, worker.outstanding, lease_of, arrays=self.arrays)

    def drain(self) -> int:
        """Forget what no worker has begun; returns how many jobs that were."""
        for state in self._queue:
            del self.jobs[state.job.id]
            self._ungranted.pop(state.job.id, None)
        dropped = len(self._queue)
        self._queue.clear()
        return dropped

    def assign(self, index: int) -> tuple[Task, ...]:
        """What this worker shall do next; empty when there is nothing, or when it has enough."""
        worker = self.workers[index]
        if worker.waiting is not None:
            # It waits for memory; finishing another job's frames may be what frees it.
            return self._hand(worker, [self._downstream.popleft()]) if self._downstream else ()
        if worker.alone or worker.revoked:
            return ()
        if self._suspects:
            if worker.outstanding:
                return ()
            worker.alone = True
            return self._hand(worker, [self._suspects.popleft()])
        if len(worker.outstanding) > (BATCH_REFILL if self._deep else 1):
            return ()
        return self._hand(worker, list(self._pick(worker)))

    @property
    def ample(self) -> bool:
        """Whether every worker has several tasks before it, so that its results may wait a little."""
        workers = self.workers.values()
        return all(len(worker.outstanding) > BATCH_REFILL and worker.waiting is None for worker in workers)

    @property
    def _deep(self) -> bool:
        """Whether so much is queued that whole batches can be handed out without idle cores at the end."""
        return self.schedule != "staged" and len(self._queue) > BATCH_TASKS * len(self.workers)

    def _pick(self, worker: WorkerState) -> Iterator[Task]:
        last = next(reversed(worker.outstanding.values()), None)
        if last is not None and is_clip(last.job):
            return  # nothing waits behind a clip: it may take an hour
        count = len(worker.outstanding)
        nbytes = sum(task.job.item.size for task in worker.outstanding.values())
        text = sum(_text(task) for task in worker.outstanding.values())
        # One task in hand and one in the pipe, so that no core waits for the parent; none in the pipe
        # towards the end, where another worker could begin it at once.
        ahead = 2 if self.schedule != "staged" and len(self._queue) >= 2 * len(self.workers) else 1
        while self._helping.queue and count < 2:
            count += 1
            yield self._helping.take()
        while True:
            small = nbytes < BATCH_BYTES and text < BATCH_TEXT
            if count >= ahead and not (self._deep and count < BATCH_TASKS and small):
                return
            if count and not self._downstream and self._queue and is_clip(self._queue[0].job):
                return
            if self._downstream:
                task = self._downstream.popleft()
            elif self._queue:
                task = self._first_task(self._queue.popleft())
            else:
                return
            count += 1
            nbytes += task.job.item.size
            text += _text(task)
            yield task
            if is_clip(task.job):
                return

    def _first_task(self, state: JobState) -> Task:
        return self._task(state, "decode" if self._split(state) else "chain")

    def _split(self, state: JobState) -> bool:
        """Whether the frames of this job shall go from worker to worker."""
        if state.job.item.format == SIDECAR:
            return False  # it has none
        if self.schedule != "auto" or state.crashes or state.kills:
            return self.schedule == "staged"
        idle = sum(not worker.outstanding for worker in self.workers.values())
        # With one output a second worker would only wait for the first one.
        return len(state.job.targets) > 1 and len(self._queue) < idle

    def _task(
        self, state: JobState, stage: TaskStage, placed: Placed | None = None, targets: tuple[int, ...] = ()
    ) -> Task:
        return Task(0, state.run, stage, state.job, placed, targets, state.attempt)

    def _hand(self, worker: WorkerState, tasks: Iterable[Task]) -> tuple[Task, ...]:
        handed = []
        for task in tasks:
            self._serial += 1
            numbered = task._replace(serial=self._serial, cores=self._share(task))
            worker.outstanding[numbered.serial] = numbered
            handed.append(numbered)
        return tuple(handed)

    def _share(self, task: Task) -> int:
        """Cores for a clip that is handed out now: they are divided among those that work or soon will."""
        if not is_clip(task.job):
            return 1
        busy = 1 + sum(bool(worker.outstanding) for worker in self.workers.values())
        return max(1, self.cores // min(busy + len(self._queue), max(1, len(self.workers))))

    # ----- memory ---------------------------------------------------------------------------------

    def owns(self, task: Task) -> bool:
        """Whether the job, not the worker, owns the lease of this task."""
        return self.arrays or task.stage != "chain" or is_clip(task.job)

    def need(self, index: int, serial: int, nbytes: int) -> Settled | None:
        """A task gave back what it held and asks for `nbytes`. Settled when it can never have them."""
        worker = self.workers[index]
        task = worker.outstanding[serial]
        state = self.jobs[task.job.id]
        self._free_lease(state)
        self._free_pocket(worker)
        if nbytes > self.allocator.largest:
            del worker.outstanding[serial]
            worker.alone = False
            return self._settle(state, "failed", too_large(serial, nbytes, self.allocator.largest))
        worker.waiting = (serial, nbytes)
        return None

    def no_memory(self, index: int, serial: int) -> None:
        """The pages of the task's lease could not be had: take it back for good, and begin again."""
        worker = self.workers[index]
        task = worker.outstanding.pop(serial)
        state = self.jobs[task.job.id]
        if self.owns(task):
            lease, state.lease = state.lease, None
        else:
            lease, worker.pocket = worker.pocket, None
        if lease is not None:
            self.allocator.lose(lease)
        worker.alone = False
        self._restart(state)

    def grants(self) -> list[tuple[int, ToWorker]]:
        """Give memory to those who wait, as far as it goes, and tell clips of their frames; call after
        anything was freed or asked."""
        messages: list[tuple[int, ToWorker]] = []
        while (index := self._first_waiting()) is not None:
            worker = self.workers[index]
            assert worker.waiting is not None
            serial, nbytes = worker.waiting
            lease = self.allocator.lease(_roomy(nbytes, self.allocator.largest))
            if lease is None:
                lease = self.allocator.lease(nbytes)
            if lease is None:
                revoked = list(self._revoke())
                messages += revoked
                if any(self.workers[who].pocket is None for who, _ in revoked):
                    continue  # an idle worker's standing lease is free at once: try again
                break
            task = worker.outstanding[serial]
            if self.owns(task):
                self.jobs[task.job.id].lease = lease
            else:
                worker.pocket = lease
            worker.waiting = None
            self._ungranted.pop(task.job.id, None)
            messages.append((index, Grant(serial, lease)))
        if self.arrays and self.stalled and self._first_waiting() is None:
            messages.append(self._make_way())
        messages += self._helping.mail
        self._helping.mail.clear()
        return messages

    def _first_waiting(self) -> int | None:
        """Whose turn it is to get memory."""
        waiting = [(worker, index) for index, worker in self.workers.items() if worker.waiting]
        if not waiting:
            return None
        if not self.arrays:
            return min(waiting, key=lambda pair: _waiting_serial(pair[0]))[1]
        worker, index = min(waiting, key=lambda pair: _waiting_job(pair[0]))
        return index if _waiting_job(worker) == min(self._ungranted) else None

    def _make_way(self) -> tuple[int, Deny]:
        """Every worker waits with a later array than the one that is wanted: the last one steps back."""
        wanted = min(self._ungranted)
        waiting = [(worker, index) for index, worker in self.workers.items() if worker.waiting]
        # Whoever has the wanted one behind what it waits with, else the one that is furthest ahead.
        holders = [
            pair for pair in waiting if any(task.job.id == wanted for task in pair[0].outstanding.values())
        ]
        worker, index = max(holders or waiting, key=lambda pair: _waiting_job(pair[0]))
        serial = _waiting_serial(worker)
        task = worker.outstanding.pop(serial)
        worker.waiting = None
        self._restart(self.jobs[task.job.id])
        return index, Deny(serial)

    def _revoke(self) -> Iterator[tuple[int, Revoke]]:
        for index, worker in self.workers.items():
            if worker.pocket is not None and worker.waiting is None and not worker.revoked:
                if worker.outstanding:
                    self._serial += 1
                    worker.revoked = self._serial
                else:
                    self._free_pocket(worker)
                yield index, Revoke(worker.revoked)

    def dropped(self, index: int, token: int) -> None:
        """A worker has given its standing lease back, as it was told."""
        worker = self.workers[index]
        if worker.revoked == token:
            worker.revoked = 0
            self._free_pocket(worker)

    def retire(self) -> None:
        """Take all standing leases back at the end of a run; every worker is idle, and is told so."""
        for worker in self.workers.values():
            self._free_pocket(worker)

    def abandon(self) -> None:
        """Take everything back: the workers are gone, and the run is given up."""
        for state in self.jobs.values():
            self._free_lease(state)
        for worker in self.workers.values():
            self._free_pocket(worker)
        for lease in self._helping.clear():
            self.allocator.free(lease)
        self.jobs.clear()
        self.workers.clear()
        self._queue.clear()
        self._downstream.clear()
        self._suspects.clear()

    @property
    def stalled(self) -> bool:
        """Whether everything that is left waits for memory that nobody here will free."""
        workers = self.workers.values()
        if not any(worker.waiting for worker in workers) or self._downstream:
            return False
        if self._queue or self._suspects:
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
        lease = self.allocator.lease(self.workers[index].waiting[1])  # type: ignore[index]
        if lease is not None:
            self.allocator.free(lease)
        return lease is None

    def again(self, state: JobState) -> None:
        """An array that nobody has seen yet gives its memory to an earlier one; it is made again later."""
        self.jobs[state.job.id] = state
        self._ungranted[state.job.id] = None
        self._restart(state)

    def release(self, lease: Lease) -> None:
        """The receiver of an array has let it go; may be called from any thread."""
        self.allocator.give_back(lease)

    def _free_lease(self, state: JobState) -> None:
        if state.lease is not None:
            if not self._helping.keep(state.lease):
                self.allocator.free(state.lease)
            state.lease = None
            self._ungranted[state.job.id] = None

    def _free_pocket(self, worker: WorkerState) -> None:
        if worker.pocket is not None:
            self.allocator.free(worker.pocket)
            worker.pocket = None

    def _confirm(self, worker: WorkerState, state: JobState, task: Task) -> None:
        """A task that ended well has reserved its pages."""
        lease = state.lease if self.owns(task) else worker.pocket
        if lease is not None and lease.fresh:
            self.allocator.confirm(lease)

    # ----- results --------------------------------------------------------------------------------

    def done(self, index: int, message: Done) -> Settled | None:
        """A task is finished: move its job on. Settled when that was its last."""
        if self._is_frame(index, message.serial):
            self._frame_done(index, message)
            return None
        worker, task, state = self._take(index, message.serial)
        self._confirm(worker, state, task)
        for stage, seconds in message.timings:
            state.timings[stage] = state.timings.get(stage, 0.0) + seconds
        state.outputs += message.outputs
        state.lost += message.lost
        state.notes += message.notes
        state.digest = message.digest or state.digest
        if message.unchanged:
            return self._settle(state, "unchanged")
        if task.stage == "encode":
            state.encoding -= 1
            return self._settle_encoded(state)
        placed = message.placed
        if placed is None:
            return self._settle(state, "ok")
        if self.arrays and task.stage != "decode":
            # The receiver owns the lease now: what is left of it around the result.
            kept = self.allocator.trim(placed.lease, placed.frames.offset, placed.frames.nbytes)
            placed, state.lease = placed._replace(lease=kept), None
            return self._settle(state, "array", placed=placed)
        if task.stage == "decode":
            self._downstream.append(self._task(state, "transform", placed))
        else:
            self._fan_out(state, placed)
        return None

    def _fan_out(self, state: JobState, placed: Placed) -> None:
        """One encode task per target; they come before anything that would ask for more memory."""
        if self._together or any(target.retires for target in state.job.targets):
            # In place the original may go only after the other outputs are there: one task, in order.
            parts: list[tuple[int, ...]] = [()]
        else:
            parts = [(target,) for target in range(len(state.job.targets))]
        state.encoding = len(parts)
        for targets in reversed(parts):
            self._downstream.appendleft(self._task(state, "encode", placed, targets))

    def failed(self, index: int, message: Failed) -> Settled | None:
        """A task could not be done."""
        if self._is_frame(index, message.serial):
            self._frame_lost(self.workers[index].outstanding.pop(message.serial))
            return None
        _, task, state = self._take(index, message.serial)
        for stage, seconds in message.timings:
            state.timings[stage] = state.timings.get(stage, 0.0) + seconds
        state.notes += message.notes
        if task.stage == "encode":
            state.encoding -= 1
            state.failure = state.failure or message
            return self._settle_encoded(state)
        return self._settle(state, "failed", message)

    def _settle_encoded(self, state: JobState) -> Settled | None:
        if state.encoding:
            return None
        return self._settle(state, "failed" if state.failure else "ok", state.failure)

    def _take(self, index: int, serial: int) -> tuple[WorkerState, Task, JobState]:
        worker = self.workers[index]
        task = worker.outstanding.pop(serial)
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
        self._free_lease(state)
        self._ungranted.pop(state.job.id, None)
        state.failure = failure
        del self.jobs[state.job.id]
        return Settled(state, kind, placed)

    # ----- frames of clips ------------------------------------------------------------------------

    def offer(self, index: int, message: Offer) -> None:
        """A worker offers a frame of its clip to the others."""
        task = self.workers[index].outstanding[message.serial]
        lease = self.jobs[task.job.id].lease
        assert lease is not None
        self._helping.offer(index, task, lease, message)

    def recall(self, index: int, serial: int) -> None:
        """A clip's worker wants one of its frames back."""
        self._helping.recall(index, serial)

    def _is_frame(self, index: int, serial: int) -> bool:
        return self.workers[index].outstanding[serial].stage == "frame"

    def _frame_done(self, index: int, message: Done) -> None:
        task = self.workers[index].outstanding.pop(message.serial)
        state = self.jobs.get(task.job.id)
        if state is not None:
            for stage, seconds in message.timings:
                state.timings[stage] = state.timings.get(stage, 0.0) + seconds
        self._free_doomed(self._helping.finished(task))

    def _frame_lost(self, task: Task) -> None:
        self._free_doomed(self._helping.lost(task))

    def _free_doomed(self, lease: Lease | None) -> None:
        if lease is not None:
            self.allocator.free(lease)

    # ----- workers --------------------------------------------------------------------------------

    def hired(self, index: int) -> None:
        """A worker is there."""
        self.workers[index] = WorkerState()

    def died(self, index: int, begun: int, cause: Cause, failure: Failed) -> list[Settled]:
        """A worker is gone; everything it had sent has been handled.

        Args:
            begun: serial of the task that it had begun, 0 for none.
            cause: "killed" is patient, everything else counts as the file's fault.
            failure: what to say if that task is given up.
        """
        worker = self.workers.pop(index)
        self._free_pocket(worker)
        self._kills += cause == "killed"
        settled = []
        for serial, task in reversed(worker.outstanding.items()):
            if task.stage == "frame":
                self._frame_lost(task)
                continue
            self._helping.forget(serial)
            state = self.jobs[task.job.id]
            if serial != begun:
                self._put_back(state, task)
                continue
            self._charge(state, cause)
            if state.crashes >= MAX_CRASHES or state.kills >= MAX_KILLS or state.attempt >= MAX_ATTEMPTS:
                settled += self._give_up(state, task, failure)
            else:
                self._suspects.append(self._retry(state, task))
        return settled

    def _charge(self, state: JobState, cause: Cause) -> None:
        state.attempt += 1
        if cause != "killed":
            state.crashes += 1
            return
        # Was another worker killed since this job was? Then it is not this job that draws the fire.
        state.kills = state.kills + 1 if state.killed == self._kills - 1 else 1
        state.killed = self._kills

    def _put_back(self, state: JobState, task: Task) -> None:
        # Encoding only reads frames. A transform writes over them, and may have given its lease back.
        if task.stage == "encode":
            self._downstream.appendleft(task)
        else:
            self._restart(state)

    def _restart(self, state: JobState) -> None:
        self._free_lease(state)
        self._queue.appendleft(state)
        if self.arrays:  # they are wanted in their order
            self._queue = deque(sorted(self._queue, key=lambda queued: queued.job.id))

    def _retry(self, state: JobState, task: Task) -> Task:
        if task.stage == "encode":  # it only reads the frames: they are still good
            return Task(0, task.run, "encode", task.job, task.placed, task.targets, state.attempt)
        self._free_lease(state)
        return self._first_task(state)

    def _give_up(self, state: JobState, task: Task, failure: Failed) -> list[Settled]:
        if task.stage == "encode":
            state.encoding -= 1
            state.failure = state.failure or failure
            settled = self._settle_encoded(state)
            return [settled] if settled else []
        return [self._settle(state, "failed", failure)]


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


def _text(task: Task) -> int:
    item = task.job.item
    return len(item.path) + len(item.mirror) + sum(len(target.path) for target in task.job.targets)


def _waiting_serial(worker: WorkerState) -> int:
    assert worker.waiting is not None
    return worker.waiting[0]


def _waiting_job(worker: WorkerState) -> int:
    return worker.outstanding[_waiting_serial(worker)].job.id


def _roomy(nbytes: int, largest: int) -> int:
    """A little more than asked for, so that the next, slightly larger picture fits as well."""
    return min(largest, nbytes + nbytes // 8)
