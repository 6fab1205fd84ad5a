"""Items of sources that wait for a network are opened ahead, so that no worker waits.

plan ─► job ─► a few threads write its items to temporary files ─► the job, whose items say where they are
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from imgpar.batch.incremental import Unchanged
from imgpar.batch.plan_entries import failed_entry
from imgpar.core.errors import ImgparError
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.sources import Source, fetch
from imgpar.runtime.scheduler import NotYet

THREADS = 4
MOST = 16
"""Entries of the plan that are held back at a time."""

Entry = Job | Outcome | Unchanged


class Ahead:
    """Opens the items of one run ahead.

    Args:
        sources: of the run.
        folder: private and temporary; whoever settles a job removes its files.
    """

    def __init__(self, sources: Sequence[Source], folder: str) -> None:
        self._sources, self._folder = sources, folder
        self._threads = ThreadPoolExecutor(THREADS)
        self._numbers = itertools.count()
        self._held: deque[tuple[Entry, Future[Entry] | None]] = deque()

    def entries(self, plan: Iterator[Entry]) -> Iterator[Entry | NotYet]:
        """The plan in its order; `NotYet` while the next job is not ready."""
        more = True
        while more or self._held:
            while more and len(self._held) < MOST:
                entry = next(plan, None)
                more = entry is not None
                if entry is not None:
                    fetched = self._threads.submit(self._fetched, entry) if self._waits(entry) else None
                    self._held.append((entry, fetched))
            if not self._held:
                return
            entry, future = self._held[0]
            if future is not None and not future.done():
                yield NotYet()
                continue
            self._held.popleft()
            yield future.result() if future else entry

    @property
    def left(self) -> int:
        """Jobs that are held back."""
        return sum(isinstance(entry, Job) for entry, _ in self._held)

    def close(self) -> None:
        """End the threads; an item that is being opened is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _waits(self, entry: Entry) -> bool:
        return isinstance(entry, Job) and not entry.check and any(map(self._is_remote, entry.items))

    def _is_remote(self, item: Item) -> bool:
        return bool(item.source) and self._sources[item.source - 1].waits

    def _fetched(self, job: Entry) -> Entry:
        assert isinstance(job, Job)
        items = []
        for item in job.items:
            path = os.path.join(self._folder, f"{next(self._numbers)}{os.path.splitext(item.path)[1]}")
            try:
                if self._is_remote(item):
                    fetch(item, self._sources, path)
                    item = item._replace(fetched=path)
            except ImgparError as error:
                return failed_entry(item, job.id, str(error), "read", type(error).__name__)
            except Exception as error:  # of a source of the user
                return failed_entry(
                    item, job.id, f"{type(error).__name__}: {error}", "read", type(error).__name__
                )
            items.append(item)
        return job._replace(items=tuple(items))
