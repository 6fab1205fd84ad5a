"""The functions that take paths and settings: convert, undo, verify."""

from __future__ import annotations

import os
from typing import Any

from imgpar.api.pipeline import Pipeline
from imgpar.api.settings import Paths
from imgpar.batch.inplace.restore import restore_originals as put_back
from imgpar.batch.report import Report
from imgpar.batch.verify_outputs import verify_outputs as compare
from imgpar.core import parsing


def convert(inputs: Paths, out: str | os.PathLike[str] | None = None, **settings: Any) -> Report:
    """Convert files and folders: the command line as a function.

    Operations are keywords, applied in their order; what belongs to one comes after it.

    >>> import imgpar
    >>> report = imgpar.convert("photos/", "web/", resize="1920", to="webp", jobs=8)  # doctest: +SKIP

    Args:
        inputs: one or more files, folders (with everything below) or globs.
        out: folder for the results, or a file name where there is one input file; None only with
            `in_place=True`.
        settings: operations, recipe keys and run options as for `Pipeline.run`; `recipe` is a Recipe, or
            the path or name of one to start from.

    Raises:
        UsageError: a setting is wrong, or no input exists; nothing was written.
        RunError: the run could not begin (OUT locked or not writable).
    """
    return Pipeline(settings.pop("recipe", None)).run(inputs, out, **settings)


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
