"""Which output is in which shard: an SQLite database, so that any number of samples needs no memory.

The rows of the shard that is being written belong to one transaction, which ends when its three files are
whole. The same transaction notes their temporary names: a process that is killed before all have their final
names leaves it to the next one to rename the others (`unnamed`).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, NamedTuple

from imgpar.core.errors import OutputError
from imgpar.outputs.shards.columns import Kind
from imgpar.outputs.shards.settings import ShardSettings, ShardSize

_TABLES = """
CREATE TABLE IF NOT EXISTS settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- `files` has the temporary names by the final ones, as long as not all of them are final.
CREATE TABLE IF NOT EXISTS shards(number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, files TEXT);
CREATE TABLE IF NOT EXISTS samples(
    path BLOB PRIMARY KEY, shard INTEGER NOT NULL, key TEXT NOT NULL, start INTEGER NOT NULL,
    bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys ON samples(key);
-- Kinds of the columns of a list; see `columns`.
CREATE TABLE IF NOT EXISTS kinds(name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID;
-- Failed inputs that have a row in some shard.
CREATE TABLE IF NOT EXISTS failures(source BLOB PRIMARY KEY, error TEXT NOT NULL) WITHOUT ROWID;
"""


class SampleAt(NamedTuple):
    """Where an output is."""

    shard: int
    key: str
    start: int
    """Its first byte in the archive."""
    nbytes: int
    mtime_ns: int
    digest: str


class ShardIndex:
    """The index of one OUT; all methods may be called by several threads.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._lock = Lock()
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"The index of the shards ({path}) cannot be opened: {error}.", fix="Choose another OUT."
            ) from error

    # ----- questions --------------------------------------------------------------------------------

    def find(self, path: str) -> SampleAt | None:
        """Where an output is, by its path below OUT."""
        query = "SELECT shard, key, start, bytes, mtime_ns, digest FROM samples WHERE path = ?"
        row = self._one(query, os.fsencode(path))
        return SampleAt(*row) if row else None

    def size_of(self, shard: int) -> int | None:
        """Bytes of the archive of a finished shard; None where there is none."""
        row = self._one("SELECT bytes FROM shards WHERE number = ?", shard)
        return int(row[0]) if row else None

    def last(self) -> int:
        """The highest number of a shard; −1 where there is none."""
        row = self._one("SELECT max(number) FROM shards")
        return int(row[0]) if row and row[0] is not None else -1

    def has_key(self, key: str, among: set[str]) -> bool:
        """Whether an output other than those `among` these paths has a key."""
        with self._lock:
            rows = self._database.execute("SELECT path FROM samples WHERE key = ?", (key,)).fetchall()
        return any(os.fsdecode(path) not in among for (path,) in rows)

    def failure(self, source: str) -> str:
        """The error of an input that failed before; empty where it did not."""
        row = self._one("SELECT error FROM failures WHERE source = ?", os.fsencode(source))
        return str(row[0]) if row else ""

    def kinds(self) -> dict[str, Kind]:
        """The kinds of the columns in the shards so far."""
        with self._lock:
            rows = self._database.execute("SELECT name, kind FROM kinds").fetchall()
        return {str(name): kind for name, kind in rows if kind in ("int", "float", "text")}

    def unnamed(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Shards whose files have not all got their names: temporary names by final ones."""
        with self._lock:
            query = "SELECT number, files FROM shards WHERE files IS NOT NULL"
            rows = self._database.execute(query).fetchall()
        for number, files in rows:
            yield number, {str(final): str(half) for final, half in json.loads(files).items()}

    # ----- changes ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The rows of a new shard follow."""
        self._do("BEGIN IMMEDIATE")

    def add(self, path: str, place: SampleAt) -> None:
        """An output of the shard that is being written."""
        self._do("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?)", os.fsencode(path), *place)

    def add_failure(self, source: str, error: str) -> None:
        """A failed input with a row in the shard that is being written."""
        self._do("INSERT OR REPLACE INTO failures VALUES (?, ?)", os.fsencode(source), error)

    def forget_failure(self, source: str) -> None:
        """An input that did not fail this time."""
        self._do("DELETE FROM failures WHERE source = ?", os.fsencode(source))

    def keep_kinds(self, kinds: Mapping[str, Kind]) -> None:
        """The kinds of the columns, for the next shard."""
        for name, kind in kinds.items():
            self._do("INSERT OR REPLACE INTO kinds VALUES (?, ?)", name, kind)

    def finish(self, shard: int, nbytes: int, files: Mapping[str, str]) -> None:
        """All rows of the shard are kept; its files are whole, and have temporary names."""
        self._do("INSERT INTO shards VALUES (?, ?, ?)", shard, nbytes, json.dumps(dict(files)))
        self._do("COMMIT")

    def named(self, shard: int) -> None:
        """The files of a shard have their names."""
        self._do("UPDATE shards SET files = NULL WHERE number = ?", shard)

    def forget(self, shard: int) -> None:
        """The samples of a shard whose names somebody else has taken; its number stays used."""
        self._do("DELETE FROM samples WHERE shard = ?", shard)
        self.named(shard)

    def give_up(self) -> None:
        """Forget the rows of the shard that is being written."""
        with self._lock:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def close(self) -> None:
        """Forget what is not finished."""
        self._database.close()

    # ----- settings -----------------------------------------------------------------------------------

    def settings(self) -> ShardSettings | None:
        """Those of the last run; None before the first one."""
        with self._lock:
            found = dict(self._database.execute("SELECT name, value FROM settings").fetchall())
        try:
            size = ShardSize(int(found["samples"]), int(found["bytes"]))
            known = {name: found[name] for name in ShardSettings._fields[1:] if name in found}
            return ShardSettings(size, **known)
        except (KeyError, ValueError):
            return None

    def keep_settings(self, settings: ShardSettings) -> None:
        """Store them for the next run."""
        values = settings._asdict() | {"samples": settings.size.samples, "bytes": settings.size.nbytes}
        del values["size"]
        for name, value in values.items():
            self._do("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, str(value))

    # ----- internal -------------------------------------------------------------------------------------

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row

    def _do(self, statement: str, *values: object) -> None:
        with self._lock:
            try:
                self._database.execute(statement, values)
            except sqlite3.Error as error:
                if "full" in str(error):
                    raise OSError(28, os.strerror(28)) from error
                raise OutputError(f"The index of the shards cannot be written: {error}.") from error
