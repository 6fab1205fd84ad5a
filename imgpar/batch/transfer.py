"""What a run has around its workers where inputs or outputs are no local files.

plan ─► spool: targets in a folder ─► inward: items become files ─► workers
workers ─► spool: outputs are published ─► outcomes
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from imgpar.batch.inward import Inward
from imgpar.batch.plan_entries import Early
from imgpar.batch.plan_order import PlanOrder, Result
from imgpar.core.job import Job, Outcome
from imgpar.core.slices import MadeFiles
from imgpar.core.tempfiles import temporary
from imgpar.inputs.fetching import DEFAULTS, FetchOptions
from imgpar.inputs.sources import Source
from imgpar.outputs.sinks import Stored
from imgpar.runtime.records import Settled

if TYPE_CHECKING:  # most runs need none, and no thread pool
    from imgpar.batch.spool import Spool
    from imgpar.batch.unpacking import Entry
    from imgpar.outputs.write_ahead import OutputNotes


class Transfer:
    """Passes the jobs of one run on to the workers, and their outcomes back.

    Args:
        sources: of items that are no files.
        stored: the place of the outputs; None for files.
        settle: called with each job and the outcomes of its items, as a sink has recorded them.
        settle_planned: called with each outcome of an item that needed no job, likewise.
        settle_slice: called with each slice and its results; there are none with a sink.
        stack: removes temporary files and ends the sink.
        log: write-ahead log for what is published.
        fetching: limits of transfers.
        verify: whether each output is read back from a sink and compared.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        stored: Stored | None,
        settle: Callable[[Job, list[Outcome]], None],
        settle_planned: Callable[[Outcome], None],
        settle_slice: Callable[[Job, MadeFiles, Sequence[Outcome]], None],
        stack: contextlib.ExitStack,
        log: OutputNotes | None = None,
        *,
        fetching: FetchOptions = DEFAULTS,
        verify: bool = False,
    ) -> None:
        self._settle_job, self._settle_planned, self._settle_slice = settle, settle_planned, settle_slice
        self._order = PlanOrder() if stored and stored.ordered else None
        self._spool: Spool | None = None
        if stored is not None:
            from imgpar.batch.spool import Spool

            self._spool = Spool(stored, stack.enter_context(temporary()), log, verify=verify)
            stack.callback(self._spool.finish)
        in_order = self._order is not None
        self._inward = Inward(sources, stack, fetching, self._settle_early, unpacked_in_order=in_order)

    @property
    def folder(self) -> str:
        """The folder into which workers commit, in place of OUT; empty where they commit into OUT."""
        return self._spool.folder if self._spool else ""

    @property
    def log(self) -> str:
        """The folder of the write-ahead log of the workers, if outputs are committed into `folder`."""
        return os.path.join(self.folder, ".written")

    @property
    def left(self) -> int:
        """Jobs that are held back."""
        return self._inward.left

    def inward(self, plan: Iterator[Entry]) -> Iterator[Entry]:
        """The plan for the workers."""
        plan = self._into_spool(plan, self._spool) if self._spool else plan
        return self._inward.entries(self._order.paced(plan) if self._order else plan)

    def _settle_early(self, early: Early) -> Iterable[Entry]:
        self._in_turn(early.job.id, early)
        return ()

    def _into_spool(self, plan: Iterator[Entry], spool: Spool) -> Iterator[Entry]:
        for entry in plan:
            if not isinstance(entry, Job):
                if self._order and isinstance(entry, Outcome) and entry.status == "failed":
                    self._order.expect(entry.job)
                yield entry
            elif entry.check:
                self._settle(entry, [spool.compared(entry)])
            else:
                if self._order:
                    self._order.expect(entry.id)
                yield spool.inward(entry)

    def outward(self, result: Settled | Outcome) -> None:
        """Settle a job that the workers have done, or an item that needed none; later if its outputs are
        published by threads, or in the order of the plan."""
        if isinstance(result, Outcome):
            self._in_turn(result.job, result)
            return
        self._in_turn(result.state.job.id, result)  # which may keep a copy of an input that failed
        self._inward.settled(result.state.job)

    def _in_turn(self, number: int, result: Result) -> None:
        for ready in self._order.done(number, result) if self._order else (result,):
            self._out(ready)

    def _out(self, result: Result) -> None:
        if isinstance(result, Outcome):
            self._settle_planned(self._recorded(result, None))
            return
        if isinstance(result, Early):
            job = self._spool.withdrawn(result.job) if self._spool else result.job
            self._settle(job, [result.outcome])
            return
        if self._spool is None:
            job = result.state.job
            if result.sliced:
                self._settle_slice(job, result.sliced.made, result.apart())
            else:
                self._settle(job, result.outcomes())
            return
        for job, outcome in self._spool.take(result.state.job, result.outcome()):
            self._settle(job, [outcome])

    def _settle(self, job: Job, outcomes: list[Outcome]) -> None:
        if self._spool:
            outcomes = list(map(self._recorded, outcomes, job.each()))
        self._settle_job(job, outcomes)

    def _recorded(self, outcome: Outcome, job: Job | None) -> Outcome:
        """The outcome of an item, after the sink was told; failed where the sink cannot record it."""
        return self._spool.recorded(outcome, job) if self._spool else outcome

    def turn(self) -> None:
        """Settle the jobs whose outputs are published by now, and end transfers that take too long."""
        self._inward.turn()
        for job, outcome in self._spool.done() if self._spool else ():
            self._settle(job, [outcome])

    def finish(self) -> None:
        """Settle all jobs, and end the sink. Raises RunError."""
        for result in self._order.rest() if self._order else ():
            self._out(result)
        if self._spool:
            for job, outcome in self._spool.done(0):
                self._settle(job, [outcome])
            self._spool.finish()
