"""What a run counts, records and says: outcomes, notes and events, and at the end its report."""

from __future__ import annotations

import time
from typing import Any

from imgpar.batch.failure_bundle import Bundles
from imgpar.batch.incremental import Unchanged
from imgpar.batch.inplace.run_folders import KeptOriginals
from imgpar.batch.journal.journal import Journal
from imgpar.batch.others import OtherFiles, is_other
from imgpar.batch.report import Report, Tally
from imgpar.core.addresses import without_secrets
from imgpar.core.job import TO_CHECK, Event, Job, Listener, Outcome, hears_starts, is_silent, listens_in_bulk
from imgpar.core.slices import MadeFiles
from imgpar.inputs.batches import Batch
from imgpar.inputs.ignored import Aside


class Account:
    """The account of one run.

    Args:
        listen: called with every Event.
        out: the destination, for the report.
        others: counts files that are no items.
    """

    def __init__(self, listen: Listener, out: str, others: OtherFiles | None = None) -> None:
        self._listen, self._out = listen, out
        self._in_bulk = listens_in_bulk(listen)
        self._silent = is_silent(listen)
        self.started = self._tell_started if hears_starts(listen) else None
        """Called with each job that a worker begins; None where nobody listens."""
        self._started = time.monotonic()
        self._tally, self._notes = Tally(), list[str]()
        self._others = others or OtherFiles()
        self._aside, self._sidecars = Aside(), 0
        self._done = self._anew = self._unsure = 0
        self.journal: Journal | None = None
        self.originals: KeptOriginals | None = None
        self.bundles: Bundles | None = None

    @property
    def retriable(self) -> int:
        """Number of failures that may succeed when repeated."""
        return self._tally.retriable

    # ----- events -----------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Send an event, with the number of items that are done."""
        self._listen(event._replace(done=self._done))

    def _tell_started(self, job: Job) -> None:
        if not is_other(job):
            for item in job.items:
                self.tell(Event("started", text=item.path))

    def note(self, text: str) -> None:
        """A note that belongs to no item."""
        text = without_secrets(text)
        self._notes.append(text)
        self.tell(Event("note", text=text))

    # ----- inputs -----------------------------------------------------------------------------------

    def read_past(self, batch: Batch) -> None:
        """Count what a batch leaves out, and pass on its notes."""
        self._aside.add(batch.kinds, batch.left_out, batch.excluded, batch.filtered)
        self._sidecars += batch.sidecars
        for text in batch.notes:
            self.note(text)

    def read_again(self) -> None:
        """The inputs are read from the start again."""
        self._aside, self._sidecars = Aside(), 0

    # ----- outcomes ---------------------------------------------------------------------------------

    def add(self, outcome: Outcome, job: Job | None = None, *, again: bool = False) -> None:
        """Record one outcome.

        Args:
            outcome: of one item.
            job: of this item; None where it needed none.
            again: whether its outputs are counted already.
        """
        assert self.journal is not None
        outcome = _without_secrets(outcome)
        if outcome.other or (job is not None and is_other(job)):
            outcome = outcome._replace(other=True)
            self._others.add(outcome)
            self.journal.record(outcome, job)
            return
        self._done += 1
        if outcome.status == "failed" and self.bundles:
            self.bundles.keep(outcome, job)
        if job is not None:
            self._anew += job.changed and outcome.status == "ok"
            self._unsure += any(note.endswith(TO_CHECK) for note in outcome.notes)
            if self.originals:
                self.originals.record(outcome, job)
        self._tally.add(outcome._replace(outputs=()) if again else outcome)
        self.journal.record(outcome, job)
        self._listen(Event("item", self._done, outcome=outcome))

    def add_slice(self, job: Job, made: MadeFiles) -> None:
        """Record what was made of items of a slice."""
        assert self.journal is not None
        self._tally.add_slice(job, made)
        self.journal.record_slice(job, made)
        if self._silent:
            self._done += len(made.numbers)
            return
        for outcome in made.outcomes(job):
            self._done += 1
            self._listen(Event("item", self._done, outcome=outcome))

    def add_unchanged(self, items: Unchanged) -> None:
        """Record unchanged items."""
        assert self.journal is not None
        if is_other(items):
            self._others.counts["unchanged"] += len(items)
            return
        self._tally.add_unchanged(len(items))
        self.journal.record_unchanged(items)
        if self._in_bulk:
            self._done += len(items)
            self.tell(Event("unchanged"))
            return
        for outcome in items:
            self._done += 1
            self._listen(Event("item", self._done, outcome=outcome))

    def flush(self) -> None:
        """Write what is pending to the journals."""
        if self.originals:
            self.originals.flush()
        if self.journal:
            self.journal.flush()

    # ----- the end ----------------------------------------------------------------------------------

    def note_changes(self) -> None:
        """Say how many outputs were replaced because their inputs changed, and how many may be wrong."""
        if self._anew:
            what = "1 output was" if self._anew == 1 else f"{self._anew} outputs were"
            self.note(f"{what} made anew, because the inputs changed.")
        if self._unsure:
            have = "1 result has" if self._unsure == 1 else f"{self._unsure} results have"
            self.note(f"{have} to be checked: the notes in the report say why (--report FILE.html).")

    def counts(self) -> dict[str, int]:
        """Number of items by status, for the journal."""
        return {status: self._tally.counts[status] for status in ("ok", "skipped", "failed")}

    def report(self, *, sidecars: bool, whole: bool, single: bool = False, **facts: Any) -> Report:
        """The report of the run.

        Args:
            sidecars: whether sidecar files that were left out are mentioned.
            whole: whether all lines are read now, because the journal may be temporary.
            single: whether a single file is made, of all inputs or of one.
            facts: further fields of the report.
        """
        if self._sidecars and sidecars:
            are = "is a sidecar" if self._sidecars == 1 else "are sidecars"
            self._notes.append(
                f"{self._sidecars} of them {are} (XMP, AAE); --companions copy takes them along."
            )
        lines = self.journal.outcomes() if self.journal else ()
        return self._tally.report(
            tuple(lines) if whole else lines,
            **self._aside.facts(),
            others=dict(self._others.counts),
            seconds=time.monotonic() - self._started,
            # Under --on-exists rename a single file has another name than the one that was given.
            out=self._tally.made or self._out if single else self._out,
            notes=tuple(self._notes),
            **facts,
        )


def _without_secrets(outcome: Outcome) -> Outcome:
    """The outcome with clean texts, for everything that is told about it: journal, report, events, log. The
    names of items and outputs are clean from the start."""
    if not (outcome.error or outcome.traceback or outcome.notes):
        return outcome
    return outcome._replace(
        error=without_secrets(outcome.error),
        traceback=without_secrets(outcome.traceback),
        notes=tuple(map(without_secrets, outcome.notes)),
    )
