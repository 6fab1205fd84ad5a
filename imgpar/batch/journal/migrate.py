"""Conversion of journals of earlier versions of the schema when they are opened.

Version 2 has no validators. Version 1, of imgpar 0.1, has absolute paths of inputs, outputs without ctime,
inode and digest, and the lines of reports.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from hashlib import blake2b
from typing import Any

_ABSOLUTE = re.compile(r"""["'](/|\\|[A-Za-z]:)""")
"""An absolute path in a recipe."""
COARSE = 2_000_000_000
"""Resolution of timestamps in nanoseconds on FAT, the coarsest supported file system."""


def add_validators(connection: sqlite3.Connection) -> None:
    """Convert version 2 to version 3."""
    connection.execute("ALTER TABLE items ADD COLUMN validator TEXT NOT NULL DEFAULT ''")


def begin_migration(connection: sqlite3.Connection) -> None:
    """Rename the old tables, so that the new ones can be created."""
    for name in ("runs", "folders", "items"):
        connection.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
    connection.execute("DROP TABLE lines")
    connection.execute("DROP INDEX IF EXISTS failed")


def finish(connection: sqlite3.Connection, base: str, last_write: int) -> None:
    """Copy the rows of the old tables to the new ones and drop the old tables.

    Args:
        base: OUT, or the folder that was converted in place.
        last_write: modification time of the old journal in nanoseconds. An output of a crashed run is older.
    """
    salt = connection.execute("SELECT salt FROM about").fetchone()[0]
    runs = connection.execute("SELECT id, started, finished, key, facts FROM old_runs").fetchall()
    for number, *facts, text in runs:
        recipe = json.loads(text).get("recipe", "")
        known = None if _ABSOLUTE.search(recipe) else recipe
        values = (number, os.urandom(8).hex(), *facts, known)
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, NULL)", values)
    moved = _Places(connection, base, salt)
    query = """
        SELECT old_items.id, path, name, key, run, state, size, mtime_ns, inode, digest, outputs, claims,
            planned
        FROM old_items JOIN old_folders ON old_folders.id = old_items.folder ORDER BY old_items.id
    """
    for row in connection.execute(query).fetchall():
        number, path, name, key, run, state, *facts, outputs, claims, planned = row
        made, claimed = _files(outputs), _files(claims)
        left = [found for file in _files(planned) if (found := _left(base, file, last_write))]
        if moved.in_place and not moved.is_replaced(os.fsdecode(name), left):
            left = []
        if state == "planned" and planned != "[]" and len(left) == len(json.loads(planned)):
            state, made, left = "ok", left, []
        size, mtime_ns, inode, digest = facts
        folder = moved.row(os.fsdecode(path), os.fsdecode(name), [*made, *claimed, *left])
        connection.execute(
            "INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, '[]', '')",
            (
                *(number, folder, name, key, run, state, size, mtime_ns, inode, digest),
                *(json.dumps(made), json.dumps([*claimed, *left])),
            ),
        )
    for table in ("runs", "folders", "items"):
        connection.execute(f"DROP TABLE old_{table}")


def _files(text: str) -> list[list[Any]]:
    """Outputs with default values for the fields that version 1 lacks."""
    return [[at, size if size is not None else -1, *facts, 0, 0, ""] for at, size, *facts in json.loads(text)]


def _left(base: str, file: list[Any], last_write: int) -> list[Any] | None:
    """The facts of a planned output written by a crashed run; None if it is missing or was changed."""
    path = os.path.join(base, *file[0].split("/"))
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if abs(status.st_mtime_ns - file[4]) > COARSE or status.st_ctime_ns > last_write + COARSE:
        return None
    facts = (status.st_size, file[2], file[3], status.st_mtime_ns, status.st_ctime_ns)
    return [file[0], *facts, status.st_ino & ((1 << 63) - 1), ""]


class _Places:
    """Rows of the new table `folders` for absolute paths of the old one."""

    def __init__(self, connection: sqlite3.Connection, base: str, salt: bytes) -> None:
        self._connection, self._base, self._salt = connection, os.path.realpath(base or os.curdir), salt
        self._has_base = bool(base)
        self.in_place = bool(base) and os.path.isdir(os.path.join(base, ".imgpar", "undo"))
        self._kept = os.path.join(base, ".imgpar", "undo")
        self._rows: dict[tuple[str, str], int] = {}

    def row(self, folder: str, name: str, files: list[list[Any]]) -> int:
        """The id of an input folder with these outputs."""
        mirror = "" if self.in_place or not files else files[0][0].rpartition("/")[0]
        if (folder, mirror) not in self._rows:
            here = self._hash("here", os.path.realpath(folder))
            place = self._hash("place", self._seen(folder, name, files)) if self._has_base else b"\0"
            row = (here, place, b"", os.fsencode(mirror))
            insert = "INSERT INTO folders(here, place, path, mirror) VALUES (?, ?, ?, ?)"
            self._rows[folder, mirror] = self._connection.execute(insert, row).lastrowid or 0
        return self._rows[folder, mirror]

    def is_replaced(self, name: str, files: list[list[Any]]) -> bool:
        """Whether an original of this name is kept and its place is empty or has another file."""
        for file in files:
            inside = os.path.join(os.path.dirname(file[0]), name)
            for run in os.listdir(self._kept):
                kept, now = os.path.join(self._kept, run, inside), os.path.join(self._base, inside)
                if os.path.lexists(kept):
                    return not (os.path.lexists(now) and os.path.samestat(os.lstat(kept), os.lstat(now)))
        return False

    def _seen(self, folder: str, name: str, files: list[list[Any]]) -> str:
        """The path of a folder relative to OUT; in place, also if OUT was moved since."""
        inside = files[0][0].rpartition("/")[0] if files else ""
        stem = os.path.splitext(name)[0]
        same = any(os.path.splitext(file[0].rpartition("/")[2])[0] == stem for file in files)
        if self.in_place and same and (not inside or folder.endswith("/" + inside)):
            return inside or os.curdir
        return os.path.relpath(os.path.realpath(folder), self._base)

    def _hash(self, kind: str, path: str) -> bytes:
        return blake2b(os.fsencode(path), key=self._salt, digest_size=16, person=kind.encode()).digest()
