"""Recovery after a crash: the originals of jobs that were not recorded are restored."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import NamedTuple

from imgpar.batch.inplace.register import KeptOriginal, Register
from imgpar.batch.journal.database import readable
from imgpar.core.confined import (
    join_inside,
    move_inside,
    remove_inside,
    status_inside,
)
from imgpar.core.digest import matches_output
from imgpar.core.fs import (
    OURS,
    long_path,
    same_content,
)
from imgpar.core.job import OutputFile
from imgpar.inputs.batches import UNDO
from imgpar.outputs.destination import above
from imgpar.outputs.write_ahead import read_written, remove_written


class Recovered(NamedTuple):
    """The result of a recovery."""

    back: int = 0
    """Number of restored originals."""
    notes: tuple[str, ...] = ()


class Recovery(Register):
    """A register with recovery after a crash."""

    def recover(self, *, but: str = "") -> Recovered:
        """Restore originals that a crashed run replaced, or began to replace, without recording it.

        Must be called after `Journal.recover`, which records complete items. `but` is the folder of the
        current run; originals in it are skipped.
        """
        noted = self.noted()
        back, notes = 0, list[str]()
        with self._writing(), readable(self.path):
            for original in self._originals("state = 'planned'", ()):
                done = self._as_planned(original, noted)
                if done:
                    self._kept(original, done)
                else:
                    back += self._roll_back(original, noted, notes)
        for inside in self.nested():
            if but and os.path.join(inside, "").startswith(os.path.join(but, "")):
                continue
            with type(self)(inside) as other:
                more = other.recover()
                back, notes = back + more.back, [*notes, *more.notes]
        return Recovered(back, tuple(notes))

    def noted(self) -> dict[str, list[OutputFile]]:
        """Entries of the write-ahead logs of crashed runs on this folder and its parents, by path."""
        found: dict[str, list[OutputFile]] = {}
        for folder in (self.folder, *above(self.folder)):
            for path, files in read_written(os.path.join(folder, OURS, UNDO, "written"), folder).items():
                found.setdefault(path, []).extend(files)
        return found

    def forget_written(self) -> None:
        """Remove the write-ahead logs of this run, after everything is recorded."""
        remove_written(self.written, self._run)

    def _as_planned(self, original: KeptOriginal, noted: Mapping[str, list[OutputFile]]) -> list[OutputFile]:
        """The outputs of a job if all are committed and the original is removed or replaced; else empty."""
        path = os.path.join(self.folder, *original.path.split("/"))
        files = []
        for wanted in original.planned:
            file = next((one for one in noted.get(wanted.path, ()) if matches_output(one.path, (one,))), None)
            if file is None:
                return []
            files.append(file._replace(ctime_ns=os.lstat(long_path(file.path)).st_ctime_ns))
        named = any(file.path == path for file in files)
        return files if named or not os.path.lexists(long_path(path)) else []

    def _roll_back(
        self, original: KeptOriginal, noted: Mapping[str, list[OutputFile]], notes: list[str]
    ) -> bool:
        """Restore the original of a job and remove its outputs; returns whether it was restored.

        A file that was changed since is not touched, and its original stays kept.
        """
        backup = status_inside(self.folder, original.place)
        path = join_inside(self.folder, original.path)
        ours = [file for wanted in original.planned for file in noted.get(wanted.path, ())]
        if backup is None:
            # It was not kept yet, so it is in its place; outputs with names of their own may be there.
            if os.path.lexists(long_path(path)) and not matches_output(path, noted.get(path, ())):
                self._remove(ours, path)
            self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))
            return False
        try:
            why = self._take_back(original, backup, noted)
        except OSError as error:
            why = f"could not be put back after a run that ended too early: {error.strerror or error}"
        if why:
            notes.append(f"{path} {why}. Its original is {join_inside(self.folder, original.place)}.")
            update = "UPDATE originals SET state = 'kept', planned = '[]', bytes = ? WHERE id = ?"
            self._database.execute(update, (backup.st_size, original.id))
            self._stand(original.id, ours)
            return False
        self._remove(ours, path)
        self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))
        return True

    def _remove(self, ours: list[OutputFile], path: str) -> None:
        """Remove outputs of a job that is rolled back, but for the one with the name of its original."""
        for file in ours:
            if file.path != path and matches_output(file.path, (file,)):
                with contextlib.suppress(OSError):
                    remove_inside(self.folder, self.inside(file.path))

    def _take_back(
        self, original: KeptOriginal, backup: os.stat_result, noted: Mapping[str, list[OutputFile]]
    ) -> str:
        """Move an original back; returns the reason if it must not be, or an empty string. Raises OSError."""
        path = join_inside(self.folder, original.path)
        there = status_inside(self.folder, original.path)
        if there is not None and (os.path.samestat(there, backup) or self._is_copy(original, there, backup)):
            remove_inside(self.folder, original.place)
            return ""
        retired = there is None and path not in {wanted.path for wanted in original.planned}
        if retired or (there is not None and matches_output(path, noted.get(path, ()))):
            move_inside(self.folder, original.place, original.path)
            return ""
        what = "changed" if there else "removed"
        return f"was {what} after a run that ended too early, and was left alone"

    def _is_copy(self, original: KeptOriginal, there: os.stat_result, backup: os.stat_result) -> bool:
        """Whether the kept file is a copy and the original is not replaced yet: there are no hard links."""
        same = (there.st_size, there.st_mtime_ns) == (backup.st_size, backup.st_mtime_ns)
        path, copy = (join_inside(self.folder, inside) for inside in (original.path, original.place))
        return same and same_content(copy, path)
