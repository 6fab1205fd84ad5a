"""Dry runs: planning only. No file is written, the journal is not modified."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from imgpar.batch.checking import check_inputs, check_place, gathered_place
from imgpar.batch.confinement import is_confined, sandbox_of
from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import GatherPlanner
from imgpar.batch.incremental import Unchanged
from imgpar.batch.inplace.run_folders import Homes
from imgpar.batch.journal.database import copy_database
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.journal.untrusted import check_files
from imgpar.batch.others import OtherFiles, is_other, mark_others
from imgpar.batch.planner import Planner
from imgpar.batch.properties import PropertyReader
from imgpar.batch.report import Report, Tally
from imgpar.batch.run_inputs import has_lists, input_batches, names_digest, read_given, sources_in
from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.batch.setup import LazyWorkers, gather_planner, planner, run_keys
from imgpar.batch.twins import Twins
from imgpar.batch.whole_plan import for_names
from imgpar.core.errors import ItemError
from imgpar.core.filenames import has_scheme
from imgpar.core.job import Event, Job, Outcome, OutputFile, outcome_of
from imgpar.core.tempfiles import temporary
from imgpar.inputs.batches import Batch
from imgpar.inputs.ignored import Aside
from imgpar.inputs.lists import InputList
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import named_count
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.outputs.sinks import Sink
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.sandbox import Sandbox
from imgpar.runtime.scheduler import CancelToken


def planned_entries(
    inputs: Iterable[str | Source],
    out: str | Sink | None,
    recipe: Recipe,
    options: RunOptions,
    tell: Callable[[str], None] = lambda _: None,
    aside: Aside | None = None,
    gather: Gathering | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Job | Outcome]:
    """Plan a run; yields a Job for each input to convert, and an Outcome for each skipped or failed one.

    Args:
        inputs: paths; a list or tuple of files and folders, or an iterator over the lines of a list.
        out: output folder or file; None in place.
        recipe: of the run.
        options: of the run.
        tell: receives notes.
        aside: collects the files that are left out.
        gather: what is made of all inputs together.
        cancel: stops the workers that read properties of inputs, if names depend on them.

    Raises:
        UsageError: the settings contradict each other, or every input is missing.
        NoInputError: no pattern matches.
    """
    aside = Aside() if aside is None else aside
    with contextlib.ExitStack() as stack:
        dry = _DryRun(inputs, out, recipe, options, gather, cancel or CancelToken(), stack)
        for batch in dry.batches:
            aside.add(batch.kinds, batch.left_out, batch.excluded, batch.filtered)
            for note in batch.notes:
                tell(note)
            for entry in dry.planned(batch):
                if is_other(entry):
                    _count_other(entry, aside.others)
                elif isinstance(entry, Unchanged):
                    yield from entry
                else:
                    yield entry
        yield from dry.planner.finish()
        for note in dry.remarks():
            tell(note)


class _DryRun:
    """A run up to its plan.

    Args:
        inputs, out, recipe, options, gather, cancel: as for `planned_entries`.
        stack: ends the workers, and removes copies of journals.
    """

    def __init__(
        self,
        inputs: Iterable[str | Source],
        out: str | Sink | None,
        recipe: Recipe,
        options: RunOptions,
        gather: Gathering | None,
        cancel: CancelToken,
        stack: contextlib.ExitStack,
    ) -> None:
        self._recipe, self._options, self._gather = recipe, options, gather
        given = read_given(inputs, options.access, in_order=gather is not None)
        self._named = [] if isinstance(given, InputList) else given
        self._sources = sources_in(given)
        self._still = frozenset[str]()
        if gather is not None:
            self._place = gathered_place(out)
        else:
            self._place = check_place(self._named, out, recipe, options)
            self._still = check_inputs(self._named, self._place, recipe, options)
        if self._place.stored:
            stack.callback(self._place.stored.close)
        self._journal = _copied_journal(self._place, options, stack)
        self._patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
        workers = LazyWorkers(options, stack, sandbox=self._sandbox)
        self._selection = Selection(options, workers, cancel, self._sources)
        self._twins = Twins(options, cancel, workers, recipe, self._sources)
        batches = input_batches(
            given,
            self._place,
            options,
            self._patterns,
            kind=recipe.extract.source,
            in_order=gather is not None,
            formats=recipe.formats(),
            selection=self._selection,
        )
        if gather is not None:
            batches = iter(every := list(batches))
            self.planner: Planner | GatherPlanner = self._gather_planner(gather, every)
        else:
            self.planner = self._planner(stack)
        self.batches = iter(self._twins.among(batches))
        if isinstance(self.planner, Planner) and self.planner.need.whole:
            reader = PropertyReader(workers, options, cancel, recipe, self._sources, keep=for_names)
            self.batches = iter(self.planner.prepare(self.batches, reader))

    def planned(self, batch: Batch) -> Iterator[Job | Outcome | Unchanged]:
        """The plan of a batch."""
        for entry in self._twins.without(mark_others(self.planner.plan_together(batch), batch)):
            yield self._twins.previewed(entry)

    def _sandbox(self) -> Sandbox | None:
        """What the workers may touch that are asked about inputs; None is everything."""
        if not is_confined(self._options, self._recipe, self._sources):
            return None
        return sandbox_of(self._named, self._sources, self._recipe, self._place, gather=self._gather)

    def remarks(self) -> list[str]:
        """Notes at the end of the plan."""
        return [*self.planner.remarks(), *self._patterns.unmatched(), *self._selection.remarks()]

    def _gather_planner(self, gather: Gathering, every: Sequence[Batch]) -> GatherPlanner:
        arrange = self._selection.arranged
        members = names_digest(arrange([item for batch in every for item in batch.items]))
        (key,) = run_keys(self._place, self._recipe, gather, members)
        return gather_planner(self._place, gather, key, self._options, self._journal, arrange)

    def _planner(self, stack: contextlib.ExitStack) -> Planner:
        homes = None
        if self._place.in_place:
            homes = Homes(
                self._place.folder,
                self._journal,
                lambda at: _copied_journal(Out(at, in_place=True), RunOptions(), stack),
            )
        return planner(
            self._place,
            self._recipe,
            self._options,
            self._journal,
            homes=homes,
            alone=named_count(self._named) == 1,
            still=self._still,
            listed=has_lists(self._sources),
        )


def _count_other(entry: Job | Outcome | Unchanged, counts: Counter[str]) -> None:
    if isinstance(entry, Unchanged):
        counts["unchanged"] += len(entry)
        return
    files = OtherFiles()
    for outcome in planned(entry) if isinstance(entry, Job) else [entry]:
        files.add(outcome)
    counts.update(files.counts)


def planned(job: Job) -> list[Outcome]:
    """The lines of the report for a planned job: outputs have paths, but no size."""
    outputs = tuple(OutputFile(target.path, 0) for target in job.targets)
    notes = job.notes
    if any(target.either for target in job.targets):
        notes += ("only the smallest of these is written",)
    return [outcome_of(item, "planned", outputs, notes=notes, job=job.id) for item in job.items]


def report_of(
    found: Iterable[Job | Outcome],
    out: str | Sink,
    listen: Callable[[Event], None] = lambda _: None,
    cancel: CancelToken | None = None,
    notes: Sequence[str] = (),
    aside: Aside | None = None,
) -> Report:
    """The report of a dry run.

    Args:
        found: from `entries`.
        out: output folder, file or sink; empty where there is none.
        listen: receives the same events as in a run.
        cancel: stops the iteration.
        notes: read after the iteration, which may add to it.
        aside: the same.
    """
    started, tally, items = time.monotonic(), Tally(), list[Outcome]()
    place = out if isinstance(out, str) else out.root
    place = os.path.abspath(place) if place and not has_scheme(place) else place
    cancel = cancel or CancelToken()
    listen(Event("start", text=place))
    for entry in found:
        if cancel.cancelled or cancel.killed:
            break
        for outcome in planned(entry) if isinstance(entry, Job) else [entry]:
            items.append(outcome)
            tally.add(outcome)
            listen(Event("item", len(items), outcome=outcome))
    listen(Event("planned", len(items), len(items)))
    stopped = cancel.cancelled or cancel.killed
    seconds = time.monotonic() - started
    report = tally.report(
        tuple(items),
        out=place,
        cancelled=stopped,
        seconds=seconds,
        dry_run=True,
        notes=tuple(notes),
        **(aside or Aside()).facts(),
        others=dict(aside.others if aside else {}),
    )
    listen(Event("end", len(items), len(items), facts=report.summary_json()))
    return report


def _copied_journal(place: Out, options: RunOptions, stack: contextlib.ExitStack) -> Journal | None:
    """A copy of the journal, which is read without locking or modifying the original."""
    path = journal_path(place, options.journal)
    if not os.path.exists(path):
        return None
    check_files(path, chosen=bool(options.journal))
    try:
        copy = copy_database(path, stack.enter_context(temporary()))
        base = "" if place.name else place.folder
        return stack.enter_context(Journal.open(copy, base, lock=False, in_place=place.in_place))
    except (sqlite3.Error, ItemError):
        return None  # a run moves a damaged journal aside
