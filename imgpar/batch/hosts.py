"""Threads that fetch from many hosts at once: few from each, and no more than has room.

A host is asked for one item until there is a connection to it, so a dead one holds up one thread.

add ─► waits in the row of its host ─► a thread takes the next of the host whose turn it is ─► work(turn)
                                                                                    │
                         others go on meanwhile ◄── turn.wait: before another attempt ┘
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from imgpar.inputs.fetching import FetchOptions, Ongoing, StoppedError

LARGE = 1 << 20
"""Bytes from which a transfer waits for room; smaller ones are counted only."""
MOST_FILES = 500
"""Files that wait for a worker."""
PATIENCE = 2.0
"""Seconds in which threads should end."""

Work = Callable[["Turn"], None]


class Hosts:
    """The transfers of one run.

    Args:
        options: limits.
        most: bytes of files that may lie on disk, unless one file alone has more.
    """

    def __init__(self, options: FetchOptions, most: int) -> None:
        self._options, self._most = options, most
        self.lock = threading.RLock()
        self._work, self._room = threading.Condition(self.lock), threading.Condition(self.lock)
        """Notified where a transfer may begin, and where one that waits may go on."""
        # All below are read and changed with the lock.
        self._rows: dict[str, deque[Work]] = {}
        """What waits, by host."""
        self._next: dict[str, None] = {}
        """Hosts that may have another transfer, in turn."""
        self._active: dict[str, int] = {}
        self._paused: dict[str, int] = {}
        """Transfers that wait because their host asked for it."""
        self._reached = set[str]()
        """Hosts to which there was a connection."""
        self._running = self._idle = self._bytes = self._files = 0
        self._threads: list[threading.Thread] = []
        self._turns: dict[Turn, None] = {}
        self.stopped = False

    def add(self, host: str, work: Work) -> None:
        """Have a thread do something for a host when it is its turn."""
        with self.lock:
            self._rows.setdefault(host, deque()).append(work)
            self._enlist(host)
            self._wake()

    @property
    def hungry(self) -> bool:
        """Whether a transfer could begin, but all that wait are for hosts that have no room for more."""
        with self.lock:
            return self._has_slots and not self._next

    def reach(self, host: str) -> None:
        """There is a connection to a host."""
        with self.lock:
            if host not in self._reached:
                self._reached.add(host)
                self._enlist(host)
                self._room.notify_all()
                self._wake()

    def is_reached(self, host: str) -> bool:
        """Whether there was a connection to a host."""
        return host in self._reached

    def removed(self, size: int) -> None:
        """A file is not there any more."""
        with self.lock:
            self._bytes -= size
            self._files -= 1
            self._room.notify_all()
            self._wake()

    def end_overdue(self) -> None:
        """End the transfers that take too long."""
        now = time.monotonic()
        with self.lock:
            late = [turn for turn in self._turns if turn.deadline < now]
        for turn in late:
            turn.end()

    def close(self) -> None:
        """End all transfers and threads."""
        with self.lock:
            self.stopped = True
            self._rows.clear()
            turns, threads = list(self._turns), list(self._threads)
            self._work.notify_all()
            self._room.notify_all()
        for turn in turns:
            turn.end()
        until = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    # ----- with the lock ----------------------------------------------------------------------------

    def _enlist(self, host: str) -> None:
        """Give a host its place in the row, if it may have another transfer."""
        if self._rows.get(host) and self._has_room(host):
            self._next.setdefault(host)

    def _has_room(self, host: str) -> bool:
        return self._active.get(host, 0) < self._limit(host) and host not in self._paused

    def _limit(self, host: str) -> int:
        """The most transfers from a host."""
        return self._options.per_host if host in self._reached else 1

    @property
    def _may_begin(self) -> bool:
        return self._has_slots and bool(self._next)

    @property
    def _has_slots(self) -> bool:
        few = self._running < self._options.downloads
        return few and self._bytes < self._most and self._files < MOST_FILES

    def _wake(self) -> None:
        """Have a thread begin, if one may."""
        if self.stopped or not self._may_begin:
            return
        if self._idle:
            self._work.notify()
        else:
            thread = threading.Thread(target=self._serve, name="imgpar-fetch", daemon=True)
            self._threads.append(thread)
            self._idle += 1
            thread.start()

    def begin(self, host: str) -> None:
        """Count a transfer."""
        self._running += 1
        self._active[host] = self._active.get(host, 0) + 1

    def pause(self, host: str, by: int) -> None:
        """Let a host rest, or no more; several transfers may ask for it."""
        self._paused[host] = self._paused.get(host, 0) + by
        if not self._paused[host]:
            del self._paused[host]
            self._enlist(host)

    def finish(self, host: str) -> None:
        """Count no longer a transfer that has ended, or that waits."""
        self._running -= 1
        self._active[host] -= 1
        if not self._active[host]:
            del self._active[host]
        self._enlist(host)
        self._room.notify_all()
        self._wake()

    def _serve(self) -> None:
        """What a thread does."""
        while True:
            with self.lock:
                while not self._may_begin:
                    if self.stopped:
                        return
                    self._work.wait()
                del self._next[host := next(iter(self._next))]
                if not self._rows.get(host) or not self._has_room(host):
                    continue
                work = self._rows[host].popleft()
                if not self._rows[host]:
                    del self._rows[host]
                self._idle -= 1
                self.begin(host)
                self._enlist(host)
                self._wake()
            turn = Turn(self, host)
            try:
                work(turn)
            finally:
                with self.lock:
                    self._turns.pop(turn, None)
                    self._idle += 1
                    if not turn.has_missed:
                        self.reach(host)
                    self.finish(host)

    # ----- for the turns ----------------------------------------------------------------------------

    def wait(self, host: str, seconds: float, *, pause: bool) -> None:
        """Let others go on for some time, and until there is room again. Raises StoppedError."""
        until = time.monotonic() + seconds
        with self.lock:
            if pause:
                self.pause(host, 1)
            self.finish(host)
            while not self.stopped and (rest := until - time.monotonic()) > 0:
                self._room.wait(rest)
            if pause:
                self.pause(host, -1)
            while not self.stopped and not (
                self._active.get(host, 0) < self._limit(host) and self._running < self._options.downloads
            ):
                self._room.wait()
            self.begin(host)
            self._wake()
        if self.stopped:
            raise StoppedError("The run was stopped.")

    def reserve(self, size: int, had: int, *, wait: bool) -> float:
        """Count a file of a size in place of what was reserved for it; returns the seconds that took."""
        began = time.monotonic()
        with self.lock:
            self._bytes -= had
            while wait and self._bytes > 0 and self._bytes + size > self._most and not self.stopped:
                self._room.wait()
            self._bytes += size
        return time.monotonic() - began

    def use(self, turn: Turn, *, used: bool) -> None:
        """Whether a turn has something that can be ended."""
        with self.lock:
            if used:
                self._turns[turn] = None
            else:
                self._turns.pop(turn, None)


class Turn(Ongoing):
    """One transfer of a run, in its thread."""

    def __init__(self, hosts: Hosts, host: str) -> None:
        self._hosts, self._host = hosts, host
        self._reserved = 0
        self._end: Callable[[], object] = lambda: None
        self.deadline = 0.0
        """By `time.monotonic`."""
        self.has_missed = False
        """Whether the last attempt got no connection."""

    @property
    def stopped(self) -> bool:
        return self._hosts.stopped

    def wait(self, seconds: float, *, asked: bool = False) -> None:
        self._hosts.wait(self._host, seconds, pause=asked or not self._hosts.is_reached(self._host))

    def reached(self) -> None:
        self.has_missed = False
        self._hosts.reach(self._host)

    def missed(self) -> None:
        self.has_missed = True

    def expects(self, size: int) -> float:
        self.reached()
        seconds = self._hosts.reserve(size, self._reserved, wait=size >= LARGE)
        self._reserved = size
        self.deadline += seconds
        return seconds

    def keep(self, size: int) -> None:
        """The file is there, with a size; 0 is for none."""
        with self._hosts.lock:
            self._hosts.reserve(size, self._reserved, wait=False)
            self._reserved = 0
            self._hosts._files += bool(size)

    def end(self) -> None:
        """End what the turn is doing, from another thread."""
        self._end()

    @contextlib.contextmanager
    def ends_by(self, end: Callable[[], object], seconds: float) -> Iterator[None]:
        self._end, self.deadline = end, time.monotonic() + seconds
        self._hosts.use(self, used=True)
        try:
            if self.stopped:
                raise StoppedError("The run was stopped.")
            yield
        finally:
            self._hosts.use(self, used=False)
