"""Queries of a journal: records of inputs, and outputs as JSON."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from imgpar.batch.incremental import Recorded
from imgpar.batch.journal import sql
from imgpar.batch.journal.database import readable
from imgpar.core.job import Facts, OutputFile
from imgpar.outputs.prior import PriorResult

PAGE = 1000
"""Rows fetched at a time."""
_ascii = json.JSONEncoder(separators=(",", ":")).encode
_encode = msgspec.json.Encoder().encode

_RUN = attrgetter("run")


class RunRecord(NamedTuple):
    """A row of the table `runs`."""

    id: int
    uid: str
    """Random id, unique to the run."""
    started: float
    finished: float | None
    key: str
    recipe: str | None
    """The recipe as TOML; None if it has no text form or contains an absolute path."""
    counts: Mapping[str, Any]


class Made(NamedTuple):
    """The outputs of one input; `folder` is an id in the table `folders`."""

    folder: int
    outputs: tuple[OutputFile, ...]


def to_json(value: Any) -> str:
    """Compact JSON in ASCII; in a fifth of the time of `json` unless there are other characters."""
    try:
        data = _encode(value)
    except (UnicodeEncodeError, OverflowError):  # a name that is not UTF-8, an inode of 128 bits
        return _ascii(value)
    return data.decode("ascii") if data.isascii() else _ascii(value)


class Paths:
    """Conversion of outputs to JSON and back. Paths use `/` and are relative to the base folder.

    With an empty base (the journal of single files, in the user's state folder) they are absolute.
    """

    def __init__(self, base: str) -> None:
        self.prefix = os.path.join(base, "") if base else ""

    def pack(self, made: Iterable[OutputFile]) -> str:
        """The outputs as JSON in ASCII."""
        relative = self.relative
        return to_json([[relative(at), *facts] for at, *facts in made])

    def relative(self, path: str) -> str:
        """The path of an output as it is stored."""
        inside = path.removeprefix(self.prefix)
        return inside if os.sep == "/" else inside.replace(os.sep, "/")

    def unpack(self, text: str) -> tuple[OutputFile, ...]:
        """The outputs with absolute paths. Raises ValueError or TypeError if the text is invalid."""
        return () if text == "[]" else self.unpack_all([text])[0]

    def unpack_all(self, texts: Sequence[str]) -> list[tuple[OutputFile, ...]]:
        """The same for many texts in one call, which is three times as fast."""
        lists = json.loads("[" + ",".join(texts) + "]")
        return [tuple([self._output(*facts) for facts in made]) for made in lists]

    def _output(self, at: str, *facts: Any) -> OutputFile:
        if self.prefix and _leads_out(at):
            raise ValueError(f"{at!a} is not inside")
        if not all(type(fact) is int for fact in facts[:6]) or (len(facts) > 6 and type(facts[6]) is not str):
            raise TypeError(f"{facts!a} are no facts")
        if not at.isascii():
            os.fsencode(at)  # raises UnicodeEncodeError for lone surrogates
        return OutputFile(self.prefix + (at if os.sep == "/" else at.replace("/", os.sep)), *facts)


class Past:
    """Records of earlier runs; `where` is the path of the journal, for messages."""

    def __init__(self, database: sqlite3.Connection, where: str, paths: Paths) -> None:
        self._database, self._where, self._paths = database, where, paths
        self._sorted = False
        """Whether the table for `owners` is there."""

    def recorded(self, folder: int, key: str, siblings: Sequence[str] = ()) -> Recorded:
        """Files of a folder whose newest record has this recipe and is complete; those of `siblings`, the
        other outputs of the recipe, do not count as newer."""
        own = to_json(siblings or [key])
        with readable(self._where):
            rows = {row[6]: row for row in self._database.execute(sql.READ_SAME, (folder, key))}
            if rows and self._database.execute(sql.READ_OTHER, (folder, own)).fetchone():  # seldom
                for (name,) in self._database.execute(sql.READ_NEWER, (own, folder, key)):
                    rows.pop(name, None)
        return Recorded(rows, self._paths, self._where)

    def done_in(
        self, folder: int, only: Collection[bytes] | None = None
    ) -> dict[bytes, tuple[PriorResult, ...]]:
        """The records of the files of one folder by name, newest first; one query."""
        found: dict[bytes, tuple[PriorResult, ...]] = {}
        for name, record in self._records(folder):
            if only is None or name in only:
                if name in found:
                    found[name] = tuple(sorted((record, *found[name]), key=_RUN, reverse=True))
                else:
                    found[name] = (record,)
        return found

    def done_of(self, folder: int, names: Iterable[bytes]) -> dict[bytes, tuple[PriorResult, ...]]:
        """The same for some of many files, each looked up by its name."""
        found: dict[bytes, tuple[PriorResult, ...]] = {}
        for name in names if folder else ():
            records = [record for _, record in self._read(sql.READ_ONE, (folder, name))]
            if records:
                found[name] = tuple(sorted(records, key=_RUN, reverse=True))
        return found

    def taken(self, mirror: bytes, folders: Collection[int]) -> list[tuple[bytes, PriorResult]]:
        """Names and records of the inputs of other folders than these with the same output folder."""
        with readable(self._where):
            others = [row[0] for row in self._database.execute(sql.FOLDERS_INTO, (mirror,))]
        return [pair for other in others if other not in folders for pair in self._records(other)]

    def owners(self, names: Iterable[str]) -> list[tuple[bytes, PriorResult]]:
        """Names and records of the inputs with these outputs, as they were before this run; the names of
        outputs are relative to OUT. All outputs are sorted once, on disk."""
        if not self._sorted and names:
            with readable(self._where):
                self._database.executescript(sql.SORT_OUTPUTS)
            self._sorted = True
        rows = dict.fromkeys(
            row for name in names for (row,) in self._database.execute(sql.OWNERS, (name.lower(),)).fetchall()
        )
        return [pair for row in rows for pair in self._read(sql.READ_ROW, (row,))]

    def was_scattered(self) -> bool:
        """Whether names of a run may have put outputs into other folders than those of their inputs."""
        with readable(self._where):
            return self._database.execute(sql.SCATTERED).fetchone() is not None

    def elsewhere(self, folders: Collection[int]) -> list[tuple[bytes, PriorResult]]:
        """Names and records of the inputs of all folders other than these."""
        with readable(self._where):
            others = [row[0] for row in self._database.execute(sql.ALL_FOLDERS)]
        return [pair for other in others if other not in folders for pair in self._records(other)]

    def _records(self, folder: int) -> Iterator[tuple[bytes, PriorResult]]:
        return self._read(sql.READ_DONE, (folder,))

    def _read(self, query: str, values: Sequence[object]) -> Iterator[tuple[bytes, PriorResult]]:
        unpack, unpack_all = self._paths.unpack, self._paths.unpack_all
        with readable(self._where):
            cursor = self._database.execute(query, values)
            while rows := cursor.fetchmany(PAGE):
                outputs = unpack_all([row[-1] for row in rows])
                for row, made in zip(rows, outputs, strict=True):
                    number, folder, name, claims, planned, validator, *facts, _ = row
                    if not (isinstance(name, bytes) and isinstance(validator, str)):
                        raise TypeError(name)
                    yield (
                        name,
                        PriorResult._make(
                            (*facts, made, unpack(planned) + unpack(claims), number, folder, validator)
                        ),
                    )

    def failed(self, folder: int, keys: Sequence[str]) -> set[bytes]:
        """Names of the files of a folder whose state with one of these keys is failed."""
        with readable(self._where):
            return {row[0] for row in self._database.execute(sql.READ_FAILED, (folder, to_json(keys)))}

    def failed_of(self, folder: int, names: Iterable[bytes], keys: Sequence[str]) -> Iterator[bytes]:
        """The same for some of many files, each looked up by its name."""
        with readable(self._where):
            for name in names if folder else ():
                if self._database.execute(sql.HAS_FAILED, (folder, name, to_json(keys))).fetchone():
                    yield name

    def failed_alike(self, folder: int, keys: Sequence[str]) -> list[tuple[bytes, Facts]]:
        """Names of the files of a folder that failed with one of these keys, and their status then."""
        with readable(self._where):
            rows = self._database.execute(sql.FAILED_ALIKE, (folder, to_json(keys))).fetchall()
        return [(name, Facts(*facts)) for name, *facts in rows]

    def made(self) -> Iterator[Made]:
        """The outputs of every complete input, ordered by folder."""
        with readable(self._where):
            cursor = self._database.execute(sql.READ_MADE)
            while rows := cursor.fetchmany(PAGE):
                files = self._paths.unpack_all([row[1] for row in rows])
                yield from map(Made, [row[0] for row in rows], files)


def last_run(database: sqlite3.Connection) -> RunRecord | None:
    """The latest run in a journal, finished or not."""
    row = database.execute(
        "SELECT id, uid, started, finished, key, recipe, counts FROM runs ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return None if row is None else RunRecord._make((*row[:-1], json.loads(row[-1] or "{}")))


def _leads_out(at: str, separator: str = os.sep) -> bool:
    r"""Whether a stored path is none below OUT: those have no separator but `/`.

    >>> [_leads_out(at, "\\") for at in ("a/b.jpg", "../a.jpg", r"..\a.jpg", "C:a.jpg")]
    [False, True, True, True]
    """
    if separator != "/" and (separator in at or ":" in at):
        return True
    return f"/{at}/".find("/../") >= 0 or at[:1] == "/" or "\0" in at
