"""Items and a recipe in, jobs and skips out: names, collisions, what is done already.

    batch ─► what is unchanged? ─► names that never meet ─► what is in the way? ─► Job or Outcome

Nothing is written here; the disk is only asked whether a target exists.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

from imgpar.errors import UsageError
from imgpar.existing import Owned, foreign, owned_by, replacing
from imgpar.model import Item, Job, Outcome, OutputFile, Target
from imgpar.names import numbered
from imgpar.output import Out
from imgpar.sources.base import OURS, UNDO, Batch, Entries
from imgpar.targets import Done, Made, Names
from imgpar.unchanged import Recorded, Row, Unchanged, find_unchanged, intact, skipped, stretches
from imgpar.wishes import Wishes

Known = Mapping[str, Sequence[Done]]
"""Records of the journal by absolute source path, the newest first."""


class Planner:
    """Plans one run, batch by batch; ids count the items in the order of the inputs.

    `recipe` is a short key of everything that decides what an output looks like, `to` included.
    `done(batch)` gives the journal's records; in place, those of all files in the folders of the batch.
    `recorded(folder, recipe)`, if given, is asked before; then `done(batch, names)` for the rest of a folder.
    `run` names the folder for the originals that are replaced in place. With `split` every page becomes a
    file of its own.

    Raises UsageError when a format cannot be written, or when pages are to be split in place.
    """

    def __init__(
        self,
        out: Out,
        recipe: str = "",
        *,
        to: Sequence[str] = (),
        on_exists: str = "skip",
        done: Callable[..., Known] | None = None,
        recorded: Callable[[str, str], Recorded] | None = None,
        run: str = "",
        split: bool = False,
    ) -> None:
        if split and out.in_place:
            raise UsageError(
                "--pages split makes several files of one, so it cannot be in place.", fix="Name a folder."
            )
        self.out = out
        self.recipe = recipe
        self.on_exists = on_exists
        self.run = run
        self.split = split
        self.count = 0
        """Items so far."""
        self._done, self._recorded = done, recorded
        self._wishes = Wishes(out, to)

    def plan(self, batch: Batch) -> Iterator[Job | Outcome]:
        """A Job for every item that has something to do, an Outcome for the others, in order."""
        for entry in self.plan_together(batch):
            if isinstance(entry, Unchanged):
                yield from entry
            else:
                yield entry

    def plan_together(self, batch: Batch) -> Iterator[Job | Outcome | Unchanged]:
        """The same, but most items that need no work come as stretches."""
        recorded, rows = self._compare(batch)
        known = self._ask(batch, rows)
        found = self._find_unchanged(batch, rows, known) if known else list[Row | Done | None](rows)
        claims = (made[0] for record in found if record for made in _outputs(record, recorded))
        names = Names(self.out, batch, self._wishes, known, found, claims, split=self.split)
        for kind, places in stretches(found):
            if kind is tuple:
                same = [row for row in rows[places.start : places.stop] if row]
                yield Unchanged(batch.items, places.start, self.count, same, recorded)
                self.count += len(places)
                continue
            for index in places:
                item, record = batch.items[index], found[index]
                number, self.count = self.count, self.count + 1
                if record is not None:
                    yield skipped(item, number, _outputs(record, recorded))
                elif item.error:
                    yield _failed(item, number, item.error, "read", item.kind)
                else:
                    yield self._decide(item, number, names, known)

    def _compare(self, batch: Batch) -> tuple[Recorded, list[Row | None]]:
        """For each item its row in the journal, where that needs no second thought."""
        known = Recorded({})
        if self._recorded and isinstance(batch.items, Entries) and not (self.out.in_place or self.out.name):
            known = self._recorded(batch.folder, self.recipe)
            if known.rows:
                return known, find_unchanged(batch.items, known, self.out.below(batch.mirror))
        return known, [None] * len(batch.items)

    def _ask(self, batch: Batch, rows: Sequence[Row | None]) -> Known:
        """The journal's records of the other items."""
        left = rows.count(None)
        if not self._done or not left:
            return {}
        if left == len(rows):
            return self._done(batch)
        return self._done(batch, {item.path for item, row in zip(batch.items, rows, strict=True) if not row})

    def _find_unchanged(
        self, batch: Batch, rows: Sequence[Row | None], known: Known
    ) -> list[Row | Done | None]:
        """For each item the record that makes working on it needless."""
        if self.out.in_place:
            mine = _by_output(known, self.recipe)
            return [_recognised(item, mine.get(item.path, ())) for item in batch.items]
        folder = self.out.below(batch.mirror)
        return [
            row
            or (
                record
                if (records := known.get(item.path))
                and (record := _current(records, self.recipe))
                and _same_file(item, record)
                and intact(record.outputs, folder)
                else None
            )
            for item, row in zip(batch.items, rows, strict=True)
        ]

    def _decide(self, item: Item, number: int, names: Names, known: Known) -> Job | Outcome:
        """The job for an item, or why there is none."""
        wish = self._wishes.of(item)
        if wish.error:
            return _failed(item, number, wish.error, "plan", "EncodeError")
        records = known.get(item.path, ())
        owned = owned_by(records)
        if self.on_exists == "rename":
            split = self.split and wish.pages

            def is_free(one: Item, path: str) -> bool:
                there = names.there(path, split=split)
                return not foreign(path, there, owned_by(known.get(one.path, ())))

            names.step_aside(item, is_free)
        targets: list[Target] = []
        kept: list[OutputFile] = []
        for (kind, _), path in zip(wish.targets, names.paths(item), strict=True):
            wanted = Target(kind, path, split=self.split and wish.pages)
            target = self._target(wanted, item, owned, names)
            if isinstance(target, str):
                return _failed(item, number, target, "plan", "CommitError")
            if isinstance(target, Target):
                targets.append(target)
            else:
                kept.append(target)
        if not targets:
            return Outcome(
                item.path, "skipped", tuple(kept), reason="exists", source_bytes=item.size, job=number
            )
        notes = [f"{file.path} exists and was left alone" for file in kept]
        notes += [wish.note] if wish.note else []
        if self.out.in_place:
            # The original goes when the last new file is there, or when one of them takes its name.
            last = next((at for at, target in enumerate(targets) if target.path == item.path), -1)
            targets[last] = targets[last]._replace(retires=item.path, backup=self._backup(item))
        digest = self._digest(item, records, targets)
        return Job(number, item, tuple(targets), digest, tuple(notes))

    def _target(self, wanted: Target, item: Item, owned: Owned, names: Names) -> Target | OutputFile | str:
        """The target as it will be written; or the file that stays in its place; or why it cannot be."""
        path = wanted.path
        there = names.there(path, split=wanted.split)
        strange = foreign(path, there, owned)
        if not strange or (self.out.in_place and path == item.path):
            return replacing(wanted, there)
        at, status = strange[0]
        if self.on_exists == "rename":
            return self._renamed(wanted, owned, names)
        if self.on_exists == "error":
            return f"{at} exists. Move it away, or choose another --on-exists."
        if self.on_exists == "overwrite":
            for at, status in strange:
                if names.is_input(at):
                    return f"{at} is an input itself. Choose another OUT, or use --in-place."
                if stat.S_ISDIR(status.st_mode):
                    return f"{at} is a folder. Move it away, or choose another OUT."
            return replacing(wanted, there)
        return OutputFile(at, status.st_size, mtime_ns=status.st_mtime_ns)

    def _renamed(self, wanted: Target, owned: Owned, names: Names) -> Target:
        """The first free `name-1`, `name-2` …; one that this input got in an earlier run is its own."""
        for number in count(1):
            path = numbered(wanted.path, number)
            there = names.there(path, split=wanted.split)
            if not foreign(path, there, owned) and names.claim(path):
                return replacing(wanted._replace(path=path), there)
        raise AssertionError

    def _digest(self, item: Item, records: Sequence[Done], targets: Sequence[Target]) -> str:
        """The recorded digest, where an equal one would mean that there is nothing to do."""
        record = _current(records, self.recipe)
        if record is None or self.out.in_place or record.size != item.size:
            return ""
        paths = [at for target in targets for at in ((target.path,) if target.replaces else target.pages)]
        every = all(target.replaces or target.pages for target in targets)
        same = every and paths == [made[0] for made in record.outputs]
        return record.digest if same and intact(record.outputs, None) else ""

    def _backup(self, item: Item) -> str:
        """Where the original is kept: the same path below the undo folder of this run."""
        inside = os.path.relpath(item.path, self.out.folder)
        return os.path.join(self.out.folder, OURS, UNDO, self.run, inside)


