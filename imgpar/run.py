"""One run: the plan flows to the workers, what happened flows to the journal, the report and the listener."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice

from imgpar.bundle import Bundles
from imgpar.errors import UsageError
from imgpar.files import sweep
from imgpar.held import random_name
from imgpar.homes import Homes, open_home, put_right
from imgpar.model import Event, Job, Outcome, RunOptions
from imgpar.opening import new_session, open_journal, planner, run_facts, run_key, run_spec
from imgpar.output import free_space_problem, read_out
from imgpar.recipe import Recipe
from imgpar.report import Report, Tally
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken, Effort
from imgpar.session import Session
from imgpar.sources.base import Batch
from imgpar.sources.companions import with_sidecars
from imgpar.sources.lists import scan_list
from imgpar.sources.local import scan
from imgpar.unchanged import Unchanged
from imgpar.undo import prune, restore

Listener = Callable[[Event], None]
Entry = Job | Outcome | Unchanged

FLUSH_SECONDS = 0.5
"""How often what happened is written to the journal."""
PLAN_AHEAD = 20_000
"""Entries that are planned before the workers need them, so that the total is known early."""
PLAN_CHUNK = 100
"""Jobs whose names are fixed together before the first of them is written; workers wait meanwhile."""


class Run:
    """Everything that the plan, the sink and the end of one run share.

    Args:
        inputs: a list or tuple is mirrored as a whole; any other iterable is a list of names, streamed.
        out: folder or file; None only in place.
        recipe: with formats that exist.
        listen: called with every Event; if it has a true attribute `in_bulk`, with one for all items
            together that are as they were.
        command: what the user typed, for the journal.
        only: paths of inputs; everything else is left out.
    """

    def __init__(
        self,
        inputs: Iterable[str],
        out: str | None,
        recipe: Recipe,
        options: RunOptions,
        listen: Listener,
        cancel: CancelToken,
        *,
        command: str = "",
        only: frozenset[str] | None = None,
    ) -> None:
        self._inputs = inputs
        self._named = list(inputs) if isinstance(inputs, (list, tuple)) else None
        self._recipe, self._options = recipe, options
        self._listen, self._cancel = listen, cancel
        self._command, self._only = command, only
        self._place = read_out(out, self._named or (), to=recipe.to, in_place=options.in_place)
        self._tally = Tally()
        self._started = self._flushed = time.monotonic()
        self._done = self._ignored = self._sidecars = 0
        self._notes: list[str] = []
        self._swept: set[str] = set()
        self._stopped = ""
        self._space_checked = False
        self._to_read = 0
        """Bytes of the inputs that are planned and not done."""
        self._toml = _text_of(recipe)
        self._bundles = Bundles(options.keep_failures, self._toml, self._note)
        self._outdated = ""
        """In place: the run whose originals stay when the first file is replaced."""
        self._in_bulk = bool(getattr(listen, "in_bulk", False))
        self._ahead: deque[Entry] = deque()
        self._chunks: Iterator[list[Entry]] = iter(())

    def execute(self, session: Session | None = None) -> Report:
        """Plan, convert, note, report.

        Raises:
            UsageError: nothing to do at all; nothing was written.
            RunError: the run could not begin (OUT locked or not writable).
        """
        # A wrong path is found before anything is made: it must not leave a folder behind.
        batches = scan_list(self._inputs) if self._named is None else scan(self._named, out=self._place.path)
        if self._options.companions == "copy" and not self._place.in_place:
            batches = with_sidecars(batches)
        first = self._first_with_items(batches)
        if first is None:
            return self._nothing()
        batches = chain((first,), batches)
        with contextlib.ExitStack() as stack:
            self._journal = stack.enter_context(open_journal(self._place, self._options, stack))
            for note in self._journal.notes:
                self._note(note)
            facts = run_facts(self._command, self._named or (), in_place=self._place.in_place)
            key = run_key(self._place, self._recipe)
            number = self._journal.begin(key, recipe=self._toml, command=(facts,))
            homes = None
            if self._place.in_place:
                self._prepare_in_place(str(number))
                homes = Homes(self._place.folder, self._journal, partial(open_home, stack, self._note))
            self._planner = planner(
                self._place, self._recipe, self._options, self._journal, str(number), homes=homes
            )
            self._sweeps = self._journal.unfinished or bool(self._place.name)
            own = session or stack.enter_context(new_session(self._options))
            parts = f"{self._journal.path}.parts"
            spec = run_spec(random_name(), self._recipe, self._options, own, parts)
            if own.note:
                self._note(own.note)
            self._listen(Event("start", text=self._place.path))
            effort = own.execute(
                spec, self._pulled(batches), self._sink, self._options, self._cancel, turn=self._turn
            )
            report = self._report(effort)
            if not (report.cancelled or report.stopped):  # what was interrupted is a part of the next run
                self._journal.finish(report.summary_json())
        self._listen(Event("end", self._done, self._done))
        return report

    def _first_with_items(self, batches: Iterator[Batch]) -> Batch | None:
        for batch in batches:
            if batch.items:
                return batch
            self._read_past(batch)
        return None

    def _read_past(self, batch: Batch) -> None:
        self._ignored += batch.ignored
        self._sidecars += batch.sidecars
        for note in batch.notes:
            self._note(note)

    def _nothing(self) -> Report:
        """There is nothing to do: no folder is made, no journal, no worker."""
        for kind in ("start", "planned", "end"):
            self._listen(Event(kind, text=self._place.path, total=0))
        seconds = time.monotonic() - self._started
        return self._tally.report(
            (), ignored=self._ignored, seconds=seconds, out=self._place.path, notes=tuple(self._notes)
        )

    def _prepare_in_place(self, number: str) -> None:
        """Put right what a run that was killed left; originals of others go when something is replaced."""
        put_right(self._journal, self._place.folder, self._note)
        self._outdated = "" if self._journal.unfinished else number

    # ----- the plan, pulled by the scheduler ------------------------------------------------------

    def _pulled(self, batches: Iterator[Batch]) -> Iterator[Entry]:
        self._chunks = self._plan(batches)
        while self._ahead or self._look_ahead():
            if self._ahead:  # a chunk may be empty: `only` leaves things out
                yield self._ahead.popleft()

    def _look_ahead(self) -> bool:
        """Plan one more chunk, also between turns: the total is known early. False when there is none."""
        chunk = next(self._chunks, None)
        self._ahead.extend(chunk or ())
        return chunk is not None

    def _plan(self, batches: Iterator[Batch]) -> Iterator[list[Entry]]:
        total = 0
        for batch in batches:
            self._read_past(batch)
            if self._sweeps:  # where nothing is left to be written, too
                self._sweep([os.path.join(self._place.folder, *batch.mirror.split("/"))])
            entries: Iterator[Entry] = self._planner.plan_together(batch)
            if self._only is not None:
                entries = (entry for entry in self._planner.plan(batch) if _source(entry) in self._only)
            while chunk := list(islice(entries, PLAN_CHUNK)):
                if jobs := [entry for entry in chunk if isinstance(entry, Job)]:
                    self._before_writing(jobs)
                total += _count(chunk)
                yield chunk
        self._listen(Event("planned", self._done, total))

    def _before_writing(self, jobs: Sequence[Job]) -> None:
        """Fix the names, and say early that the disk may be too small: outputs rarely exceed their inputs."""
        if self._outdated:
            prune(self._place.folder, self._outdated)
            self._outdated = ""
        self._sweep(os.path.dirname(target.path) for job in jobs for target in job.targets)
        self._journal.planned(jobs)
        self._to_read += sum(job.item.size for job in jobs)
        if not self._space_checked:
            problem = free_space_problem(self._place.folder, self._to_read)
            if problem:
                self._space_checked = True
                self._note(problem)

    def _sweep(self, folders: Iterable[str]) -> None:
        """Remove the temporary files of runs that died, once in each folder."""
        for folder in folders:
            if folder not in self._swept:
                self._swept.add(folder)
                sweep(folder)

    # ----- what happened --------------------------------------------------------------------------

    def _sink(self, result: Outcome | Settled | Unchanged | Event) -> None:
        if isinstance(result, Event):
            self._listen(replace(result, done=self._done))
            return
        if isinstance(result, Unchanged):
            self._sink_unchanged(result)
            return
        if isinstance(result, Settled):
            job, outcome = result.state.job, result.outcome()
            self._to_read -= job.item.size
            failure = result.state.failure
            if failure and failure.error == "DiskFullError":
                self._stop(outcome.error)
        else:
            job, outcome = None, result
        self._done += 1
        if outcome.status == "failed":
            self._bundles.keep(outcome, job)
            self._restore(job)
        self._tally.add(outcome)
        self._journal.record(outcome, job)
        self._listen(Event("item", self._done, outcome=outcome))

    def _sink_unchanged(self, items: Unchanged) -> None:
        self._tally.add_unchanged(len(items))
        self._journal.record_unchanged(items)
        if self._in_bulk:
            self._done += len(items)
            self._listen(Event("unchanged", self._done))
            return
        for outcome in items:
            self._done += 1
            self._listen(Event("item", self._done, outcome=outcome))

    def _restore(self, job: Job | None) -> None:
        """In place, what failed is as it was."""
        if job is not None and self._place.in_place:
            try:
                restore(job)
            except OSError as error:
                self._note(f"{job.item.path} was replaced and cannot be put back: {error}. See imgpar undo.")

    def _stop(self, why: str) -> None:
        """The run cannot go on: what is in flight ends, nothing more begins."""
        self._stopped = self._stopped or why
        self._cancel.cancel()

    def _turn(self) -> bool:
        if len(self._ahead) < PLAN_AHEAD:
            self._look_ahead()
        now = time.monotonic()
        if now - self._flushed > FLUSH_SECONDS:
            self._flushed = now
            self._journal.flush()
        return True

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._listen(Event("note", self._done, text=text))

    def _report(self, effort: Effort) -> Report:
        if self._sidecars and not self._place.in_place:
            self._notes.append(
                f"{self._sidecars} of them are sidecars (XMP, AAE); --companions copy takes them along."
            )
        outcomes = self._journal.outcomes()
        return self._tally.report(
            tuple(outcomes) if self._place.name else outcomes,  # that journal may be a temporary one
            ignored=self._ignored,
            seconds=time.monotonic() - self._started,
            out=self._place.path,
            cancelled=self._cancel.cancelled and not self._stopped,
            stopped=self._stopped,
            left=effort.left + _count(self._ahead),
            workers=effort.workers,
            working_seconds=effort.seconds,
            notes=tuple(self._notes),
            can_retry=not self._place.name,
        )


def _text_of(recipe: Recipe) -> str:
    try:
        return recipe.to_toml()
    except UsageError:
        return ""  # functions cannot be written down, so such a run cannot be retried by its journal


def _count(entries: Iterable[Entry]) -> int:
    return sum(len(entry) if isinstance(entry, Unchanged) else 1 for entry in entries)


def _source(entry: Job | Outcome) -> str:
    return entry.item.path if isinstance(entry, Job) else entry.source
