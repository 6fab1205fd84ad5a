"""The journal's SQLite file: opened for writing or reading, set aside when it is damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import count

from imgpar.errors import DiskFullError, OutputError, OutputLockedError
from imgpar.files import no_room
from imgpar.leftovers import temporary

PATIENCE = 0.2
"""Seconds to wait for a run that has the journal open, before a copy is read."""
VERSION = 1
"""Of the tables below; a newer file is refused, an older one would be brought up to date here."""

TABLES = """
CREATE TABLE runs(
    id INTEGER PRIMARY KEY, started REAL NOT NULL, finished REAL, key TEXT NOT NULL, facts TEXT NOT NULL,
    counts TEXT);
CREATE TABLE folders(id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
-- What is done: one row per input and recipe. outputs, claims and planned are JSON lists of
-- [path below OUT, bytes, width, height, mtime_ns].
CREATE TABLE items(
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL, key TEXT NOT NULL,
    run INTEGER NOT NULL, state TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, digest TEXT NOT NULL, outputs TEXT NOT NULL,
    claims TEXT NOT NULL DEFAULT '[]',   -- outputs of an earlier version of the input
    planned TEXT NOT NULL DEFAULT '[]',  -- names fixed by a run that has not recorded them yet
    UNIQUE(folder, name, key));
-- What happened: one row per run and input, the lines of its report.
CREATE TABLE lines(
    run INTEGER NOT NULL, job INTEGER NOT NULL, item INTEGER NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, detail TEXT, PRIMARY KEY(run, job)) WITHOUT ROWID;
CREATE INDEX failed ON items(state) WHERE state = 'failed';
"""


def open_database(path: str, *, alone: bool) -> tuple[sqlite3.Connection, list[str]]:
    """Open or make the journal for writing; also what to tell the user about it.

    `alone` says that nobody else has it open until it is closed. Raises OutputError, DiskFullError.
    """
    notes: list[str] = []
    with explained(path):
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            if full := no_room(error, os.path.dirname(path)):
                raise full from error
            raise OutputError(
                f"The journal's folder {os.path.dirname(path)} cannot be made: {error.strerror}.",
                fix="Choose another OUT, or a place for the journal with --journal.",
            ) from error
        try:
            return _open(path, alone), notes
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            aside = set_aside(path)
        notes.append(
            f"The journal {path} was damaged and is now {os.path.basename(aside)}; a new one was begun. "
            "Files that are there already count as foreign: see --on-exists."
        )
        return _open(path, alone), notes


def close_database(connection: sqlite3.Connection) -> None:
    """Close a journal so that readers share no memory; where the disk is full, just close it."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def read_database(path: str) -> sqlite3.Connection:
    """Open a journal that exists for reading only. Raises OutputError."""
    if not os.path.isfile(path):
        raise OutputError(f"There is no journal at {path}.", fix="Name the OUT of an earlier run.")
    with explained(path):
        try:
            return _readable(path, path)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        with temporary() as folder, closing(_readable(copy_database(path, folder), path)) as copy:
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            copy.backup(memory)
            return memory


def copy_database(path: str, folder: str) -> str:
    """Copy a journal into a folder, also that of a run at work or of a killed one; returns its path."""
    copy = os.path.join(folder, "journal.db")
    for part in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{part}", f"{copy}{part}")
    return copy


def state_folder() -> str:
    """The folder of this user in which programs remember things."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")
    return os.path.join(base, "imgpar")


def set_aside(path: str) -> str:
    """Rename a damaged journal to the first free `….broken-N` and return that."""
    aside = next(name for n in count(1) if not os.path.lexists(name := f"{path}.broken-{n}"))
    os.replace(path, aside)
    for leftover in (f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(leftover)
    return aside


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn what SQLite says into the errors of a run."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            raise DiskFullError(
                f"No space is left for the journal {path}.", fix="Free some space and run again."
            ) from error
        if "locked" in text:
            raise OutputLockedError(
                f"Another program has locked the journal {path}.", fix="Close it."
            ) from error
        if "unable to open" in text and (full := _no_room_in(os.path.dirname(path))):
            raise full from error
        if "readonly" in text or "unable to open" in text:
            raise OutputError(
                f"The journal {path} cannot be written: {text}.",
                fix="Change the permissions, or choose a place for the journal with --journal.",
            ) from error
        if "disk I/O" in text and (full := _no_room_in(os.path.dirname(path))):
            raise full from error
        if "disk I/O" in text:
            raise OutputError(
                f"The journal {path} cannot be read or written: {text}.",
                fix="Check the disk, its quota and the connection, and run again; what is done stays done.",
            ) from error
        raise OutputError(
            f"The journal {path} cannot be used: {text}.", fix="Move it away; the next run begins a new one."
        ) from error


def _no_room_in(folder: str) -> DiskFullError | None:
    """What to say where a quota is used up: SQLite only says that it could not write."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return no_room(error, folder)
    return None


def _readable(place: str, path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        if os.path.exists(f"{place}-wal"):  # of a run that could not close it: see `_set_mode`
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA query_only = ON")
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: str, alone: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        _set_mode(connection, alone)
        _check_version(connection, path)
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
        _check_content(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_mode(connection: sqlite3.Connection, alone: bool) -> None:
    """A write-ahead log is fast and survives a crash.

    Between several programs it needs a file that is mapped into memory. Network folders may not have that,
    and where a write makes a copy (btrfs), a full disk or a quota ends the writer by SIGBUS. So only one who
    is alone uses it: SQLite then keeps that memory to itself.
    """
    mode = ""
    if alone:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode == "wal":
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            mode = "failed"
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -4000")


def _check_version(connection: sqlite3.Connection, path: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise OutputError(
            f"The journal {path} was written by a newer imgpar.", fix="Update imgpar, or choose another OUT."
        )


def _check_content(connection: sqlite3.Connection) -> None:
    """Look closely only after a run that did not end: damage comes from crashes."""
    last = connection.execute("SELECT finished FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    if last is not None and last[0] is None:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
