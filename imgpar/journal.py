"""What is done and what happened, in SQLite below OUT, so that the next run does only what changed.

    begin ─► done(batch) ─► planned(jobs), before the first write ─► record(outcome, job) … ─► finish

1. Names are on the disk before a file gets one: after a crash an output of a planned row is ours.
2. `items` is the state, one row per input and recipe; `lines` is the report, one row per run and input.
3. Paths are bytes, outputs are relative to OUT: any name survives, and OUT may be moved.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from imgpar import sql
from imgpar.database import close_database, explained, open_database, state_folder
from imgpar.errors import OutputError
from imgpar.files import no_room
from imgpar.history import JournalItems, Past, Paths, RunRecord, detail_of, last_run, to_json
from imgpar.lock import Lock
from imgpar.model import Item, Job, Outcome, OutputFile
from imgpar.output import Out
from imgpar.sources.base import OURS, Batch
from imgpar.targets import Done
from imgpar.unchanged import Recorded, Unchanged

BATCH = 100
"""Outcomes that are written together: while more are, the workers would run out of tasks."""
BATCH_UNCHANGED = 10_000
"""Lines of items that are as they were that are written together."""
KEEP_RUNS = 5
"""Reports that stay readable in the journal of a folder."""
KEEP_SHARED_RUNS = 1000
"""The same where all single-file runs of a user share one journal."""


def journal_path(out: Out, chosen: str | None = None) -> str:
    """Where the journal of an output is: where the user says, in OUT, or in the user's state folder."""
    if chosen:
        return os.path.abspath(chosen)
    return os.path.join(state_folder() if out.name else os.path.join(out.folder, OURS), "journal.db")


