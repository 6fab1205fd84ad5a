"""`imgpar.estimate`: time and bytes of a run, from a sample of its inputs."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Unpack

from imgpar.api.pipeline import Pipeline
from imgpar.api.run import planned_entries
from imgpar.api.settings import (
    AnyInputs,
    Destination,
    checked_recipe,
    given_inputs,
    read_destination,
    resolve,
)
from imgpar.api.typed import DryRunSettings
from imgpar.batch.estimate import Estimate, Sample, estimate_key, keep_estimate
from imgpar.batch.report import Report
from imgpar.batch.run import Run
from imgpar.batch.run_options import FILES, RunOptions
from imgpar.batch.settings import DRY_RUN
from imgpar.batch.workers import has_processes
from imgpar.core.error_messages import setting
from imgpar.core.errors import NoInputError, UsageError
from imgpar.core.job import Event
from imgpar.core.tempfiles import temporary
from imgpar.engines.local import LocalEngine
from imgpar.inputs.sources import Source
from imgpar.outputs.sinks import Sink
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.cores import available_cores
from imgpar.runtime.scheduler import CancelToken

BUDGET = 30.0
"""Seconds after which no further file of the sample is begun."""
LONGEST = 60.0
"""Seconds after which a file of the sample is given up, such as a long clip."""


def estimate(
    inputs: AnyInputs,
    out: Destination | None = None,
    *,
    recipe: Recipe | str | os.PathLike[str] | None = None,
    cancel: CancelToken | None = None,
    **settings: Unpack[DryRunSettings],
) -> Estimate:
    """Estimate time and bytes of a call of `convert` with the same arguments.

    Up to 6 files of each format and size are converted into a temporary folder, which takes up to half a
    minute; nothing is written to `out`.

    >>> import imgpar
    >>> found = imgpar.estimate("photos/", "web/", resize="1920", to="webp")  # doctest: +SKIP
    >>> print(found.seconds.value, found.bytes_out.low, found.bytes_out.high)  # doctest: +SKIP

    Args:
        inputs, out, recipe: as for `convert`.
        cancel: stops it; the estimate is then made of what was converted.
        settings: as for `convert`.

    Returns:
        The estimate; with the errors of earlier estimates that a run followed.

    Raises:
        UsageError: a setting is invalid, or no input exists.
        NoInputError: there is nothing to convert.
    """
    chosen, options = resolve(Pipeline(recipe).recipe, settings, DRY_RUN)
    place = None if out is None else read_destination(out)
    return estimated(given_inputs(inputs), place, chosen, options, cancel or CancelToken())


def estimated(
    inputs: Iterable[str | Source],
    out: str | Sink | None,
    recipe: Recipe,
    options: RunOptions,
    cancel: CancelToken,
) -> Estimate:
    """The same with checked settings, for the command line."""
    if out == "-" or inputs == ["-"]:
        raise UsageError("Standard input and output have no estimate.", fix="Name files.")
    if options.engine != "local":
        raise UsageError(
            f"An estimate is measured on this machine, so there is no {setting('engine', options.engine)}.",
            fix="Leave it out, and divide by the cores of the cluster.",
        )
    recipe, notes, sample = checked_recipe(recipe), list[str](), Sample()
    sample.take(planned_entries(inputs, out, recipe, options, tell=notes.append))
    if not sample.items:
        raise NoInputError("There is nothing to convert, so there is nothing to estimate.")
    paths = sample.paths()
    if not paths:
        raise UsageError(
            "Only files in folders have an estimate, not archives and addresses.", fix="Leave it out."
        )
    with temporary() as folder:
        report = _converted(paths, os.path.join(folder, "out"), recipe, options, cancel)
        report = replace(report, items=tuple(report.items))
    free = _free(out if isinstance(out, str) else "" if out else os.path.dirname(paths[0]))
    found = sample.estimate(
        report, workers=options.jobs if options.jobs is not None else available_cores(), free=free
    )
    found = replace(found, notes=tuple(notes))
    if isinstance(out, str) and not cancel.cancelled:
        keep_estimate(estimate_key(out, [branch.key() for branch in recipe.branches()]), found)
    return found


def _converted(
    paths: list[str], folder: str, recipe: Recipe, options: RunOptions, cancel: CancelToken
) -> Report:
    """Convert the sample; after the budget is spent only what has begun."""
    plain = RunOptions()
    own = replace(
        options,
        timeout=min(options.timeout or LONGEST, LONGEST) if has_processes(options.jobs) else options.timeout,
        **{name: getattr(plain, name) for name in _of_the_run()},
    )
    stop = CancelToken()

    def listen(_: Event) -> None:
        if cancel.cancelled:
            stop.cancel()

    timer = threading.Timer(BUDGET, stop.cancel)
    timer.daemon = True
    timer.start()
    try:
        return Run(paths, folder, recipe, own, listen, stop, engine=LocalEngine()).execute()
    finally:
        timer.cancel()


def _of_the_run() -> Iterator[str]:
    """Options that say which files a run takes, what is there already, and which other files it writes."""
    for name, option in RunOptions.options().items():
        if option.group == FILES or name in ("keep_originals", "keep_failures", "journal"):
            yield name


def _free(out: str) -> int:
    """Free bytes where the outputs go; -1 is unknown."""
    if not out:
        return -1
    folder = os.path.abspath(out)
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return -1
