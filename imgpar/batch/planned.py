"""The part of a plan that waits for workers, in little memory."""

from __future__ import annotations

import pickle
import zlib
from collections import deque
from collections.abc import Iterable, Sequence

from imgpar.batch.incremental import Unchanged
from imgpar.batch.others import is_other
from imgpar.core.job import Job, Outcome

OPEN = 10
"""Chunks that are kept as they are; so many do not need much memory."""

Entry = Job | Outcome | Unchanged


class Planned:
    """Entries in order, first in, first out.

    Chunks of jobs after the first few are packed: a job takes 1,000 bytes, and less than 100 in such a chunk,
    as most of it is what the others have, too.
    """

    def __init__(self) -> None:
        self._first = deque[Entry]()
        self._later = deque[Sequence[Entry] | bytes]()
        self.length = 0
        """Entries; a slice counts as often as it has items."""
        self.items = 0
        """Their items, without files that are no media."""

    def extend(self, chunk: Sequence[Entry]) -> None:
        """Add entries."""
        if not chunk:
            return
        self.length += sum(map(weight, chunk))
        self.items += item_count(chunk)
        if len(self._later) < OPEN or not all(isinstance(entry, Job) for entry in chunk):
            self._later.append(chunk)
        else:
            self._later.append(zlib.compress(pickle.dumps(chunk, pickle.HIGHEST_PROTOCOL), 1))

    def popleft(self) -> Entry:
        """Take the first entry; raises IndexError where there is none."""
        while not self._first:
            chunk = self._later.popleft()
            if isinstance(chunk, bytes):
                chunk = pickle.loads(zlib.decompress(chunk))  # noqa: S301 - packed above
            self._first.extend(chunk)
        entry = self._first.popleft()
        self.length -= weight(entry)
        self.items -= item_count((entry,))
        return entry


def weight(entry: Entry) -> int:
    """How much an entry adds to the plan: the memory and the work of so many jobs."""
    return len(entry.items) if isinstance(entry, Job) else 1


def item_count(entries: Iterable[Entry]) -> int:
    """The items of entries, without files that are no media."""
    return sum(
        0
        if is_other(entry)
        else len(entry)
        if isinstance(entry, Unchanged)
        else len(entry.items)
        if isinstance(entry, Job)
        else 1
        for entry in entries
    )
