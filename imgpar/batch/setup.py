"""What a run needs before it can begin: its workers, its journal, its planner, what workers must know."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace

from imgpar.batch.inplace.run_folders import Homes, KeptOriginals
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.planner import Planner
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.workers import Workers
from imgpar.core.errors import OutputError
from imgpar.core.fs import no_room
from imgpar.core.locks import OutLock
from imgpar.core.model import RunOptions
from imgpar.core.tempfiles import temporary
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe


def new_workers(options: RunOptions) -> Workers:
    """The workers of one run."""
    return Workers(options.jobs, options.memory, worker_memory=options.worker_memory)


def lock_out(place: Out) -> OutLock:
    """Keep all other runs out of the folder that outputs go to. Raises OutputLockedError, OutputError."""
    try:
        return OutLock(place.folder)
    except OSError as error:
        if full := no_room(error, place.folder):
            raise full from error
        raise OutputError(
            f"{place.folder} cannot be written: {error.strerror or error}.", fix="Choose another OUT."
        ) from error


def open_journal(place: Out, options: RunOptions, stack: contextlib.ExitStack) -> Journal:
    """The journal of an output place: locked where OUT is a folder, shared by all runs where it is a file."""
    path, chosen = journal_path(place, options.journal), bool(options.journal)
    if not place.name:
        return Journal.open(path, place.folder, chosen=chosen, in_place=place.in_place)
    try:
        return Journal.open(path, "", lock=False, chosen=chosen)
    except OutputError:
        if options.journal:
            raise
        # No home, or one that cannot be written: no reason not to convert one file.
        return Journal.open(without_journal(options, stack).journal or "", "", lock=False)


def planner(
    place: Out,
    recipe: Recipe,
    options: RunOptions,
    journal: Journal | None,
    *,
    homes: Homes | None = None,
    originals: KeptOriginals | None = None,
    alone: bool = False,
) -> Planner:
    """A planner that knows what the journal knows; in place, what those of `homes` know."""
    return Planner(
        place,
        run_key(place, recipe),
        to=recipe.to,
        on_exists=options.on_exists,
        past=homes or journal,
        originals=originals,
        split=recipe.encode.split,
        verify=options.verify,
        careful=bool(options.journal),
        options=recipe.encode,
        alone=alone and recipe.chosen,
    )


def run_key(place: Out, recipe: Recipe) -> str:
    """What decides how an output looks: the recipe, and OUT where it is one file of many in one journal."""
    return f"{recipe.key()}:{place.path}" if place.name else recipe.key()


def run_spec(
    name: str,
    recipe: Recipe,
    options: RunOptions,
    workers: Workers,
    *,
    written: str,
    base: str,
    parts: str,
) -> RunSpec:
    """What the `workers` have to know about a run. Raises OutputError where they would write
    through a link."""
    for folder in (written, parts):
        if os.path.islink(folder):
            raise OutputError(f"{folder} is a link; nothing was written to it.", fix="Remove it.")
    return RunSpec(
        name,
        recipe.operations,
        recipe.encode,
        recipe.encode.reading(workers.limits(options)),
        strict=options.strict,
        verify=options.verify,
        staged=options.schedule == "staged",
        written=written,
        base=base,
        parts=parts,
    )


def run_facts(
    command: str,
    inputs: Iterable[str] | None,
    place: Out,
    recipe: str | None,
    options: RunOptions,
    *,
    chosen: bool,
) -> dict[str, object]:
    """What `retry` has to know about a run; `inputs` is None where they came from a list."""
    paths = None if inputs is None else [os.path.abspath(path) for path in inputs]
    return {
        "command": command,
        "inputs": paths,
        "folder": os.getcwd(),
        "out": place.path,
        "in_place": place.in_place,
        "recipe": recipe,
        "chosen": chosen,
        "include": options.include,
        "exclude": options.exclude,
    }


def recipe_without_places(recipe: Recipe, text: str | None) -> str | None:
    """The recipe as the journal may hold it: nothing where it names files, which lie somewhere."""
    named = any(
        isinstance(getattr(operation, name), str) and os.path.isabs(getattr(operation, name))
        for operation in recipe.operations
        for name in operation.options()
    )
    return None if named else text


def without_journal(options: RunOptions, stack: contextlib.ExitStack) -> RunOptions:
    """The options with a journal that goes when `stack` is closed: for outputs that are temporary."""
    folder = stack.enter_context(temporary())
    return replace(options, journal=os.path.join(folder, "journal.db"))
