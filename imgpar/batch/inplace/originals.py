"""The originals that runs in place replaced: kept, put back, forgotten.

    FOLDER/.imgpar/undo/RUN/path/below/FOLDER     a second name of the old bytes (`files.keep`)
    FOLDER/.imgpar/undo/originals.db              which they are, and what stands in their places
    FOLDER/.imgpar/undo/written/                  what workers put in place and nobody has recorded yet

1. The first original of a file is kept until the user forgets it. What imgpar made is no original; what the
   user put in its place is, and is kept beside the first one.
2. RUN is random: no run finds the originals of another one under its own name. Nothing is read from there.
3. What the journal does not call done did not happen: after a crash, and when a job fails in the end, the
   original is put back, unless somebody has changed the file since.
4. Putting back is one rename; at every moment the file is whole, and has the old or the new bytes.
5. All paths are relative to FOLDER, stay inside it and follow no link: FOLDER may be moved, and may come from
   somebody else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from imgpar.batch.journal.database import translated_errors, readable
from imgpar.batch.journal.history import Paths
from imgpar.batch.journal.untrusted import check_files, check_tables
from imgpar.core.confined import (
    is_real_folder,
    join_inside,
    move_inside,
    parts_inside,
    remove_inside,
    status_inside,
)
from imgpar.core.digest import matches_output
from imgpar.core.errors import OutputError
from imgpar.core.fs import (
    OURS,
    is_half,
    long_path,
    make_private,
    no_room,
    refuse_links,
    same_content,
)
from imgpar.core.model import Job, Outcome, OutputFile
from imgpar.inputs.batches import UNDO
from imgpar.outputs.destination import UNDO_FOLDER, above, is_home
from imgpar.outputs.write_ahead import read_written, remove_written

REGISTER = "originals.db"
VERSION = 1
_TABLES = """
CREATE TABLE originals(
    id INTEGER PRIMARY KEY, path BLOB NOT NULL, backup BLOB NOT NULL UNIQUE, run TEXT NOT NULL,
    time REAL NOT NULL, bytes INTEGER NOT NULL, state TEXT NOT NULL, planned TEXT NOT NULL);
CREATE INDEX originals_path ON originals(path);
-- What imgpar wrote in the place of an original, as JSON of the fields of OutputFile.
CREATE TABLE standing(
    original INTEGER NOT NULL, path BLOB NOT NULL, file TEXT NOT NULL, UNIQUE(original, file));
