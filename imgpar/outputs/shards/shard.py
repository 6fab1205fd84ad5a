"""One shard that is being written: an archive, and the rows of its table, each in a temporary file."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import IO, Any, NamedTuple

from imgpar.core.fs import Half, temporary_path
from imgpar.outputs.shards.columns import ColumnKinds, Value, typed
from imgpar.outputs.shards.samples import NUMBERS, RESERVED, Row
from imgpar.outputs.shards.settings import number_key, shard_name

BUFFER = 1 << 20
ROWS = 1000
"""Rows of the table that are in memory at a time."""
_RECORD = tarfile.RECORDSIZE


class SampleFile(NamedTuple):
    """A file of a sample."""

    field: str
    content: IO[bytes] | bytes
    nbytes: int


class Shard:
    """A shard in a folder.

    Args:
        folder: of the temporary files.
        number: of the shard.
        kinds: of the columns of the list.

    Raises:
        OSError: a file cannot be created.
    """

    def __init__(self, folder: str, number: int, kinds: ColumnKinds) -> None:
        self.number, self.name, self.kinds = number, shard_name(number), kinds
        self.count = 0
        """Samples, also failed ones."""
        self._halves, self._open = contextlib.ExitStack(), contextlib.ExitStack()
        self._whole = 0
        self._started = time.time()
        self._statuses, self._messages = Counter[str](), Counter[str]()
        self._columns: dict[str, None] = {}
        try:
            self._half = self._halves.enter_context(_half(folder))
            # The archive has its own position: `Half` keeps the handle for its lock.
            enter = self._open.enter_context
            self._archive: IO[bytes] = enter(open(self._half.path, "wb", BUFFER))  # noqa: SIM115
            self._rows = enter(tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
        except BaseException:
            self.close()
            raise
        self._folder = folder

    @property
    def nbytes(self) -> int:
        """Bytes of the archive so far."""
        return self._whole or self._archive.tell()

    def key(self, digits: int) -> str:
        """The key of the next sample, by its number."""
        return number_key(self.number, self.count, digits)

    def size_with(self, files: Iterable[SampleFile]) -> int:
        """Bytes of the whole archive, if these files were its last ones."""
        block = tarfile.BLOCKSIZE
        own = sum(block + file.nbytes + -file.nbytes % block for file in files)
        size = self.nbytes + own + 2 * block
        return size + -size % _RECORD

    def add(self, key: str, row: Row, files: Sequence[SampleFile]) -> list[int]:
        """Add a sample; returns the offset of each file. Raises OSError, and nothing was added."""
        end = self._archive.tell()
        starts = {}
        try:
            for file in sorted(files, key=attrgetter("field")):
                starts[file.field] = self._write(f"{key}.{file.field}", file)
            self._rows.write(json.dumps(row) + "\n")
        except BaseException:
            self._archive.seek(end)
            self._archive.truncate()
            raise
        self._columns |= dict.fromkeys(row)
        self._statuses[str(row["status"])] += 1
        self._messages[str(row["error_message"] or row["status"])] += 1
        self.count += 1
        return [starts[file.field] for file in files]

    def finish(self) -> dict[str, Half]:
        """Write what is left; returns the whole files by their final names, the statistics last."""
        self._archive.write(bytes(self.size_with(()) - self.nbytes))
        self._archive.flush()
        os.fsync(self._archive.fileno())
        table = self._halves.enter_context(_half(self._folder))
        self._write_table(table)
        stats = self._halves.enter_context(_half(self._folder))
        with open(stats.path, "w", encoding="ascii") as file:
            json.dump(self._statistics(), file, indent=4)
        self._whole = self._archive.tell()
        self._open.close()
        return {
            f"{self.name}.tar": self._half,
            f"{self.name}.parquet": table,
            f"{self.name}_stats.json": stats,
        }

    def close(self) -> None:
        """Remove what has no final name."""
        self._open.close()
        self._halves.close()

    def _write(self, name: str, member: SampleFile) -> int:
        info = tarfile.TarInfo(name)
        info.size, info.mode = member.nbytes, 0o644
        self._archive.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        start = self._archive.tell()
        content = io.BytesIO(member.content) if isinstance(member.content, bytes) else member.content
        shutil.copyfileobj(content, self._archive, BUFFER)
        if self._archive.tell() - start != member.nbytes:
            raise OSError(f"{name} has not the size it had")
        self._archive.write(bytes(-member.nbytes % tarfile.BLOCKSIZE))
        return start

    def _statistics(self) -> dict[str, Any]:
        now = time.time()
        return {
            "count": self.count,
            "successes": self._statuses["success"],
            "failed_to_download": self._statuses["failed_to_download"],
            "failed_to_resize": self._statuses["failed_to_resize"],
            "duration": now - self._started,
            "start_time": self._started,
            "end_time": now,
            "status_dict": dict(self._messages),
        }

    def _write_table(self, half: Half) -> None:
        """The rows as Parquet, some at a time."""
        import pyarrow as pa
        from pyarrow import parquet

        names = _ordered(self._columns)
        types = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}
        known = self.kinds.known
        schema = pa.schema(
            [(name, pa.int32() if name in NUMBERS else types[known.get(name, "text")]) for name in names]
        )
        rows = self._read()
        with open(half.path, "wb") as file:
            with parquet.ParquetWriter(file, schema) as writer:
                while some := list(islice(rows, ROWS)):
                    columns = {name: self._column(name, some) for name in names}
                    writer.write_table(pa.Table.from_pydict(columns, schema))
            file.flush()
            os.fsync(file.fileno())

    def _column(self, name: str, rows: Sequence[Row]) -> list[Value]:
        values = (row.get(name) for row in rows)
        if kind := self.kinds.known.get(name):
            return [typed(value, kind) if isinstance(value, str) else None for value in values]
        return list(values)

    def _read(self) -> Iterator[Row]:
        self._rows.flush()
        self._rows.seek(0)
        for line in self._rows:
            yield json.loads(line)


def _half(folder: str) -> Half:
    half = Half(temporary_path(os.path.join(folder, "x")), 0o666)
    half.share()
    return half


def _ordered(columns: Iterable[str]) -> list[str]:
    """Those of the list before those that every row has."""
    return sorted(columns, key=lambda name: name in RESERVED)
