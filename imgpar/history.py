"""Reading a journal: what is known of inputs, the runs, the lines of a report; how they are written down."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, overload

from imgpar import sql
from imgpar.database import explained, read_database
from imgpar.model import Outcome, OutputFile, Status
from imgpar.targets import Done, Made
from imgpar.unchanged import Recorded

to_json = json.JSONEncoder(separators=(",", ":")).encode
"""Compact, in ASCII; `json.dumps` would make an encoder at every call."""
PAGE = 1000
"""Lines that are read together."""

_RUN = attrgetter("run")
_READ_LINES = """
SELECT job, status, reason, detail, path, name, size, outputs
FROM lines JOIN items ON items.id = lines.item JOIN folders ON folders.id = items.folder
WHERE lines.run = ? AND job > ? AND ? IN ('', status) ORDER BY job LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the journal remembers it."""

    id: int
    started: float
    finished: float | None
    key: str
    recipe: str
    command: tuple[str, ...]
    counts: Mapping[str, Any]


class Paths:
    """How outputs are written down: with `/`, relative to the base where they lie in it."""

    def __init__(self, base: str) -> None:
        self.prefix = os.path.join(base, "") if base else ""

    def pack(self, made: Iterable[Made]) -> str:
        """The outputs as JSON in ASCII."""
        cut = self.prefix
        return to_json([[at.removeprefix(cut).replace(os.sep, "/"), *facts] for at, *facts in made])

    def unpack(self, text: str) -> tuple[Made, ...]:
        """The outputs with absolute paths."""
        return () if text == "[]" else self.unpack_all([text])[0]

    def unpack_all(self, texts: Sequence[str]) -> list[tuple[Made, ...]]:
        """The same for many at once, which is three times as fast."""
        join, prefix = os.path.join, self.prefix
        lists = json.loads("[" + ",".join(texts) + "]")
        if os.sep != "/":
            return [
                tuple([(join(prefix, at.replace("/", os.sep)), *facts) for at, *facts in made])
                for made in lists
            ]
        # join(), spelled out: a path that is whole stays so.
        return [
            tuple([(at if at[0] == "/" else prefix + at, *facts) for at, *facts in made]) for made in lists
        ]


class Past:
    """What runs before this one knew of inputs; `where` is the journal's file, for what is said of errors."""

    def __init__(self, database: sqlite3.Connection, where: str, paths: Paths) -> None:
        self._database, self._where, self._paths = database, where, paths

    def recorded(self, folder: str, key: str) -> Recorded:
        """Files of a folder that were done with this recipe, and with no other one since."""
        where = (os.fsencode(folder), key)
        with explained(self._where):
            rows = {row[5]: row for row in self._database.execute(sql.READ_SAME, where)}
            if rows and self._database.execute(sql.READ_OTHER, where).fetchone():  # seldom: no join for all
                for (name,) in self._database.execute(sql.READ_NEWER, where):
                    rows.pop(name, None)
        return Recorded(rows, self._paths.prefix)

    def done_in(self, folder: str, only: Collection[str] | None) -> dict[str, tuple[Done, ...]]:
        """What is known about the files in one folder, by path, the newest first; one query."""
        only = only if only is None else frozenset(only)
        unpack, unpack_all, prefix = self._paths.unpack, self._paths.unpack_all, os.path.join(folder, "")
        found: dict[str, tuple[Done, ...]] = {}
        with explained(self._where):
            cursor = self._database.execute(sql.READ_DONE, (os.fsencode(folder),))
            while rows := cursor.fetchmany(PAGE):
                outputs = unpack_all([row[-1] for row in rows])
                for (name, claims, planned, *facts, _), made in zip(rows, outputs, strict=True):
                    path = prefix + os.fsdecode(name)
                    if only is not None and path not in only:
                        continue
                    more = unpack(planned) + unpack(claims)
                    record = Done._make((*facts, made, more))
                    if path in found:
                        found[path] = tuple(sorted((record, *found[path]), key=_RUN, reverse=True))
                    else:
                        found[path] = (record,)
        return found

    def failed(self, key: str) -> list[str]:
        """Paths of the inputs that failed with this recipe and were not done since."""
        with explained(self._where):
            rows = self._database.execute(sql.READ_FAILED, (key,))
            return [os.path.join(os.fsdecode(folder), os.fsdecode(name)) for folder, name in rows]

    def unrecorded(self) -> list[tuple[str, list[str]]]:
        """Inputs with the planned paths of their outputs, of which no run could say what became of them."""
        with explained(self._where):
            rows = self._database.execute(sql.READ_UNRECORDED)
            return [
                (
                    os.path.join(os.fsdecode(folder), os.fsdecode(name)),
                    [made[0] for made in self._paths.unpack(planned)],
                )
                for folder, name, planned in rows
            ]

    def made_from(self, path: str) -> list[OutputFile]:
        """What the latest run that was through with an input made of it."""
        folder, name = map(os.fsencode, os.path.split(path))
        with explained(self._where):
            row = self._database.execute(sql.READ_MADE, (folder, name)).fetchone()
        return [OutputFile(at[0], at[1] or 0, *at[2:]) for at in self._paths.unpack(row[0])] if row else []


