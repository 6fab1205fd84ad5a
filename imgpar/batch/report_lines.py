"""The lines of a report, and the facts for `retry`. Both contain paths of inputs, which the journal does not.

    STATE/runs/UID.json     facts for `retry`: the inputs, the command
    STATE/runs/UID.db       the lines of the report; only the newest are kept

Both files are in the state folder of the user and readable only by the user. UID is the random id of the run.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, overload

from imgpar.batch.incremental import Unchanged
from imgpar.batch.journal import sql
from imgpar.batch.journal.database import read_database, readable, translated_errors
from imgpar.batch.journal.history import PAGE, Paths, to_json
from imgpar.core.job import Job, Outcome, OutputFile
from imgpar.core.liveness import hold, is_free
from imgpar.core.slices import MadeFiles
from imgpar.core.tempfiles import temporary_folder

KEEP_REPORTS = 20
"""Number of reports that are kept; others are kept for an hour."""
HOUR = 3600.0
KEEP_FACTS = 1000
"""Number of runs whose facts are kept."""
_TABLES = """
CREATE TABLE lines(
    job INTEGER PRIMARY KEY, source BLOB NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT);
-- Consecutive unchanged inputs: their outputs are in these rows of the journal, one or a list for each.
CREATE TABLE stretches(
    job INTEGER PRIMARY KEY, count INTEGER NOT NULL, folder BLOB NOT NULL, rows TEXT NOT NULL);
