"""Archives that can only be read in order are read once: their members go to workers as temporary files.

plan ─► jobs wait ─► a thread per archive unpacks it, a file for each wanted member ─► the jobs, as they come

Jobs leave in the order of the archive, not of the plan, so that little has to lie on the disk: `ROOM` bytes,
and a member more for each thread. More is needed where the order matters (arrays), where one job needs many
members (`assemble`), and where an archive has more than `MOST` inputs, not in the order of their names.
"""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO

from imgpar.batch import plan_entries
from imgpar.batch.plan_entries import failed_entry
from imgpar.core.errors import ImgparError, SourceError
from imgpar.core.fs import FULL, remove_file
from imgpar.core.job import Job
from imgpar.inputs.batches import is_clip, why_unreadable
from imgpar.inputs.sequential import NoMoreError, SequentialArchive, sequential_part
from imgpar.inputs.sources import Source
from imgpar.runtime.arena import default_memory
from imgpar.runtime.scheduler import NotYet

THREADS = 2
"""Archives that are unpacked at a time."""
ROOM = 256 << 20
"""Bytes of unpacked members that wait for a worker, before unpacking waits."""
MOST = 20_000
"""Jobs that wait for their members."""
TOGETHER = 200
"""Entries of the plan that are taken at a time."""

Entry = plan_entries.Entry | NotYet


@dataclass(slots=True, eq=False)
class _Waiting:
    """A job whose members are not all there."""

    job: Entry
    missing: int = 0
    files: dict[int, str] = field(default_factory=dict)
    """Of its members, by their place in the job."""


