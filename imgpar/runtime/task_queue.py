"""Which task runs next, and on which worker. Pure bookkeeping, a part of the ledger.

    jobs ─► queue ─────────┐
    downstream, suspects ──┼─► assign ─► worker
    frames of clips ───────┘

1. Tasks furthest downstream come first: they free memory.
2. A task that has killed a worker runs alone on a worker.
3. Small pictures are sent in batches, and slices as one task, so that messages do not cost more than pixels;
   no task queues behind a clip. A slice is cut where it would keep a worker for too long, or where others
   would be idle.
4. A clip, or a picture that is alone, gets the cores that no other task needs.
5. Where a function takes several pictures at once, their transform tasks are collected and go to one worker;
   fewer than it takes where no more will come, or where a worker waits for memory that they hold.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from imgpar.core.job import Job
from imgpar.runtime.protocol import Placed, Task, TaskStage
from imgpar.runtime.records import JobState, WorkerState
from imgpar.runtime.shared_frames import SharedFrames

BATCH_ITEMS = 16
BATCH_BYTES = 2 << 20
"""Limits of a batch of small pictures that are in no slice, such as arrays, which are not read far ahead:
their number, and the bytes of their files together."""
BATCH_TEXT = 40_000 if sys.platform == "linux" else 6000
"""Characters of paths in a worker's pipe: messages must fit into it (8 KiB on macOS, 200 KiB on Linux), or
the parent would wait for a busy worker."""
SLICE_ITEMS = 32
"""Most pictures of a slice. A worker gets more when this many are left, so that it has enough while the
parent plans and writes."""
SLICE_SECONDS = 0.2
"""Most seconds that a slice keeps a worker, by the average of the last tasks."""


class Tasks:
    """Queue of jobs that no worker has, and of tasks that are ready for one.

    Args:
        workers: state of the workers, by index; owned by the ledger.
        helping: frames of clips.
        schedule: "auto", "staged" or "chain".
        serial: the highest serial so far.
        cut: makes two of a queued slice, the first of that many items.
    """

    def __init__(
        self,
        workers: Mapping[int, WorkerState],
        helping: SharedFrames,
        schedule: str,
        serial: int,
        cut: Callable[[JobState, int], tuple[JobState, JobState]],
    ) -> None:
        self._workers = workers
        self._helping = helping
        self._schedule = schedule
        self.serial = serial
        """The highest serial so far."""
        self.cores = 1
        """Cores that all tasks together may use."""
        self._cut = cut
        self.queue: deque[JobState] = deque()
        """Jobs that no worker has yet."""
        self.queued = 0
        """Number of their items."""
        self.seconds = 0.0
        """Average seconds per task; 0 is unknown."""
        self.downstream: deque[Task] = deque()
        """Tasks whose frames are in memory."""
        self.suspects: deque[Task] = deque()
        """Tasks during which a worker has died."""
        self.together = 1
        """Maximum transform tasks that a worker performs together."""
        self.collected: deque[Task] = deque()
        """Transform tasks to be performed together, whose frames are in memory."""

    def collect(self, most: int) -> None:
        """Let workers perform up to `most` transform tasks together; called before the first job."""
        self.together, self._schedule = most, "staged"

    def append(self, state: JobState) -> None:
        """Queue a job."""
        self.queue.append(state)
        self.queued += len(state.job.items)

    def _popleft(self, most: int) -> JobState:
        """Take the first job; of a slice at most so many items."""
        state = self.queue.popleft()
        if state.job.kind == "slice" and len(state.job.items) > most:
            state, rest = self._cut(state, most)
            self.queue.appendleft(rest)
        self.queued -= len(state.job.items)
        return state

    def drop_queue(self) -> list[JobState]:
        """Take all queued jobs."""
        dropped = list(self.queue)
        self.queue.clear()
        self.queued = 0
        return dropped

    @property
    def in_flight(self) -> int:
        """Number of tasks at workers, or ready for one."""
        at_workers = sum(len(worker.outstanding) for worker in self._workers.values())
        ready = len(self.downstream) + len(self.collected) + len(self.suspects)
        return at_workers + ready + len(self._helping.queue)

    @property
    def spare(self) -> int:
        """Pictures that every worker will do before it is refilled: its results may wait that long."""
        workers = self._workers.values()
        left = (0 if worker.waiting else worker.items - worker.refill for worker in workers)
        return max(0, min(left, default=0))

    def next_serial(self) -> int:
        """A serial that has not been used before."""
        self.serial += 1
        return self.serial

    def requeue(self, state: JobState, *, sort: bool) -> None:
        """Restart a job before all others; with `sort` at its place in job order."""
        self.queue.appendleft(state)
        self.queued += len(state.job.items)
        if sort:
            self.queue = deque(sorted(self.queue, key=lambda queued: queued.job.id))

    def clear(self) -> None:
        """Drop all jobs and tasks."""
        self.drop_queue()
        self.downstream.clear()
        self.collected.clear()
        self.suspects.clear()

    # ----- assignment ------------------------------------------------------------------------------

    def assign(self, index: int) -> tuple[Task, ...]:
        """The next tasks of a worker; empty when there are none, or when it has enough."""
        worker = self._workers[index]
        if worker.waiting is not None:
            # It waits for memory; finishing the frames of another job may free it.
            if self.downstream:
                return self._number(worker, [self.downstream.popleft()])
            return self._number(worker, self._take_collected())
        if worker.alone or worker.revoked:
            return ()
        if self.suspects:
            if worker.outstanding:
                return ()
            worker.alone = True
            return self._number(worker, [self.suspects.popleft()])
        if len(worker.outstanding) > 1 and not (self._batch and worker.items <= worker.refill):
            return ()
        if self.queue and self.queue[0].job.kind == "slice" and not (self.downstream or self._helping.queue):
            worker.refill = SLICE_ITEMS
            return self._number(worker, list(self._slices(worker)))
        tasks = self._number(worker, list(self._pick(worker)))
        # Of larger files a batch has fewer; it is not refilled by every single one either.
        worker.refill = worker.items // 2 if tasks else worker.refill
        return tasks

    @property
    def _batch(self) -> int:
        """Pictures of a batch; 0 where there is none: of slices, and where it would leave a core idle at the
        end."""
        if self._schedule == "staged" or (self.queue and self.queue[0].job.kind == "slice"):
            return 0
        share = self.queued // max(1, len(self._workers))
        return BATCH_ITEMS if share >= BATCH_ITEMS else 0

    def _slices(self, worker: WorkerState) -> Iterator[Task]:
        """Slices from the front of the queue, until one runs and one is in the pipe."""
        last = next(reversed(worker.outstanding.values()), None)
        if last is not None and last.job.kind == "stream":
            return
        ahead = 2 if self.queued >= 2 * len(self._workers) else 1
        for _ in range(ahead - len(worker.outstanding)):
            if not self.queue or self.queue[0].job.kind != "slice":
                return
            yield self.first(self._popleft(self._slice_items))

    def _pick(self, worker: WorkerState) -> Iterator[Task]:
        last = next(reversed(worker.outstanding.values()), None)
        if last is not None and last.job.kind == "stream":
            return  # no task queues behind a clip, which may take an hour
        count = len(worker.outstanding)
        nbytes = sum(task.job.item.size for task in worker.outstanding.values())
        text = sum(map(_text, worker.outstanding.values()))
        # One task running and one in the pipe, so that no core waits for the parent; none in the pipe towards
        # the end, where another worker could begin it at once.
        ahead = 2 if self._schedule != "staged" and self.queued >= 2 * len(self._workers) else 1
        while self._helping.queue and count < 2:
            count += 1
            yield self._helping.take()
        if self._enough_collected:
            several = list(islice(self.collected, self.together))
            if not count or text + sum(map(_text, several)) < BATCH_TEXT:
                yield from self._take_collected()
            return
        while True:
            small = nbytes < BATCH_BYTES and text < BATCH_TEXT
            if count >= ahead and not (count < self._batch and small):
                return
            first = self.queue[0].job.kind if self.queue and not self.downstream else ""
            if first == "slice" or (count and first == "stream"):
                return
            if self.downstream:
                task = self.downstream.popleft()
            elif self.queue:
                task = self.first(self._popleft(self._slice_items))
            else:
                return
            count += 1
            nbytes += task.job.item.size
            text += _text(task)
            yield task
            if task.job.kind == "stream":
                return

    @property
    def _slice_items(self) -> int:
        """Most items of the next slice: few until it is known how long they take, and towards the end."""
        if not self.seconds:
            return 1
        share = self.queued // (4 * max(1, len(self._workers)))
        return max(1, min(SLICE_ITEMS, share, int(SLICE_SECONDS / self.seconds)))

    @property
    def _enough_collected(self) -> bool:
        """Whether tasks are to be performed together now."""
        if len(self.collected) >= self.together or self.queue:
            return len(self.collected) >= self.together
        workers = self._workers.values()
        return bool(self.collected) and not any(
            task.stage == "decode" and task.job.kind not in ("stream", "file")
            for worker in workers
            for task in worker.outstanding.values()
        )

    def _take_collected(self) -> list[Task]:
        """The next tasks to be performed together; none where none are collected."""
        count = min(self.together, len(self.collected))
        return [self.collected.popleft()._replace(together=count) for _ in range(count)]

    def _number(self, worker: WorkerState, tasks: Iterable[Task]) -> tuple[Task, ...]:
        handed = []
        for task in tasks:
            numbered = task._replace(serial=self.next_serial(), cores=self._share(task))
            worker.outstanding[numbered.serial] = numbered
            handed.append(numbered)
        return tuple(handed)

    def _share(self, task: Task) -> int:
        """Cores for a clip or a picture: divided among the workers that are busy or soon will be."""
        if task.job.kind not in ("stream", "frames"):
            return 1
        busy = 1 + sum(1 for worker in self._workers.values() if worker.outstanding)
        most = len(self._workers) if task.job.kind == "stream" else self.cores
        return max(1, self.cores // min(busy + len(self.queue), max(1, most)))

    # ----- tasks of a job --------------------------------------------------------------------------

    def decoded(self, state: JobState, placed: Placed) -> None:
        """Queue the transform task of a job whose frames are in memory."""
        task = task_of(state, "transform", placed)
        alone = self.together == 1 or state.single or state.crashes or state.kills
        (self.downstream if alone else self.collected).append(task)

    def first(self, state: JobState) -> Task:
        """The first task of a job."""
        return task_of(state, "decode" if self._split(state) else "chain")

    def _split(self, state: JobState) -> bool:
        """Whether the stages of this job run on different workers."""
        if state.job.kind in ("file", "slice"):
            return False  # a stream has none
        if self._schedule != "auto" or state.crashes or state.kills:
            return self._schedule == "staged"
        idle = sum(not worker.outstanding for worker in self._workers.values())
        # With one output a second worker would only wait for the first.
        return len(state.job.targets) > 1 and len(self.queue) < idle


def task_of(
    state: JobState, stage: TaskStage, placed: Placed | None = None, targets: tuple[int, ...] = ()
) -> Task:
    """Build a task of a job; its serial is set when it is assigned.

    Args:
        state: of the job.
        stage: of the task.
        placed: frames to process, in the arena.
        targets: indices of the outputs to encode; empty is all.
    """
    crashers = tuple(state.crashers)
    return Task(
        0, state.run, stage, _for_workers(state.job), placed, targets, state.attempt, crashers=crashers
    )


def _for_workers(job: Job) -> Job:
    """A job without what only the parent needs: columns of lists, and addresses of what was fetched."""
    if not any(item.columns or (item.fetched and item.listed) for item in job.items):
        return job
    items = (item._replace(columns=(), key="" if item.fetched else item.key) for item in job.items)
    return job._replace(items=tuple(items))


def _text(task: Task) -> int:
    item = task.job.item
    return len(item.path) + len(item.mirror) + sum([len(target.path) for target in task.job.targets])
