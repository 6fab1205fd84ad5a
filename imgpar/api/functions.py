"""The functions that take paths and settings: convert, undo, verify."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Unpack

from imgpar.api.pipeline import Pipeline
from imgpar.api.settings import Paths
from imgpar.api.typed import RunSettings
from imgpar.batch.inplace.restore import restore_originals as put_back
from imgpar.batch.report import Report
from imgpar.batch.verify_outputs import verify_outputs as compare
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.job import Event
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


def convert(
    inputs: Paths,
    out: str | os.PathLike[str] | None = None,
    *,
    recipe: Recipe | str | os.PathLike[str] | None = None,
    session: Workers | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    report: str | os.PathLike[str] | None = None,
    **settings: Unpack[RunSettings],
) -> Report:
    """Convert files and folders: the command line as a function.

    Operations are keywords, applied in their order; what belongs to one comes after it.

    >>> import imgpar
    >>> report = imgpar.convert("photos/", "web/", resize="1920", to="webp", jobs=8)  # doctest: +SKIP
    >>> imgpar.convert("photos/", "web/", rezise="1920")
    Traceback (most recent call last):
    imgpar.core.errors.UnknownSettingError: There is no setting 'rezise'. Did you mean 'resize'?

    Args:
        inputs: one or more files, folders (with everything below) or globs.
        out: folder for the results, or a file name where there is one input file; None only with
            `in_place=True`.
        recipe: to start from: a Recipe, the path of a TOML file, or the name of a built-in one.
        session, on_event, cancel, report: as for `Pipeline.run`.
        settings: operations, recipe keys and run options as for `Pipeline.run`.

    Returns:
        What happened: counts, and in `items` a line for every input.

    Raises:
        UsageError: a setting is wrong, or no input exists; nothing was written.
        RunError: the run could not begin (OUT locked or not writable).
    """
    pipeline = Pipeline(recipe)
    return pipeline.run(
        inputs, out, session=session, on_event=on_event, cancel=cancel, report=report, **settings
    )


def verify(out: str | os.PathLike[str], *, journal: str | os.PathLike[str] | None = None) -> Report:
    """Compare the outputs of all runs on a folder with the digests that were noted when they were written.

    Args:
        out: the folder that was given as OUT, or converted in place, or one in it.
        journal: the journal of the run, if it had one of its own.

    Returns:
        A report with an item for every output: its `source` is the output, and those that were changed,
        damaged or removed since are failed.

    Raises:
        UsageError: `out` is not the output of a run.
    """
    return compare(parsing.path(out), None if journal is None else parsing.path(journal))


def undo(out: str | os.PathLike[str], *, forget: bool = False) -> Report:
    """Put back the originals that `in_place` replaced in and below a folder: bytes, time and mode.

    They are kept until they are forgotten. A file that was changed after the run is left alone and counts as
    failed.

    Args:
        out: the folder that was converted in place, or one in it.
        forget: remove the kept originals instead, to free their space.

    Raises:
        UsageError: no run replaced anything there.
        OutputLockedError: a run is at work there.
    """
    return put_back(parsing.path(out), forget=parsing.named("forget", parsing.switch, forget))
