"""One run: jobs go from the planner to the workers, outcomes to the journal, the report and the listener."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

from imgpar.batch.account import Account
from imgpar.batch.before_writing import BeforeWriting
from imgpar.batch.checking import check_inputs, check_place, gathered_place
from imgpar.batch.confinement import is_confined, make_folders, sandbox_of
from imgpar.batch.copies import ArchiveCopies
from imgpar.batch.engine import Assignment, Engine
from imgpar.batch.failure_bundle import Bundles
from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import GatherPlanner
from imgpar.batch.inplace.run_folders import Homes, KeptOriginals, open_home, put_right
from imgpar.batch.journal.journal import Journal
from imgpar.batch.others import OtherFiles
from imgpar.batch.planner import Planner
from imgpar.batch.properties import PropertyReader
from imgpar.batch.pulled_plan import PulledPlan
from imgpar.batch.report import Report
from imgpar.batch.report_lines import write_facts
from imgpar.batch.retry_facts import recipe_without_places, run_facts
from imgpar.batch.run_inputs import Among, has_lists, input_batches, names_digest, read_given, sources_in
from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.batch.settling import Settlement
from imgpar.batch.setup import (
    LazyWorkers,
    gather_planner,
    lock_out,
    open_journal,
    planner,
    run_keys,
    run_spec,
)
from imgpar.batch.twins import Twins
from imgpar.batch.whole_plan import for_names
from imgpar.batch.workers import Workers, check_isolation
from imgpar.core.errors import UsageError
from imgpar.core.exiting import end_daemon_at_exit
from imgpar.core.fs import sweep_temporary_files
from imgpar.core.job import Event, Listener, Outcome
from imgpar.inputs.batches import Batch
from imgpar.inputs.lists import InputList
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import named_count
from imgpar.inputs.sources import Source
from imgpar.outputs.sinks import Sink
from imgpar.outputs.write_ahead import WrittenLog
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.sandbox import Sandbox
from imgpar.runtime.scheduler import CancelToken, Effort

FLUSH_SECONDS = 0.5
"""Interval at which outcomes are written to the journal."""
READING_SECONDS = 0.2
"""Interval of events while properties of inputs are read."""


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
        engine: does the jobs of the plan.
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
        engine: Engine,
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
        self._cancel, self._engine = cancel, engine
        self._command, self._retry, self._moved = command, retry, moved
        self._gather, self._members, self._among = gather, "", among
        self._still = frozenset[str]()
        if gather is not None:
            self._place = gathered_place(out)
        else:
            self._place = check_place(self._named, out, recipe, options)
            self._still = check_inputs(self._named, self._place, recipe, options)
        engine.check(self._named, self._sources, self._place)
        self._others = OtherFiles(linked=options.others == "link" and not self._place.stored, listen=others)
        self._account = Account(listen, self._place.path, self._others)
        self._flushed = time.monotonic()
        self._patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
        self._toml = _text_of(recipe)
        verb = "frames" if recipe.extract.kind else "convert"
        self._account.bundles = Bundles(
            options.keep_failures, self._toml or "", self._account.note, verb, self._sources
        )
        self._originals: KeptOriginals | None = None
        self._opened: Journal | None = None
        """The journal, once it is open."""
        self._in_session = False

    def execute(self, workers: Workers | None = None) -> Report:
        """Plan, convert, record, report.

        Raises:
            UsageError: the inputs or options are invalid; nothing was written.
            RunError: the run could not start (OUT locked or not writable).
        """
        end_daemon_at_exit()
        # Checked before anything is created: a wrong path must not leave an empty folder.
        check_isolation(self._options, workers.jobs if workers else self._options.jobs)
        self._in_session = workers is not None and not workers.sandboxed
        with contextlib.ExitStack() as stack:
            stack.callback(self._copies.close)
            self._engine.begin(stack)
            self._workers = LazyWorkers(self._options, stack, workers, self._sandbox)
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
            self._begin(stack)
            if self._place.in_place and self._sweeps and self._listed is None:
                # The run before died, and outputs of jobs that were rolled back are no inputs.
                self._account.read_again()
                batches = self._batches()
                first = self._first_with_items(batches) or first
            effort = self._convert(iter(self._twins.among(chain((first,), batches))), stack)
            self._end()
            report = self._report(effort)
            if not (report.cancelled or report.stopped):  # the next run continues an interrupted one
                self._journal.finish(self._account.counts())
        self._account.tell(Event("end", total=report.total, facts=report.summary_json()))
        return report

    @property
    def options(self) -> RunOptions:
        """The options, with the decision on the sandbox."""
        return replace(self._options, sandbox=self._confined)

    @property
    def _confined(self) -> bool:
        """Whether workers have a sandbox; without being asked for it, those of a session have none."""
        if self._options.sandbox is None and self._in_session:
            return False
        return is_confined(self._options, self._recipe, self._sources)

    def _sandbox(self) -> Sandbox | None:
        """What workers may touch now; None is everything."""
        if not self._confined:
            return None
        return sandbox_of(
            self._named, self._sources, self._recipe, self._place, self._opened, gather=self._gather
        )

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
        """Lock OUT, and recover its journal after a crash."""
        self._lock = None if self._place.name or self._place.stored else lock_out(self._place)
        if self._lock:
            stack.callback(self._lock.release)
        self._journal = stack.enter_context(open_journal(self._place, self._options, stack))
        self._account.journal = self._opened = self._journal
        self._journal.folders.named_again = self._moved
        for note in self._journal.notes:
            self._account.note(note)
        self._sweeps = not self._place.stored and (self._journal.unfinished or bool(self._place.name))
        if self._place.in_place:
            put_right(self._journal, self._place.folder, self._account.note)
            return
        if self._place.stored:
            stack.callback(self._place.stored.close)
            self._place.stored.resume(self._journal.noted())
        self._journal.recover(store=self._place.place)

    def _begin(self, stack: contextlib.ExitStack) -> None:
        """Insert the run, and create what plans it and what settles its jobs."""
        options, journal, note = self._options, self._journal, self._account.note
        keys = run_keys(self._place, self._recipe, self._gather, self._members)
        self._key = keys[0]
        self._name = journal.begin(*keys, recipe=recipe_without_places(self._recipe, self._toml))
        write_facts(self._name, self._facts())
        if self._place.in_place:
            kept = KeptOriginals(self._place.folder, self._name, options.keep_originals, note)
            stack.callback(kept.close)
            self._originals = self._account.originals = kept
        self._before = BeforeWriting(
            self._place, journal, self._lock, self._originals, note, sweeps=self._sweeps
        )
        self._settlement = Settlement(
            self._account,
            journal,
            self._name,
            self._before,
            self._copies,
            self._twins,
            self._cancel,
            strict=options.strict,
            gathers=self._gather is not None,
        )
        self._planner = self._new_planner(stack)
        if self._confined:
            make_folders(self._place, journal, stack)

    def _new_planner(self, stack: contextlib.ExitStack) -> Planner | GatherPlanner:
        place, journal, homes = self._place, self._journal, None
        if self._gather is not None:
            return gather_planner(
                place, self._gather, self._key, self._options, journal, self._selection.arranged
            )
        if place.in_place:
            homes = Homes(place.folder, journal, partial(open_home, stack, self._account.note, place.folder))
        return planner(
            place,
            self._recipe,
            self._options,
            journal,
            homes=homes,
            originals=self._originals,
            alone=named_count(self._named) == 1,
            still=self._still,
            listed=has_lists(self._sources),
            sliced=self._sliced(),
        )

    def _sliced(self) -> bool:
        """Whether small pictures are planned in slices: where nothing in the plan asks about one of them."""
        plain = not (self._retry or self._among)
        together = any(one.batch > 1 for branch in self._recipe.branches() for one in branch.operations)
        return plain and self._twins.idle and self._options.schedule != "staged" and not together

    def _convert(self, batches: Iterator[Batch], stack: contextlib.ExitStack) -> Effort:
        """Have the engine do the plan."""
        journal, account, options = self._journal, self._account, self._options
        spec = run_spec(
            self._name,
            self._recipe,
            options,
            written=self._originals.written if self._originals else journal.written,
            base=journal.base,
            parts=f"{journal.path}.parts",
            sources=self._sources,
            gather=self._gather,
            sees=self._place.stored.sees if self._place.stored else None,
        )
        about = {"run": self._name, "recipe": self._key}
        account.tell(Event("start", text=self._place.path, facts=about))
        if isinstance(self._planner, Planner) and self._planner.need.whole:
            batches = self._prepared(self._planner, batches, self._workers())
        self._plan = PulledPlan(
            self._planner,
            batches,
            account,
            self._before,
            self._copies,
            self._twins,
            journal,
            retry=self._retry,
            among=self._among,
            replaces=not options.on_exists,
        )
        work = Assignment(
            spec,
            options,
            self._place,
            WrittenLog(journal.written, self._name, journal.base),
            self._plan.entries(),
            self._twins.then_links,
            self._workers,
            settle=self._settlement.settle,
            settle_planned=self._settlement.settle_planned,
            settle_slice=self._settlement.settle_slice,
            unchanged=account.add_unchanged,
            tell=account.tell,
            note=account.note,
            turn=self._turn,
            started=account.started,
            cancel=self._cancel,
            stack=stack,
        )
        return self._engine.do(work)

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

    # ----- called by the engine ----------------------------------------------------------------------

    def _turn(self) -> None:
        if self._gather is not None and self._cancel.cancelled:
            self._cancel.kill()  # its only job may take minutes, and nothing of it is a result
        self._plan.turn()
        now = time.monotonic()
        if now - self._flushed > FLUSH_SECONDS:
            self._flushed = now
            self._account.flush()

    # ----- the end ----------------------------------------------------------------------------------

    def _end(self) -> None:
        """Add the notes at the end of the run, and finish the originals even after a cancellation."""
        self._account.note_changes()
        if self._gather is not None and self._cancel.killed:
            sweep_temporary_files(self._place.folder)
        for remark in (*self._planner.remarks(), *self._unmatched(), *self._others.remarks()):
            self._account.note(remark)
        if self._originals:
            # Before the notes of the workers are removed: if this process dies between the two, the next run
            # knows its outputs by the journal.
            self._journal.flush()
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
            cancelled=self._cancel.cancelled and not self._settlement.stopped,
            stopped=self._settlement.stopped,
            left=effort.left + self._plan.left + self._twins.left,
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
