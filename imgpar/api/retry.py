"""`imgpar.retry`: convert the failed inputs of the last run again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Unpack

from imgpar.api.run import Silent, check_originals
from imgpar.api.settings import Inputs, Place, checked_recipe, given_inputs, read_place
from imgpar.api.typed import RetrySettings
from imgpar.batch.confinement import check_confinement
from imgpar.batch.journal.history import RunRecord
from imgpar.batch.journal.journal import Journal, journal_path
from imgpar.batch.report import Report
from imgpar.batch.report_lines import read_facts
from imgpar.batch.run import Run
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import RETRY, SESSION_RETRY
from imgpar.batch.sharding import known_shards
from imgpar.batch.workers import Workers
from imgpar.core.errors import NothingFailedError, UsageError
from imgpar.core.job import Listener
from imgpar.engines import engine_of
from imgpar.inputs.lists import InputList
from imgpar.inputs.ordering import sort_keys
from imgpar.inputs.sources import Source
from imgpar.inputs.where import conditions
from imgpar.outputs.destination import Out, is_home, known_out, no_run
from imgpar.outputs.sinks import Sink
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


def retry(
    out: Place,
    inputs: Inputs | None = None,
    *,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
    session: Workers | None = None,
    command: str = "",
    **settings: Unpack[RetrySettings],
) -> Report:
    """Convert the failed inputs of the last run on `out` again, with its recipe.

    >>> import imgpar
    >>> report = imgpar.retry("web/", accept_damaged=True)  # doctest: +SKIP

    Args:
        out: the output folder, archive or sink of that run, or the folder converted in place.
        inputs: the inputs of that run; None uses those stored on this machine.
        on_event, cancel, session: as for `Pipeline.run`.
        command: the command line, for the journal.
        settings: `jobs`, `memory`, `timeout`, `on_exists`, `schedule`, `strict`, `companions`,
            `accept_damaged`, `password`, `verify`, `keep_failures`, `keep_originals`, `max_pixels`,
            `max_frames`, `worker_memory`, `journal`, and `include`, `exclude`, `recursive`, `where`, `sort`,
            `reverse`, `others`, `archives`, `sandbox` (those of that run, if not given), `deterministic`,
            `cache_control`, and limits of transfers: `allow_private`, `downloads`, `per_host`, `retries`,
            `fetch_timeout`, `max_download`, `robots`, `user_agent`; and `engine`, `ray_address`.
            A session has its own `memory` and `worker_memory`.

    Returns:
        A report with an item for every input that was converted again.

    Raises:
        UsageError: `out` is not the output of a run, no input failed there, or the paths of the inputs are
            unknown.
        RunError: the run could not continue (disk full, OUT locked).
    """
    (RETRY if session is None else SESSION_RETRY).check(settings)
    options = RunOptions.read(settings)
    known = known_out(known_shards(read_place(out)))
    name = out if isinstance(out, str) else known.path
    last = _last_run(known, str(name), options)
    facts = read_facts(last.uid) or {}
    recipe = _recipe_of(facts.get("recipe") if last.recipe is None else last.recipe, name)
    recipe = replace(recipe, chosen=bool(facts.get("chosen")))
    options = _as_before(options, facts, moved=inputs is not None)
    given = given_inputs(inputs, contents=False) if inputs is not None else _remembered(facts, name)
    listen, cancel = on_event or Silent(), cancel or CancelToken()
    place: str | Sink | None = known.stored.sink if known.stored else known.path
    if not known.stored and (is_home(known.path) or facts.get("in_place")):
        place, options = None, replace(options, in_place=True)
        given = given or [known.path]
    check_originals(options)
    check_confinement(options, recipe)
    again = Run(
        given,
        place,
        recipe,
        options,
        listen,
        cancel,
        engine=engine_of(options),
        command=command,
        retry=True,
        moved=inputs is not None,
    )
    return again.execute(session)


def _last_run(known: Out, name: str, options: RunOptions) -> RunRecord:
    """The last run on an output, in which some inputs failed. Raises UsageError where there is none."""
    path = journal_path(known, options.journal)
    if os.path.isfile(known.path) and not known.stored and not options.journal:
        raise UsageError(
            f"{name} is one file, not a folder.",
            fix="Run the command again that made it: it does what failed.",
        )
    if not os.path.exists(path):
        raise no_run(name, known)
    with Journal.open(path, known.path, chosen=bool(options.journal)) as journal:
        last, failed = journal.last_run(), journal.count_failed()
    if last is None or not failed:
        raise NothingFailedError(f"Nothing failed in {name}, so there is nothing to run again.")
    return last


def _as_before(options: RunOptions, facts: dict[str, Any], *, moved: bool) -> RunOptions:
    """The options, with what selected the inputs of the last run where nothing else is given."""
    return replace(
        options,
        include=options.include or tuple(facts.get("include") or ()),
        exclude=options.exclude or tuple(facts.get("exclude") or ()),
        where=options.where or _parsed(conditions, facts.get("where")),
        sort=options.sort or _parsed(sort_keys, facts.get("sort")),
        reverse=options.reverse or bool(facts.get("reverse")),
        others=RunOptions.read({"others": facts.get("others")}).others
        if options.others == "skip"
        else options.others,
        recursive=options.recursive and facts.get("recursive") is not False,
        sandbox=_switch(facts.get("sandbox")) if options.sandbox is None else options.sandbox,
        archives=options.archives or facts.get("archives") is True,
        root=None if moved else facts.get("root") or None,
    )


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _parsed(parse: Callable[[object], tuple[Any, ...]], text: object) -> tuple[Any, ...]:
    """What the last run selected, as it is stored on this machine."""
    return parse(text) if text else ()


def _recipe_of(text: str | None, out: str) -> Recipe:
    import tomllib

    if text is None:
        raise UsageError(
            f"The recipe of the last run on {out} is not known: it has functions or files.",
            fix="Run the whole again: only what failed is done.",
        )
    return checked_recipe(Recipe.from_dict(tomllib.loads(text), "the recipe in the journal"))


def _remembered(facts: dict[str, Any], out: str) -> list[str | Source]:
    """The inputs of a run as stored on this machine."""
    inputs = facts.get("inputs")
    if facts.get("list"):
        return [InputList.of_facts(facts["list"])]
    if facts.get("secrets"):
        raise UsageError(
            f"Inputs of {out} are addresses with a query or user info, which is not stored.",
            fix="Give them again to the command that made it: it does what failed.",
        )
    if inputs is None and not facts.get("in_place"):
        raise UsageError(
            f"This machine does not know where the inputs of {out} lay.",
            fix="Name them: imgpar retry OUT INPUT...",
        )
    return list(inputs or ())
