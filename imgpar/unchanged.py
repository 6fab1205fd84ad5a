"""Inputs that are as they were when their outputs were made, told folder by folder.

A second run over a million files is mostly this, so nothing here makes an object per file: what the journal
knows and what the folder holds are compared as tuples, and what is equal goes on together.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from imgpar.model import Item, Outcome, OutputFile
from imgpar.sources.base import Entries, opened
from imgpar.targets import Done, Made

TOGETHER = 4000
"""Most items that go on together, so that a run can be stopped in between."""

Row = tuple[int, int, int, int, str, bytes]
"""An input that was done, as the journal has it: its row, size, mtime_ns, inode, outputs as JSON, name."""

_CODE = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


@dataclass(frozen=True, slots=True)
class Recorded:
    """Inputs of one folder that were done, by name."""

    rows: Mapping[bytes, Row]
    base: str = ""
    """What the paths of outputs are relative to, with a separator at its end."""

    def outputs(self, row: Row) -> tuple[Made, ...]:
        """What was made of an input, with absolute paths."""
        return tuple(
            (os.path.join(self.base, at.replace("/", os.sep)), *facts) for at, *facts in json.loads(row[4])
        )


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Items in a row that need no work; iterating makes their outcomes."""

    items: Sequence[Item]
    """All of the folder."""
    start: int
    """Place of the first one in `items`."""
    job: int
    """Its number in the run; the others follow."""
    rows: Sequence[Row]
    known: Recorded

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Outcome]:
        for offset, row in enumerate(self.rows):
            yield skipped(self.items[self.start + offset], self.job + offset, self.known.outputs(row))


def skipped(item: Item, job: int, outputs: Sequence[Made]) -> Outcome:
    """The outcome of an input that needs no work."""
    made = tuple([OutputFile(at[0], at[1] or 0, *at[2:]) for at in outputs])
    return Outcome(item.path, "skipped", made, reason="unchanged", source_bytes=item.size, job=job)


def find_unchanged(entries: Entries, known: Recorded, folder: str) -> list[Row | None]:
    """For each file its row, if file and outputs (in `folder`, which ends with a separator) are as recorded.

    An inode of 0 is unknown.
    """
    get, code = known.rows.get, _CODE
    found = [
        row
        if (row := get(name.encode(*code))) is not None
        and mtime == row[2]
        and size == row[1]
        and (inode == row[3] or not inode or not row[3])
        else None
        for name, size, mtime, inode in entries.rows()
    ]
    if not folder.startswith(known.base):
        return [None] * len(found)
    prefix = folder.removeprefix(known.base).replace(os.sep, "/")
    for start in range(0, len(found), TOGETHER):
        part = found[start : start + TOGETHER]
        found[start : start + TOGETHER] = _intact(part, prefix, folder)
    return found


def _intact(rows: list[Row | None], prefix: str, folder: str) -> list[Row | None]:
    """The rows whose outputs are all in that folder with their recorded size, None in the place of others."""
    made = json.loads("[" + ",".join([row[4] if row else "[]" for row in rows]) + "]")
    cut, stat = len(prefix), os.stat
    with opened(folder) as (handle, where):
        for index, files in enumerate(made):
            for at, size, *_ in files:
                name = at[cut:]
                try:
                    if (
                        at[:cut] == prefix
                        and "/" not in name
                        and stat(where + name, dir_fd=handle, follow_symlinks=False).st_size == size
                    ):
                        continue
                except OSError:
                    pass
                rows[index] = None
    return rows


def intact(outputs: Sequence[Made], folder: str | None) -> bool:
    """Whether all outputs are there (in `folder`, which ends with a separator) with their recorded size."""
    for made in outputs:
        path = made[0]
        if folder is not None and path[: path.rindex(os.sep) + 1] != folder:
            return False
        try:
            if os.lstat(path).st_size != made[1]:
                return False
        except OSError:
            return False
    return True


def stretches(found: Sequence[Row | Done | None]) -> Iterator[tuple[type, range]]:
    """Places in a row that hold the same kind of thing."""
    start = 0
    for kind, stretch in groupby(found, type):
        stop = start + sum(1 for _ in stretch)
        for first in range(start, stop, TOGETHER):
            yield kind, range(first, min(stop, first + TOGETHER))
        start = stop
