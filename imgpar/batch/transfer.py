"""What a run has between its plan and its workers where inputs or outputs are no local files.

plan ─► ahead: items are fetched ─► spool: targets in a private folder ─► workers
workers ─► spool: outputs are published ─► outcomes
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from imgpar.batch.incremental import Unchanged
from imgpar.core.job import Job, Outcome
from imgpar.core.tempfiles import temporary
from imgpar.inputs.fetching import DEFAULTS, FetchOptions
from imgpar.inputs.sources import Source
from imgpar.outputs.sinks import Stored
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import NotYet

if TYPE_CHECKING:  # most runs need neither, and no thread pools
    from imgpar.batch.ahead import Ahead, Entry
    from imgpar.batch.spool import Spool
    from imgpar.outputs.write_ahead import WrittenLog


class Transfer:
    """Passes the jobs of one run on to the workers, and their outcomes back.

    Args:
        sources: of items that are no files.
        stored: the place of the outputs; None for files.
        settle: called with each job and the outcomes of its items.
        stack: removes temporary files and ends the sink.
        log: write-ahead log for what is published.
        fetching: limits of transfers.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        stored: Stored | None,
        settle: Callable[[Job, list[Outcome]], None],
        stack: contextlib.ExitStack,
        log: WrittenLog | None = None,
        *,
        fetching: FetchOptions = DEFAULTS,
    ) -> None:
        self._settle = settle
        self._spool: Spool | None = None
        self._ahead: Ahead | None = None
        if stored is not None:
            from imgpar.batch.spool import Spool

            self._spool = Spool(stored.sink, stack.enter_context(temporary()), log)
            stack.callback(self._spool.finish)
        if any(source.waits for source in sources):
            from imgpar.batch.ahead import Ahead

            self._ahead = Ahead(sources, stack.enter_context(temporary()), fetching)
            stack.callback(self._ahead.close)

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
        return self._ahead.left if self._ahead else 0

    def inward(self, plan: Iterator[Entry]) -> Iterator[Entry | NotYet]:
        """The plan for the workers."""
        plan = self._into_spool(plan, self._spool) if self._spool else plan
        return self._fetched(plan, self._ahead) if self._ahead else plan

    def _fetched(self, plan: Iterator[Entry], ahead: Ahead) -> Iterator[Entry | NotYet]:
        for entry in ahead.entries(plan):
            if not isinstance(entry, (Job, Outcome, Unchanged, NotYet)):  # it needs no worker
                job = self._spool.withdrawn(entry.job) if self._spool else entry.job
                self._settle(job, [entry.outcome])
            else:
                yield entry

    def _into_spool(self, plan: Iterator[Entry], spool: Spool) -> Iterator[Entry]:
        for entry in plan:
            if not isinstance(entry, Job):
                yield entry
            elif entry.check:
                self._settle(entry, [spool.compared(entry)])
            else:
                yield spool.inward(entry)

    def outward(self, result: Settled) -> None:
        """Settle a job that the workers have done; if its outputs are published by threads, later."""
        if self._ahead:
            self._ahead.settled(result.state.job)
        if self._spool is None:
            self._settle(result.state.job, result.outcomes())
            return
        for job, outcome in self._spool.take(result.state.job, result.outcome()):
            self._settle(job, [outcome])

    def recorded(self, outcome: Outcome, job: Job | None = None) -> Outcome:
        """The outcome of an item, after the sink was told; failed where the sink cannot record it."""
        return self._spool.recorded(outcome, job) if self._spool else outcome

    def turn(self) -> None:
        """Settle the jobs whose outputs are published by now, and end transfers that take too long."""
        if self._ahead:
            self._ahead.turn()
        for job, outcome in self._spool.done() if self._spool else ():
            self._settle(job, [outcome])

    def finish(self) -> None:
        """Settle all jobs, and end the sink. Raises RunError."""
        if self._spool:
            for job, outcome in self._spool.done(0):
                self._settle(job, [outcome])
            self._spool.finish()
