"""One run: jobs go from the planner to the workers, outcomes to the journal, the report and the listener."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice

from imgpar.batch.account import Account
from imgpar.batch.copies import ArchiveCopies
from imgpar.batch.failure_bundle import Bundles
from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import GatherPlanner
from imgpar.batch.incremental import Unchanged
from imgpar.batch.inplace.run_folders import Homes, KeptOriginals, open_home, put_right
from imgpar.batch.others import OtherFiles, mark_others
from imgpar.batch.plan_entries import Entry
from imgpar.batch.planned import Planned, item_count
from imgpar.batch.planner import Planner
from imgpar.batch.properties import PropertyReader
from imgpar.batch.report import Report
from imgpar.batch.report_lines import write_facts
from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.batch.setup import (
    Among,
    LazyWorkers,
    check_inputs,
    check_place,
    gather_planner,
    gathered_place,
    has_lists,
    input_batches,
    lock_out,
    names_digest,
    open_journal,
    planner,
    read_given,
    recipe_without_places,
    run_facts,
    run_keys,
    run_spec,
    sources_in,
)
from imgpar.batch.transfer import Transfer
from imgpar.batch.twins import Twins
from imgpar.batch.whole_plan import for_names
from imgpar.batch.workers import Workers
from imgpar.core.errors import UsageError, WorkerDiedError
from imgpar.core.fs import sweep_temporary_files
from imgpar.core.job import Event, Job, Listener, Outcome
from imgpar.inputs.batches import Batch
from imgpar.inputs.lists import InputList
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Source, named_count
from imgpar.outputs.destination import free_space_problem
from imgpar.outputs.parts import written_parts
from imgpar.outputs.sinks import Sink
from imgpar.outputs.write_ahead import WrittenLog, read_written
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken, Effort, NotYet

STOPPING = {"DiskFullError", "ClosedOutputError", "OutputError", "TakenError"}
"""Errors of one item after which no other can be done."""
FLUSH_SECONDS = 0.5
"""Interval at which outcomes are written to the journal."""
READING_SECONDS = 0.2
"""Interval of events while properties of inputs are read."""
PLAN_AHEAD = 20_000
"""Entries planned ahead of the workers, so that the total is known early."""
PLAN_CHUNK = 100
"""Jobs whose output names are stored in one transaction; workers wait for it."""


class Run:
    """The state of one run.

    Args:
        inputs: paths and sources; a list or tuple is mirrored as a whole, any other iterable is read as a
            stream of paths.
        out: folder, file or sink; None only in place.
        recipe: recipe with known formats.
        listen: called with every Event.
        command: the command line, for the journal.
        retry: convert only inputs that failed in the last run.
        moved: the inputs are those of the last run and may have been moved.
        gather: what is made of all inputs together; None makes outputs of each.
        others: called with what became of each file that is no picture and no clip.
        among: what this run takes of the inputs, of which unchanged failures are left out; None takes all.
    """

    def __init__(
        self,
        inputs: Iterable[str | Source],
        out: str | Sink | None,
        recipe: Recipe,
        options: RunOptions,
        listen: Listener,
        cancel: CancelToken,
        *,
        command: str = "",
        retry: bool = False,
        moved: bool = False,
        gather: Gathering | None = None,
        others: Callable[[Outcome], object] = lambda _: None,
        among: Among | None = None,
    ) -> None:
        self._given = list(inputs) if isinstance(inputs, (list, tuple)) else None
        """The inputs, unless they are a list; `_named` has archives as sources."""
        given = inputs if self._given is None else self._given
        named = read_given(given, options.access, in_order=gather is not None)
        self._listed = named if isinstance(named, InputList) else None
        self._given = None if self._listed else self._given
        self._named = list[str | Source]() if isinstance(named, InputList) else list(named)
        if self._named and options.in_place:
            self._named = [_behind(path) if isinstance(path, str) else path for path in self._named]
        self._sources = sources_in(named)
        self._copies = ArchiveCopies(self._sources)
        self._recipe, self._options = recipe, options
        self._cancel = cancel
        self._command, self._retry, self._moved = command, retry, moved
        self._gather, self._members, self._among = gather, "", among
        self._still = frozenset[str]()
        if gather is not None:
            self._place = gathered_place(out)
        else:
            self._place = check_place(self._named, out, recipe, options)
            self._still = check_inputs(self._named, self._place, recipe, options)
        self._others = OtherFiles(linked=options.others == "link" and not self._place.stored, listen=others)
        self._account = Account(listen, self._place.path, self._others)
        self._flushed = time.monotonic()
        self._patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
        self._swept: set[str] = set()
        self._stopped = ""
        self._space_checked = self._replaced_said = False
        self._to_read = 0
        """Total size of planned inputs without an outcome, in bytes."""
        self._toml = _text_of(recipe)
        verb = "frames" if recipe.extract.kind else "convert"
        self._account.bundles = Bundles(
            options.keep_failures, self._toml or "", self._account.note, verb, self._sources
        )
        self._originals: KeptOriginals | None = None
        self._ahead = Planned()
        self._chunks: Iterator[list[Entry]] = iter(())
        self._paused = False
        """Whether the next input is not there yet."""

    def execute(self, workers: Workers | None = None) -> Report:
        """Plan, convert, record, report.

        Raises:
            UsageError: the inputs or options are invalid; nothing was written.
            RunError: the run could not start (OUT locked or not writable).
        """
        # Inputs are checked before anything is created: a wrong path must not leave an empty folder.
        with contextlib.ExitStack() as stack:
            stack.callback(self._copies.close)
            self._workers = LazyWorkers(self._options, stack, workers)
            self._selection = Selection(self._options, self._workers, self._cancel, self._sources)
            self._twins = Twins(self._options, self._cancel, self._workers, self._recipe, self._sources)
            batches = self._batches()
            first = self._first_with_items(batches)
            if first is None:
                return self._nothing()
            if self._gather is not None:  # all are known before the file has a plan
                batches = iter(rest := list(batches))
                every = [item for batch in (first, *rest) for item in batch.items]
                self._members = names_digest(self._selection.arranged(every))
            self._open(stack)
            if self._place.in_place and self._sweeps and self._listed is None:
                # The run before died, and outputs of jobs that were rolled back are no inputs.
                self._account.read_again()
                batches = self._batches()
                first = self._first_with_items(batches) or first
            effort = self._convert(iter(self._twins.among(chain((first,), batches))))
            self._transfer.finish()
            self._end()
            report = self._report(effort)
            if not (report.cancelled or report.stopped):  # the next run continues an interrupted one
                self._journal.finish(self._account.counts())
        self._account.tell(Event("end", total=report.total, facts=report.summary_json()))
        return report

    def _batches(self) -> Iterator[Batch]:
        return input_batches(
            self._listed or self._named,
            self._place,
            self._options,
            self._patterns,
            kind=self._recipe.extract.source,
            in_order=self._gather is not None,
            formats=self._recipe.formats(),
            selection=self._selection,
            among=self._among,
        )

    def _open(self, stack: contextlib.ExitStack) -> None:
        """Lock OUT, recover its journal after a crash, insert the run, and create the planner."""
        self._lock = None if self._place.name or self._place.stored else lock_out(self._place)
        if self._lock:
            stack.callback(self._lock.release)
        self._journal = stack.enter_context(open_journal(self._place, self._options, stack))
        self._account.journal = self._journal
        self._journal.folders.named_again = self._moved
        for note in self._journal.notes:
            self._account.note(note)
        self._sweeps = not self._place.stored and (self._journal.unfinished or bool(self._place.name))
        homes = None
        if self._place.in_place:
            put_right(self._journal, self._place.folder, self._account.note)
            base = self._place.folder
            homes = Homes(base, self._journal, partial(open_home, stack, self._account.note, base))
        else:
            if self._place.stored:
                stack.callback(self._place.stored.close)
                self._place.stored.resume(self._journal.noted())
            self._journal.recover(store=self._place.place)
        keys = run_keys(self._place, self._recipe, self._gather, self._members)
        self._key = keys[0]
        self._name = self._journal.begin(*keys, recipe=recipe_without_places(self._recipe, self._toml))
        write_facts(self._name, self._facts())
        log = WrittenLog(self._journal.written, self._name, self._journal.base)
        self._transfer = Transfer(
            self._sources,
            self._place.stored,
            self._settle,
            self._settle_planned,
            stack,
            log,
            fetching=self._options.fetching,
            verify=self._options.verify,
        )
        if self._place.in_place:
            days = self._options.keep_originals
            self._originals = KeptOriginals(self._place.folder, self._name, days, self._account.note)
            stack.callback(self._originals.close)
            self._account.originals = self._originals
        if self._gather is not None:
            self._planner: Planner | GatherPlanner = gather_planner(
                self._place,
                self._gather,
                keys[0],
                self._options,
                self._journal,
                self._selection.arranged,
            )
            return
        self._planner = planner(
            self._place,
            self._recipe,
            self._options,
            self._journal,
            homes=homes,
            originals=self._originals,
            alone=named_count(self._named) == 1,
            still=self._still,
            listed=has_lists(self._sources),
        )

    def _convert(self, batches: Iterator[Batch]) -> Effort:
        """Run the plan on the workers."""
        own = self._workers()
        written, base = self._journal.written, self._journal.base
        if self._originals:
            written = self._originals.written
        elif self._transfer.folder:
            written, base = self._transfer.log, self._transfer.folder
        spec = run_spec(
            self._name,
            self._recipe,
            self._options,
            own,
            written=written,
            base=base,
            parts=f"{self._journal.path}.parts",
            sources=self._sources,
            gather=self._gather,
            sees=self._place.stored.sees if self._place.stored else None,
        )
        if own.note:
            self._account.note(own.note)
        about = {"run": self._name, "recipe": self._key}
        self._account.tell(Event("start", text=self._place.path, facts=about))
        if isinstance(self._planner, Planner) and self._planner.need.whole:
            batches = self._prepared(self._planner, batches, own)
        plan = self._twins.then_links(self._transfer.inward(self._pulled(batches)))
        started = self._account.started
        return own.execute(
            spec, plan, self._sink, self._options, self._cancel, turn=self._turn, started=started
        )

    def _prepared(self, planner: Planner, batches: Iterator[Batch], workers: Workers) -> Iterator[Batch]:
        """The batches, after the names of all outputs were fixed; none where that was cancelled."""
        told = 0.0

        def progress(count: int) -> None:
            nonlocal told
            if (now := time.monotonic()) - told > READING_SECONDS:
                told = now
                self._account.tell(Event("reading", frames=(count, 0)))

        reader = PropertyReader(
            lambda: workers, self._options, self._cancel, self._recipe, self._sources, progress, for_names
        )
        return iter(planner.prepare(batches, reader))

    def _facts(self) -> dict[str, object]:
        return run_facts(
            self._command,
            self._given,
            self._listed,
            self._place,
            self._toml,
            self._options,
            chosen=self._recipe.chosen,
        )

    def _first_with_items(self, batches: Iterator[Batch]) -> Batch | None:
        for batch in batches:
            if batch.items:
                return batch
            self._account.read_past(batch)
        return None

    def _nothing(self) -> Report:
        """The report of a run without inputs; no folder or journal is created, no worker is started."""
        for kind in ("start", "planned"):
            self._account.tell(Event(kind, text=self._place.path, total=0))
        for remark in self._unmatched():
            self._account.note(remark)
        report = self._account.report(sidecars=False, whole=True, cancelled=self._cancel.cancelled)
        self._account.tell(Event("end", text=self._place.path, total=0, facts=report.summary_json()))
        return report

    # ----- the plan, pulled by the scheduler ------------------------------------------------------

    def _pulled(self, batches: Iterator[Batch]) -> Iterator[Entry | NotYet]:
        self._chunks = self._plan(batches)
        while self._ahead.length or self._look_ahead():
            if self._ahead.length:  # a chunk may be empty
                yield self._ahead.popleft()
            elif self._paused:
                yield NotYet()

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
            folder = batch.folder if self._place.in_place else self._place.below(batch.mirror)
            if self._lock and folder:
                self._lock.enter(folder)
            if self._sweeps and folder:  # also if all items are unchanged
                self._sweep([folder])
            entries: Iterator[Entry] = mark_others(self._planner.plan_together(batch), batch)
            if self._retry and isinstance(self._planner, Planner):
                failed = self._journal.failed_in(batch)
                every = mark_others(self._planner.plan(batch), batch)
                entries = (entry for entry in every if _source(entry) in failed)
            if self._among:
                entries = self._without_failures(entries, batch, self._among)
            for chunk in self._chunked(self._twins.without(entries)):
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

    def _without_failures(self, entries: Iterator[Entry], batch: Batch, among: Among) -> Iterator[Entry]:
        """The plan without inputs that failed in an earlier run and have not changed since."""
        failed = self._journal.failed_alike(batch)
        for entry in entries:
            if isinstance(entry, Unchanged) or not (among.rests(entry) or _source(entry) in failed):
                yield entry

    def _chunked(self, entries: Iterator[Entry]) -> Iterator[list[Entry]]:
        while chunk := list(islice(entries, PLAN_CHUNK)):
            if jobs := [entry for entry in chunk if isinstance(entry, Job)]:
                self._before_writing(jobs)
            yield chunk

    def _before_writing(self, jobs: Sequence[Job]) -> None:
        """Store the output names, and warn if the free space is less than the size of the inputs."""
        if self._planner.replaced and not self._options.on_exists:
            self._say_replaced()
        if self._originals:
            self._originals.planned(jobs)
        if not self._place.stored:
            folders = {os.path.dirname(target.path) for job in jobs for target in job.targets}
            if self._lock and not self._place.in_place:
                for folder in folders:  # a template may lead into any folder of OUT
                    self._lock.enter(folder)
            self._sweep(folders)
        self._journal.planned(jobs)
        self._copies.planned(jobs)
        self._to_read += sum(item.size for job in jobs for item in job.items)
        if not (self._space_checked or self._place.stored):
            problem = free_space_problem(self._place.folder, self._to_read)
            if problem:
                self._space_checked = True
                self._account.note(problem)

    def _say_replaced(self) -> None:
        self._planner.replaced = 0
        if not self._replaced_said:
            self._replaced_said = True
            most = self._journal.count_other_settings()
            inputs = "1 input" if most == 1 else f"up to {most} inputs"
            outputs = "An output that was" if self._place.name else f"Outputs of {inputs} that were"
            self._account.note(
                f"{outputs} made with other settings will be replaced; to keep both, name the new ones with "
                "--name, such as '{stem}-{width}.{ext}', or choose another OUT."
            )

    def _sweep(self, folders: Iterable[str]) -> None:
        """Remove the temporary files of crashed runs, once per folder."""
        for folder in folders:
            if folder not in self._swept:
                self._swept.add(folder)
                sweep_temporary_files(folder)

    # ----- outcomes -------------------------------------------------------------------------------

    def _sink(self, result: Outcome | Settled | Unchanged | Event) -> None:
        if isinstance(result, Event):
            self._account.tell(result)
        elif isinstance(result, Unchanged):
            self._account.add_unchanged(result)
        else:
            self._transfer.outward(result)

    def _settle_planned(self, outcome: Outcome) -> None:
        self._account.add(self._recorded(outcome))

    def _recorded(self, outcome: Outcome, job: Job | None = None) -> Outcome:
        """The outcome of an item, after the sink was told; the run stops where nothing else can be stored."""
        outcome = self._transfer.recorded(outcome, job)
        if outcome.kind in STOPPING:
            self._stop(outcome.error)
        return outcome

    def _settle(self, job: Job, outcomes: list[Outcome]) -> None:
        """Account for the outcome of every item of a job; the file of several is counted once."""
        self._to_read -= sum(item.size for item in job.items)
        own = [job] if len(job.items) == 1 else [job._replace(items=(item,)) for item in job.items]
        outcomes = list(map(self._recorded, outcomes, own))
        if self._gather is not None:  # remarks on the file of all items, which the first one in it has
            place = next((number for number, outcome in enumerate(outcomes) if outcome.outputs), 0)
            if outcomes[place].reason != "pages":
                for note in outcomes[place].notes:
                    self._account.note(note)
                outcomes[place] = outcomes[place]._replace(notes=())
        if outcomes[0].status == "failed" and self._has_left(outcomes[0], job):
            # The files that it left stay known, so that the next run replaces them or keeps them.
            noted = read_written(self._journal.written, self._journal.base, self._name)
            outcomes[0] = outcomes[0]._replace(outputs=written_parts(job.targets, noted))
        again = False
        for outcome, alone in zip(outcomes, own, strict=True):
            self._twins.done(outcome)
            self._account.add(outcome, alone, again=again)
            again = again or bool(outcome.outputs)
        self._copies.settled(job)

    def _has_left(self, outcome: Outcome, job: Job) -> bool:
        """Whether the write-ahead log tells what a failed job has left: files of split outputs, or the
        outputs that were committed before its worker died."""
        together = self._options.strict or any(target.retires for target in job.targets)
        crashed = outcome.kind == WorkerDiedError.__name__ and len(job.targets) > 1 and not together
        return crashed or any(target.split for target in job.targets)

    def _stop(self, why: str) -> None:
        """Stop the run because of an error: tasks in progress are finished, no others are started."""
        self._stopped = self._stopped or why
        self._cancel.cancel()

    def _turn(self) -> bool:
        if self._gather is not None and self._cancel.cancelled:
            self._cancel.kill()  # its only job may take minutes, and nothing of it is a result
        if self._ahead.length < PLAN_AHEAD and not self._copies.many:
            self._look_ahead()
        self._transfer.turn()
        now = time.monotonic()
        if now - self._flushed > FLUSH_SECONDS:
            self._flushed = now
            self._account.flush()
        return True

    def _end(self) -> None:
        """Add the notes at the end of the run, and finish the originals even after a cancellation."""
        self._account.note_changes()
        if self._gather is not None and self._cancel.killed:
            sweep_temporary_files(self._place.folder)
        for remark in (*self._planner.remarks(), *self._unmatched(), *self._others.remarks()):
            self._account.note(remark)
        if self._originals:
            self._originals.finish(whole=not self._cancel.cancelled)

    def _unmatched(self) -> list[str]:
        """Notes on patterns and conditions without matches; empty after a cancellation, when not all inputs
        were read."""
        return [] if self._cancel.cancelled else [*self._patterns.unmatched(), *self._selection.remarks()]

    def _report(self, effort: Effort) -> Report:
        return self._account.report(
            sidecars=not self._place.in_place,
            whole=bool(self._place.name),
            single=bool(self._place.name) and (self._gather is not None or not self._recipe.split),
            cancelled=self._cancel.cancelled and not self._stopped,
            stopped=self._stopped,
            left=effort.left + self._ahead.items + self._transfer.left + self._twins.left,
            workers=effort.workers,
            working_seconds=effort.seconds,
            can_retry=not self._place.name and self._account.retriable > 0,
        )


def _behind(path: str) -> str:
    """The target of a given link to a file, for runs in place."""
    return os.path.realpath(path) if os.path.islink(path) and os.path.isfile(path) else path


def _text_of(recipe: Recipe) -> str | None:
    """The recipe as TOML; None for a recipe with functions, which have no text form."""
    try:
        return recipe.to_toml()
    except UsageError:
        return None


def _source(entry: Job | Outcome) -> str:
    return entry.item.path if isinstance(entry, Job) else entry.source
