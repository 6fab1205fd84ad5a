"""One node of a cluster: it does jobs with an engine of its own, and answers the orders of the run.

    exchange(orders) ─► queue ─► plan of the engine ─► workers ─► settled ─► news
                                                            └► announced ─► kept ─► published

The engine has a thread. `exchange` waits for news, so the run needs no other call, and a node does nothing
that the run does not hear of. What is not begun can be asked back.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from imgpar.batch.engine import Assignment
from imgpar.batch.incremental import Unchanged
from imgpar.batch.workers import Workers
from imgpar.core.errors import ImgparError
from imgpar.core.job import Event, Job, Outcome, OutputFile
from imgpar.core.slices import MadeFiles
from imgpar.core.version import __version__
from imgpar.engines.messages import (
    Hello,
    News,
    NodeError,
    NodeSetup,
    Orders,
    SettledJob,
    first_items,
    pack_settled,
    stripped_of_item,
    unpack_jobs,
)
from imgpar.outputs.destination import Out, known_out
from imgpar.runtime.failures import traceback_of
from imgpar.runtime.scheduler import CancelToken, NotYet

SERIALS = 1 << 40
"""Numbers of tasks for each node: temporary files in a shared folder are named after them."""
FEW = 2
"""Items per worker that are passed on before it is known how long they take."""
SECONDS_BEGUN = 1.0
"""Seconds of work that are passed on: these jobs cannot be asked back."""
GATHERING = 0.01
"""Seconds for which outputs are gathered that wait for their notes."""


class Node:
    """Does the jobs of one run on one node.

    Args:
        setup: a pickled `NodeSetup`.
        number: of this node in the run, used once.
        cores: worker processes.
    """

    def __init__(self, setup: bytes, number: int, cores: int) -> None:
        self._problem = ""
        try:
            self._setup: NodeSetup = pickle.loads(setup)  # noqa: S301 - of the run that Ray obeys
        except Exception as error:  # a module with a function of the user, or a package, is not there
            self._problem = f"the recipe cannot be loaded there ({type(error).__name__}: {error})"
        self._number, self._cores = number, cores
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._queued = self._passed = self._done = 0
        """Items that are queued, that the engine has got, and that it has settled."""
        self._last = self._ended = False
        self._cancel = CancelToken()
        self._settled = list[SettledJob]()
        self._returned, self._started = list[tuple[int, int]](), list[tuple[int, int]]()
        self._frames: dict[str, tuple[str, int, int]] = {}
        self._remarks = list[str]()
        self._announced = list[OutputFile]()
        self._count_announced = self._count_kept = 0
        self._workers = 0
        self._error: NodeError | None = None
        self._thread: threading.Thread | None = None
        self._pace = _Pace()

    def hello(self) -> Hello:
        """Which version this is, and whether it has and sees what it needs."""
        if self._problem:
            return Hello(__version__, self._problem)
        missing = next((path for path in self._setup.paths if not os.path.lexists(path)), "")
        why = f"it does not see {missing}, so that is no shared folder" if missing else ""
        return Hello(__version__, why)

    def exchange(self, orders: Orders) -> News:
        """Take orders, and wait for news."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="imgpar-node", daemon=True)
            self._thread.start()
        with self._changed:
            self._take(orders)
            idle = self._is_idle()
            until = time.monotonic() + orders.wait
            self._changed.wait_for(lambda: self._is_urgent(idle=idle), orders.wait)
            if self._announced and not self._ended:
                self._changed.wait_for(
                    lambda: self._ended, min(GATHERING, max(0.0, until - time.monotonic()))
                )
            return self._news()

    # ----- with the lock --------------------------------------------------------------------------

    def _take(self, orders: Orders) -> None:
        if orders.jobs:
            jobs = unpack_jobs(orders.jobs)
            self._queue.extend(jobs)
            self._queued += sum(len(job.items) for job in jobs)
        wanted = orders.give_back
        while wanted > 0 and self._queue:
            job = self._queue.pop()
            if len(job.items) > wanted:
                first, rest = first_items(job, len(job.items) - wanted)
                self._queue.append(first)
                job = rest or job
            wanted -= len(job.items)
            self._queued -= len(job.items)
            self._returned.append((job.id, len(job.items)))
        self._count_kept = max(self._count_kept, orders.kept)
        self._last = self._last or orders.last
        if orders.stop:
            self._cancel.cancel()
        self._changed.notify_all()

    def _is_idle(self) -> bool:
        return not self._queue and self._passed == self._done

    def _is_urgent(self, *, idle: bool) -> bool:
        """Whether the run should hear at once: the node has nothing left to do, or waits for a note."""
        return self._ended or bool(self._announced) or bool(self._returned) or (self._is_idle() and not idle)

    def _news(self) -> News:
        news = News(
            pack_settled(self._settled) if self._settled else b"",
            tuple(self._announced),
            tuple(self._returned),
            tuple(self._started),
            tuple(self._frames.values()),
            tuple(self._remarks),
            self._queued,
            self._workers,
            self._ended,
            self._error,
        )
        for told in (self._settled, self._announced, self._returned, self._started, self._remarks):
            told.clear()
        self._frames.clear()
        return news

    # ----- in the thread of the engine --------------------------------------------------------------

    def _work(self) -> None:
        setup = self._setup
        try:
            with contextlib.ExitStack() as stack:
                workers = Workers(
                    self._cores,
                    setup.options.memory,
                    worker_memory=setup.options.worker_memory,
                    first_serial=self._number * SERIALS,
                )
                stack.callback(workers.close)
                effort = setup.engine().do(self._assignment(workers, stack))
                self._workers = effort.workers
        except Exception as error:
            self._error = _described(error)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _assignment(self, workers: Workers, stack: contextlib.ExitStack) -> Assignment:
        setup = self._setup
        place = known_out(setup.out) if setup.stored else Out(setup.out)
        if place.stored:
            stack.callback(place.stored.close)
            if setup.options.cache_control:
                place.stored.cached_by(setup.options.cache_control)
        return Assignment(
            setup.spec,
            setup.options,
            place,
            self,
            self._plan(),
            iter,
            lambda: workers,
            settle=self._settle,
            settle_planned=_nothing_planned,
            settle_slice=self._settle_slice,
            unchanged=_nothing_planned,
            tell=self._tell,
            note=self._remark,
            turn=self._pace.turn,
            started=self._begun if setup.starts else None,
            cancel=self._cancel,
            stack=stack,
        )

    def _plan(self) -> Iterator[Job | NotYet]:
        """The jobs of this node: no more at a time than it does in a second, as others may be asked back."""
        base = FEW * self._cores
        if any(source.waits for source in self._setup.spec.sources):
            base = max(base, 2 * self._setup.options.downloads)
        while True:
            job: Job | None = None
            with self._changed:
                room = max(base, int(self._pace.rate * SECONDS_BEGUN)) - self._passed + self._done
                if self._queue and room > 0:
                    job, rest = first_items(self._queue.popleft(), room)
                    if rest:
                        self._queue.appendleft(rest)
                    self._queued -= len(job.items)
                    self._passed += len(job.items)
                elif self._last and not self._queue:
                    return
            yield job or NotYet()

    def _settle(self, job: Job, outcomes: list[Outcome]) -> None:
        told = tuple(
            stripped_of_item(outcome, item) for outcome, item in zip(outcomes, job.items, strict=True)
        )
        fetched = tuple[tuple[int, int, str], ...]()
        if any(item.fetched for item in job.items):
            fetched = tuple((item.size, item.mtime_ns, item.validator) for item in job.items)
        self._add(SettledJob(job.id, len(job.items), told, fetched))

    def _settle_slice(self, job: Job, made: MadeFiles, apart: Sequence[Outcome]) -> None:
        told = tuple(stripped_of_item(outcome, job.items[outcome.job - job.id]) for outcome in apart)
        self._add(SettledJob(job.id, len(job.items), told, made=made))

    def _add(self, settled: SettledJob) -> None:
        with self._changed:
            self._settled.append(settled)
            self._done += settled.items
            self._pace.count += settled.items
            if self._is_idle():
                self._changed.notify_all()

    def _tell(self, event: Event) -> None:
        with self._changed:
            self._frames[event.text] = (event.text, *event.frames)

    def _remark(self, text: str) -> None:
        with self._changed:
            self._remarks.append(text)

    def _begun(self, job: Job) -> None:
        with self._changed:
            self._started.append((job.id, len(job.items)))

    # ----- `OutputNotes`, in threads that publish -----------------------------------------------------

    def note(self, file: OutputFile) -> None:
        """Have the run note an output, and wait until it is kept there: a node may be lost with its disk."""
        with self._changed:
            self._announced.append(file)
            self._count_announced += 1
            number = self._count_announced
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._count_kept >= number)

    def turn(self) -> None:
        """As `OutputNotes.turn`: the run keeps the notes."""


class _Pace:
    """How many items are settled per second."""

    def __init__(self) -> None:
        self.count = 0
        self.rate = 0.0
        self._since, self._counted = time.monotonic(), 0

    def turn(self) -> None:
        """Called often."""
        passed = (now := time.monotonic()) - self._since
        if passed < 0.25:
            return
        current = (self.count - self._counted) / passed
        self.rate = (self.rate + current) / 2 if self.rate else current
        self._since, self._counted = now, self.count


def _nothing_planned(_: Outcome | Unchanged) -> None:
    raise AssertionError("a node gets nothing but jobs")


def _described(error: Exception) -> NodeError:
    kind = type(error).__name__
    trace = getattr(error, "traceback", "") or traceback_of(error, "")
    if isinstance(error, ImgparError):
        return NodeError(kind, error.message, error.fix, trace)
    return NodeError(kind, f"{kind}: {error}", "", trace)
