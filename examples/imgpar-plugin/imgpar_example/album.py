"""album:///photos.db: the table `pictures` of a SQLite database, as source and as sink."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from imgpar.plugin import (
    Access,
    Batch,
    Entry,
    Facts,
    Item,
    OutputFile,
    Patterns,
    Source,
    SourceError,
    content_digest,
    in_folders,
)

IMGPAR_API = 1

TABLE = "CREATE TABLE IF NOT EXISTS pictures(name TEXT PRIMARY KEY, data BLOB)"


class Album(Source):
    """It is pickled for the workers, so it has no open connection."""

    def __init__(self, address: str, access: Access) -> None:
        self.root, self.path = address, urlsplit(address).path

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """All pictures, listed in the parent."""
        if not Path(self.path).is_file():
            raise SourceError(f"There is no database {self.path}.")
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT name, length(data), rowid FROM pictures").fetchall()
        entries = [Entry(name, size, key=str(row)) for name, size, row in rows]
        return in_folders(self.root, mirror, entries, patterns)

    def open(self, item: Item) -> bytes:
        """One picture, read in a worker."""
        with closing(sqlite3.connect(self.path)) as database:
            row = database.execute("SELECT data FROM pictures WHERE rowid = ?", (item.key,)).fetchone()
        if row is None:
            raise SourceError("It is no longer in the database.")
        return bytes(row[0])


class AlbumSink:
    """Sink: only the parent uses it, so it may keep a connection."""

    waits = False

    def __init__(self, address: str) -> None:
        self.root, self._path = address, urlsplit(address).path  # made several times: nothing is opened yet

    @cached_property
    def _database(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        database.execute(TABLE)
        return database

    def _data(self, path: str) -> bytes | None:
        name = path.removeprefix(f"{self.root}/")
        row = self._database.execute("SELECT data FROM pictures WHERE name = ?", (name,)).fetchone()
        return row and row[0]

    def find(self, path: str) -> Facts | None:
        """What is there under a name."""
        data = self._data(path)
        return None if data is None else Facts(len(data), mtime_ns=0)

    def digest(self, path: str) -> str:
        """The digest of its content."""
        return content_digest(self._data(path) or b"")

    def publish(self, path: str, file: str, made: OutputFile) -> None:
        """Store a finished file."""
        name = path.removeprefix(f"{self.root}/")
        row = name, Path(file).read_bytes()
        self._database.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", row)

    def close(self) -> None:
        """The end of a run: what was published is safe."""
        if "_database" in vars(self):
            self._database.commit()
            self._database.close()
            del self._database  # the next call opens it again
