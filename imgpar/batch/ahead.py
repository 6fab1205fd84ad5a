"""Items of sources that wait for a network are fetched ahead, so that no worker waits.

plan ─► job ─► its items wait for a thread, by host ─► temporary files ─► the job, with their paths
                                                    └► an outcome: not modified, or failed

Jobs are passed on as they are ready: a slow host does not hold up the items of others.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from imgpar.batch.hosts import LARGE, Hosts, Turn
from imgpar.batch.incremental import skipped
from imgpar.batch.plan_entries import Early, Entry, failed_entry
from imgpar.core.addresses import without_secrets
from imgpar.core.errors import ImgparError
from imgpar.core.fs import remove_file
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing
from imgpar.inputs.opening import fetch, host_of
from imgpar.inputs.sources import Source
from imgpar.runtime.failures import traceback_of
from imgpar.runtime.scheduler import NotYet

HELD = 2000
"""Jobs that wait for a transfer; among so many there are mostly those of several hosts."""
MOST_HELD = 10_000
"""The most of them, where all are for hosts that have no room for more transfers."""
MOST_BYTES = 1 << 29
"""Bytes of files that wait for a worker, unless one file alone has more."""

Fetch = Callable[[Item, Sequence[Source], str, Ongoing], Fetched]


@dataclass(eq=False, slots=True)
class _Held:
    """A job whose items are being fetched."""

    job: Job
    left: int
    """Items that are not here yet."""
    items: dict[int, Item] = field(default_factory=dict)
    early: Outcome | None = None


class Ahead:
    """Fetches the items of one run ahead.

    Args:
        sources: of the run.
        folder: private and temporary; whoever settles a job calls `settled`.
        options: limits.
        read: writes an item to a new file.
        in_order: jobs are passed on in the order of the plan.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        folder: str,
        options: FetchOptions,
        *,
        read: Fetch = fetch,
        in_order: bool = False,
    ) -> None:
        self._sources, self._folder, self._read = sources, folder, read
        self._line: deque[_Held] | None = deque() if in_order else None
        self._numbers = itertools.count()
        self._hosts = Hosts(options, min(MOST_BYTES, max(shutil.disk_usage(folder).free // 2, LARGE)))
        self._held = 0
        """Jobs that are not ready."""
        self._ready: deque[_Held] = deque()

    def entries(self, plan: Iterator[Entry | NotYet]) -> Iterator[Entry | Early | NotYet]:
        """What is ready of the plan; `NotYet` while nothing is."""
        more = True
        while more or self._held:
            ready = self._next_ready()
            if ready is not None:
                yield self._passed_on(ready)
            elif more and (self._held < HELD or (self._held < MOST_HELD and self._hosts.hungry)):
                entry = next(plan, None)
                if entry is None:
                    more = False
                elif isinstance(entry, Job) and (self._waits(entry) or self._line is not None):
                    self._hold(entry)
                else:
                    yield entry
            else:
                yield NotYet()

    @property
    def left(self) -> int:
        """Jobs that are held back."""
        return self._held

    def settled(self, job: Job) -> None:
        """Remove the files of a job."""
        for item in job.items:
            if item.fetched and self._is_remote(item):
                remove_file(item.fetched)
                self._hosts.removed(item.size)

    def turn(self) -> None:
        """End the transfers that take too long."""
        self._hosts.end_overdue()

    def close(self) -> None:
        """End all transfers and threads."""
        self._hosts.close()
        for source in self._sources:
            source.close()

    def _waits(self, job: Job) -> bool:
        return not job.check and any(map(self._is_remote, job.items))

    def _is_remote(self, item: Item) -> bool:
        return bool(item.source) and self._sources[item.source - 1].waits

    def _hold(self, job: Job) -> None:
        """Give the items of a job to the threads."""
        remote = [index for index, item in enumerate(job.items) if self._is_remote(item)]
        held = _Held(job, len(remote))
        self._held += 1
        if self._line is not None:
            self._line.append(held)
        for index in remote:
            host = host_of(job.items[index], self._sources)
            self._hosts.add(host, partial(self._fetch, held, index))

    def _next_ready(self) -> _Held | None:
        if self._line is None:
            return self._ready.popleft() if self._ready else None
        return self._line.popleft() if self._line and not self._line[0].left else None

    def _passed_on(self, held: _Held) -> Job | Early:
        job = held.job
        self._held -= 1
        items = tuple(held.items.get(index, item) for index, item in enumerate(job.items))
        job = job._replace(items=items)
        return job if held.early is None else Early(job, held.early)

    # ----- in a thread ------------------------------------------------------------------------------

    def _fetch(self, held: _Held, index: int, turn: Turn) -> None:
        """Fetch one item of a job; the last one makes the job ready."""
        item, early = self._fetched(held.job, index, turn)
        with self._hosts.lock:
            held.left -= 1
            held.early = held.early or early
            held.items[index] = item
            if not held.left and self._line is None:
                self._ready.append(held)

    def _fetched(self, job: Job, index: int, turn: Turn) -> tuple[Item, Outcome | None]:
        """An item with its file; where there is none, with its error, and the outcome of its job."""
        item = job.items[index]
        path = os.path.join(self._folder, f"{next(self._numbers)}{os.path.splitext(item.path)[1]}")
        done = bool(job.digest and job.there and not job.same)
        try:
            asked = item if done else item._replace(validator="")
            found = self._read(asked, self._sources, path, turn)
            if found.not_modified:
                turn.keep(0)
                return item, skipped(item, job.id, job.there)
            size = found.bytes or os.path.getsize(path)
        except Exception as error:  # also of a source of the user
            turn.keep(0)
            kind = type(error).__name__
            words = without_secrets(str(error) if isinstance(error, ImgparError) else f"{kind}: {error}")
            early = failed_entry(item, job.id, words, "read", kind) if len(job.items) == 1 else None
            if early and not isinstance(error, OSError):
                early = early._replace(traceback=traceback_of(error, item.path))
            return item._replace(error=words, kind=kind), early
        turn.keep(size)
        mtime_ns = found.mtime_ns or item.mtime_ns
        return item._replace(fetched=path, size=size, mtime_ns=mtime_ns, validator=found.validator), None
