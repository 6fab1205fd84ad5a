"""The journal's SQLite file: opening for writing or reading, replacement of a damaged file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import count

from imgpar.batch.journal import migrate
from imgpar.batch.journal.untrusted import check_files, check_tables
from imgpar.core.error_messages import garbled, setting
from imgpar.core.errors import DiskFullError, OutputError, OutputLockedError
from imgpar.core.fs import make_private, no_room, refuse_links
from imgpar.core.tempfiles import temporary

PATIENCE = 0.2
"""Seconds to wait for a lock of another process; after that, a copy of the file is read."""
VERSION = 3
"""Version of the schema below. A newer file is rejected; older ones are converted by `migrate`."""
APPLICATION = 0x696D6770
"""`application_id` of a journal: the bytes `imgp`. Other SQLite files are rejected."""

_GARBLED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""Exceptions raised by rows with invalid content."""

TABLES = """
-- salt: random salt of the hashes in folders.
CREATE TABLE about(salt BLOB NOT NULL);
CREATE TABLE runs(
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL, started REAL NOT NULL, finished REAL, key TEXT NOT NULL,
    recipe TEXT,  -- NULL if it has no text form or contains an absolute path
    counts TEXT);
-- Input folders. here and place are salted hashes of the absolute path and of the path relative to OUT; path
-- is relative to the given input; mirror is the folder of the outputs, relative to OUT.
CREATE TABLE folders(
    id INTEGER PRIMARY KEY, here BLOB NOT NULL, place BLOB NOT NULL, path BLOB NOT NULL,
    mirror BLOB NOT NULL);
CREATE INDEX folders_here ON folders(here);
CREATE INDEX folders_place ON folders(place);
CREATE INDEX folders_mirror ON folders(mirror);
-- State: one row per input and output of a recipe. outputs, claims and planned are JSON lists of
-- [path below OUT, bytes, width, height, mtime_ns, ctime_ns, inode, digest].
CREATE TABLE items(
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL, key TEXT NOT NULL,
    run INTEGER NOT NULL, state TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL, outputs TEXT NOT NULL,
    claims TEXT NOT NULL DEFAULT '[]',   -- outputs of an earlier version of the input
    planned TEXT NOT NULL DEFAULT '[]',  -- names reserved by a run that has not recorded them yet
    validator TEXT NOT NULL DEFAULT '',  -- what a server said of the input: an ETag, or a date
    UNIQUE(folder, name, key));
CREATE INDEX failed ON items(state) WHERE state = 'failed';
CREATE INDEX planned ON items(state) WHERE state = 'planned'
"""


def open_database(
    path: str, base: str = "", *, alone: bool, chosen: bool = False
) -> tuple[sqlite3.Connection, list[str]]:
    """Open or create the journal of `base` for writing; returns the connection and notes for the report.

    With `alone`, no other process opens it before it is closed. A damaged journal is renamed and replaced. A
    damaged file given with --journal (`chosen`) is not: it may be another database.
    Raises OutputError, DiskFullError.
    """
    notes: list[str] = []
    with translated_errors(path):
        try:
            make_private(os.path.dirname(path))
        except OSError as error:
            if full := no_room(error, os.path.dirname(path)):
                raise full from error
            raise OutputError(
                f"The journal's folder {os.path.dirname(path)} cannot be made: {error.strerror}.",
                fix=f"Choose another OUT, or a place for the journal with {setting('journal')}.",
            ) from error
        if chosen:
            _refuse_others(path)
        check_files(path, chosen=chosen)
        try:
            return _open(path, base, alone), notes
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            if chosen:
                raise
            aside = set_aside(path)
        notes.append(
            f"The journal {path} was damaged and is now {os.path.basename(aside)}; a new one was begun. "
            "Files that are there already count as foreign: see --on-exists."
        )
        return _open(path, base, alone), notes


def close_database(connection: sqlite3.Connection) -> None:
    """Close a journal in rollback mode, so that readers need no shared memory.

    On a full disk the mode stays as it is.
    """
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def read_database(path: str) -> sqlite3.Connection:
    """Open an existing journal read-only. Raises OutputError."""
    if not os.path.isfile(path):
        raise OutputError(f"There is no journal at {path}.", fix="Name the OUT of an earlier run.")
    with translated_errors(path):
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
    """Copy a journal and its write-ahead log into a folder; returns the path of the copy.

    The journal may be in use, or may not have been closed.
    """
    copy = os.path.join(folder, "journal.db")
    for part in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{part}", f"{copy}{part}")
    return copy