class Unpacking:
    """Unpacks the archives of one run.

    Args:
        sources: of the run.
        folder: private and temporary.
        planned_order: whether jobs leave in the order of the plan.
    """

    def __init__(self, sources: Sequence[Source], folder: str, *, planned_order: bool = False) -> None:
        self._sources, self._folder, self._planned_order = sources, folder, planned_order
        self._largest = default_memory()
        self._threads = ThreadPoolExecutor(THREADS, "imgpar-unpacking")
        self._numbers = itertools.count()
        self._streams: dict[str, _Stream] = {}
        self._waiting: dict[int, _Waiting] = {}
        self._ready: deque[_Waiting] = deque()
        self._sizes: dict[str, int] = {}
        """Sizes of files that the workers have or are about to get, by path."""
        self._taken = 0
        """Their sum."""
        self.changed = threading.Condition()
        self.closed = False

    def entries(self, plan: Iterator[Entry]) -> Iterator[Entry]:
        """The plan; `NotYet` while no job is ready."""
        more = True
        while more or self._waiting or self._ready:
            for _ in range(TOGETHER):
                entry = next(plan, None) if more and len(self._waiting) < MOST else NotYet()
                if entry is None:
                    more = False
                    self._know(list(self._streams.values()))
                if entry is None or isinstance(entry, NotYet):
                    break
                if not self._wait_for(entry):
                    yield entry
            if len(self._waiting) >= MOST:
                self._keep_early()
            yield from self._released() or (NotYet(),)

    @property
    def left(self) -> int:
        """Jobs that wait."""
        return len(self._waiting) + len(self._ready)

    def settled(self, job: Job) -> None:
        """The files of a job are not needed any more."""
        with self.changed:
            for item in job.items:
                size = self._sizes.pop(item.fetched, None)
                if size is not None:
                    self._taken -= size
                    remove_file(item.fetched)
            self.changed.notify_all()

    def close(self) -> None:
        """End the threads, after the member that they are at."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._threads.shutdown(wait=True, cancel_futures=True)

    # ----- the plan, in the thread of the scheduler ------------------------------------------------

    def _wait_for(self, entry: Entry) -> bool:
        """Register what a job needs of archives; returns False where it can go on at once."""
        parts = list(self._parts(entry)) if isinstance(entry, Job) and not entry.check else []
        if not parts and not (self._planned_order and self._waiting):
            return False
        waiting = _Waiting(entry)
        with self.changed:
            self._waiting[id(waiting)] = waiting
            for at, archive, key in parts:
                stream = self._streams.get(archive.root)
                if stream is None:
                    stream = self._streams[archive.root] = _Stream(self, archive)
                    self._threads.submit(stream.run)
                waiting.missing += stream.want(key, waiting, at)
            self._finish(waiting)
            self.changed.notify_all()
        return True

    def _parts(self, job: Job) -> Iterator[tuple[int, SequentialArchive, str]]:
        for at, item in enumerate(job.items):
            found = sequential_part(self._sources[item.source - 1], item) if item.source else None
            if found and not item.fetched and (item.size <= self._largest or is_clip(item)):
                yield at, *found

    def _know(self, streams: Sequence[_Stream]) -> None:
        """All jobs of these archives are planned."""
        with self.changed:
            for stream in streams:
                stream.known = True
                stream.forget_early()
            self.changed.notify_all()

    def _keep_early(self) -> None:
        """No more of the plan fits: members of the last archive of which nothing is known yet are kept."""
        *before, last = self._streams.values()
        self._know(before)
        with self.changed:
            last.keeps = True
            self.changed.notify_all()

    def _released(self) -> Sequence[Entry]:
        with self.changed:
            if not self._planned_order:
                found = list(self._ready)
                self._ready.clear()
                return [waiting.job for waiting in found]
            found = list(itertools.takewhile(lambda waiting: not waiting.missing, self._waiting.values()))
            for waiting in found:
                self._release(waiting)
            return [waiting.job for waiting in found]

    # ----- called with the lock --------------------------------------------------------------------

    def new_file(self, item_path: str) -> str:
        """A path for a member; its suffix matters to ffmpeg."""
        return os.path.join(self._folder, f"{next(self._numbers)}{os.path.splitext(item_path)[1]}")

    @property
    def full(self) -> bool:
        """Whether as much as there is room for waits for workers."""
        return self._taken > ROOM

    def delivered(self, waiting: _Waiting, at: int, path: str, error: ImgparError | None) -> None:
        """A member of a job is there, or cannot be read."""
        waiting.missing -= 1
        if error is not None:
            self.fail(waiting, error)
        elif path:  # else a worker opens it, and says what is wrong
            waiting.files[at] = path
        self._finish(waiting)

    def fail(self, waiting: _Waiting, error: ImgparError) -> None:
        """A member of a job cannot be read; where it is one of several, a worker says so."""
        job = waiting.job
        if isinstance(job, Job) and len(job.items) == 1:
            waiting.job = failed_entry(job.item, job.id, str(error), "read", type(error).__name__)

    def _finish(self, waiting: _Waiting) -> None:
        if not waiting.missing and not self._planned_order:
            self._release(waiting)
            self._ready.append(waiting)

    def _release(self, waiting: _Waiting) -> None:
        del self._waiting[id(waiting)]
        if isinstance(waiting.job, Job):
            items = list(waiting.job.items)
            for at, path in waiting.files.items():
                items[at] = items[at]._replace(fetched=path)
                self._sizes[path] = items[at].size
                self._taken += items[at].size
            waiting.job = waiting.job._replace(items=tuple(items))


class _Stream:
    """One archive, which is unpacked by a thread; a `Receiver`. Its fields are used with the lock only."""

    def __init__(self, unpacking: Unpacking, archive: SequentialArchive) -> None:
        self._all, self._archive = unpacking, archive
        self._wanted: dict[str, list[tuple[_Waiting, int]]] = {}
        self._early: dict[str, str] = {}
        """Files of members that no job has asked for yet."""
        self._passed = set[str]()
        self._file: IO[bytes] | None = None
        """The member that is being written."""
        self.known = self.keeps = False
        self._ended = False
        self._error: ImgparError | None = None
        """Why it ended early."""

    def want(self, key: str, waiting: _Waiting, at: int) -> bool:
        """Register a member; returns False where it is there, or will not come any more."""
        if path := self._early.pop(key, ""):
            waiting.files[at] = path
            return False
        if self._ended or key in self._passed:
            if self._error is not None and key not in self._passed:
                self._all.fail(waiting, self._error)
            return False
        self._wanted.setdefault(key, []).append((waiting, at))
        return True

    def forget_early(self) -> None:
        """No other jobs come: remove the files that nobody wants."""
        for path in self._early.values():
            remove_file(path)
        self._early.clear()

    # ----- in the thread ---------------------------------------------------------------------------

    def run(self) -> None:
        """Unpack the archive."""
        error: ImgparError | None = None
        try:
            self._archive.unpack(self)
        except NoMoreError:
            return
        except ImgparError as problem:
            error = problem
        except OSError as problem:
            error = _no_file(problem)
        except Exception as problem:  # a fault of a library must not stop the run
            error = SourceError(f"{type(problem).__name__}: {problem}.")
        with self._all.changed:
            self._ended, self._error = True, error
            for waiting, at in itertools.chain.from_iterable(self._wanted.values()):
                self._all.delivered(waiting, at, "", error)
            self._wanted.clear()
            self._all.changed.notify_all()

    def take(self, key: str) -> IO[bytes] | None:
        """As `Receiver.take`; waits until it is known whether the member is wanted, and for room."""
        with self._all.changed:
            while not self._all.closed:
                wanted = self._wanted.get(key)
                if wanted and not self._all.full:
                    waiting, at = wanted[0]
                    assert isinstance(waiting.job, Job)
                    return self._begin(waiting.job.items[at].path)
                if not wanted and self.known:
                    self._passed.add(key)
                    return None
                if not wanted and self.keeps:
                    return self._begin("")
                self._all.changed.wait()
            raise NoMoreError

    def _begin(self, name: str) -> IO[bytes]:
        self._file = open(self._all.new_file(name), "xb")  # noqa: SIM115
        return self._file

    def done(self, key: str, error: ImgparError | None = None) -> bool:
        """As `Receiver.done`."""
        path = ""
        if self._file is not None:
            self._file.close()
            path, self._file = self._file.name, None
        with self._all.changed:
            self._passed.add(key)
            if wanted := self._wanted.pop(key, []):
                _keep_time(path, wanted[0])
                for number, (waiting, at) in enumerate(wanted):
                    own = "" if error else path if not number else self._other_name(path)
                    self._all.delivered(waiting, at, own, error)
            elif path and not error and not self.known:
                self._early[key], path = path, ""
            if path and (error or not wanted):
                remove_file(path)
            self._all.changed.notify_all()
            return bool(self._wanted) or not self.known

    def _other_name(self, path: str) -> str:
        """Another file with the same content, for an item that is another name of the same member."""
        other = self._all.new_file(path)
        try:
            os.link(path, other)
        except OSError:
            shutil.copyfile(path, other)
        return other


def _no_file(error: OSError) -> SourceError:
    if error.errno in FULL:
        fix = "Set TMPDIR to a folder that has room."
        return SourceError("There is no room for a copy of it on the disk.", fix=fix)
    return SourceError(why_unreadable(error))


def _keep_time(path: str, wanted: tuple[_Waiting, int]) -> None:
    """Give a file the time of its member, which copies take over."""
    waiting, at = wanted
    if path and isinstance(waiting.job, Job) and (mtime_ns := waiting.job.items[at].mtime_ns):
        os.utime(path, ns=(mtime_ns, mtime_ns))