class JournalItems(Sequence[Outcome]):
    """The lines of a report, read from the journal when they are asked for, a thousand at a time."""

    def __init__(self, path: str, base: str, run: int) -> None:
        self._path = path
        self._paths = Paths(base)
        self._run = run

    def __repr__(self) -> str:
        return f"<{len(self)} lines of a report>"

    def __iter__(self) -> Iterator[Outcome]:
        return self.select()

    def select(self, status: str = "") -> Iterator[Outcome]:
        """Only the lines with this status, in order."""
        last = -1
        with closing(read_database(self._path)) as database, explained(self._path):
            while rows := database.execute(_READ_LINES, (self._run, last, status, PAGE)).fetchall():
                for row in rows:
                    yield self._outcome(*row)
                last = rows[-1][0]

    def __len__(self) -> int:
        with closing(read_database(self._path)) as database, explained(self._path):
            row = database.execute("SELECT count(*) FROM lines WHERE run = ?", (self._run,)).fetchone()
            return int(row[0])

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | Sequence[Outcome]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index if index >= 0 else len(self) + index
        sql = "SELECT job FROM lines WHERE run = ? ORDER BY job LIMIT 1 OFFSET ?"
        with closing(read_database(self._path)) as database, explained(self._path):
            found = database.execute(sql, (self._run, at)).fetchone() if at >= 0 else None
            if found is None:
                raise IndexError(index)
            row = database.execute(_READ_LINES, (self._run, found[0] - 1, "", 1)).fetchone()
            return self._outcome(*row)

    def _outcome(
        self,
        job: int,
        status: Status,
        reason: str,
        detail: str | None,
        folder: bytes,
        name: bytes,
        size: int,
        outputs: str,
    ) -> Outcome:
        source = os.path.join(os.fsdecode(folder), os.fsdecode(name))
        if detail is None:
            made = tuple(OutputFile(at[0], at[1] or 0, *at[2:]) for at in self._paths.unpack(outputs))
            return Outcome(source, status, made, reason=reason, source_bytes=size, job=job)
        facts = json.loads(detail)
        made = tuple(OutputFile(*at) for at in facts.pop("outputs", ()))
        facts = {key: _frozen(value) for key, value in facts.items()}
        return Outcome(source, status, made, reason=reason, job=job, **facts)


_DETAILS = tuple(
    (name, default)
    for name, default in Outcome._field_defaults.items()
    if name not in ("outputs", "reason", "job")
)


def detail_of(outcome: Outcome) -> str | None:
    """What a line holds beside its columns, as JSON in ASCII; nothing for what is unchanged."""
    if outcome.reason == "unchanged":
        return None
    facts: dict[str, Any] = {
        name: value for name, default in _DETAILS if (value := getattr(outcome, name)) != default
    }
    if outcome.outputs:
        facts["outputs"] = [
            (out.path, out.bytes, out.width, out.height, out.mtime_ns) for out in outcome.outputs
        ]
    return to_json(facts)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value


def last_run(database: sqlite3.Connection) -> RunRecord | None:
    """The latest run in a journal, finished or not."""
    row = database.execute(
        "SELECT id, started, finished, key, facts, counts FROM runs ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    facts = json.loads(row[4])
    return RunRecord(
        row[0], row[1], row[2], row[3], facts["recipe"], tuple(facts["command"]), json.loads(row[5] or "{}")
    )
