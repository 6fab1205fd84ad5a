"""Names of outputs that are reserved in a run whose inputs are planned in parts, on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from imgpar.core.filenames import fold


class Reserved:
    """The names of outputs that batches of a run have, so that a later one does not use them.

    >>> reserved = Reserved()
    >>> reserved.add(["/web/A.webp"])
    >>> reserved.met(["/web/a.webp", "/web/b.webp"])
    ['/web/a.webp']
    """

    def __init__(self) -> None:
        # An empty name creates a private database in a temporary file, which ends with the connection.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA cache_size = -16000; CREATE TABLE name(digest BLOB PRIMARY KEY) WITHOUT ROWID; BEGIN"
        )

    def add(self, paths: Iterable[str]) -> None:
        """Reserve these paths."""
        self._database.executemany("INSERT OR IGNORE INTO name VALUES (?)", _digests(paths))

    def met(self, paths: Iterable[str]) -> list[str]:
        """Those of the paths that are reserved."""
        find = "SELECT 1 FROM name WHERE digest = ?"
        return [
            path
            for path in paths
            if self._database.execute(find, next(_digests([path]))).fetchone() is not None
        ]

    def close(self) -> None:
        """Remove the file."""
        self._database.close()


def _digests(paths: Iterable[str]) -> Iterator[tuple[bytes]]:
    for path in paths:
        yield (blake2b(fold(path).encode(errors="surrogateescape"), digest_size=16).digest(),)