def _outputs(record: Row | Done, recorded: Recorded) -> Sequence[Made]:
    return record.outputs if isinstance(record, Done) else recorded.outputs(record)


def _failed(item: Item, number: int, error: str, stage: str, kind: str) -> Outcome:
    return Outcome(
        item.path, "failed", error=error, stage=stage, source_bytes=item.size, job=number, kind=kind
    )


def _current(records: Sequence[Done], recipe: str) -> Done | None:
    """The record of this recipe, unless a newer one of the same input took over its outputs."""
    newer: set[str] = set()
    for record in records:
        if record.recipe == recipe:
            done = record.state == "ok" and record.outputs
            return record if done and newer.isdisjoint(made[0] for made in record.outputs) else None
        newer.update(made[0] for made in (*record.outputs, *record.claims))
    return None


def _same_file(item: Item, record: Done) -> bool:
    """Whether the input is the one of the record; an inode of 0 is unknown."""
    return (
        item.mtime_ns == record.mtime_ns
        and item.size == record.size
        and (item.inode == record.inode or not item.inode or not record.inode)
    )


def _by_output(known: Known, recipe: str) -> dict[str, list[tuple[Done, Made]]]:
    """Records by what they wrote, for files that are input and output at once."""
    found: dict[str, list[tuple[Done, Made]]] = {}
    for records in known.values():
        for record in records:
            if record.recipe == recipe and record.state == "ok":
                for made in record.outputs:
                    found.setdefault(made[0], []).append((record, made))
    return found


def _recognised(item: Item, made: Sequence[tuple[Done, Made]]) -> Done | None:
    """The record that wrote this input in place, if the file is still as it was written."""
    for record, output in made:
        if (item.size, item.mtime_ns) == (output[1], output[4]):
            return record
    return None