-- Slices: the lines of several inputs in columns, as JSON.
CREATE TABLE slices(job INTEGER PRIMARY KEY, count INTEGER NOT NULL, lines TEXT NOT NULL)
"""


def state_folder() -> str:
    """The folder for the state of this program, for the current user."""
    from platformdirs import user_state_dir  # few commands need it

    return user_state_dir("imgpar", appauthor=False)


def write_facts(uid: str, facts: Mapping[str, Any]) -> None:
    """Store the facts of a run for `retry`; a state folder that cannot be written is not an error."""
    with contextlib.suppress(OSError):
        path = os.path.join(_runs_folder(), f"{uid}.json")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            json.dump(facts, file)
        _prune(".json", KEEP_FACTS)


def read_facts(uid: str) -> dict[str, Any] | None:
    """The facts stored by `write_facts`; None where there are none on this machine."""
    try:
        with open(os.path.join(state_folder(), "runs", f"{uid}.json"), encoding="ascii") as file:
            facts = json.load(file)
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def forget_run(uid: str) -> None:
    """Remove the lines and the facts of a run that nobody will ask for."""
    for suffix in (".db", ".json"):
        with contextlib.suppress(OSError):
            os.remove(os.path.join(state_folder(), "runs", f"{uid}{suffix}"))


class LineWriter:
    """Writes the lines of one run.

    Args:
        uid: id of the run.
        journal: path of the journal with the rows of unchanged inputs.
        base: folder that its paths are relative to.
    """

    def __init__(self, uid: str, journal: str, base: str) -> None:
        self.path = _new_file(uid)
        self._handle = os.open(self.path, os.O_RDWR)
        hold(self._handle, self.path)  # other runs remove old reports
        self._journal, self._base = journal, base
        self._lines: list[tuple[object, ...]] = []
        self._stretches: list[tuple[object, ...]] = []
        self._slices: list[tuple[object, ...]] = []
        with translated_errors(self.path):
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            # Lines are not needed after a crash.
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(_TABLES)

    def add(self, outcome: Outcome) -> None:
        """Add one line; `flush` writes it."""
        self.add_each((outcome,))

    def add_slice(self, job: Job, made: MadeFiles) -> None:
        """Add the lines of what was made of a slice; `flush` writes them."""
        if made.numbers:
            lines = to_json(_SliceLines.of(job, made))
            self._slices.append((job.id + made.numbers[0], len(made.numbers), lines))

    def add_each(self, outcomes: Iterable[Outcome]) -> None:
        """Add some lines; `flush` writes them."""
        self._lines += [
            (outcome.job, os.fsencode(outcome.source), outcome.status, outcome.reason, _detail_of(outcome))
            for outcome in outcomes
        ]

    def add_unchanged(self, items: Unchanged) -> None:
        """Add the lines of unchanged inputs; `flush` writes them."""
        if items.items[items.start].columns:  # which the journal does not have
            for outcome in items:
                self.add(outcome)
            return
        folder = os.fsencode(os.path.dirname(items.items[items.start].path))
        self._stretches.append((items.job, len(items), folder, to_json([row[0] for row in items.rows])))

    def flush(self) -> None:
        """Write added lines. Raises DiskFullError, OutputError."""
        lines, self._lines = self._lines, []
        stretches, self._stretches = self._stretches, []
        slices, self._slices = self._slices, []
        if lines or stretches or slices:
            with translated_errors(self.path):
                self._database.execute("BEGIN")
                self._database.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?)", lines)
                self._database.executemany("INSERT OR REPLACE INTO stretches VALUES (?, ?, ?, ?)", stretches)
                self._database.executemany("INSERT OR REPLACE INTO slices VALUES (?, ?, ?)", slices)
                self._database.execute("COMMIT")

    def items(self) -> ReportLines:
        """The lines; readable after `close` as well."""
        return ReportLines(self.path, self._journal, self._base)

    def close(self) -> None:
        """Write added lines and close the file."""
        try:
            self.flush()
        finally:
            self._database.close()
            os.close(self._handle)


class ReportLines(Sequence[Outcome]):
    """The lines of a report, read from the disk on demand, a thousand at a time."""

    def __init__(self, path: str, journal: str, base: str) -> None:
        self._path, self._journal = path, journal
        self._paths = Paths(base)

    @property
    def uid(self) -> str:
        """The id of the run."""
        return os.path.splitext(os.path.basename(self._path))[0]

    def __repr__(self) -> str:
        return f"<{len(self)} lines of a report>"

    def __iter__(self) -> Iterator[Outcome]:
        return self.select()

    def select(self, status: str = "") -> Iterator[Outcome]:
        """Only the lines with this status, in order."""
        with closing(self._opened()) as database, readable(self._path):
            parts = [self._lines(database, status)]
            if status in ("", "skipped"):
                parts.append(self._unchanged(database))
            if status in ("", "ok"):
                parts.append(_of_slices(database))
            yield from merge(*parts, key=attrgetter("job"))

    def __len__(self) -> int:
        with closing(self._opened()) as database, readable(self._path):
            (lines,) = database.execute("SELECT count(*) FROM lines").fetchone()
            (same,) = database.execute("SELECT coalesce(sum(count), 0) FROM stretches").fetchone()
            (sliced,) = database.execute("SELECT coalesce(sum(count), 0) FROM slices").fetchone()
            return int(lines + same + sliced)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | Sequence[Outcome]:
        if isinstance(index, slice):
            return list(self)[index]
        at = index if index >= 0 else len(self) + index
        found = next(islice(self.select(), at, None), None) if at >= 0 else None
        if found is None:
            raise IndexError(index)
        return found

    def _opened(self) -> sqlite3.Connection:
        from urllib.parse import quote

        place = f"file:{quote(os.fsencode(self._path))}?mode=ro"
        return sqlite3.connect(place, uri=True, isolation_level=None)

    def _lines(self, database: sqlite3.Connection, status: str) -> Iterator[Outcome]:
        last, query = -1, "SELECT * FROM lines WHERE job > ? AND ? IN ('', status) ORDER BY job LIMIT ?"
        while rows := database.execute(query, (last, status, PAGE)).fetchall():
            for row in rows:
                yield _outcome(*row)
            last = rows[-1][0]

    def _unchanged(self, database: sqlite3.Connection) -> Iterator[Outcome]:
        last, query = -1, "SELECT job, folder, rows FROM stretches WHERE job > ? ORDER BY job LIMIT 1"
        while stretch := database.execute(query, (last,)).fetchone():
            last, folder, rows = stretch
            yield from self._of_stretch(last, os.fsdecode(folder), rows)

    def _of_stretch(self, job: int, folder: str, rows: str) -> Iterator[Outcome]:
        with closing(read_database(self._journal)) as journal, readable(self._journal):
            items = [row if isinstance(row, list) else [row] for row in json.loads(rows)]
            every = to_json([row for item in items for row in item])
            facts = {row[0]: row[1:] for row in journal.execute(sql.READ_ROWS, (every,))}
        for number, item in enumerate(items, job):
            found = [facts.get(row, (b"?", 0, "[]")) for row in item]
            name, size, _ = found[0]
            source = os.path.join(folder, os.fsdecode(name))
            made = tuple(file for *_, outputs in found for file in self._paths.unpack(outputs))
            yield Outcome(source, "skipped", made, reason="unchanged", source_bytes=size, job=number)


class _SliceLines(NamedTuple):
    """The lines of a slice, without the items that were not made."""

    first: int
    """Id of the job of the first item of the slice."""
    folder: str
    """Of the inputs, with a trailing separator."""
    out: str
    """Of the outputs, with a trailing separator."""
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    outputs: tuple[str, ...]
    """Names of the outputs."""
    made: MadeFiles

    @classmethod
    def of(cls, job: Job, made: MadeFiles) -> _SliceLines:
        """The lines of a slice of which this was made."""
        folder = job.item.path[: -len(job.item.name)]
        out = os.path.join(os.path.dirname(job.targets[0].path), "")
        behind, below = len(folder), len(out)
        items = [job.items[number] for number in made.numbers]
        names = tuple([item.path[behind:] for item in items])
        outputs = tuple([job.targets[number].path[below:] for number in made.numbers])
        return cls(job.id, folder, out, names, tuple([item.size for item in items]), outputs, made)

    def outcomes(self) -> list[Outcome]:
        """The lines."""
        sources = [self.folder + name for name in self.names]
        outputs = [self.out + name for name in self.outputs]
        return self.made.outcomes_of(self.first, sources, self.sizes, outputs)


def _of_slices(database: sqlite3.Connection) -> Iterator[Outcome]:
    last, query = -1, "SELECT job, lines FROM slices WHERE job > ? ORDER BY job LIMIT 1"
    while row := database.execute(query, (last,)).fetchone():
        last, lines = row
        parts = _SliceLines._make(json.loads(lines))
        yield from parts._replace(made=MadeFiles._make(parts.made)).outcomes()


_DEFAULTS = tuple(Outcome._field_defaults.get(name) for name in Outcome._fields)
_COLUMNS = ("source", "status", "reason", "job", "seen")
"""Fields of an outcome that have a column of their own, or are not kept."""


def _detail_of(outcome: Outcome) -> str:
    """The fields of a line without a column of their own, as JSON in ASCII."""
    facts: dict[str, Any] = {
        name: value
        for name, value, default in zip(Outcome._fields, outcome, _DEFAULTS, strict=True)
        if value != default
    }
    for name in _COLUMNS:
        facts.pop(name, None)
    return to_json(facts)


def _outcome(job: int, source: bytes, status: Any, reason: str, detail: str) -> Outcome:
    facts = json.loads(detail)
    made = tuple(OutputFile(*at) for at in facts.pop("outputs", ()))
    facts = {key: _frozen(value) for key, value in facts.items()}
    return Outcome(os.fsdecode(source), status, made, reason=reason, job=job, **facts)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value


def _runs_folder() -> str:
    folder = os.path.join(state_folder(), "runs")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def _new_file(uid: str) -> str:
    """A new file for the lines; in a temporary folder where the state folder cannot be written."""
    try:
        folder = _runs_folder()
        _prune(".db", KEEP_REPORTS)
        return _created(os.path.join(folder, f"{uid}.db"))
    except OSError:
        folder = temporary_folder()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return _created(os.path.join(folder, f"{uid}.db"))


def _created(path: str) -> str:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def _prune(suffix: str, keep: int) -> None:
    """Remove files of a kind except the newest, those of the last hour, and those in use."""
    before = time.time() - HOUR
    with contextlib.suppress(OSError), os.scandir(_runs_folder()) as entries:
        found = [(entry.stat().st_mtime, entry.path) for entry in entries if entry.name.endswith(suffix)]
        for written, path in sorted(found, reverse=True)[keep:]:
            if written < before and is_free(path):
                os.remove(path)