class Journal:
    """The journal of one output place. Only the parent of a run writes to it.

    Use `Journal.open`. `notes` are sentences for the user; `unfinished` says that the run before this one
    ended early, so that temporary files may lie around.
    """

    def __init__(self, path: str, base: str, connection: sqlite3.Connection, lock: Lock | None) -> None:
        self.path = path
        self.base = base
        self.notes: list[str] = []
        self.run = 0
        self._database = connection
        self._lock = lock
        self._paths = Paths(base)
        self._past = Past(connection, path, self._paths)
        self._folders: dict[str, int] = {}
        self._pending: list[tuple[Outcome, Job | None]] = []
        self._unchanged: list[tuple[int, int, str]] = []
        """Of lines in a row that say nothing more: run, first job, and rows as JSON."""
        self._unchanged_lines = 0
        last = self.last_run()
        self.key = last.key if last else ""
        self.unfinished = last is not None and last.finished is None

    @classmethod
    def open(cls, path: str, base: str = "", *, lock: bool = True) -> Journal:
        """Open or make the journal at `path`; `base` is OUT.

        With `lock` no other run can do the same until it is closed; without it several may, each for files
        of its own. Raises OutputLockedError, OutputError, DiskFullError.
        """
        held = None
        if lock:
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                held = Lock(
                    os.path.join(os.path.dirname(path), f"{os.path.basename(path)}.lock"), base or path
                )
            except OSError as error:
                if full := no_room(error, base or path):
                    raise full from error
                raise OutputError(
                    f"{os.path.dirname(path)} cannot be written: {error.strerror}.",
                    fix="Choose another OUT, or a place for the journal with --journal.",
                ) from error
        try:
            connection, notes = open_database(path, alone=held is not None)
            journal = cls(path, base, connection, held)
        except BaseException:
            if held:
                held.release()
            raise
        journal.notes += notes
        if held and not held.kept:
            journal.notes.append(f"{base or path} cannot be locked there: do not start a second run on it.")
        return journal

    def close(self) -> None:
        """Write what is pending and let others in."""
        try:
            self.flush()
        finally:
            close_database(self._database)
            if self._lock:
                self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ----- a run ----------------------------------------------------------------------------------

    def begin(self, key: str, *, recipe: str = "", command: Sequence[str] = ()) -> int:
        """Note a new run and return its number; `key` stands for recipe and output settings."""
        self.flush()
        facts = json.dumps({"recipe": recipe, "command": list(command)})
        with self._writing() as database:
            note = "INSERT INTO runs(started, key, facts) VALUES (?, ?, ?)"
            self.run = database.execute(note, (time.time(), key, facts)).lastrowid or 0
            keep = KEEP_RUNS if self._lock else KEEP_SHARED_RUNS
            database.execute("DELETE FROM lines WHERE run <= ?", (self.run - keep,))
        self.key = key
        return self.run

    def recorded(self, folder: str, key: str) -> Recorded:
        """Files of a folder that were done with this recipe, and with no other one since."""
        if self._pending:
            self.flush()
        return self._past.recorded(folder, key)

    def done(self, batch: Batch, paths: Collection[str] | None = None) -> dict[str, tuple[Done, ...]]:
        """What is known about the files in the folders of a batch, or only about some in its one folder, by
        path, the newest first."""
        if batch.folder:
            return self.done_in(batch.folder, paths)
        found: dict[str, tuple[Done, ...]] = {}
        for folder in dict.fromkeys(os.path.dirname(item.path) for item in batch.items):
            found.update(self.done_in(folder))
        return found

    def done_in(self, folder: str, only: Collection[str] | None = None) -> dict[str, tuple[Done, ...]]:
        """What is known about the files in one folder, by path, the newest first; one query."""
        if self._pending:
            self.flush()
        return self._past.done_in(folder, only)

    def planned(self, jobs: Iterable[Job]) -> None:
        """Fix the names of these jobs: to be called before the first of their outputs is written."""
        fix: list[tuple[object, ...]] = []
        compare: list[tuple[object, ...]] = []
        with self._writing() as database:
            self._write_pending(database)
            for job in jobs:
                place, item = self._place(job.item.path), job.item
                names = self._paths.pack((target.path, None, 0, 0, item.mtime_ns) for target in job.targets)
                if job.digest:
                    compare.append((names, *place))
                else:
                    fix.append((*place, self.run, item.size, item.mtime_ns, item.inode, names))
            database.executemany(sql.PLAN, fix)
            database.executemany(sql.PLAN_COMPARE, compare)

    def record(self, outcome: Outcome, job: Job | None = None) -> None:
        """Note what happened to one item; written with others, at the latest by `flush`."""
        self._pending.append((outcome, job))
        if len(self._pending) >= BATCH:
            self.flush()

    def record_unchanged(self, items: Unchanged) -> None:
        """Note that items are as they were; written with others, at the latest by `flush`."""
        self._unchanged.append((self.run, items.job, to_json([row[0] for row in items.rows])))
        self._unchanged_lines += len(items)
        if self._unchanged_lines >= BATCH_UNCHANGED:
            self.flush()

    def flush(self) -> None:
        """Write what was recorded; the owner of the run calls it every half second or so."""
        if self._pending or self._unchanged:
            with self._writing() as database:
                self._write_pending(database)

    def finish(self, counts: Mapping[str, Any]) -> None:
        """Note that the run came to its end."""
        self.flush()
        with self._writing() as database:
            note = "UPDATE runs SET finished = ?, counts = ? WHERE id = ?"
            database.execute(note, (time.time(), json.dumps(dict(counts)), self.run))

    # ----- looking back ---------------------------------------------------------------------------

    def last_run(self) -> RunRecord | None:
        """The latest run, finished or not."""
        return last_run(self._database)

    def failed_items(self) -> list[str]:
        """Paths of the inputs that failed with the recipe of the latest run and were not done since."""
        self.flush()
        return self._past.failed(self.key)

    def unrecorded(self) -> list[tuple[str, list[str]]]:
        """Inputs with the planned paths of their outputs, of which no run could say what became of them."""
        return self._past.unrecorded()

    def made_from(self, path: str) -> list[OutputFile]:
        """What the latest run that was through with an input made of it."""
        self.flush()
        return self._past.made_from(path)

    def undone(self, path: str) -> None:
        """Forget what was made of an input: the next run makes it again."""
        with self._writing() as database:
            folder, name = map(os.fsencode, os.path.split(path))
            database.execute(sql.UNDONE, (folder, name))

    def outcomes(self, run: int = 0) -> JournalItems:
        """The lines of a run (default: this one) in the order of its inputs; readable after `close`, too."""
        self.flush()
        return JournalItems(self.path, self.base, run or self.run)

    # ----- inside ---------------------------------------------------------------------------------

    def _write_pending(self, database: sqlite3.Connection) -> None:
        unchanged, self._unchanged, self._unchanged_lines = self._unchanged, [], 0
        pending, self._pending = self._pending, []
        database.executemany(sql.SAME_LINES, unchanged)
        lines: list[tuple[object, ...]] = []
        for outcome, job in pending:
            place = self._place(outcome.source)
            lines.append((self.run, outcome.job, outcome.status, outcome.reason, detail_of(outcome), *place))
            if outcome.reason != "unchanged":
                database.execute(sql.UPSERT, (*place, self.run, *self._state(outcome, job)))
            elif job is not None:
                item = job.item
                database.execute(sql.STILL_DONE, (item.size, item.mtime_ns, item.inode, *place))
        if lines and database.executemany(sql.LINE, lines).rowcount < len(lines):
            # In place a file is known as an output, perhaps not yet as an input.
            database.executemany(sql.SEEN, [(*line[5:], self.run) for line in lines])
            database.executemany(sql.LINE, lines)

    def _state(self, outcome: Outcome, job: Job | None) -> tuple[object, ...]:
        item = job.item if job else Item(outcome.source, "", 0, 0)
        written = outcome.outputs if outcome.status != "skipped" else ()
        outputs = self._paths.pack(
            (out.path, out.bytes, out.width, out.height, out.mtime_ns) for out in written
        )
        return (outcome.status, item.size, item.mtime_ns, item.inode, outcome.digest, outputs)

    def _place(self, source: str) -> tuple[int, bytes, str]:
        folder, name = os.path.split(source)
        number = self._folders.get(folder)
        if number is None:
            raw = os.fsencode(folder)
            self._database.execute("INSERT OR IGNORE INTO folders(path) VALUES (?)", (raw,))
            row = self._database.execute("SELECT id FROM folders WHERE path = ?", (raw,)).fetchone()
            if len(self._folders) >= 4096:
                self._folders.clear()
            number = self._folders[folder] = int(row[0])
        return number, os.fsencode(name), self.key

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nothing of it stays when it fails."""
        if not os.path.exists(self.path):  # SQLite would go on writing to a file without a name
            raise OutputError(
                f"{self.base or self.path} was removed during the run.",
                fix="Run again; nobody knows what is done.",
            )
        with explained(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._folders.clear()
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
