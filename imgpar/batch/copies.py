"""Copies of archives at addresses are removed when no job needs them any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from imgpar.core.job import Job
from imgpar.inputs.archives import Archive
from imgpar.inputs.batches import Batch
from imgpar.inputs.sources import Source

ROOM = 8 << 30
"""Bytes of copies, above which no more inputs are listed ahead of the workers."""


class ArchiveCopies:
    """Which copies are needed, among the sources of one run."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._copies = {
            number: source.copy
            for number, source in enumerate(sources, 1)
            if isinstance(source, Archive) and source.copy
        }
        """By the number of their source."""
        self._needed = Counter[int]()
        """Jobs of each source that are not done."""
        self._at = 0
        """Number of the source whose items are being planned; those before it are planned."""

    def reached(self, batch: Batch) -> None:
        """The items of a batch are planned next; batches come in the order of their sources."""
        self._at = max([self._at, *(item.source for item in batch.items[:1])])

    def planned(self, jobs: Iterable[Job]) -> None:
        """Jobs were planned."""
        for job in jobs if self._copies else ():
            self._needed.update(self._sources_of(job))

    def settled(self, job: Job) -> None:
        """A job is done: remove the copies that no other one needs."""
        if self._copies:
            self._needed.subtract(self._sources_of(job))
            for number, copy in self._copies.items():
                if copy.nbytes and number < self._at and not self._needed[number]:
                    copy.remove()

    @property
    def many(self) -> bool:
        """Whether there are so many that more of them should wait."""
        return bool(self._copies) and sum(copy.nbytes for copy in self._copies.values()) > ROOM

    def close(self) -> None:
        """Remove all, at the end of the run."""
        for copy in self._copies.values():
            copy.copies.close()

    def _sources_of(self, job: Job) -> list[int]:
        return [item.source for item in job.items if item.source in self._copies]
