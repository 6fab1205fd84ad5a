"""The plan of a run, as the scheduler pulls it: some of it is made ahead, in chunks."""

from __future__ import annotations

from collections.abc import Iterator

from imgpar.batch.account import Account
from imgpar.batch.before_writing import BeforeWriting
from imgpar.batch.copies import ArchiveCopies
from imgpar.batch.gather.planner import GatherPlanner
from imgpar.batch.incremental import Unchanged
from imgpar.batch.journal.journal import Journal
from imgpar.batch.others import mark_others
from imgpar.batch.plan_entries import Entry
from imgpar.batch.planned import Planned, item_count, weight
from imgpar.batch.planner import Planner
from imgpar.batch.run_inputs import Among
from imgpar.batch.twins import Twins
from imgpar.core.job import Event, Job, Outcome
from imgpar.inputs.batches import Batch
from imgpar.runtime.scheduler import NotYet

PLAN_AHEAD = 20_000
"""Entries planned ahead of the workers, so that the total is known early."""
PLAN_CHUNK = 250
"""Items whose output names are stored in one transaction; workers wait for it."""


class PulledPlan:
    """The plan of one run.

    Args:
        planner: makes it.
        batches: the inputs.
        account: hears of what batches leave out, and of the total.
        before: prepares OUT for jobs.
        copies: of archives, which are needed by the planned jobs.
        twins: duplicates among the inputs.
        journal: with the failures of earlier runs.
        retry: only inputs that failed in the last run are taken.
        among: what is taken of the inputs, of which unchanged failures are left out; None takes all.
        replaces: whether outputs with other settings are replaced without being asked for, which is said.
    """

    def __init__(
        self,
        planner: Planner | GatherPlanner,
        batches: Iterator[Batch],
        account: Account,
        before: BeforeWriting,
        copies: ArchiveCopies,
        twins: Twins,
        journal: Journal,
        *,
        retry: bool,
        among: Among | None,
        replaces: bool,
    ) -> None:
        self._planner, self._account, self._before = planner, account, before
        self._copies, self._twins, self._journal = copies, twins, journal
        self._retry, self._among, self._replaces = retry, among, replaces
        self._ahead = Planned()
        self._chunks = self._plan(batches)
        self._paused = False
        """Whether the next input is not there yet."""

    @property
    def left(self) -> int:
        """Items that are planned and were not pulled."""
        return self._ahead.items

    def entries(self) -> Iterator[Entry | NotYet]:
        """All entries."""
        while self._ahead.length or self._look_ahead():
            if self._ahead.length:  # a chunk may be empty
                yield self._ahead.popleft()
            elif self._paused:
                yield NotYet()

    def turn(self) -> None:
        """Plan one more chunk, unless enough is planned; called often."""
        if self._ahead.length < PLAN_AHEAD and not self._copies.many:
            self._look_ahead()

    def _look_ahead(self) -> bool:
        """Plan one more chunk; returns False at the end of the plan."""
        chunk = next(self._chunks, None)
        self._ahead.extend(chunk or [])
        return chunk is not None

    def _plan(self, batches: Iterator[Batch]) -> Iterator[list[Entry]]:
        total = 0
        for batch in batches:
            self._account.read_past(batch)
            self._copies.reached(batch)
            self._before.reached(batch)
            for chunk in self._chunked(self._twins.without(self._wanted(batch))):
                total += item_count(chunk)
                yield self._twins.hold(chunk)
            if batch.pause:
                self._paused = True
                yield []
                self._paused = False
        for chunk in self._chunked(self._planner.finish()):
            total += item_count(chunk)
            yield chunk
        self._account.tell(Event("planned", total=total))

    def _wanted(self, batch: Batch) -> Iterator[Entry]:
        """The plan of a batch, without what this run leaves out."""
        if self._retry and isinstance(self._planner, Planner):
            failed = self._journal.failed_in(batch)
            every = mark_others(self._planner.plan(batch), batch)
            entries: Iterator[Entry] = (entry for entry in every if _source(entry) in failed)
        else:
            entries = mark_others(self._planner.plan_together(batch), batch)
        return self._without_failures(entries, batch, self._among) if self._among else entries

    def _without_failures(self, entries: Iterator[Entry], batch: Batch, among: Among) -> Iterator[Entry]:
        """The plan without inputs that failed in an earlier run and have not changed since."""
        failed = self._journal.failed_alike(batch)
        for entry in entries:
            if isinstance(entry, Unchanged) or not (among.rests(entry) or _source(entry) in failed):
                yield entry

    def _chunked(self, entries: Iterator[Entry]) -> Iterator[list[Entry]]:
        while chunk := _some(entries):
            if jobs := [entry for entry in chunk if isinstance(entry, Job)]:
                if self._planner.replaced and self._replaces:
                    self._planner.replaced = 0
                    self._before.say_replaced()
                self._before.planned(jobs)
                self._copies.planned(jobs)
            yield chunk


def _some(entries: Iterator[Entry]) -> list[Entry]:
    """The next entries, with about as many items as are planned together."""
    found, items = list[Entry](), 0
    for entry in entries:
        found.append(entry)
        items += weight(entry)
        if items >= PLAN_CHUNK:
            break
    return found


def _source(entry: Job | Outcome) -> str:
    return entry.item.path if isinstance(entry, Job) else entry.source