CREATE INDEX standing_path ON standing(path);
-- Folders inside that keep the originals of their own files.
CREATE TABLE nested(path BLOB PRIMARY KEY)
"""
_COVERED = """
SELECT file FROM standing JOIN originals ON originals.id = standing.original
WHERE standing.path = ? AND originals.state = 'kept'
"""


class KeptOriginal(NamedTuple):
    """One original that is kept; paths are below the folder, with `/`."""

    id: int
    path: str
    """Where it was."""
    backup: str
    """Where it lies, below `.imgpar/undo`."""
    bytes: int
    planned: tuple[OutputFile, ...]

    @property
    def place(self) -> str:
        """Where it lies, below the folder."""
        return f"{UNDO_FOLDER}/{self.backup}"


class Recovered(NamedTuple):
    """What was put right after a run that died."""

    back: int = 0
    """Originals that are in their places again."""
    notes: tuple[str, ...] = ()


class Originals:
    """The originals of one folder. Whoever opens it has the folder's lock.

    Args:
        folder: absolute; `.imgpar/undo` is made in it.
        run: the random name of the run; empty where nothing is to be replaced.

    Raises:
        OutputError: the register cannot be made or read.
        DiskFullError: there is no room for it.
    """

    def __init__(self, folder: str, run: str = "") -> None:
        self.folder, self._run = folder, run
        self.top = os.path.join(folder, OURS, UNDO)
        self.path = os.path.join(self.top, REGISTER)
        self._paths = Paths(folder)
        check_files(self.path)
        new = _make_register(self.top)
        with translated_errors(self.path):
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(new)
            except BaseException:
                self._database.close()
                raise

    def _prepare(self, new: bool) -> None:
        check_tables(self._database, self.path)
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise OutputError(
                f"The register {self.path} was written by a newer imgpar.", fix="Update imgpar."
            )
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode = TRUNCATE")
        self._database.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            with self._writing() as database:
                for statement in _TABLES.split(";\n"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {VERSION}")
        self.strays: list[KeptOriginal] = []
        """Originals that were found when the register was made."""
        if new:
            self._take_over_strays()
            self.strays = list(self._originals("state = 'kept'", ()))

    def stand(self, original: KeptOriginal, files: Sequence[OutputFile]) -> None:
        """Note what stands in the place of an original."""
        with self._writing():
            self._stand(original.id, files)

    def _take_over_strays(self) -> None:
        """Originals of which nothing is known: the register was lost. They are kept."""
        rows = []
        for run in sorted(os.listdir(self.top)):
            if run != "written" and is_real_folder(os.path.join(self.top, run)):
                for path in _files_below(os.path.join(self.top, run)):
                    status = os.lstat(os.path.join(self.top, run, *path.split("/")))
                    backup = os.fsencode(f"{run}/{path}")
                    rows.append((os.fsencode(path), backup, run, time.time(), status.st_size, "kept", "[]"))
        with self._writing() as database:
            database.executemany(_ADD, rows)

    def close(self) -> None:
        """Let others in."""
        self._database.close()

    def __enter__(self) -> Originals:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ----- a run ----------------------------------------------------------------------------------

    @property
    def written(self) -> str:
        """The folder in which workers note what they put in place."""
        return os.path.join(self.top, "written")

    def of(self, path: str) -> tuple[str, tuple[OutputFile, ...]]:
        """Where the original of an input is to be kept, and what imgpar wrote in the place of one that is
        kept already. Raises OutputError."""
        inside = self.inside(path)
        with readable(self.path):
            rows = self._database.execute(_COVERED, (os.fsencode(inside),)).fetchall()
            covered = tuple(file for (text,) in rows for file in self._paths.unpack(text))
        return os.path.join(self.top, self._run, *inside.split("/")), covered

    def planned(self, jobs: Iterable[Job]) -> None:
        """Note what these jobs will replace: before the first of them is done."""
        rows = []
        for job in jobs:
            for target in job.targets:
                if target.retires:
                    path = self.inside(target.retires)
                    names = self._paths.pack(OutputFile(other.path, 0) for other in job.targets)
                    backup = os.fsencode(f"{self._run}/{path}")
                    rows.append((os.fsencode(path), backup, self._run, time.time(), 0, "planned", names))
        with self._writing() as database:
            database.executemany(_ADD, rows)

    def record(self, done: Sequence[tuple[Outcome, Job]], *, keep_them: bool = True) -> list[str]:
        """Note what became of jobs; what failed is put back. Returns sentences for the user.

        Args:
            done: outcomes and their jobs.
            keep_them: whether originals are kept at all.
        """
        notes: list[str] = []
        noted: dict[str, list[OutputFile]] | None = None
        with self._writing():
            for outcome, job in done:
                path = self.inside(job.item.path)
                row = self._planned_row(path)
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

    def _kept(self, original: KeptOriginal, outputs: Sequence[OutputFile]) -> None:
        """An input was replaced: by a run that kept it, or in the place of an older original."""
        status = status_inside(self.folder, original.place)
        if status is None:
            # It stands for the newest: an older one was given up when the user put that in its place.
            query = "SELECT max(original) FROM standing WHERE path = ?"
            (older,) = self._database.execute(query, (os.fsencode(original.path),)).fetchone()
            self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))
            if older is not None:
                self._stand(older, outputs)
            return
        self._database.execute(
            "UPDATE originals SET state = 'kept', planned = '[]', bytes = ? WHERE id = ?",
            (status.st_size, original.id),
        )
        self._stand(original.id, outputs)

    def _stand(self, original: int, outputs: Sequence[OutputFile]) -> None:
        rows = [(original, os.fsencode(self.inside(file.path)), self._paths.pack([file])) for file in outputs]
        self._database.executemany("INSERT OR IGNORE INTO standing VALUES (?, ?, ?)", rows)

    # ----- after a crash --------------------------------------------------------------------------

    def recover(self, *, but: str = "") -> Recovered:
        """Put back what a run that died had replaced, or begun to replace, and could not record.

        To be called after `Journal.recover`, which has taken over what is whole. `but` is the folder of the
        run that is at work: what lies in it is left alone.
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
            with Originals(inside) as other:
                more = other.recover()
                back, notes = back + more.back, [*notes, *more.notes]
        return Recovered(back, tuple(notes))

    def noted(self) -> dict[str, list[OutputFile]]:
        """What was noted by workers that died, of runs on this folder and on those above."""
        found: dict[str, list[OutputFile]] = {}
        for folder in (self.folder, *above(self.folder)):
            for path, files in read_written(os.path.join(folder, OURS, UNDO, "written"), folder).items():
                found.setdefault(path, []).extend(files)
        return found

    def forget_written(self) -> None:
        """Remove the notes: everything is recorded."""
        remove_written(self.written, self._run)

    def _as_planned(self, original: KeptOriginal, noted: Mapping[str, list[OutputFile]]) -> list[OutputFile]:
        """The outputs of a job as they were noted, if all are in place and the original is retired."""
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
        """Nothing was done: the original is in its place, and those of its outputs that are there are gone.

        Whether it was put back. A file that somebody has changed since stays, and so does the original.
        """
        backup = status_inside(self.folder, original.place)
        if backup is None:
            self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))
            return False
        ours = [file for wanted in original.planned for file in noted.get(wanted.path, ())]
        try:
            why = self._take_back(original, backup, noted)
        except OSError as error:
            why = f"could not be put back after a run that ended too early: {error.strerror or error}"
        path = join_inside(self.folder, original.path)
        if why:
            notes.append(f"{path} {why}. Its original is {join_inside(self.folder, original.place)}.")
            update = "UPDATE originals SET state = 'kept', planned = '[]', bytes = ? WHERE id = ?"
            self._database.execute(update, (backup.st_size, original.id))
            self._stand(original.id, ours)
            return False
        for file in ours:
            if file.path != path and matches_output(file.path, (file,)):
                with contextlib.suppress(OSError):
                    remove_inside(self.folder, self.inside(file.path))
        self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))
        return True

    def _take_back(
        self, original: KeptOriginal, backup: os.stat_result, noted: Mapping[str, list[OutputFile]]
    ) -> str:
        """Give an original its place again; why that must not be, or nothing. Raises OSError."""
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
        """Whether the original was only copied yet: where the file system has no hard links."""
        same = (there.st_size, there.st_mtime_ns) == (backup.st_size, backup.st_mtime_ns)
        path, copy = (join_inside(self.folder, inside) for inside in (original.path, original.place))
        return same and same_content(copy, path)

    # ----- looking back ---------------------------------------------------------------------------

    def kept(self) -> tuple[int, int]:
        """How many originals are kept, and how many bytes they have."""
        with readable(self.path):
            query = "SELECT count(*), coalesce(sum(bytes), 0) FROM originals WHERE state = 'kept'"
            count, size = self._database.execute(query).fetchone()
            return int(count), int(size)

    def nest(self, folder: str) -> None:
        """Remember that a folder inside keeps the originals of its own files."""
        with self._writing() as database:
            row = (os.fsencode(self.inside(folder)),)
            database.execute("INSERT OR IGNORE INTO nested VALUES (?)", row)

    def nested(self) -> list[str]:
        """Folders inside that keep the originals of their own files, as far as is known here."""
        with readable(self.path):
            rows = self._database.execute("SELECT path FROM nested").fetchall()
            paths = [os.fsdecode(path) for (path,) in rows]
        # Behind a link there would be a folder of others.
        homes = [path for path in paths if status_inside(self.folder, f"{path}/{UNDO_FOLDER}")]
        return [folder for path in homes if is_home(folder := join_inside(self.folder, path))]

    def below(self, inside: str) -> dict[str, list[KeptOriginal]]:
        """The originals in and below a folder (a path with `/`, empty for all), or of an output, by where
        they were, the newest first."""
        found: dict[str, list[KeptOriginal]] = {}
        with readable(self.path):
            query = "SELECT DISTINCT original FROM standing WHERE path = ?"
            named = {row[0] for row in self._database.execute(query, (os.fsencode(inside),))}
            for original in self._originals("state = 'kept'", ()):
                below = not inside or original.path == inside or original.path.startswith(inside + "/")
                if below or original.id in named:
                    found.setdefault(original.path, []).insert(0, original)
        return dict(sorted(found.items()))

    def undo(self, originals: Sequence[KeptOriginal]) -> Outcome:
        """Put back the originals of one file, from the newest to the oldest, as long as nobody changed what
        stands there."""
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
        """Put one original back; why that cannot be, or nothing."""
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
        """Remove what a run wrote under another name, unless it was changed since."""
        if not os.path.lexists(long_path(path)):
            return
        if matches_output(path, standing):
            with contextlib.suppress(OSError):
                remove_inside(self.folder, self.inside(path))
        else:
            notes.append(f"{path} was changed after the run; it was left alone")

    def forget(self, original: KeptOriginal) -> Outcome:
        """Remove one original for good."""
        path = join_inside(self.folder, original.path)
        try:
            with self._writing():
                self._forget(original)
        except OSError as error:
            said = f"{original.place} cannot be removed: {error.strerror or error}."
            return Outcome(path, "failed", error=said, kind="CommitError")
        return Outcome(path, "ok", source_bytes=original.bytes)

    def forget_older(self, than: float) -> int:
        """Remove the originals that were kept before a time; returns how many."""
        with readable(self.path):
            old = list(self._originals("state = 'kept' AND time < ?", (than,)))
        done = [self.forget(original) for original in old]
        self.remove_empty()
        return sum(outcome.status == "ok" for outcome in done)

    def _forget(self, original: KeptOriginal) -> None:
        with contextlib.suppress(FileNotFoundError):
            remove_inside(self.folder, original.place)
        self._drop(original)

    def _drop(self, original: KeptOriginal) -> None:
        self._database.execute("DELETE FROM standing WHERE original = ?", (original.id,))
        self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))

    def remove_empty(self) -> None:
        """Remove folders of runs in which nothing is left. The folder of all runs stays: it says that this is
        a folder of originals, not of outputs."""
        for run in os.listdir(self.top):
            folder = os.path.join(self.top, run)
            if is_real_folder(folder) and run != "written":
                for where, _, _ in os.walk(folder, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(where)

    # ----- inside ---------------------------------------------------------------------------------

    def inside(self, path: str) -> str:
        """A path as seen from the folder, with `/`. Raises OutputError when it lies outside."""
        prefix = os.path.join(self.folder, "")
        if not path.startswith(prefix):
            raise OutputError(f"{path} does not lie in {self.folder}.")
        inside = path[len(prefix) :].replace(os.sep, "/")
        parts_inside(inside)
        return inside

    def _planned_row(self, path: str) -> KeptOriginal | None:
        where = "path = ? AND run = ? AND state = 'planned'"
        return next(iter(self._originals(where, (os.fsencode(path), self._run))), None)

    def _originals(self, where: str, values: tuple[object, ...]) -> Iterator[KeptOriginal]:
        query = f"SELECT id, path, backup, bytes, planned FROM originals WHERE {where} ORDER BY id"  # noqa: S608
        for number, path, backup, size, planned in self._database.execute(query, values).fetchall():
            path, backup = os.fsdecode(path), os.fsdecode(backup)
            parts_inside(path)
            parts_inside(backup)
            yield KeptOriginal(number, path, backup, int(size), self._paths.unpack(planned))

    def standing(self, original: KeptOriginal) -> list[OutputFile]:
        """What imgpar wrote in the place of an original, the newest first."""
        with readable(self.path):
            query = "SELECT file FROM standing WHERE original = ? ORDER BY rowid DESC"
            rows = self._database.execute(query, (original.id,)).fetchall()
            return [file for (text,) in rows for file in self._paths.unpack(text)]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with translated_errors(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


_ADD = """
INSERT OR IGNORE INTO originals(path, backup, run, time, bytes, state, planned) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def _make_register(top: str) -> bool:
    """Make `.imgpar/undo` and an empty register in it, where there is none; whether that is new.

    None of them may be a link to somewhere else. Raises OutputError, DiskFullError.
    """
    ours, path = os.path.dirname(top), os.path.join(top, REGISTER)
    try:
        make_private(ours)
        with contextlib.suppress(FileExistsError):
            os.mkdir(top, 0o777)
        refuse_links(top, os.path.join(top, "written"))
        new = not os.path.lexists(path)
        if new:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        if full := no_room(error, os.path.dirname(ours)):
            raise full from error
        raise OutputError(
            f"{top}, where originals are kept, cannot be made: {error.strerror or error}.",
            fix="Change the permissions, or write to another folder with -o.",
        ) from error
    if not (is_real_folder(ours) and is_real_folder(top)):
        raise OutputError(
            f"{top}, where originals are kept, is a link or a file.",
            fix="Remove it: originals are kept in the folder itself.",
        )
    return new


def _files_below(top: str) -> Iterator[str]:
    """Paths with `/` of all files, half copies left out."""
    for where, _, names in os.walk(top):
        for name in names:
            if not is_half(name):
                yield os.path.relpath(os.path.join(where, name), top).replace(os.sep, "/")
