"""`imgpar.watch`: stay, and convert what is new."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Unpack

from imgpar.api.run import Silent, run
from imgpar.api.settings import Inputs, Place, given_inputs, read_place, resolve
from imgpar.api.typed import WatchSettings
from imgpar.batch.report import Report
from imgpar.batch.run_options import RunOptions
from imgpar.batch.settings import WATCH
from imgpar.batch.watch.log import WatchLog
from imgpar.batch.watch.options import WatchOptions
from imgpar.batch.watch.request import WatchRequest
from imgpar.batch.watch.watcher import Watcher
from imgpar.core.error_messages import setting
from imgpar.core.errors import UsageError
from imgpar.core.job import Listener
from imgpar.inputs.sources import Source
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


def watch(
    inputs: Inputs,
    out: Place | None = None,
    *,
    recipe: Recipe | str | os.PathLike[str] | None = None,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
    **settings: Unpack[WatchSettings],
) -> Report:
    """Convert what is in folders, and then what is new in them, until `cancel` is cancelled.

    >>> import imgpar
    >>> report = imgpar.watch("photos/", "web/", resize="1920", to="webp", once=True)  # doctest: +SKIP

    Args:
        inputs: one or more folders; files, patterns, archives and sources are polled.
        out: output folder or sink; None only with `in_place=True`.
        recipe: as for `imgpar.convert`.
        on_event: called with every `Event` of every run.
        cancel: `cancel()` ends the watch after the tasks in progress, `kill()` immediately. It may be called
            from another thread.
        settings: as for `imgpar.convert`, and `once`, `settle`, `poll`, `on_delete`, `move_done`,
            `delete_source`, `log`, `log_size`, `log_count`, `status_file`.

    Returns:
        The counts of all runs, without `items`.

    Raises:
        UsageError: a setting is invalid, or does not fit the inputs or `out`.
        RunError: another watch works on `out`, or it cannot be written.
    """
    WATCH.check(settings)
    given: dict[str, Any] = dict(settings)
    own = WatchOptions.read({name: given.pop(name, None) for name in WatchOptions.options()})
    base = Recipe.load(recipe) if isinstance(recipe, (str, os.PathLike)) else recipe or Recipe()
    made, options = resolve(base, given, WATCH)
    log = open_log(own, quiet=True)
    try:
        watcher = make_watcher(
            given_inputs(inputs, contents=False),
            read_place(out) if out is not None else None,
            lambda: made,
            options,
            own,
            log,
            listen=on_event,
            cancel=cancel or CancelToken(),
        )
        return watcher.execute()
    finally:
        log.close()


def open_log(settings: WatchOptions, *, as_json: bool = False, quiet: bool = False) -> WatchLog:
    """The log of a watch. Raises UsageError."""
    return WatchLog(
        settings.log or "", size=settings.log_size, count=settings.log_count, as_json=as_json, quiet=quiet
    )


def make_watcher(
    inputs: list[str | Source],
    out: Any,
    recipe: Callable[[], Recipe],
    options: RunOptions,
    settings: WatchOptions,
    log: WatchLog,
    *,
    listen: Listener | None = None,
    cancel: CancelToken,
    **facts: Any,
) -> Watcher:
    """The watcher of these inputs, for Python and the command line.

    Args:
        inputs: as given.
        out: folder or sink; None in place.
        recipe: called at the start and when the recipe is read again.
        options: of the runs.
        settings: of the watch.
        log: receives what is said.
        listen: called with every event.
        cancel: ends the watch.
        facts: other fields of `WatchRequest`.

    Raises:
        UsageError: they do not fit each other.
    """
    if options.engine != "local":
        raise UsageError(
            f"A watch has the processes of this machine, and no {setting('engine', options.engine)}.",
            fix="Leave it out, or convert the folder from time to time.",
        )
    request = WatchRequest(
        inputs, out, recipe, options, settings, execute=run, listen=listen or Silent(), log=log, **facts
    )
    return Watcher(request, cancel)
