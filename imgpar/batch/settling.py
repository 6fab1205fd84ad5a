"""What becomes of the outcomes of a run: each item is accounted for once, and some errors end the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imgpar.batch.account import Account
from imgpar.batch.before_writing import BeforeWriting
from imgpar.batch.copies import ArchiveCopies
from imgpar.batch.journal.journal import Journal
from imgpar.batch.twins import Twins
from imgpar.core.errors import WorkerDiedError
from imgpar.core.job import Job, Outcome
from imgpar.core.slices import MadeFiles
from imgpar.outputs.parts import written_parts
from imgpar.outputs.write_ahead import read_written
from imgpar.runtime.scheduler import CancelToken

STOPPING = {"DiskFullError", "ClosedOutputError", "OutputError", "TakenError"}
"""Errors of one item after which no other can be done."""


class Settlement:
    """Settles the jobs of one run.

    Args:
        account: records each outcome.
        journal: tells what a failed job has left, by the write-ahead log.
        run: name of the run in that log.
        before: hears that a job is done.
        copies: likewise.
        twins: likewise.
        cancel: stops the run.
        strict: whether the outputs of an input are written together or not at all.
        gathers: whether one file is made of all inputs.
    """

    def __init__(
        self,
        account: Account,
        journal: Journal,
        run: str,
        before: BeforeWriting,
        copies: ArchiveCopies,
        twins: Twins,
        cancel: CancelToken,
        *,
        strict: bool,
        gathers: bool,
    ) -> None:
        self._account, self._journal, self._run = account, journal, run
        self._before, self._copies, self._twins, self._cancel = before, copies, twins, cancel
        self._strict, self._gathers = strict, gathers
        self.stopped = ""
        """The error that ended the run; empty where there was none."""

    def settle(self, job: Job, outcomes: list[Outcome]) -> None:
        """Account for the outcome of every item of a job; the file of several is counted once."""
        self._before.settled(job)
        self._stop_for(outcomes)
        if self._gathers:
            outcomes = self._remarks_told(outcomes)
        if outcomes[0].status == "failed" and self._has_left(outcomes[0], job):
            # The files that it left stay known, so that the next run replaces them or keeps them.
            noted = read_written(self._journal.written, self._journal.base, self._run)
            outcomes[0] = outcomes[0]._replace(outputs=written_parts(job.targets, noted))
        again = False
        for outcome, alone in zip(outcomes, job.each(), strict=True):
            self._twins.done(outcome)
            self._account.add(outcome, alone, again=again)
            again = again or bool(outcome.outputs)
        self._copies.settled(job)

    def settle_slice(self, job: Job, made: MadeFiles, apart: Sequence[Outcome]) -> None:
        """Account for the items of a slice.

        Args:
            job: the slice.
            made: those that have become the files of their targets.
            apart: outcomes of the others.
        """
        self._before.settled(job)
        self._stop_for(apart)
        self._account.add_slice(job, made)
        for outcome in apart:
            number = outcome.job - job.id
            self._account.add(outcome, job.parts(number, number + 1)[0])

    def settle_planned(self, outcome: Outcome) -> None:
        """Account for an item that needed no job."""
        self._stop_for((outcome,))
        self._account.add(outcome)

    def _stop_for(self, outcomes: Iterable[Outcome]) -> None:
        """Stop the run where nothing else can be stored: tasks in progress are finished, no others begin."""
        if final := next((outcome for outcome in outcomes if outcome.kind in STOPPING), None):
            self.stopped = self.stopped or final.error
            self._cancel.cancel()

    def _remarks_told(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes, after the remarks on the file of all items, which the first one in it has."""
        place = next((number for number, outcome in enumerate(outcomes) if outcome.outputs), 0)
        if outcomes[place].reason == "pages":
            return outcomes
        for note in outcomes[place].notes:
            self._account.note(note)
        outcomes[place] = outcomes[place]._replace(notes=())
        return outcomes

    def _has_left(self, outcome: Outcome, job: Job) -> bool:
        """Whether the write-ahead log tells what a failed job has left: files of split outputs, or the
        outputs that were committed before its worker died."""
        together = self._strict or any(target.retires for target in job.targets)
        crashed = outcome.kind == WorkerDiedError.__name__ and len(job.targets) > 1 and not together
        return crashed or any(target.split for target in job.targets)
