"""The originals that `--in-place` replaced: kept, put back, forgotten.

    FOLDER/.imgpar/undo/RUN/path/below/FOLDER     a second name of the old bytes (`files.keep`)

1. What the journal does not call done did not happen: after a crash, and when a job fails in the end, the
   original is put back.
2. Putting back is one rename; at every moment the file is whole, and has the old or the new bytes.
3. A file that somebody changed after the run is left alone, and so is its original.
4. The originals stay until a later run replaces something. A run that was interrupted is part of the next.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imgpar.errors import UsageError
from imgpar.existing import COARSE
from imgpar.files import is_half, long_path, put, remove
from imgpar.journal import Journal
from imgpar.model import Job, Outcome, OutputFile
from imgpar.output import home
from imgpar.report import Report, Tally
from imgpar.sources.base import OURS, UNDO


@dataclass(frozen=True, slots=True)
class Kept:
    """One original: where it lies now, and where it was."""

    backup: str
    original: str


def prepare(journal: Journal, folder: str) -> int:
    """Make a folder ready for a run in place; returns how many originals were put back after a crash."""
    os.makedirs(os.path.join(folder, OURS, UNDO), exist_ok=True)
    return _roll_back(journal, folder)


def restore(job: Job) -> None:
    """Put back what a job replaced that failed all the same: its worker died before it could say so, or the
    disk refused the last step. Raises OSError."""
    for target in job.targets:
        if target.backup and os.path.lexists(long_path(target.backup)):
            kept = Kept(target.backup, target.retires)
            _take_back(kept, [other.path for other in job.targets if not other.replaces])


def prune(folder: str, run: str) -> None:
    """Forget the originals of runs before this one."""
    for name in _runs(folder):
        if name != run:
            shutil.rmtree(os.path.join(folder, OURS, UNDO, name), ignore_errors=True)


def undo(folder: str, *, forget: bool = False) -> Report:
    """Put the originals in and below `folder` back, or forget them for good.

    Raises:
        UsageError: no run replaced anything there.
        OutputLockedError: a run is at work there.
    """
    started, folder = time.monotonic(), os.path.abspath(folder)
    base = home(folder)
    path = os.path.join(base, OURS, "journal.db")
    if not os.path.isdir(os.path.join(base, OURS, UNDO)) or not os.path.exists(path):
        raise UsageError(
            f"No run replaced anything in {folder}.", fix="Name the folder that was converted --in-place."
        )
    with Journal.open(path, base) as journal:
        _roll_back(journal, base)
        originals = [kept for kept in _kept(base) if _below(kept.original, folder)]
        tally, items = Tally(), []
        for kept in originals:
            outcome = _forgotten(kept) if forget else _undone(journal, kept)
            tally.add(outcome)
            items.append(outcome)
        _remove_empty(base)
    return tally.report(items, out=folder, seconds=time.monotonic() - started)


def _undone(journal: Journal, kept: Kept) -> Outcome:
    made = journal.made_from(kept.original)
    own = [file for file in made if file.path == kept.original]
    if not _may_replace(kept, own):
        return Outcome(
            kept.original,
            "failed",
            error=f"It was changed after the run; it was left alone. Its original is {kept.backup}.",
            kind="CommitError",
        )
    notes = []
    try:
        _put_back(kept)
        for file in made:
            if file.path != kept.original and os.path.lexists(long_path(file.path)):
                if _untouched(file):
                    remove(file.path)
                else:
                    notes.append(f"{file.path} was changed after the run; it was left alone")
        journal.undone(kept.original)
        remove(kept.backup)
    except OSError as error:
        said = f"It cannot be put back: {error.strerror or error}."
        return Outcome(kept.original, "failed", error=said, kind="CommitError")
    return Outcome(kept.original, "ok", notes=tuple(notes))


def _forgotten(kept: Kept) -> Outcome:
    size = os.lstat(long_path(kept.backup)).st_size
    if remove(kept.backup):
        return Outcome(kept.original, "ok", source_bytes=size)
    return Outcome(kept.original, "failed", error=f"{kept.backup} cannot be removed.", kind="CommitError")


def _roll_back(journal: Journal, folder: str) -> int:
    """Put back what a run that died had replaced, or begun to replace, without noting it."""
    runs = _runs(folder)
    count = 0
    for path, planned in journal.unrecorded() if runs else ():
        inside = os.path.relpath(path, folder)
        for run in runs:
            kept = Kept(os.path.join(folder, OURS, UNDO, run, inside), path)
            if not os.path.lexists(long_path(kept.backup)):
                continue
            _take_back(kept, planned)
            count += 1
            break
    return count


def _take_back(kept: Kept, outputs: Iterable[str]) -> None:
    """Nothing was done: the original is in its place, and those of its outputs that are there are gone."""
    status = os.lstat(long_path(kept.backup))
    _put_back(kept)
    for name in outputs:
        if name != kept.original and _has_time(name, status.st_mtime_ns):
            remove(name)
    remove(kept.backup)


def _put_back(kept: Kept) -> None:
    if _same_file(kept):
        return
    put(kept.backup, kept.original)


def _same_file(kept: Kept) -> bool:
    try:
        one, two = os.lstat(long_path(kept.backup)), os.lstat(long_path(kept.original))
    except FileNotFoundError:
        return False
    return (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)


def _may_replace(kept: Kept, own: list[OutputFile]) -> bool:
    """Whether at the original's place is nothing, the original itself, or what the run made of it."""
    if not os.path.lexists(long_path(kept.original)) or _same_file(kept):
        return True
    return any(_untouched(file) for file in own)


def _untouched(file: OutputFile) -> bool:
    try:
        status = os.lstat(long_path(file.path))
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (file.bytes, file.mtime_ns)


def _has_time(path: str, mtime_ns: int) -> bool:
    try:
        return abs(os.lstat(long_path(path)).st_mtime_ns - mtime_ns) <= COARSE
    except OSError:
        return False


def _runs(folder: str) -> list[str]:
    """Runs that keep originals, the newest first."""
    try:
        names = [name for name in os.listdir(os.path.join(folder, OURS, UNDO)) if name.isdecimal()]
    except OSError:
        return []
    return sorted(names, key=int, reverse=True)


def _kept(folder: str) -> Iterator[Kept]:
    for run in _runs(folder):
        top = os.path.join(folder, OURS, UNDO, run)
        for where, _, names in os.walk(top):
            for name in sorted(names):
                backup = os.path.join(where, name)
                if not is_half(name):
                    yield Kept(backup, os.path.join(folder, os.path.relpath(backup, top)))


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _remove_empty(folder: str) -> None:
    """The folder of all runs stays: it says that this is a folder of originals, not of outputs."""
    for run in _runs(folder):
        for where, _, _ in os.walk(os.path.join(folder, OURS, UNDO, run), topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(where)
