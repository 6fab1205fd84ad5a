"""The register of one folder: its kept originals and the outputs that replaced them.

    FOLDER/.imgpar/undo/RUN/path/below/FOLDER     the original: a hard link or a copy (`core.fs.keep`)
    FOLDER/.imgpar/undo/originals.db              the register
    FOLDER/.imgpar/undo/written/                  write-ahead logs of workers

All paths are relative to FOLDER, stay inside it and follow no link: FOLDER may be moved, and may come from an
untrusted source.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Self

from imgpar.batch.journal.database import readable, translated_errors
from imgpar.batch.journal.history import Paths
from imgpar.batch.journal.untrusted import check_files, check_tables
from imgpar.core.confined import (
    is_real_folder,
    join_inside,
    parts_inside,
    status_inside,
)
from imgpar.core.errors import OutputError
from imgpar.core.fs import (
    OURS,
    is_half,
    make_private,
    no_room,
    refuse_links,
)
from imgpar.core.job import OutputFile
from imgpar.inputs.batches import UNDO
from imgpar.outputs.destination import UNDO_FOLDER, is_home

REGISTER = "originals.db"
VERSION = 1
_TABLES = """
CREATE TABLE originals(
    id INTEGER PRIMARY KEY, path BLOB NOT NULL, backup BLOB NOT NULL UNIQUE, run TEXT NOT NULL,
    time REAL NOT NULL, bytes INTEGER NOT NULL, state TEXT NOT NULL, planned TEXT NOT NULL);
CREATE INDEX originals_path ON originals(path);
-- Outputs that replaced an original, as JSON of the fields of OutputFile.
CREATE TABLE standing(
    original INTEGER NOT NULL, path BLOB NOT NULL, file TEXT NOT NULL, UNIQUE(original, file));
