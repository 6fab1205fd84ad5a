"""What the window knows about each file: a row per file, and counts. No widget is needed for it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import imgpar

CORES = os.cpu_count() or 1


@dataclass(slots=True, eq=False)
class Row:
    """One file. `outcome` is None as long as it waits."""

    path: str
    number: int
    """Its place in the list."""
    outcome: imgpar.Outcome | None = None

    @property
    def status(self) -> str:
        """waiting, ok, skipped or failed."""
        return self.outcome.status if self.outcome else "waiting"


class Board:
    """Rows and counts of everything that was dropped since the window was last idle.

    >>> board = Board()
    >>> board.add(imgpar.Outcome("/a.jpg", "ok"))
    >>> board.done, board.counts["ok"]
    (1, 1)
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        """In the order in which they became known."""
        self.problems: dict[str, Row] = {}
        """Rows that failed, by path."""
        self.newest = -1
        """Number of the row that got the latest result."""
        self.clips: dict[str, tuple[int, int]] = {}
        """Frames that are done and frames in all of the clips at work, by path."""
        self._by_path: dict[str, Row] = {}
        self.counts: Counter[str] = Counter()
        self.bytes_in = self.bytes_out = 0
        self.totals: dict[object, int] = {}
        """Inputs of each drop, once they are counted."""
        self.counting = False
        """The inputs of the drop at work are not counted yet."""
        self._busy = 0.0
        self._heard = 0.0
        """When the latest result came, or the run began."""
        self._since: float | None = None

    @property
    def done(self) -> int:
        """Files with a result."""
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        """Files that are known of."""
        return max(self.done, sum(self.totals.values()))

    @property
    def share(self) -> float | None:
        """How far everything is, 0 to 1; None as long as nobody knows."""
        if self.counting:
            return None
        parts = sum(done / all_ for done, all_ in self.clips.values() if all_)
        return min(1.0, (self.done + parts) / max(1, self.total))

    @property
    def seconds_left(self) -> float | None:
        """A guess from the pace so far; None where there is nothing to guess from."""
        if not self.share or self.done < 3:
            return None
        return self.seconds * (1 - self.share) / self.share

    @property
    def seconds(self) -> float:
        """Time at work, without pauses."""
        return self._busy + (time.monotonic() - self._since if self._since is not None else 0.0)

    @property
    def silence(self) -> float:
        """Seconds at work since the latest result: so long takes what is at work at least."""
        return time.monotonic() - self._heard if self._since is not None else 0.0

    @property
    def all_begun(self) -> bool:
        """Whether so few are left that each has a worker."""
        return self._since is not None and not self.counting and self.total - self.done <= CORES

    def run(self) -> None:
        """The clock runs."""
        self._since = self._heard = time.monotonic()

    def rest(self) -> None:
        """The clock stands still."""
        self.clips.clear()
        self._busy, self._since = self.seconds, None

    def find(self, path: str) -> Row | None:
        """The row of a file, if it is known."""
        return self._by_path.get(path)

    def wait(self, paths: Iterable[str]) -> None:
        """Files that wait for their turn."""
        for path in paths:
            self._row(path)

    def add(self, outcome: imgpar.Outcome) -> None:
        """Take a result; one that says nothing new is left out: after a pause, what was done is skipped."""
        row = self._row(outcome.source)
        if row.outcome is not None:
            if outcome.reason == "unchanged" and row.status != "failed":
                return
            self._count(row.outcome, -1)
        row.outcome, self.newest, self._heard = outcome, row.number, time.monotonic()
        self._count(outcome, 1)
        self.clips.pop(row.path, None)
        if outcome.status == "failed":
            self.problems[row.path] = row
        else:
            self.problems.pop(row.path, None)

    def advance(self, path: str, frames: tuple[int, int]) -> None:
        """A clip has come further."""
        self._row(path)
        self.clips[path], self._heard = frames, time.monotonic()

    def _row(self, path: str) -> Row:
        row = self._by_path.get(path)
        if row is None:
            row = self._by_path[path] = Row(path, len(self.rows))
            self.rows.append(row)
        return row

    def _count(self, outcome: imgpar.Outcome, by: int) -> None:
        self.counts[outcome.status] += by
        if outcome.status == "ok":
            self.bytes_in += by * outcome.source_bytes
            self.bytes_out += by * sum(file.bytes for file in outcome.outputs)
