"""What a run needs before it can begin: its session, its journal, its planner, what workers must know."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import replace

from imgpar.errors import OutputError
from imgpar.homes import Homes
from imgpar.journal import Journal, journal_path
from imgpar.leftovers import temporary
from imgpar.model import RunOptions
from imgpar.output import Out
from imgpar.plan import Planner
from imgpar.recipe import Recipe
from imgpar.runtime.runspec import RunSpec
from imgpar.session import Session

KEPT_INPUTS = 1000
"""So many inputs are remembered for `retry`; longer lists are taken from the journal."""


def new_session(options: RunOptions) -> Session:
    """A session for one run."""
    return Session(options.jobs, options.memory, worker_memory=options.worker_memory)


def open_journal(place: Out, options: RunOptions, stack: contextlib.ExitStack) -> Journal:
    """The journal of an output place: locked where OUT is a folder, shared by all runs where it is a file."""
    path = journal_path(place, options.journal)
    if not place.name:
        return Journal.open(path, place.folder)
    try:
        return Journal.open(path, "", lock=False)
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
    run: str = "",
    *,
    homes: Homes | None = None,
) -> Planner:
    """A planner that knows what the journal knows; in place, what those of `homes` know."""
    return Planner(
        place,
        run_key(place, recipe),
        to=recipe.to,
        on_exists=options.on_exists,
        done=homes.done if homes else journal.done if journal else None,
        recorded=journal.recorded if journal else None,
        run=run,
        split=recipe.encode.split,
    )


def run_key(place: Out, recipe: Recipe) -> str:
    """What decides how an output looks: the recipe, and OUT where it is one file of many in one journal."""
    return f"{recipe.key()}:{place.path}" if place.name else recipe.key()


def run_spec(name: str, recipe: Recipe, options: RunOptions, session: Session, parts: str) -> RunSpec:
    """What the workers of `session` have to know about a run."""
    return RunSpec(
        name,
        recipe.operations,
        recipe.encode,
        recipe.encode.reading(session.limits(options)),
        strict=options.strict,
        verify=options.verify,
        staged=options.schedule == "staged",
        parts=parts,
    )


def run_facts(command: str, inputs: Iterable[str], *, in_place: bool) -> str:
    """What `retry` has to know about a run."""
    paths = [os.path.abspath(path) for path in inputs]
    kept = paths if len(paths) <= KEPT_INPUTS else []
    return json.dumps({"command": command, "inputs": kept, "in_place": in_place})


def without_journal(options: RunOptions, stack: contextlib.ExitStack) -> RunOptions:
    """The options with a journal that goes when `stack` is closed: for outputs that are temporary."""
    folder = stack.enter_context(temporary())
    return replace(options, journal=os.path.join(folder, "journal.db"))