CREATE INDEX standing_path ON standing(path);
-- Subfolders with a register of their own.
CREATE TABLE nested(path BLOB PRIMARY KEY)
"""


class KeptOriginal(NamedTuple):
    """One kept original; paths are relative to the folder, with `/`."""

    id: int
    path: str
    """Path of the replaced file."""
    backup: str
    """Path of the kept file relative to `.imgpar/undo`."""
    bytes: int
    planned: tuple[OutputFile, ...]

    @property
    def place(self) -> str:
        """Path of the kept file relative to the folder."""
        return f"{UNDO_FOLDER}/{self.backup}"


class Register:
    """The register of one folder. The folder must be locked by the caller.

    Args:
        folder: absolute path; `.imgpar/undo` is created in it.
        run: random id of the run; empty if nothing is replaced.

    Raises:
        OutputError: the register cannot be created or read.
        DiskFullError: there is no space for it.
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
        """Originals found when a lost register was created anew."""
        if new:
            self._take_over_strays()
            self.strays = list(self._originals("state = 'kept'", ()))

    def _take_over_strays(self) -> None:
        """Register the kept originals found on disk, after the register was lost."""
        rows = []
        for run in sorted(os.listdir(self.top)):
            if run != "written" and is_real_folder(os.path.join(self.top, run)):
                for path in _files_below(os.path.join(self.top, run)):
                    status = os.lstat(os.path.join(self.top, run, *path.split("/")))
                    backup = os.fsencode(f"{run}/{path}")
                    rows.append((os.fsencode(path), backup, run, time.time(), status.st_size, "kept", "[]"))
        with self._writing() as database:
            database.executemany(ADD, rows)

    def _kept(self, original: KeptOriginal, outputs: Sequence[OutputFile]) -> None:
        """Record that an input was replaced: a new original, or an output over an older original."""
        status = status_inside(self.folder, original.place)
        if status is None:
            # The output belongs to the newest original: a file of the user replaced outputs of older ones.
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

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def stand(self, original: KeptOriginal, files: Sequence[OutputFile]) -> None:
        """Record the outputs that replaced an original."""
        with self._writing():
            self._stand(original.id, files)

    def _stand(self, original: int, outputs: Sequence[OutputFile]) -> None:
        rows = [(original, os.fsencode(self.inside(file.path)), self._paths.pack([file])) for file in outputs]
        self._database.executemany("INSERT OR IGNORE INTO standing VALUES (?, ?, ?)", rows)

    def standing(self, original: KeptOriginal) -> list[OutputFile]:
        """The outputs that replaced an original, newest first."""
        with readable(self.path):
            query = "SELECT file FROM standing WHERE original = ? ORDER BY rowid DESC"
            rows = self._database.execute(query, (original.id,)).fetchall()
            return [file for (text,) in rows for file in self._paths.unpack(text)]

    def kept(self) -> tuple[int, int]:
        """The number of kept originals and their size in bytes."""
        with readable(self.path):
            query = "SELECT count(*), coalesce(sum(bytes), 0) FROM originals WHERE state = 'kept'"
            count, size = self._database.execute(query).fetchone()
            return int(count), int(size)

    def nest(self, folder: str) -> None:
        """Record a subfolder with a register of its own."""
        with self._writing() as database:
            row = (os.fsencode(self.inside(folder)),)
            database.execute("INSERT OR IGNORE INTO nested VALUES (?)", row)

    def nested(self) -> list[str]:
        """Recorded subfolders with a register of their own."""
        with readable(self.path):
            rows = self._database.execute("SELECT path FROM nested").fetchall()
            paths = [os.fsdecode(path) for (path,) in rows]
        # A path through a link may lead out of the folder.
        homes = [path for path in paths if status_inside(self.folder, f"{path}/{UNDO_FOLDER}")]
        return [folder for path in homes if is_home(folder := join_inside(self.folder, path))]

    def below(self, inside: str) -> dict[str, list[KeptOriginal]]:
        """The originals in and below a folder (a path with `/`, empty for all), or of an output, by path.

        The newest original of a path comes first.
        """
        found: dict[str, list[KeptOriginal]] = {}
        with readable(self.path):
            query = "SELECT DISTINCT original FROM standing WHERE path = ?"
            named = {row[0] for row in self._database.execute(query, (os.fsencode(inside),))}
            for original in self._originals("state = 'kept'", ()):
                below = not inside or original.path == inside or original.path.startswith(inside + "/")
                if below or original.id in named:
                    found.setdefault(original.path, []).insert(0, original)
        return dict(sorted(found.items()))

    @property
    def written(self) -> str:
        """The folder of the write-ahead logs of the workers."""
        return os.path.join(self.top, "written")

    def inside(self, path: str) -> str:
        """A path relative to the folder, with `/`. Raises OutputError if it is outside."""
        prefix = os.path.join(self.folder, "")
        if not path.startswith(prefix):
            raise OutputError(f"{path} does not lie in {self.folder}.")
        inside = path[len(prefix) :].replace(os.sep, "/")
        parts_inside(inside)
        return inside

    def _originals(self, where: str, values: tuple[object, ...]) -> Iterator[KeptOriginal]:
        query = f"SELECT id, path, backup, bytes, planned FROM originals WHERE {where} ORDER BY id"  # noqa: S608
        for number, path, backup, size, planned in self._database.execute(query, values).fetchall():
            path, backup = os.fsdecode(path), os.fsdecode(backup)
            parts_inside(path)
            parts_inside(backup)
            yield KeptOriginal(number, path, backup, int(size), self._paths.unpack(planned))

    def _drop(self, original: KeptOriginal) -> None:
        self._database.execute("DELETE FROM standing WHERE original = ?", (original.id,))
        self._database.execute("DELETE FROM originals WHERE id = ?", (original.id,))

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


ADD = """
INSERT OR IGNORE INTO originals(path, backup, run, time, bytes, state, planned) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def _make_register(top: str) -> bool:
    """Create `.imgpar/undo` and an empty register if missing; returns whether the register is new.

    Links are rejected. Raises OutputError, DiskFullError.
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
    """Relative paths with `/` of all files except partial copies."""
    for where, _, names in os.walk(top):
        for name in names:
            if not is_half(name):
                yield os.path.relpath(os.path.join(where, name), top).replace(os.sep, "/")
