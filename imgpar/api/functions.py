"""The functions that take paths and settings: convert, undo, verify."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Unpack

from imgpar.api.gather import gather
from imgpar.api.pipeline import Pipeline
from imgpar.api.settings import AnyInputs, Destination, Place, read_place
from imgpar.api.typed import ConcatSettings, RunSettings
from imgpar.batch.inplace.restore import restore_originals as put_back
from imgpar.batch.report import Report
from imgpar.batch.verify_outputs import verify_outputs as compare
from imgpar.batch.workers import Workers
from imgpar.core import parsing
from imgpar.core.error_messages import refuse_address
from imgpar.core.job import Event
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.scheduler import CancelToken


def convert(
    inputs: AnyInputs,
    out: Destination | None = None,
    *,
    recipe: Recipe | str | os.PathLike[str] | None = None,
    session: Workers | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    report: str | os.PathLike[str] | None = None,
    **settings: Unpack[RunSettings],
) -> Report:
    """Convert files and folders, like `imgpar convert`.

    Operations are keywords and are applied in the given order; the options of an operation follow it.

    >>> import imgpar
    >>> report = imgpar.convert("photos/", "web/", resize="1920", to="webp", jobs=8)  # doctest: +SKIP
    >>> imgpar.convert("photos/", "web/", rezise="1920")
    Traceback (most recent call last):
    imgpar.core.errors.UnknownSettingError: There is no setting 'rezise'. Did you mean 'resize'?

    Args:
        inputs: one or more files, folders (recursive), globs, ZIP archives or sources.
        out: output folder, a file name if there is one input file, `….zip`, a sink, or a function that is
            called with each output (`OutputData`), as for `Pipeline.run`; None only with `in_place=True`.
        recipe: the initial recipe: a Recipe, the path of a TOML file, or the name of a built-in recipe.
        session, on_event, cancel, report: as for `Pipeline.run`.
        settings: operations, recipe keys and run options as for `Pipeline.run`.

    Returns:
        Counts, and in `items` an outcome for every input.

    Raises:
        UsageError: a setting is invalid, or no input exists; nothing was written.
        RunError: the run could not start (OUT locked or not writable).
    """
    pipeline = Pipeline(recipe)
    return pipeline.run(
        inputs, out, session=session, on_event=on_event, cancel=cancel, report=report, **settings
    )


def concat(
    inputs: AnyInputs,
    out: str | os.PathLike[str],
    *,
    session: Workers | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: CancelToken | None = None,
    report: str | os.PathLike[str] | None = None,
    **settings: Unpack[ConcatSettings],
) -> Report:
    """Join clips in the given order. Clips of equal codec, size, pixel format, colours and audio are copied
    without encoding; others are encoded at the size of the first.

    >>> import imgpar
    >>> report = imgpar.concat(["a.mp4", "b.mp4"], "all.mp4")  # doctest: +SKIP

    Args:
        inputs: two clips or more, in order.
        out: the new clip; its suffix determines the container.
        session, on_event, cancel, report: as for `Pipeline.run`.
        settings: of the encoder and of the run.

    Returns:
        An outcome for every clip. If the new one is not made, one has failed, and the others are skipped as
        "incomplete".

    Raises:
        UsageError: a setting is invalid; nothing was written.
        RunError: the run could not continue.
    """
    return gather(
        "concat",
        inputs,
        out,
        Recipe(),
        settings,
        session=session,
        on_event=on_event,
        cancel=cancel,
        report=report,
    )


def verify(out: Place, *, journal: str | os.PathLike[str] | None = None) -> Report:
    """Compare the outputs of all runs on a folder with the digests recorded when they were written.

    Args:
        out: a folder given as OUT or converted in place, a subfolder of it, or the file, archive or sink that
            was given as OUT.
        journal: path of the journal, if one was given.

    Returns:
        A report with an item for every output: its `source` is the output. Outputs that were changed, damaged
        or removed since are failed.

    Raises:
        UsageError: `out` is not the output of a run.
    """
    place = None if journal is None else parsing.named("journal", parsing.path, journal)
    return compare(read_place(out), place)


def undo(out: str | os.PathLike[str], *, forget: bool = False) -> Report:
    """Restore the originals replaced by `in_place` in and below a folder: content, time and mode.

    A file that was changed after the run is not touched and is failed.

    Args:
        out: a folder converted in place, or a subfolder of it.
        forget: delete the kept originals instead, to free their space.

    Raises:
        UsageError: no run replaced files there.
        OutputLockedError: a run is active there.
    """
    folder: str = parsing.named("out", parsing.path, out)
    refuse_address(folder, "a folder")
    return put_back(folder, forget=parsing.named("forget", parsing.switch, forget))