def set_aside(path: str) -> str:
    """Rename a damaged journal to the first free `….broken-N`; returns the new path."""
    aside = next(name for n in count(1) if not os.path.lexists(name := f"{path}.broken-{n}"))
    os.replace(path, aside)
    for leftover in (f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(leftover)
    return aside


@contextlib.contextmanager
def translated_errors(path: str) -> Iterator[None]:
    """Convert exceptions of SQLite to OutputError and DiskFullError."""
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
                fix=f"Change the permissions, or choose a place for the journal with {setting('journal')}.",
            ) from error
        if "disk I/O" in text and (full := _no_room_in(os.path.dirname(path))):
            raise full from error
        if "disk I/O" in text:
            raise OutputError(
                f"The journal {path} cannot be read or written: {text}.",
                fix="Check the disk, its quota and the connection, and run again; finished outputs are kept.",
            ) from error
        raise OutputError(
            f"The journal {path} cannot be used: {text}.", fix="Move it away; the next run begins a new one."
        ) from error


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """The same for reading, where rows may have invalid content."""
    with translated_errors(path):
        try:
            yield
        except _GARBLED as error:
            raise garbled(path) from error


def _no_room_in(folder: str) -> DiskFullError | None:
    """The error for a full disk or quota, which SQLite reports as a general I/O error; else None."""
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
        if os.path.exists(f"{place}-wal"):  # the journal was not closed: see `_set_mode`
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA query_only = ON")
        _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: str, base: str, alone: bool) -> sqlite3.Connection:
    _make_file(path)
    last_write = _last_write(path)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        _check_version(connection, path)
        _set_mode(connection, alone)
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < VERSION:
            if version == 2:
                migrate.add_validators(connection)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            else:
                if version == 1:
                    migrate.begin_migration(connection)
                make_tables(connection)
            if version == 1:
                try:
                    migrate.finish(connection, base, last_write)
                except _GARBLED as error:
                    raise garbled(path) from error
        connection.execute("COMMIT")
        if version == 1:
            os.chmod(path, 0o600)
            connection.execute("VACUUM")  # removes the content of dropped tables from the file
        _check_content(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_mode(connection: sqlite3.Connection, alone: bool) -> None:
    """Use a write-ahead log if the connection is exclusive, a rollback journal otherwise.

    A write-ahead log is fast and survives a crash. Shared by several processes it needs a memory-mapped file,
    which network file systems may not support; on a copy-on-write file system (btrfs) a full disk or quota
    ends the writer with SIGBUS. With an exclusive lock SQLite keeps the index in private memory.
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


def _make_file(path: str) -> None:
    """Create an empty file with mode 600; SQLite would use the umask."""
    try:
        refuse_links(f"{path}.written", f"{path}.parts")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise no_room(error, os.path.dirname(path)) or OutputError(
            f"The journal {path} cannot be written: {error.strerror or error}.",
            fix=f"Change the permissions, or choose a place for the journal with {setting('journal')}.",
        ) from error


def _last_write(path: str) -> int:
    """Modification time of the journal or its write-ahead log, in nanoseconds."""
    times = [0]
    for part in (path, f"{path}-wal"):
        with contextlib.suppress(OSError):
            times.append(os.stat(part).st_mtime_ns)
    return max(times)


def make_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of a new journal."""
    for statement in TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO about(salt) VALUES (?)", (os.urandom(16),))
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _refuse_others(path: str) -> None:
    """Reject a file given with --journal that is not an SQLite database; it is not changed."""
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(
            f"The journal {path} cannot be read: {error.strerror}.",
            fix=f"Choose another {setting('journal')}.",
        ) from None
    if head and head != b"SQLite format 3\0":
        raise OutputError(f"{path} is no journal of imgpar.", fix=f"Choose another {setting('journal')}.")


def _check_version(connection: sqlite3.Connection, path: str) -> None:
    check_tables(connection, path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application != APPLICATION and names and not (version and {"runs", "items"} <= names):
        raise OutputError(f"{path} is no journal of imgpar.", fix=f"Choose another {setting('journal')}.")
    if version > VERSION:
        raise OutputError(
            f"The journal {path} was written by a newer imgpar.", fix="Update imgpar, or choose another OUT."
        )


def _check_content(connection: sqlite3.Connection) -> None:
    """Check the integrity of the file if the last run did not finish."""
    last = connection.execute("SELECT finished FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    if last is not None and last[0] is None:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
