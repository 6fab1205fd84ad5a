"""Convert pictures from a table of a database into another table, with a source and a sink of one's own.

    python docs/stores.py [FOLDER]

The database is made in FOLDER, or in a temporary folder. The second run finds everything done; after one
picture was changed, the third makes that one again.
"""

from __future__ import annotations

import io
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import imgpar
from imgpar.core.digest import content_digest
from imgpar.core.job import Facts, Item, OutputFile
from imgpar.inputs.batches import Batch
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, Source, in_folders


class Album(Source):
    """Source: the rows of the table `pictures`."""

    def __init__(self, database: Path) -> None:
        self.database, self.root = database, f"album://{database}"

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        with closing(sqlite3.connect(self.database)) as database:
            rows = database.execute("SELECT name, length(data), rowid FROM pictures").fetchall()
        entries = [Entry(name, size, key=str(row)) for name, size, row in rows]
        return in_folders(self.root, mirror, entries, patterns)

    def open(self, item: Item) -> bytes:
        with closing(sqlite3.connect(self.database)) as database:
            row = database.execute("SELECT data FROM pictures WHERE rowid = ?", (item.key,)).fetchone()
        return bytes(row[0])


class Web:
    """Sink: the table `web`; the names of outputs begin with `root`."""

    waits = False

    def __init__(self, database: Path) -> None:
        self.root, self._database = f"web://{database}", sqlite3.connect(database)
        self._database.execute("CREATE TABLE IF NOT EXISTS web(path TEXT PRIMARY KEY, data BLOB)")

    def _data(self, path: str) -> bytes | None:
        row = self._database.execute("SELECT data FROM web WHERE path = ?", (path,)).fetchone()
        return row and row[0]

    def find(self, path: str) -> Facts | None:
        data = self._data(path)
        return None if data is None else Facts(len(data), mtime_ns=0)

    def digest(self, path: str) -> str:
        return content_digest(self._data(path) or b"")

    def publish(self, path: str, file: str, _made: OutputFile) -> None:
        data = Path(file).read_bytes()
        self._database.execute("INSERT OR REPLACE INTO web VALUES (?, ?)", (path, data))

    def close(self) -> None:
        self._database.commit()


def put(database: Path, name: str, grey: int) -> None:
    """Insert or replace a picture."""
    from PIL import Image

    data = io.BytesIO()
    Image.new("L", (320, 240), grey).save(data, "PNG")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS pictures(name TEXT PRIMARY KEY, data BLOB)")
        connection.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", (name, data.getvalue()))


def main() -> None:
    """Fill the album, and convert it three times."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        database = folder / "album.db"
        for number in range(3):
            put(database, f"2024/{number}.png", 80 * number)
        with imgpar.Session(jobs=2) as session:
            for grey in (80, 80, 200):
                put(database, "2024/1.png", grey)
                pipe = imgpar.Pipeline().resize("160")
                report = pipe.run(Album(database), Web(database), to="webp", session=session)
                print(report.ok, "converted,", report.skipped, "skipped")
        for item in report.items:
            print(item.status, *(file.path.removeprefix(f"web://{folder}/") for file in item.outputs))


if __name__ == "__main__":
    main()
