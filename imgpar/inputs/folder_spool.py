"""The listing of a source, sorted into folders on disk: it may have millions of entries.

Entries may come in any order. They are read back folder by folder, parents first, in natural order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from imgpar.core.filenames import natural
from imgpar.core.job import OTHER
from imgpar.inputs.batches import Entries, Row

if TYPE_CHECKING:
    from sqlite3 import Connection

TOGETHER = 1000
"""Files that are written together."""
_LARGEST = (1 << 63) - 1
"""What SQLite can store; headers of archives may say anything."""
_FOLDERS = 10_000
"""Folders whose numbers are in memory."""
_TABLES = """
PRAGMA cache_size = -16000;
CREATE TABLE folder(id INTEGER PRIMARY KEY, parent INTEGER, name BLOB, sort BLOB, UNIQUE(parent, name));
CREATE TABLE file(
    folder INTEGER, name BLOB, sort BLOB, size INTEGER, mtime_ns INTEGER, version INTEGER, key BLOB,
    format TEXT, error BLOB, kind TEXT, twice INTEGER DEFAULT 0, PRIMARY KEY(folder, name)) WITHOUT ROWID;
CREATE TABLE aside(
    folder INTEGER, what TEXT, name BLOB, count INTEGER, PRIMARY KEY(folder, what, name)) WITHOUT ROWID;
INSERT INTO folder VALUES (1, 0, x'', x'');
BEGIN;
"""
_ADD_FOLDER = "INSERT OR IGNORE INTO folder(parent, name, sort) VALUES (?, ?, ?)"
_ADD_FILE = """
INSERT INTO file(folder, name, sort, size, mtime_ns, version, key, format, error, kind)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(folder, name) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, version = excluded.version, key = excluded.key,
    format = excluded.format, error = excluded.error, kind = excluded.kind, twice = 1
"""
_COUNT = """
INSERT INTO aside VALUES (?, ?, ?, ?)
ON CONFLICT(folder, what, name) DO UPDATE SET count = count + excluded.count
"""
_FILES = """
SELECT name, size, mtime_ns, version, key, format, error, kind FROM file
WHERE folder = ? AND (format = ?) = ? ORDER BY sort, name
"""


class SpooledFile(NamedTuple):
    """A file of the listing, without its folder."""

    name: str
    size: int
    mtime_ns: int
    version: int
    key: str
    format: str
    error: str
    kind: str


class Contents(NamedTuple):
    """What is in one folder."""

    items: Entries
    others: Entries
    """Files that are not media."""
    folders: Sequence[tuple[int, str]]
    """Number and name of each folder in it, in natural order."""
    kinds: Counter[str]
    left_out: Counter[str]
    excluded: int
    sidecars: int
    twice: Sequence[str]


class FolderSpool:
    """The listing.

    Args:
        database: private and empty.
    """

    def __init__(self, database: Connection) -> None:
        self._database = database
        self._known: dict[tuple[int, str], int] = {}
        self._files: list[tuple[object, ...]] = []
        self._counts = Counter[tuple[int, str, bytes]]()
        database.executescript(_TABLES)

    def folder(self, above: int, name: str) -> int:
        """The number of a folder in another one; the first has number 1."""
        number = self._known.get((above, name))
        if number is None:
            values = above, _bytes(name)
            sort = _bytes(natural(name))
            self._database.execute(_ADD_FOLDER, (*values, sort))
            find = "SELECT id FROM folder WHERE parent = ? AND name = ?"
            number = int(self._database.execute(find, values).fetchone()[0])
            if len(self._known) > _FOLDERS:
                self._known.clear()
            self._known[above, name] = number
        return number

    def add(self, folder: int, file: SpooledFile) -> None:
        """Add a file; it replaces one with its name."""
        name, size, mtime_ns, version, key, format_, error, kind = file
        texts = _bytes(name), _bytes(natural(name))
        self._files.append(
            (folder, *texts, size, mtime_ns, version, _bytes(key), format_, _bytes(error), kind)
        )
        if len(self._files) >= TOGETHER:
            self._write()

    def count(self, folder: int, what: str, name: str = "", number: int = 1) -> None:
        """Count what is left out of a folder: `kinds`, `excluded` or `sidecars`."""
        self._counts[folder, what, _bytes(name)] += number
        if len(self._counts) >= TOGETHER:
            self._write()

    def leave_out(self, folder: int, name: str) -> None:
        """Note a folder that is left out."""
        self._database.execute(
            "INSERT OR IGNORE INTO aside VALUES (?, 'left_out', ?, 1)", (folder, _bytes(name))
        )

    def contents(self, folder: int, path: str, mirror: str) -> Contents:
        """What is in one folder.

        Args:
            folder: its number.
            path: what it is called.
            mirror: its path below OUT.
        """
        self._write()
        run = self._database.execute
        found = {what: Counter[str]() for what in ("kinds", "left_out", "excluded", "sidecars")}
        for what, name, number in run("SELECT what, name, count FROM aside WHERE folder = ?", (folder,)):
            found[what][_text(name)] = number
        below = run("SELECT id, name FROM folder WHERE parent = ? ORDER BY sort, name", (folder,))
        many = "SELECT name FROM file WHERE folder = ? AND twice AND format <> ? ORDER BY sort, name"
        twice = run(many, (folder, OTHER))
        return Contents(
            self._entries(folder, path, mirror),
            self._entries(folder, path, mirror, others=True),
            [(number, _text(name)) for number, name in below],
            found["kinds"],
            found["left_out"],
            found["excluded"].total(),
            found["sidecars"].total(),
            [_text(name) for (name,) in twice],
        )

    def _entries(self, folder: int, path: str, mirror: str, *, others: bool = False) -> Entries:
        formats, errors, kinds, keys = dict[str, str](), dict[str, str](), dict[str, str](), list[str]()

        def rows() -> Iterator[Row]:
            for raw, *facts, key, shown, error, kind in self._database.execute(
                _FILES, (folder, OTHER, others)
            ):
                name = _text(raw)
                keys.append(_text(key))
                if shown:
                    formats[name] = shown
                if error:
                    errors[name], kinds[name] = _text(error), kind
                size, mtime_ns, version = facts
                yield name, size, mtime_ns, version, 0

        return Entries.of(path, mirror, rows(), formats, separator="/", keys=keys, errors=errors, kinds=kinds)

    def _write(self) -> None:
        files, self._files = self._files, []
        self._database.executemany(_ADD_FILE, files)
        counts, self._counts = self._counts, Counter()
        self._database.executemany(_COUNT, ((*key, number) for key, number in counts.items()))


def _bytes(text: str) -> bytes:
    """Any text, also one that is no Unicode; in the order of its characters."""
    return text.encode(errors="surrogatepass")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogatepass")
