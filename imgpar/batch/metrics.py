"""`--metrics FILE.prom`: counters of a run for Prometheus, by the text file collector of node_exporter."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from types import TracebackType
from typing import Any, Self

from imgpar.batch.run_counts import RunCounts
from imgpar.core.errors import ImgparError, OutputError, UsageError
from imgpar.core.install_hint import pip
from imgpar.core.job import Event, Outcome

METRICS_SECONDS = 15.0
"""Interval at which the file is written."""


class MetricsFile:
    """Counts the events of runs and writes the counters: pass it as `on_event`.

    Args:
        path: of the file, which is replaced as a whole.
        every: seconds between two states of the file; the last one is written at the end.
        changes_only: unchanged inputs are not counted; for a watch, which meets them again and again.

    Raises:
        UsageError: prometheus_client is not installed.
    """

    in_bulk = True
    starts = True

    def __init__(self, path: str, *, every: float = METRICS_SECONDS, changes_only: bool = False) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge
        except ImportError:
            fix = f"Install it: {pip('prometheus_client>=0.20')}"
            raise UsageError("--metrics needs a package that is not installed.", fix=fix) from None
        self._path, self._every, self._changes_only = os.path.realpath(path), every, changes_only
        self._counts, self._before = RunCounts(), 0
        self._registry = registry = CollectorRegistry()
        own: dict[str, Any] = {"namespace": "imgpar", "registry": registry}
        self._items = Counter("items", "Inputs by what became of them", ["status"], **own)
        self._read = Counter("read_bytes", "Size of the converted inputs", **own)
        self._written = Counter("written_bytes", "Size of the written outputs", **own)
        self._stages = Counter("stage_seconds", "Time in each stage, of all workers", ["stage"], **own)
        self._busy = Gauge("items_in_progress", "Inputs that a worker has begun", **own)
        self._success = Gauge("last_success_timestamp_seconds", "End of the last run with exit code 0", **own)
        self._exit_code = Gauge("last_exit_code", "Exit code of the last run", **own)
        for status in ("ok", "skipped", "failed"):
            self._items.labels(status)
        self._stop = threading.Event()
        self._write()
        self._ticker = threading.Thread(target=self._tick, name="imgpar-metrics", daemon=True)
        self._ticker.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._ticker.join()
        if error is not None:
            self._exit_code.set(error.exit_code if isinstance(error, ImgparError) else 4)
        self._write()

    def __call__(self, event: Event) -> None:
        """Count one event."""
        self._counts(event)
        if event.kind == "start":
            self._before = 0
        elif event.kind == "unchanged" and not self._changes_only:
            self._items.labels("skipped").inc(max(0, event.done - self._before))
        elif event.kind == "item" and event.outcome:
            self._count_outcome(event.outcome)
        elif event.kind == "end" and event.facts:
            self._exit_code.set(event.facts["exit_code"])
            if event.facts["exit_code"] == 0:
                self._success.set(time.time())
        self._before = max(self._before, event.done)

    def _count_outcome(self, outcome: Outcome) -> None:
        if self._changes_only and outcome.reason == "unchanged":
            return
        self._items.labels(outcome.status).inc()
        for stage, seconds in outcome.stages:
            self._stages.labels(stage).inc(seconds)
        if outcome.status == "ok":
            self._read.inc(outcome.source_bytes)
            self._written.inc(sum(file.bytes for file in outcome.outputs))

    def _tick(self) -> None:
        while not self._stop.wait(self._every):
            with contextlib.suppress(OutputError):  # such as a full disk; said at the end if it lasts
                self._write()

    def _write(self) -> None:
        from prometheus_client import write_to_textfile

        self._busy.set(len(self._counts.in_progress))
        try:
            write_to_textfile(self._path, self._registry)
        except OSError as error:
            raise OutputError(
                f"The metrics {self._path} cannot be written: {error.strerror or error}.",
                fix="Choose another place for them.",
            ) from error
