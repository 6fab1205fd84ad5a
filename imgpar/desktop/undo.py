"""Deletion of the outputs of a run."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import imgpar

OURS = ".imgpar"


@dataclass(frozen=True, slots=True)
class Undone:
    """Number of deleted files, and of files that were modified since or cannot be deleted."""

    gone: int
    kept: int


def delete_outputs(
    outcomes: Iterable[imgpar.Outcome], tops: Iterable[str], page: imgpar.OutputFile | None = None
) -> Undone:
    """Delete the output files of these outcomes, and then empty folders, including `tops`.

    Files modified since are kept.

    Args:
        outcomes: of the run.
        tops: the output folders.
        page: the report of the run, which is not counted.
    """
    if page is not None:
        with suppress(OSError):
            if _untouched(page, os.lstat(page.path)):
                os.remove(page.path)
    gone = kept = 0
    parents: set[str] = set()
    for outcome in outcomes:
        for file in outcome.outputs if outcome.status == "ok" else ():
            parents.add(os.path.dirname(file.path))
            try:
                if not _untouched(file, os.lstat(file.path)):
                    raise PermissionError
                os.remove(file.path)
                gone += 1
            except FileNotFoundError:
                continue
            except OSError:
                kept += 1
    for top in tops:
        _tidy(parents, top)
    return Undone(gone, kept)


def _untouched(file: imgpar.OutputFile, status: os.stat_result) -> bool:
    """Whether a file is unmodified; an edit may preserve size and mtime, but not ctime."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_size == file.bytes
        and times == (file.mtime_ns, file.ctime_ns)
    )


def _tidy(folders: set[str], top: str) -> None:
    """Delete empty folders from the deepest up to `top`."""
    inside = os.path.join(top, "")
    for folder in sorted(folders, key=len, reverse=True):
        with suppress(OSError):
            while folder.startswith(inside):
                os.rmdir(folder)
                folder = os.path.dirname(folder)
    ours = os.path.join(top, OURS)
    with suppress(OSError):
        if os.listdir(top) == [OURS] and not os.path.isdir(os.path.join(ours, "undo")):
            shutil.rmtree(ours)
            os.rmdir(top)
