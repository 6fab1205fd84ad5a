"""`imgpar convert --check`: what a run would change, found by making every output in a temporary folder.

The plan alone does not tell: a clone of a repository has outputs, but no journal of the runs that made them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from imgpar.batch.checking import check_place
from imgpar.batch.dryrun import planned_entries
from imgpar.batch.engine import Engine
from imgpar.batch.pages.writing import stale_site
from imgpar.batch.run import Run
from imgpar.batch.run_options import RunOptions
from imgpar.core.digest import file_digest
from imgpar.core.errors import UsageError
from imgpar.core.job import Job, Listener, Outcome
from imgpar.core.tempfiles import temporary
from imgpar.inputs.ignored import Aside
from imgpar.inputs.resolving import with_sources
from imgpar.outputs.conflicts import KEPT
from imgpar.outputs.destination import Out
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken

UP_TO_DATE = ("", "unchanged", "link", "nothing")
"""Reasons for which an input is skipped, and its outputs are as a run would make them."""


class Change(NamedTuple):
    """One file that a run would write, or an input that would fail."""

    kind: Literal["missing", "different", "failed"]
    path: str
    """Absolute; of the output, or of the input that fails."""
    error: str = ""
    kept: bool = False
    """Whether a run keeps an existing file nevertheless, because no journal says that it is an output."""


def changes_of_run(
    inputs: Sequence[str],
    out: str | None,
    recipe: Recipe,
    options: RunOptions,
    listen: Listener,
    cancel: CancelToken,
    engine: Engine,
) -> Iterator[Change]:
    """What a run would change; nothing is written to OUT.

    Args:
        inputs: files, folders and patterns.
        out: folder or file; None in place.
        recipe: of the run.
        options: of the run.
        listen: called with the events of the run in the temporary folder.
        cancel: stops that run.
        engine: does its jobs.

    Raises:
        UsageError: the settings contradict each other, every input is missing, or OUT is a sink.
    """
    place = check_place(with_sources(inputs, options.access), out, recipe, options)
    if place.stored:
        raise UsageError("--check compares files in a folder.", fix="Name a folder with -o.")
    done, kept = list[Outcome](), set[str]()
    current, site, aside = True, bool(options.manifest or options.html), Aside()
    for entry in planned_entries(inputs, out, recipe, options, aside=aside):
        if isinstance(entry, Job) or entry.status != "skipped" or entry.reason not in UP_TO_DATE:
            current = False
            kept |= _kept_by(entry)
        elif current and site:
            done.append(entry)
    if current and not aside.others.keys() - {"unchanged"}:
        yield from _site_changes(done, options, place, cancel)
        return
    with temporary() as folder:
        at = os.path.join(folder, place.name or "out")
        made = replace(
            options, in_place=False, keep_originals=None, on_exists=None, journal=os.path.join(folder, "j")
        )
        made = replace(made, exclude=(*made.exclude, *_outputs_among(inputs, place)))
        if options.others != "skip":  # contents are compared, and a link would change the status of an input
            made = replace(made, others="copy")
        others = list[Outcome]()
        report = Run(inputs, at, recipe, made, listen, cancel, engine=engine, others=others.append).execute()
        for outcome in (*report.items, *others):
            for change in _changes_of(outcome, at, place):
                yield change._replace(kept=change.path in kept)
        yield from _site_changes(report.items, options, place, cancel, made_in=at)


def _outputs_among(inputs: Sequence[str], place: Out) -> list[str]:
    """Patterns that leave out OUT where it lies in an input: a run with another OUT would take it for one."""
    if place.in_place or place.name:
        return []
    found = (
        os.path.relpath(place.folder, os.path.realpath(given)) for given in inputs if os.path.isdir(given)
    )
    return [f"/{path}/".replace(os.sep, "/") for path in found if path != "." and not path.startswith("..")]


def _kept_by(entry: Outcome | Job) -> set[str]:
    """Existing files that a run would not replace."""
    if isinstance(entry, Job) or entry.reason not in KEPT:
        return set()
    return {file.path for file in entry.outputs}


def _changes_of(outcome: Outcome, folder: str, place: Out) -> Iterator[Change]:
    if outcome.status == "failed":
        yield Change("failed", outcome.source, outcome.error)
    for file in outcome.outputs:
        where = _final(outcome, file.path, folder, place)
        if not os.path.isfile(where):
            yield Change("missing", where)
        elif file_digest(where) != (file.digest or file_digest(file.path)):
            yield Change("different", where)


def _final(outcome: Outcome, path: str, folder: str, place: Out) -> str:
    """Where a run would write an output that was made in a temporary folder."""
    if place.in_place:
        return os.path.join(os.path.dirname(outcome.source), os.path.basename(path))
    return os.path.join(place.folder, place.name or os.path.relpath(path, folder))


def _site_changes(
    outcomes: Iterable[Outcome], options: RunOptions, place: Out, cancel: CancelToken, made_in: str = ""
) -> Iterator[Change]:
    """Changes of the manifest and the page of snippets.

    Args:
        outcomes: of all inputs.
        options: of the run.
        place: OUT.
        cancel: ends it early.
        made_in: the temporary folder with the outputs; empty where they are in their places.
    """

    def final(outcome: Outcome, path: str) -> str:
        return _final(outcome, path, made_in, place) if made_in else path

    for path in stale_site(outcomes, options, place.folder, final, cancel):
        yield Change("different" if os.path.isfile(path) else "missing", path)
