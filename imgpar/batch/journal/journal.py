"""The journal: the state of each input in an SQLite database, so that a run skips unchanged inputs.

    begin ─► done(batch) ─► planned(jobs), before the first write ─► record(outcome, job) … ─► finish

1. The names of outputs are stored before the outputs are written: after a crash a file with a planned
   name is known to be an output.
2. The table `items` has the state, one row per input and output of the recipe: each [[output]] table has its
   own key, so that a new one does not concern the others. The lines of the report are not stored here: see
   `report_lines`.
3. An input folder is identified by salted hashes of its absolute path and of its path relative to OUT: either
   may be moved. The journal contains no path outside OUT.
4. Paths of inputs are bytes; paths of outputs are relative to OUT. All content is validated when it is read.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from imgpar.batch.incremental import Recorded, Unchanged
from imgpar.batch.journal import sql
from imgpar.batch.journal.database import close_database, open_database, readable, translated_errors
from imgpar.batch.journal.folders import InputFolders
from imgpar.batch.journal.history import Made, Past, Paths, RunRecord, last_run, to_json
from imgpar.batch.journal.recovery import take_over
from imgpar.batch.journal.rows import RunRows
from imgpar.batch.report_lines import LineWriter, ReportLines, state_folder
from imgpar.core.digest import LOCAL, Store
from imgpar.core.error_messages import setting
from imgpar.core.errors import OutputError
from imgpar.core.filenames import short_hash
from imgpar.core.fs import OURS, make_private, no_room
from imgpar.core.job import LISTED, Facts, Job, Outcome, OutputFile
from imgpar.core.liveness import random_name
from imgpar.core.locks import Lock
from imgpar.core.slices import MadeFiles
from imgpar.inputs.batches import Batch
from imgpar.outputs.destination import Out
from imgpar.outputs.prior import PriorResult
from imgpar.outputs.write_ahead import read_written, remove_written

BATCH = 400
"""Outcomes per transaction; a longer transaction would leave workers without tasks."""
KEEP_RUNS = 100
"""Number of runs after which older ones with the same recipe are forgotten."""
BATCH_UNCHANGED = 10_000
"""Unchanged items after which their lines are written."""
_SEPARATOR = ","
"""Between the keys of a run in the table `runs`."""


def journal_path(out: Out, chosen: str | None = None) -> str:
    """The path of the journal: the given one, in OUT, or in the user's state folder if OUT is no folder: one
    for all files, and one for each sink that has none of its own."""
    if chosen:
        return os.path.abspath(chosen)
    if out.stored and not out.name:
        own = out.stored.journal
        return own or os.path.join(state_folder(), "outputs", short_hash(out.folder, 32), "journal.db")
    return os.path.join(state_folder() if out.name else os.path.join(out.folder, OURS), "journal.db")


class Journal:
    """The journal of one output location. Only the parent process of a run writes to it.

    Use `Journal.open`. `notes` are sentences for the report; `unfinished` is true if the previous run did not
    finish, so that temporary files may be left.
    """

    def __init__(
        self,
        path: str,
        base: str,
        connection: sqlite3.Connection,
        lock: Lock | None,
        *,
        in_place: bool = False,
    ) -> None:
        self._in_place = in_place
        self.path = path
        self.base = base
        self.notes: list[str] = []
        self.run = 0
        self.uid = ""
        self._database = connection
        self._lock = lock
        self._paths = Paths(base)
        self._past = Past(connection, path, self._paths)
        self.folders = InputFolders(connection, path, base, in_place=in_place)
        self._lines: LineWriter | None = None
        self._pending: list[tuple[Outcome, Job | None]] = []
        self._slices: list[tuple[Job, MadeFiles]] = []
        self._waiting = 0
        """Outcomes that are not written yet."""
        self._unchanged_lines = 0
        with readable(path):
            last = self.last_run()
        self.keys = _keys_in(last.key) if last else ()
        self.unfinished = last is not None and last.finished is None

    @classmethod
    def open(
        cls,
        path: str,
        base: str = "",
        *,
        lock: bool = True,
        chosen: bool = False,
        in_place: bool = False,
    ) -> Journal:
        """Open or create the journal at `path`.

        Args:
            path: path of the journal.
            base: OUT.
            lock: prevent other runs from opening it until it is closed; without it, several runs may use it
                for different files.
            chosen: the path was given with --journal; a file that is no journal is then not changed.
            in_place: outputs are in the folders of their inputs.

        Raises:
            OutputLockedError: another run has it open.
            OutputError: it cannot be read or written.
            DiskFullError: there is no space for it.
        """
        held = None
        if lock:
            try:
                make_private(os.path.dirname(path))
                held = Lock(f"{path}.lock", base or path)
            except OSError as error:
                if full := no_room(error, base or path):
                    raise full from error
                raise OutputError(
                    f"{os.path.dirname(path)} cannot be written: {error.strerror}.",
                    fix=f"Choose another OUT, or a place for the journal with {setting('journal')}.",
                ) from error
        try:
            connection, notes = open_database(path, base, alone=held is not None, chosen=chosen)
            try:
                journal = cls(path, base, connection, held, in_place=in_place)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            if held:
                held.release()
            raise
        journal.notes += notes
        if held and not held.kept:
            journal.notes.append(f"{base or path} cannot be locked there: do not start a second run on it.")
        return journal

    def close(self) -> None:
        """Write pending outcomes, close the database and release the lock."""
        try:
            self.flush()
        finally:
            if self._lines:
                self._lines.close()
            close_database(self._database)
            if self._lock:
                self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ----- a run ----------------------------------------------------------------------------------

    def begin(self, *keys: str, recipe: str | None = None) -> str:
        """Insert a new run and return its random id; each key identifies the settings of one output of the
        recipe."""
        self.flush()
        self.uid = random_name()
        if self._lines:
            self._lines.close()
        self._lines = LineWriter(self.uid, self.path, self.base)
        with self._writing() as database:
            note = "INSERT INTO runs(uid, started, key, recipe) VALUES (?, ?, ?, ?)"
            text = _SEPARATOR.join(keys)
            self.run = database.execute(note, (self.uid, time.time(), text, recipe)).lastrowid or 0
        self.keys = keys
        return self.uid

    @property
    def written(self) -> str:
        """The folder of the write-ahead logs of the workers."""
        return f"{self.path}.written"

    def recorded(self, batch: Batch, key: str, siblings: Sequence[str] = ()) -> Recorded:
        """Files of a batch whose newest record has this recipe and is complete; see `Past.recorded`."""
        if self._waiting:
            self.flush()
        folder = self.folders.enter(batch.folder, batch.mirror, batch.root)
        return self._past.recorded(folder, key, siblings)

    def done(self, batch: Batch, paths: Collection[str] | None = None) -> dict[str, tuple[PriorResult, ...]]:
        """The records of the files in the folders of a batch by path, newest first; `paths` selects
        some of the files."""
        if self._waiting:
            self.flush()
        found: dict[str, tuple[PriorResult, ...]] = {}
        if batch.part:
            names = [os.fsencode(item.path) for item in batch.items]
            records = self._past.done_of(self.folders.enter(LISTED, ""), names)
            return {os.fsdecode(name): record for name, record in records.items()}
        folders = [batch.folder] if batch.folder else _folders_of(batch)
        for folder in folders:
            number = self.folders.enter(folder, batch.mirror, batch.root)
            found.update(self._done_in([number], folder, paths))
        return found

    def done_in(self, folder: str, only: Collection[str] | None = None) -> dict[str, tuple[PriorResult, ...]]:
        """The same for one folder and all its output folders; nothing is written."""
        if self._waiting:
            self.flush()
        with translated_errors(self.path):
            rows = self.folders.rows_at(folder)
        return self._done_in(rows, folder, only)

    def taken(self, batch: Batch) -> list[tuple[str, PriorResult]]:
        """Names and records of inputs of other folders with the output folder of the batch, and of inputs
        whose outputs a template has put there."""
        folders = [batch.folder] if batch.folder else _folders_of(batch)
        mirror, found = os.fsencode(batch.mirror), list[tuple[str, PriorResult]]()
        own = [self.folders.enter(folder, batch.mirror, batch.root) for folder in folders]
        if own:
            apart = {*own, self.folders.enter(LISTED, "")}  # for those of lists see `owners`
            found = [(os.fsdecode(name), record) for name, record in self._past.taken(mirror, apart)]
        if self._past.was_scattered():
            known = {record.row for _, record in found}
            below = os.path.join(self.base, *batch.mirror.split("/"), "")
            found += [
                (os.fsdecode(name), record)
                for name, record in self._past.elsewhere(own)
                if record.row not in known and any(_lies_in(file.path, below) for file in record.outputs)
            ]
        return found

    def owners(self, batch: Batch) -> Callable[[Sequence[str]], list[tuple[str, PriorResult]]] | None:
        """Returns the inputs of lists that have some of these outputs; for a part of a list, of all inputs
        outside of it. None where there are none."""
        return partial(self._owners, batch) if batch.part or self.folders.enter(LISTED, "") else None

    def _owners(self, batch: Batch, paths: Sequence[str]) -> list[tuple[str, PriorResult]]:
        listed = self.folders.enter(LISTED, "")
        prefix = len(self._paths.prefix)
        names = [path[prefix:].replace(os.sep, "/") for path in paths]
        own = {item.path for item in batch.items} if batch.part else set[str]()
        found = [(os.fsdecode(name), record) for name, record in self._past.owners(names)]
        if batch.part:
            return [pair for pair in found if pair[1].folder != listed or pair[0] not in own]
        return [pair for pair in found if pair[1].folder == listed]

    def elsewhere(self, batches: Sequence[Batch]) -> list[tuple[str, PriorResult]]:
        """Names and records of inputs of all folders other than those of these batches."""
        own = {
            self.folders.enter(folder, batch.mirror, batch.root)
            for batch in batches
            for folder in ([batch.folder] if batch.folder else _folders_of(batch))
        }
        return [(os.fsdecode(name), record) for name, record in self._past.elsewhere(own)]

    def count_other_settings(self) -> int:
        """The number of inputs that were converted with other settings at some time."""
        with readable(self.path):
            return int(self._database.execute(sql.COUNT_OTHER, (to_json(self.keys),)).fetchone()[0])

    def planned(self, jobs: Iterable[Job]) -> None:
        """Store the output names of these jobs; must be called before the first output is written."""
        with self._writing() as database:
            self._write_pending(database)
            self._rows.plan(database, jobs)

    def record(self, outcome: Outcome, job: Job | None = None) -> None:
        """Record the outcome of one item; it is written by the next `flush` or earlier."""
        self._pending.append((outcome, job))
        self._count_waiting(1)

    def record_slice(self, job: Job, made: MadeFiles) -> None:
        """Record what was made of items of a slice, likewise."""
        self._slices.append((job, made))
        self._count_waiting(len(made.numbers))

    def _count_waiting(self, count: int) -> None:
        self._waiting += count
        if self._waiting >= BATCH:
            self.flush()

    def record_unchanged(self, items: Unchanged) -> None:
        """Record unchanged items; their lines are written by the next `flush` or earlier."""
        if self._lines:
            self._lines.add_unchanged(items)
        self._unchanged_lines += len(items)
        if self._unchanged_lines >= BATCH_UNCHANGED:
            self.flush()

    def flush(self) -> None:
        """Write pending outcomes and lines; `Run` calls it about every half second."""
        self._unchanged_lines = 0
        if self._waiting:
            with self._writing() as database:
                self._write_pending(database)
        if self._lines:
            self._lines.flush()

    def finish(self, counts: Mapping[str, Any]) -> None:
        """Record the end of the run."""
        self.flush()
        with self._writing() as database:
            note = "UPDATE runs SET finished = ?, counts = ? WHERE id = ?"
            database.execute(note, (time.time(), json.dumps(dict(counts)), self.run))
            database.execute(sql.PRUNE_RUNS, (self.run - KEEP_RUNS, _SEPARATOR.join(self.keys), self.run))
        remove_written(self.written, self.uid)

    # ----- after a crash --------------------------------------------------------------------------

    def recover(
        self,
        noted: Mapping[str, list[OutputFile]] | None = None,
        *,
        in_place: bool = False,
        store: Store = LOCAL,
    ) -> None:
        """Record outputs that earlier runs committed but did not record because of a crash.

        An item is complete if all its outputs are; in place, only if its original is removed or replaced too.

        Args:
            noted: entries of the write-ahead logs of those runs, by path; None reads the logs beside the
                journal.
            in_place: whether outputs are in the folders of their inputs.
            store: where the outputs are.
        """
        own = partial(read_written, self.written, self.base) if noted is None else None
        noted = read_written(self.written, self.base) if noted is None else noted
        if noted:
            with self._writing() as database, readable(self.path):
                take_over(database, self._paths, noted, own, in_place=in_place, store=store)

    # ----- queries ----------------------------------------------------------------------------------

    def last_run(self) -> RunRecord | None:
        """The latest run, finished or not."""
        with readable(self.path):
            return last_run(self._database)

    def failed_in(self, batch: Batch) -> set[str]:
        """Paths of the items of a batch whose state with the latest recipe is failed."""
        self.flush()
        if batch.part:
            number = self.folders.enter(LISTED, "")
            wanted = [os.fsencode(item.path) for item in batch.items]
            return set(map(os.fsdecode, self._past.failed_of(number, wanted, self.keys)))
        found = set()
        for folder in [batch.folder] if batch.folder else _folders_of(batch):
            names = self._past.failed(self.folders.enter(folder, batch.mirror, batch.root), self.keys)
            found |= {os.path.join(folder, os.fsdecode(name)) for name in names}
        return found

    def failed_alike(self, batch: Batch) -> set[str]:
        """Paths of the items of a batch that failed with the latest recipe and have not changed since."""
        self.flush()
        failed = dict[str, Facts]()
        for folder in [batch.folder] if batch.folder else _folders_of(batch):
            number = self.folders.enter(folder, batch.mirror, batch.root)
            for name, facts in self._past.failed_alike(number, self.keys):
                failed[os.path.join(folder, os.fsdecode(name))] = facts
        if not failed:
            return set()
        return {
            item.path for item in batch.items if item.path in failed and item.facts.agree(failed[item.path])
        }

    def count_failed(self) -> int:
        """The number of inputs whose state with the latest recipe is failed."""
        self.flush()
        with readable(self.path):
            return int(self._database.execute(sql.COUNT_FAILED, (to_json(self.keys),)).fetchone()[0])

    def made(self) -> Iterator[Made]:
        """The outputs of every complete input, ordered by folder."""
        self.flush()
        return self._past.made()

    def noted(self) -> Iterator[OutputFile]:
        """The outputs that runs noted before they were published, and those of every complete input."""
        for files in read_written(self.written, self.base).values():
            yield from files
        for row in self.made():
            yield from row.outputs

    def undone(self, path: str) -> None:
        """Clear the outputs of an input converted in place, so that the next run converts it again."""
        folder, name = os.path.split(path)
        with self._writing() as database:
            for number in self.folders.rows_at(folder):
                database.execute(sql.UNDONE, (number, os.fsencode(name)))

    def forget(self, path: str) -> None:
        """Remove the records of an input that is gone, and so are its outputs."""
        folder, name = os.path.split(path)
        with self._writing() as database:
            for number in self.folders.rows_at(folder):
                database.execute(sql.FORGET, (number, os.fsencode(name)))

    def outcomes(self) -> ReportLines:
        """The lines of this run in the order of its inputs; readable after `close` as well."""
        self.flush()
        assert self._lines is not None
        return self._lines.items()

    # ----- internal --------------------------------------------------------------------------------

    def _done_in(
        self, numbers: Sequence[int], folder: str, only: Collection[str] | None
    ) -> dict[str, tuple[PriorResult, ...]]:
        wanted = None
        if only is not None:
            wanted = {os.fsencode(os.path.basename(path)) for path in only}
        prefix, found = os.path.join(folder, ""), dict[str, tuple[PriorResult, ...]]()
        for number in numbers:
            for name, records in self._past.done_in(number, wanted).items():
                path = prefix + os.fsdecode(name)
                found[path] = (*found.get(path, ()), *records)
        return found

    @property
    def _rows(self) -> RunRows:
        return RunRows(self.run, tuple(self.keys), self.folders, self._paths, self._in_place)

    def _write_pending(self, database: sqlite3.Connection) -> None:
        pending, self._pending = self._pending, []
        slices, self._slices = self._slices, []
        rows, self._waiting = self._rows, 0
        for whole, made in slices:
            if self._lines:
                self._lines.add_slice(whole, made)
            rows.settle_slice(database, whole, made)
        for outcome, job in pending:
            if self._lines and not outcome.other:
                self._lines.add(outcome)
            rows.settle(database, outcome, job)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, rolled back on an exception."""
        if not os.path.exists(self.path):  # SQLite would write to an unlinked file
            raise OutputError(
                f"{self.base or self.path} was removed during the run.",
                fix="Run again; the record of this run is lost.",
            )
        with translated_errors(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self.folders.clear()
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _keys_in(text: str) -> tuple[str, ...]:
    """The keys of a run; that of a single file has its path behind a colon."""
    return (text,) if ":" in text else tuple(text.split(_SEPARATOR))


def _lies_in(path: str, folder: str) -> bool:
    """Whether a file lies directly in a folder, which has a trailing separator."""
    return path.startswith(folder) and os.sep not in path[len(folder) :]


def _folders_of(batch: Batch) -> list[str]:
    return list(dict.fromkeys(os.path.dirname(item.path) for item in batch.items))
