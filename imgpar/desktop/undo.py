"""Taking back what a drop has made: its files are deleted, or the originals come back."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass

import imgpar
from imgpar.desktop.history import DropResult, version

OURS = ".imgpar"


@dataclass(frozen=True, slots=True)
class Undone:
    """Number of files that were deleted or restored, and of those that were modified since or cannot be."""

    gone: int
    kept: int
    restored: bool = False


def undo_drop(past: DropResult) -> Undone:
    """Undo what was done; files that were modified since, or that an earlier drop has made, stay."""
    return _restore(past) if past.replaced else _delete(past)


def _restore(past: DropResult) -> Undone:
    """Put the originals back, one by one: others in their folder may have been replaced by other runs."""
    back = kept = 0
    for outcome in past.outcomes:
        try:
            report = imgpar.undo(outcome.source)
        except (imgpar.ImgparError, OSError):
            kept += 1
            continue
        back, kept = back + report.ok, kept + (not report.ok)
    return Undone(back, kept, restored=True)


def _delete(past: DropResult) -> Undone:
    """Delete the files, and then empty folders, including the output folders."""
    if past.page is not None:
        with suppress(OSError):
            if _untouched(past.page, os.lstat(past.page.path)):
                os.remove(past.page.path)
    gone = kept = 0
    parents: set[str] = set()
    for outcome in past.outcomes:
        for file in outcome.outputs:
            if version(file) in past.earlier:
                continue
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
    for top in past.folders:
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
