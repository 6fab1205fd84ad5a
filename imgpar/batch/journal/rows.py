"""The rows that a run writes: its plans, and the states of its inputs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imgpar.batch.journal import sql
from imgpar.batch.journal.folders import InputFolders
from imgpar.batch.journal.history import Paths, to_json
from imgpar.batch.journal.recovery import SPLIT_PLANS
from imgpar.batch.journal.states import states_of
from imgpar.core.errors import is_from_outside
from imgpar.core.job import LISTED, Item, Job, Outcome, OutputFile, by_branch
from imgpar.core.slices import MadeFiles
from imgpar.outputs.prior import PLANNED


@dataclass(frozen=True, slots=True)
class RunRows:
    """Writes the rows of one run, each method in a transaction of its caller.

    Args:
        run: id of the run.
        keys: of the outputs of the recipe.
        folders: the rows of input folders.
        paths: of outputs, relative to OUT.
        in_place: whether outputs are in the folders of their inputs.
    """

    run: int
    keys: tuple[str, ...]
    folders: InputFolders
    paths: Paths
    in_place: bool

    def plan(self, database: sqlite3.Connection, jobs: Iterable[Job]) -> None:
        """Store the output names of jobs."""
        fix: list[tuple[object, ...]] = []
        compare: list[tuple[object, ...]] = []
        for job in jobs:
            if job.kind == "slice":
                fix += self._plan_of_slice(job)
        for job, item in ((each, item) for each in jobs if each.kind != "slice" for item in each.items):
            if job.check:  # writes no outputs
                continue
            place = self._place(item)
            for branch, targets in by_branch(job.targets).items():
                names = self.paths.pack(
                    OutputFile(target.path, PLANNED, SPLIT_PLANS.get(target.split, 0), 0, item.mtime_ns)
                    for target in targets
                )
                if job.digest and not job.same:
                    compare.append((names, *place, self.keys[branch]))
                else:
                    facts = (item.size, item.mtime_ns, item.ctime_ns, item.inode)
                    fix.append((*place, self.keys[branch], self.run, *facts, names))
        database.executemany(sql.PLAN, fix)
        database.executemany(sql.PLAN_COMPARE, compare)

    def _plan_of_slice(self, job: Job) -> Iterator[tuple[object, ...]]:
        folder, cut = self._folder_of(job.item), len(job.item.path) - len(job.item.name)
        key, run, relative = self.keys[0], self.run, self.paths.relative
        for item, target in zip(job.items, job.targets, strict=True):
            path, _, size, mtime_ns, inode, _, _, ctime_ns, *_ = item
            names = to_json([[relative(target.path), PLANNED, 0, 0, mtime_ns, 0, 0, ""]])
            yield folder, os.fsencode(path[cut:]), key, run, size, mtime_ns, ctime_ns, inode, names

    def settle_slice(self, database: sqlite3.Connection, job: Job, made: MadeFiles) -> None:
        """Store the states of the items of a slice that were made."""
        folder, cut = self._folder_of(job.item), len(job.item.path) - len(job.item.name)
        key, run, relative = self.keys[0], self.run, self.paths.relative
        rows = []
        for number, source, facts in zip(
            made.numbers, made.sources, zip(*made[1:8], strict=True), strict=True
        ):
            path, _, size, mtime_ns, inode, _, _, ctime_ns, *_ = job.items[number]
            outputs = to_json([[relative(job.targets[number].path), *facts]])
            name = os.fsencode(path[cut:])
            rows.append((folder, name, key, run, "ok", size, mtime_ns, ctime_ns, inode, "", source, outputs))
        database.executemany(sql.UPSERT, rows)

    def _folder_of(self, item: Item) -> int:
        """The folder of an item that is in one."""
        return self.folders.row(os.path.dirname(item.path), item.mirror.rpartition("/")[0])

    def settle(self, database: sqlite3.Connection, outcome: Outcome, job: Job | None) -> None:
        """Store the state of an item; `job` is None where it needed none."""
        if job is not None and job.check:
            return
        if outcome.reason == "unchanged":
            if job is not None:
                self._unchanged(database, job)
            return
        item = job.item if job else Item(outcome.source, "", 0, 0, listed=outcome.listed)
        place = self._place(item)
        facts = (*item.facts, item.validator)
        if is_from_outside(outcome.kind):  # it did not fail with this content: see `failed_alike`
            facts = (0, 0, 0, 0, "")
        for state in states_of(outcome, job, len(self.keys)):
            row = (*place, self.keys[state.branch], self.run, state.status, *facts, outcome.digest)
            statement = sql.UPSERT_OPEN if state.keeps_done else sql.UPSERT
            database.execute(statement, (*row, self.paths.pack(state.outputs)))

    def _unchanged(self, database: sqlite3.Connection, job: Job) -> None:
        item, place = job.item, self._place(job.item)
        facts = (*item.facts, item.validator)
        for branch in by_branch(job.targets):
            row = (*place, self.keys[branch])
            if self.in_place:  # the input is the output: the record describes the original
                database.execute(sql.NO_PLAN, row)
            elif job.same:
                database.execute(sql.ADOPT, (*place, *facts, job.same.row))
            else:
                database.execute(sql.STILL_DONE, (*facts, *row))

    def _place(self, item: Item) -> tuple[int, bytes]:
        """The folder of an item, and its name there."""
        if item.listed:
            return self.folders.row(LISTED, ""), os.fsencode(item.path)
        return self._folder_of(item), os.fsencode(os.path.basename(item.path))
