"""The parts of a run are made: workers, lock, journal, planner, and the facts for workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from imgpar.batch.gather.options import Gathering
from imgpar.batch.gather.planner import GatherPlanner, settings_key
from imgpar.batch.inplace.run_folders import Homes, KeptOriginals
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.planner import Planner
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.workers import Workers, new_workers
from imgpar.core.errors import OutputError
from imgpar.core.fs import no_room
from imgpar.core.job import Item, SeenWants
from imgpar.core.locks import OutLock
from imgpar.core.tempfiles import temporary
from imgpar.formats.registry import format_of_suffix
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.outputs.wishes import WishedOutput
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.sandbox import Sandbox


class LazyWorkers:
    """The workers of a run: those of its session, or new ones, made when they are needed first.

    Args:
        options: of the run.
        stack: closes new workers.
        given: those of a session; None where there is none.
        sandbox: returns what they may touch now; None where that is everything. Those of a session are not
            restricted, so the run has workers of its own.
    """

    def __init__(
        self,
        options: RunOptions,
        stack: contextlib.ExitStack,
        given: Workers | None = None,
        sandbox: Callable[[], Sandbox | None] = lambda: None,
    ) -> None:
        self._options, self._stack, self._given = options, stack, given
        self._workers: Workers | None = None
        self._sandbox = sandbox

    def __call__(self) -> Workers:
        """The workers."""
        sandbox = self._sandbox()
        if self._workers is None:
            self._workers = self._chosen(sandbox)
        if sandbox is not None:
            self._workers.confine(sandbox)
        return self._workers

    def _chosen(self, sandbox: Sandbox | None) -> Workers:
        given = self._given
        if given is None:
            return self._stack.enter_context(new_workers(self._options, sandbox))
        if sandbox is None or given.sandboxed:
            return given
        own = given.alike()
        self._stack.enter_context(given.stopped_by(own.close))
        return self._stack.enter_context(own)


def lock_out(place: Out) -> OutLock:
    """Lock the output folder against other runs. Raises OutputLockedError, OutputError."""
    try:
        return OutLock(place.folder)
    except OSError as error:
        if full := no_room(error, place.folder):
            raise full from error
        raise OutputError(
            f"{place.folder} cannot be written: {error.strerror or error}.", fix="Choose another OUT."
        ) from error


def open_journal(place: Out, options: RunOptions, stack: contextlib.ExitStack) -> Journal:
    """Open the journal: locked where OUT is a folder or a sink, shared by all runs where it is a file.

    Args:
        place: the output.
        options: of the run, with the path of the journal.
        stack: closes a temporary journal.

    Raises:
        OutputError: the journal cannot be opened.
    """
    path, chosen = journal_path(place, options.journal), bool(options.journal)
    base, lock = "" if place.name else place.folder, not place.name
    try:
        return Journal.open(path, base, lock=lock, chosen=chosen, in_place=place.in_place)
    except OutputError:
        if options.journal or not (place.name or place.stored):
            raise
        # A missing or read-only home folder does not prevent the conversion.
        return Journal.open(without_journal(options, stack).journal or "", base, lock=lock)


def planner(
    place: Out,
    recipe: Recipe,
    options: RunOptions,
    journal: Journal | None,
    *,
    homes: Homes | None = None,
    originals: KeptOriginals | None = None,
    alone: bool = False,
    still: Collection[str] = (),
    listed: bool = False,
    sliced: bool = False,
) -> Planner:
    """Make the planner of a run.

    Args:
        place: the output.
        recipe: of the run.
        options: of the run.
        journal: with earlier results; None where there is none.
        homes: in place, the journals of all folders.
        originals: in place, where originals are kept.
        alone: whether the run has a single input.
        still: named pictures with a single frame, from `check_inputs`.
        listed: whether some inputs come from a list of addresses.
        sliced: whether small pictures may be planned together, as slices.
    """
    outputs = [
        WishedOutput(key, branch.to, branch.encode, branch.name, branch.flat, branch.size)
        for key, branch in zip(run_keys(place, recipe), recipe.branches(), strict=True)
    ]
    return Planner(
        place,
        outputs=outputs,
        on_exists=options.on_exists,
        past=homes or journal,
        originals=originals,
        split=recipe.extract.split,
        extract=recipe.extract if recipe.extract.kind else None,
        verify=options.verify,
        careful=bool(options.journal),
        alone=alone and recipe.chosen,
        still=still,
        copied=options.others == "copy",
        listed=listed,
        sliced=sliced,
    )


def gather_planner(
    place: Out,
    gather: Gathering,
    key: str,
    options: RunOptions,
    journal: Journal | None,
    arrange: Callable[[Sequence[Item]], Sequence[Item]],
) -> GatherPlanner:
    """Make the planner of a run that makes one file of all inputs.

    Args:
        place: the file.
        gather: what is made.
        key: of the run.
        options: of the run.
        journal: with earlier results; None where there is none.
        arrange: sorts all items.
    """
    target = format_of_suffix(place.name)
    assert target is not None
    return GatherPlanner(
        place, target, gather, key, on_exists=options.on_exists, past=journal, arrange=arrange
    )


def run_keys(place: Out, recipe: Recipe, gather: Gathering | None = None, members: str = "") -> list[str]:
    """A key for each output of the recipe, of the settings that it depends on; for an output file, its path
    as well; for one made of all inputs, their names too."""
    keys = [branch.key() for branch in recipe.branches()]
    if place.name:
        keys = [f"{key}:{place.path}" for key in keys]
    return [f"{key}:{settings_key(gather)}:{members}" for key in keys] if gather else keys


def run_spec(
    name: str,
    recipe: Recipe,
    options: RunOptions,
    *,
    written: str,
    base: str,
    parts: str,
    sources: tuple[Source, ...] = (),
    gather: Gathering | None = None,
    sees: SeenWants | None = None,
) -> RunSpec:
    """Make the facts of a run that are sent to workers, without the limits of a machine.

    Args:
        name: of the run, for temporary files.
        recipe: of the run.
        options: of the run.
        written: folder of the write-ahead log; empty for none.
        base: folder that its paths are relative to; empty where they are absolute.
        parts: folder for parts of long clips; empty for none.
        sources: of items that are no files.
        gather: what is made of all items together.
        sees: what the sink asks about the content of each input.

    Raises:
        OutputError: `written` or `parts` is a symbolic link.
    """
    for folder in (written, parts):
        if os.path.islink(folder):
            raise OutputError(f"{folder} is a link; nothing was written to it.", fix="Remove it.")
    first, *others = output_specs(recipe)
    return RunSpec(
        name,
        first.operations,
        first.encode,
        extract=recipe.extract,
        strict=options.strict,
        verify=options.verify,
        staged=options.schedule == "staged",
        written=written,
        base=base,
        parts=parts,
        sources=sources,
        branches=(first, *others) if others else (),
        gather=gather,
        sees=sees,
        link_others=options.others == "link",
    )


def without_journal(options: RunOptions, stack: contextlib.ExitStack) -> RunOptions:
    """The options with a temporary journal, which is removed when `stack` is closed."""
    folder = stack.enter_context(temporary())
    return replace(options, journal=os.path.join(folder, "journal.db"))
