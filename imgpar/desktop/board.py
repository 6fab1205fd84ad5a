"""State of each file: one row per file, and counts. Independent of widgets."""

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
    """One file. `outcome` is None until it is processed."""

    path: str
    number: int
    """Index in the list."""
    outcome: imgpar.Outcome | None = None

    @property
    def status(self) -> str:
        """waiting, ok, skipped or failed."""
        return self.outcome.status if self.outcome else "waiting"


class Board:
    """Rows and counts of all files dropped since the window was last idle.

    >>> board = Board()
    >>> board.add(imgpar.Outcome("/a.jpg", "ok"))
    >>> board.done, board.counts["ok"]
    (1, 1)
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        """In the order in which they were reported."""
        self.problems: dict[str, Row] = {}
        """Rows that failed, by path."""
        self.newest = -1
        """Index of the row with the latest result."""
        self.clips: dict[str, tuple[int, int]] = {}
        """Finished and total frames of clips in progress, by path."""
        self._gathered = (0, 0)
        """Inputs that are in the file of all, and how many there are."""
        self._by_path: dict[str, Row] = {}
        self.counts: Counter[str] = Counter()
        self.bytes_in = self.bytes_out = 0
        self.files: Counter[str] = Counter()
        """Number of inputs of each new file; several if one file was made of all."""
        self.totals: dict[object, int] = {}
        """Number of inputs of each drop, once counted."""
        self.counting = False
        """Whether the inputs of the current drop are still being counted."""
        self.read = 0
        """Number of inputs of the current drop whose date and size are known, where names depend on them."""
        self._busy = 0.0
        self._heard = 0.0
        """Time of the latest result, or of the start of the run."""
        self._since: float | None = None

    @property
    def done(self) -> int:
        """Number of files with a result."""
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        """Number of known files."""
        return max(self.done, sum(self.totals.values()))

    @property
    def share(self) -> float | None:
        """Overall progress, 0 to 1; None while the inputs are being counted."""
        if self.counting:
            return None
        parts = sum(done / all_ for done, all_ in (*self.clips.values(), self._gathered) if all_)
        return min(1.0, (self.done + parts) / max(1, self.total))

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining time; None without enough results."""
        if not self.share or (self.done < 3 and not self._gathered[0]):
            return None
        return self.seconds * (1 - self.share) / self.share

    @property
    def seconds(self) -> float:
        """Processing time without pauses."""
        return self._busy + (time.monotonic() - self._since if self._since is not None else 0.0)

    @property
    def silence(self) -> float:
        """Processing time since the latest result: a lower bound of the time of the current files."""
        return time.monotonic() - self._heard if self._since is not None else 0.0

    @property
    def all_begun(self) -> bool:
        """Whether every remaining file is being processed by a worker."""
        return self._since is not None and not self.counting and self.total - self.done <= CORES

    def run(self) -> None:
        """Start the clock."""
        self._since = self._heard = time.monotonic()

    def rest(self) -> None:
        """Stop the clock."""
        self.clips.clear()
        self._gathered = (0, 0)
        self._busy, self._since = self.seconds, None

    def find(self, path: str) -> Row | None:
        """The row of a file, or None."""
        return self._by_path.get(path)

    def wait(self, paths: Iterable[str]) -> None:
        """Add waiting files."""
        for path in paths:
            self._row(path)

    def add(self, outcome: imgpar.Outcome) -> None:
        """Record a result, except repeated ones: after a pause, finished files are reported as skipped."""
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
        """Record the progress of a clip."""
        self._row(path)
        self.clips[path], self._heard = frames, time.monotonic()

    def gather(self, frames: tuple[int, int]) -> None:
        """Record the progress of a file that is made of all inputs."""
        self._gathered, self._heard = frames, time.monotonic()

    def together(self, outcome: imgpar.Outcome) -> bool:
        """Whether the file of an outcome is also that of others."""
        return any(self.files[file.path] > 1 for file in outcome.outputs)

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
            for file in outcome.outputs:
                before = self.files[file.path]
                self.files[file.path] += by
                if not before or not self.files[file.path]:  # a file of several inputs counts once
                    self.bytes_out += by * file.bytes
                if not self.files[file.path]:
                    del self.files[file.path]
