"""The originals replaced by runs in place: keep, restore, delete.

    FOLDER/.imgpar/undo/RUN/path/below/FOLDER     the original: a hard link or a copy (`core.fs.keep`)
    FOLDER/.imgpar/undo/originals.db              the register of originals and their outputs
    FOLDER/.imgpar/undo/written/                  write-ahead logs of workers

1. The first original of a file is kept until it is deleted by `imgpar undo --forget` or `--keep-originals`.
   Outputs of imgpar are not originals; a file that the user saved over an output is kept as a further one.
2. RUN is random, so the originals of two runs cannot have the same path.
3. An item that is not complete in the journal is rolled back: after a crash or a failure the original is
   restored, unless the file was changed since.
4. Restoring is one rename: the file has the old or the new content at any time.
5. All paths are relative to FOLDER, stay inside it and follow no link: FOLDER may be moved, and may come from
   an untrusted source.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence

from imgpar.batch.inplace.recovery import Recovery
from imgpar.batch.inplace.register import ADD, KeptOriginal
from imgpar.batch.journal.database import readable
from imgpar.core.confined import (
    is_real_folder,
    join_inside,
    move_inside,
    remove_inside,
    status_inside,
)
from imgpar.core.digest import matches_output
from imgpar.core.fs import (
    long_path,
)
from imgpar.core.job import Job, Outcome, OutputFile
from imgpar.outputs.write_ahead import read_written

_COVERED = """
SELECT file FROM standing JOIN originals ON originals.id = standing.original
WHERE standing.path = ? AND originals.state = 'kept'
"""


class Originals(Recovery):
    """The originals of one folder."""

    def of(self, path: str) -> tuple[str, tuple[OutputFile, ...]]:
        """The path for the original of an input, and the outputs that replaced its originals already kept.
        Raises OutputError."""
        inside = self.inside(path)
        with readable(self.path):
            rows = self._database.execute(_COVERED, (os.fsencode(inside),)).fetchall()
            covered = tuple(file for (text,) in rows for file in self._paths.unpack(text))
        return os.path.join(self.top, self._run, *inside.split("/")), covered

    def planned(self, jobs: Iterable[Job]) -> None:
        """Register the originals that these jobs replace; must be called before the first of them starts."""
        rows = []
        for job in jobs:
            for target in job.targets:
                if target.retires:
                    path = self.inside(target.retires)
                    names = self._paths.pack(OutputFile(other.path, 0) for other in job.targets)
                    backup = os.fsencode(f"{self._run}/{path}")
                    rows.append((os.fsencode(path), backup, self._run, time.time(), 0, "planned", names))
        with self._writing() as database:
            database.executemany(ADD, rows)

    def record(self, done: Sequence[tuple[Outcome, Job]], *, keep_them: bool = True) -> list[str]:
        """Record the outcomes of jobs and roll back failed ones; returns notes for the report.

        Args:
            done: outcomes and their jobs.
            keep_them: keep the originals; else delete them.
        """
        notes: list[str] = []
        noted: dict[str, list[OutputFile]] | None = None
        with self._writing():
            for outcome, job in done:
                path = self.inside(job.item.path)
                where = "path = ? AND run = ? AND state = 'planned'"
                row = next(iter(self._originals(where, (os.fsencode(path), self._run))), None)
                if row is None:
                    continue
                if outcome.status == "ok":
                    self._kept(row, outcome.outputs)
                    if not keep_them:
                        self._forget(row)
                    continue
                if noted is None:
                    noted = read_written(self.written, self.folder, self._run)
                self._roll_back(row, noted, notes)
        return notes

    def undo(self, originals: Sequence[KeptOriginal]) -> Outcome:
        """Restore the originals of one file, newest first; stops at a file that was changed since."""
        path = join_inside(self.folder, originals[0].path)
        removed, notes, error = 0, list[str](), ""
        for original in originals:
            try:
                why = self._undo(original, notes)
            except OSError as problem:
                why = f"It cannot be put back: {problem.strerror or problem}."
            if why and not removed:
                error = why
            if why:
                break
            removed += 1
        if removed and removed < len(originals):
            older = os.path.join(self.folder, *originals[removed].place.split("/"))
            notes.append(f"{path} has an older original, {older}")
        if error:
            return Outcome(path, "failed", error=error, kind="CommitError", notes=tuple(notes))
        return Outcome(path, "ok", notes=tuple(notes))

    def _undo(self, original: KeptOriginal, notes: list[str]) -> str:
        """Restore one original; returns an error message, or an empty string."""
        path, inside = join_inside(self.folder, original.path), original.path
        backup = os.path.join(self.folder, *original.place.split("/"))
        kept, there = status_inside(self.folder, original.place), status_inside(self.folder, inside)
        if kept is None:
            return f"Its original {backup} is gone."
        standing = self.standing(original)
        if there is None and os.path.lexists(long_path(path)):
            return f"Its folder is a link; it was left alone. Its original is {backup}."
        if there and not os.path.samestat(there, kept) and not matches_output(path, standing):
            return f"It was changed after the run; it was left alone. Its original is {backup}."
        if there and os.path.samestat(there, kept):
            remove_inside(self.folder, original.place)
        else:
            move_inside(self.folder, original.place, inside)
        for file in {one.path: one for one in standing if one.path != path}.values():
            self._clear(file.path, standing, notes)
        with self._writing():
            self._drop(original)
        return ""

    def _clear(self, path: str, standing: Sequence[OutputFile], notes: list[str]) -> None:
        """Remove an output with another name than its original, unless it was changed since."""
        if not os.path.lexists(long_path(path)):
            return
        if matches_output(path, standing):
            with contextlib.suppress(OSError):
                remove_inside(self.folder, self.inside(path))
        else:
            notes.append(f"{path} was changed after the run; it was left alone")

    def forget(self, original: KeptOriginal) -> Outcome:
        """Delete one original."""
        path = join_inside(self.folder, original.path)
        try:
            with self._writing():
                self._forget(original)
        except OSError as error:
            said = f"{original.place} cannot be removed: {error.strerror or error}."
            return Outcome(path, "failed", error=said, kind="CommitError")
        return Outcome(path, "ok", source_bytes=original.bytes)

    def forget_older(self, than: float) -> int:
        """Delete the originals that were kept before a time; returns their number."""
        with readable(self.path):
            old = list(self._originals("state = 'kept' AND time < ?", (than,)))
        done = [self.forget(original) for original in old]
        self.remove_empty()
        return sum(outcome.status == "ok" for outcome in done)

    def _forget(self, original: KeptOriginal) -> None:
        with contextlib.suppress(FileNotFoundError):
            remove_inside(self.folder, original.place)
        self._drop(original)

    def remove_empty(self) -> None:
        """Remove empty folders of runs; their parent stays, as the mark of a folder converted in place."""
        for run in os.listdir(self.top):
            folder = os.path.join(self.top, run)
            if is_real_folder(folder) and run != "written":
                for where, _, _ in os.walk(folder, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(where)
