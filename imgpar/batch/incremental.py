"""Incremental runs: inputs unchanged since their outputs were made, found folder by folder.

This dominates the time of a second run over many files. Therefore no object is created per file: rows of the
journal and entries of the folder are compared as tuples, and unchanged inputs are passed on in groups.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Protocol

from imgpar.core.errors import garbled
from imgpar.core.job import Item, Outcome, OutputFile, outcome_of
from imgpar.inputs.batches import Entries
from imgpar.outputs.prior import PriorResult
from imgpar.outputs.sinks import FILES, Place

TOGETHER = 4000
"""Most items in one group, so that a run can be stopped between groups."""

Row = tuple[int | tuple[int, ...], int, int, int, int, str, bytes]
"""A converted input in the journal: row id (several where a recipe has several outputs), size, mtime_ns,
ctime_ns, inode, outputs as JSON, name."""

_ENCODING = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class Unpacker(Protocol):
    """Parses the outputs of a row of the journal."""

    prefix: str

    def unpack(self, text: str) -> tuple[OutputFile, ...]:
        """The outputs with absolute paths."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Converted inputs of one folder, by name."""

    rows: Mapping[bytes, Row]
    paths: Unpacker | None = None
    where: str = ""
    """Path of the journal, for error messages."""

    @property
    def base(self) -> str:
        """Folder that the paths of outputs are relative to, with a trailing separator."""
        return self.paths.prefix if self.paths else ""

    def outputs(self, row: Row) -> tuple[OutputFile, ...]:
        """The outputs of an input, with absolute paths. Raises OutputError."""
        assert self.paths is not None
        try:
            return self.paths.unpack(row[5])
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise garbled(self.where) from error


def merged(
    parts: Sequence[Recorded], branches: Callable[[bytes, Sequence[Row | None]], Collection[int]]
) -> Recorded:
    """The rows of inputs of which all outputs are recorded, of the same state of the input.

    Args:
        parts: the rows of each output of the recipe, in order.
        branches: `branches(name, rows)` returns the indices of the outputs that such an input has; `rows` are
            those of each output.
    """
    if len(parts) == 1:
        return parts[0]
    rows = dict[bytes, Row]()
    for name in dict.fromkeys(chain.from_iterable(part.rows for part in parts)):
        every = [part.rows.get(name) for part in parts]
        if None in every:
            every = [every[branch] for branch in branches(name, every)]
        found = [row for row in every if row is not None]
        facts = {row[1:5] for row in found}
        if len(found) < len(every) or len(facts) != 1:
            continue
        ids = tuple(row[0] for row in found if isinstance(row[0], int))
        outputs = ",".join(row[5][1:-1] for row in found)
        rows[name] = (ids, *facts.pop(), f"[{outputs}]", name)
    return Recorded(rows, parts[0].paths, parts[0].where)


def width_in(row: Row) -> int:
    """The width of the first output of a row; 0 where it is unknown."""
    try:
        width = json.loads(row[5])[0][2]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0  # a damaged row is reported where its outputs are needed
    return width if isinstance(width, int) else 0


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Consecutive unchanged items; iteration yields their outcomes."""

    items: Sequence[Item]
    """All items of the folder."""
    start: int
    """Index of the first unchanged one in `items`."""
    job: int
    """Its job id; the others follow."""
    rows: Sequence[Row]
    known: Recorded

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Outcome]:
        for offset, row in enumerate(self.rows):
            yield skipped(self.items[self.start + offset], self.job + offset, self.known.outputs(row))


def skipped(item: Item, job: int, outputs: Sequence[OutputFile]) -> Outcome:
    """The outcome of an unchanged input."""
    return outcome_of(item, "skipped", tuple(outputs), reason="unchanged", job=job)


def find_unchanged(
    entries: Entries, known: Recorded, folder: str, place: Place = FILES, *, anywhere: bool = False
) -> list[Row | None]:
    """For each file its row where the file and its outputs are as recorded, else None.

    Args:
        entries: the files of the folder.
        known: the rows of the journal for the folder.
        folder: of the outputs, with a trailing separator.
        place: what `folder` is in.
        anywhere: whether outputs may lie in folders inside of `folder`.

    A ctime or inode of 0 is unknown and not compared; without any time nothing is known to be the same.
    Raises OutputError where the journal is corrupt.
    """
    get, code = known.rows.get, _ENCODING
    found = [
        row
        if (row := get(name.encode(*code))) is not None
        and mtime == row[2]
        and size == row[1]
        and (ctime == row[3] or not ctime or not row[3])
        and (inode == row[4] or not inode or not row[4])
        and (mtime or ctime)
        else None
        for name, size, mtime, inode, ctime in entries.rows()
    ]
    if not folder.startswith(known.base):
        return [None] * len(found)
    prefix = folder.removeprefix(known.base).replace(os.sep, "/")
    for start in range(0, len(found), TOGETHER):
        part = found[start : start + TOGETHER]
        try:
            found[start : start + TOGETHER] = _intact(part, prefix, folder, place, anywhere=anywhere)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise garbled(known.where) from error
    return found


def _intact(
    rows: list[Row | None], prefix: str, folder: str, place: Place, *, anywhere: bool
) -> list[Row | None]:
    """The rows whose outputs are all in that folder with their recorded size; None instead of the others."""
    made = json.loads("[" + ",".join([row[5] if row else "[]" for row in rows]) + "]")
    cut = len(prefix)
    names, sizes, places = list[str](), list[int](), list[int]()
    for index, files in enumerate(made):
        for at, size, *_ in files:
            name = at[cut:]
            inside = "/../" not in f"/{name}/" and not name.startswith("/") if anywhere else "/" not in name
            if at[:cut] != prefix or not inside:
                rows[index] = None
                continue
            names.append(name)
            sizes.append(size)
            places.append(index)
    for index, size, now in zip(places, sizes, place.sizes(folder, names), strict=True):
        if size != now:
            rows[index] = None
    return rows


def intact(outputs: Sequence[OutputFile], folders: Collection[str] | None, place: Place = FILES) -> bool:
    """Whether all outputs are in `place` with their recorded size, in one of `folders`, which have a trailing
    separator."""
    for made in outputs:
        path = made.path
        if folders is not None and path[: path.rindex(os.sep) + 1] not in folders:
            return False
        now = place.find(path)
        if now is None or now.size < 0 or now.size != made.bytes:
            return False
    return True


def stretches(found: Sequence[Row | PriorResult | None]) -> Iterator[tuple[type, range]]:
    """Ranges of consecutive entries of the same type, at most `TOGETHER` long."""
    start = 0
    for kind, stretch in groupby(found, type):
        stop = start + sum(1 for _ in stretch)
        for first in range(start, stop, TOGETHER):
            yield kind, range(first, min(stop, first + TOGETHER))
        start = stop
