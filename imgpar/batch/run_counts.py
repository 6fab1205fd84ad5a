"""How far a run is: counts, rates and the time that is left, from its events."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from typing import Any

from imgpar.batch.log_lines import escaped
from imgpar.core.job import Event, Outcome

WINDOW = 30.0
"""Seconds over which the rates are measured."""


class RunCounts:
    """Counts the events of a run. Any thread may ask.

    >>> counts = RunCounts()
    >>> counts(Event("planned", total=3))
    >>> counts(Event("item", done=1, outcome=Outcome("a.jpg", "ok", source_bytes=10)))
    >>> counts.done, counts.total, counts.by_status["ok"], counts.bytes_in
    (1, 3, 1, 10)
    """

    starts = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self.started = time.monotonic()
        self.done = self.read = self.bytes_in = self.bytes_out = 0
        self.total: int | None = None
        self.by_status: Counter[str] = Counter(ok=0, skipped=0, failed=0)
        self.in_progress: set[str] = set()
        """Items that a worker has begun."""
        self.clips: dict[str, tuple[int, int]] = {}
        """Clips that a worker has begun: frames done, and all their frames."""
        self._samples = deque([(self.started, 0, 0)])

    def __call__(self, event: Event) -> None:
        """Count an event."""
        with self._lock:
            self._count(event)

    def _count(self, event: Event) -> None:
        if event.kind == "start":
            self._begin()
        elif event.kind == "planned":
            self.total = event.total
        elif event.kind == "reading":
            self.read = event.frames[0]
        elif event.kind == "started":
            self.in_progress.add(event.text)
        elif event.kind == "frames":
            self.clips[event.text] = event.frames
        elif event.kind == "unchanged":
            self.by_status["skipped"] += max(0, event.done - self.done)
        elif event.kind == "item" and event.outcome:
            self._count_item(event.outcome)
        self.done = max(self.done, event.done)

    def _count_item(self, outcome: Outcome) -> None:
        self.in_progress.discard(outcome.source)
        self.clips.pop(outcome.source, None)
        self.by_status[outcome.status] += 1
        if outcome.status == "ok":
            self.bytes_in += outcome.source_bytes
            self.bytes_out += sum(file.bytes for file in outcome.outputs)

    def rates(self) -> tuple[float, float]:
        """Items and bytes of inputs per second, over the last `WINDOW` seconds."""
        now = time.monotonic()
        with self._lock:
            self._samples.append((now, self.done, self.bytes_in))
            while now - self._samples[0][0] > WINDOW and len(self._samples) > 2:
                self._samples.popleft()
            then, done, read = self._samples[0]
            seconds = max(now - then, 1e-3)
            return (self.done - done) / seconds, (self.bytes_in - read) / seconds

    def record(self) -> dict[str, Any]:
        """The counts as plain data, for events and the log."""
        items, read = self.rates()
        with self._lock:
            left = None if self.total is None else self.total - self.done
            return {
                "done": self.done,
                "total": self.total,
                **{status: self.by_status[status] for status in ("ok", "skipped", "failed")},
                "in_progress": len(self.in_progress),
                "bytes_in": self.bytes_in,
                "bytes_out": self.bytes_out,
                "items_per_second": round(items, 3),
                "bytes_per_second": round(read),
                "seconds": round(time.monotonic() - self.started, 3),
                "seconds_left": round(left / items, 1) if left is not None and items else None,
                **({"reading": self.read} if self.read and not self.done else {}),
                "clips": [
                    {"source": escaped(path), "frames": frames, "total": total}
                    for path, (frames, total) in self.clips.items()
                ],
            }


def pace(items_per_second: float) -> str:
    """A rate for people.

    >>> pace(2.0), pace(0.05)
    ('2.0 a second', '3.0 a minute')
    """
    slow = 0 < items_per_second < 0.1
    return f"{items_per_second * 60:.1f} a minute" if slow else f"{items_per_second:.1f} a second"


def progress_line(record: dict[str, Any]) -> str:
    """The same as a line for people.

    >>> progress_line({"done": 5, "total": 9, "failed": 1, "items_per_second": 2.0, "seconds_left": 2.0,
    ...                "bytes_per_second": 1_500_000, "clips": []})
    '5 of 9 done, 1 failed, 2.0 a second, 1.5 MB/s, 0:00:02 left'
    """
    if record.get("reading"):
        return f"reading the properties of the inputs: {record['reading']}"
    of = f" of {record['total']}" if record["total"] is not None else ""
    parts = [f"{record['done']}{of} done"]
    if record["failed"]:
        parts.append(f"{record['failed']} failed")
    parts += [pace(record["items_per_second"]), f"{record['bytes_per_second'] / 1e6:.1f} MB/s"]
    if (left := record["seconds_left"]) is not None:
        parts.append(f"{int(left) // 3600}:{int(left) // 60 % 60:02}:{int(left) % 60:02} left")
    parts += [
        f"{os.path.basename(clip['source'])} {min(100, 100 * clip['frames'] // clip['total'])} %"
        for clip in record["clips"][:3]
        if clip["total"]
    ]
    return ", ".join(parts)
