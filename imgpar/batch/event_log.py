"""`--events`: the events of a run as lines of JSON, for other programs. docs/events.md describes each line.

`EventLog` is a consumer of `Event`, like the progress bar. Every line has the fields `schema`, `event`,
`time`, `run` and `seq`; a field may be added in any version, but none changes its meaning under the same
`schema`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from imgpar.batch.event_stream import EventStream
from imgpar.batch.log_lines import escaped, time_text
from imgpar.batch.report import item_json
from imgpar.batch.run_counts import RunCounts
from imgpar.core.addresses import without_secrets
from imgpar.core.errors import ImgparError, NoInputError, RunError
from imgpar.core.job import Event, Outcome
from imgpar.core.liveness import random_name
from imgpar.core.version import __version__

EVENTS_SCHEMA = 1
"""Version of the lines; incremented if a field is removed or changes its meaning."""
HEAD = b'{"schema": 1, "event": '
"""How each line begins."""
PROGRESS_SECONDS = 1.0
"""Interval of lines of progress."""
_WORDS = {"ok": "done", "planned": "would"}
"""Names of lines of items, where they are not those of the status."""


def item_record(outcome: Outcome) -> dict[str, Any]:
    """The outcome of an item, as in the JSON report, with the digests of its outputs."""
    record = item_json(outcome)
    for shown, file in zip(record["outputs"], outcome.outputs, strict=True):
        if file.digest:
            shown["digest"] = file.digest
    return record


class EventLog:
    """Writes the events of runs as lines of JSON: pass it as `on_event`.

    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "events.ndjson")
    >>> with EventLog(path) as log:
    ...     log(Event("start", text="/web"))
    ...     log(Event("item", done=1, outcome=Outcome("a.jpg", "failed", error="It is empty.")))
    >>> with open(path) as lines:
    ...     [json.loads(line)["event"] for line in lines]
    ['run', 'failed', 'summary']
    >>> folder.cleanup()

    Args:
        path: a file, which is appended to; a named pipe; /dev/fd/N; or "-", standard output.
        say: called once with a sentence if the reader goes away, by any thread.
        every: seconds between lines of progress.
        changes_only: unchanged inputs have no lines, nor has a run in which nothing happens; for a watch.

    Raises:
        UsageError: the path cannot be opened for writing.
    """

    starts = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        say: Callable[[str], None] = lambda _: None,
        *,
        every: float = PROGRESS_SECONDS,
        changes_only: bool = False,
    ) -> None:
        self.in_bulk = self._changes_only = changes_only
        self._stream = EventStream(os.fspath(path), say)
        self._every = every
        self._lock = threading.Lock()
        self._counts = RunCounts()
        self._run, self._seq, self._ended = "", 0, False
        self._open = False
        """Whether lines of this run are written; before that they wait in `_early`."""
        self._early: list[tuple[float, str, dict[str, Any]]] = []
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def __call__(self, event: Event) -> None:
        """Write the lines of one event."""
        self._counts(event)
        if event.kind == "start":
            self._begin(event)
        elif event.kind == "planned":
            self._write("planned", {"total": event.total})
        elif event.kind == "started":
            self._write_all_early()
            self._write("started", {"source": escaped(event.text)})
        elif event.kind == "item" and event.outcome:
            self._write_item(event.outcome)
        elif event.kind == "note":
            self._write("note", {"text": escaped(without_secrets(event.text))})
        elif event.kind == "end":
            self._end(dict(event.facts))

    def close(self, error: BaseException | None = None) -> None:
        """Write a summary where a run has none because of an error, wait for the reader, and close."""
        if self._run or self._early or (error and not self._ended):
            counts = self._counts.record()
            shown = {name: counts[name] for name in ("ok", "failed", "skipped", "seconds")}
            code = error.exit_code if isinstance(error, ImgparError) else RunError.exit_code
            if isinstance(error, KeyboardInterrupt):
                code = 130
            self._end({**shown, "error": _sentence(error), "exit_code": code})
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        self._stream.close()

    def _begin(self, event: Event) -> None:
        self._seq, self._ended = 0, False
        self._run = str(event.facts.get("run") or random_name())
        about = {"version": __version__, "out": escaped(event.text), "recipe": event.facts.get("recipe", "")}
        self._early.insert(0, (time.time(), "run", about))
        if not self._changes_only:
            self._write_all_early()
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, name="imgpar-events-progress", daemon=True)
            self._ticker.start()

    def _write_all_early(self) -> None:
        with self._lock:
            self._open = True
            early, self._early = self._early, []
        for moment, name, fields in early:
            self._write(name, fields, moment)

    def _write_item(self, outcome: Outcome) -> None:
        if self._changes_only and outcome.reason == "unchanged":
            return
        self._write_all_early()
        record = item_record(outcome)
        status = record.pop("status")
        self._write(_WORDS.get(status, status), record)

    def _end(self, facts: dict[str, Any]) -> None:
        if not self._run:
            self._begin(Event("start"))
        facts.pop("schema", None)
        if facts.get("exit_code") not in (0, NoInputError.exit_code):
            self._write_all_early()
        self._write("summary", facts)
        self._run, self._open, self._ended = "", False, True
        self._early.clear()

    def _tick(self) -> None:
        while not self._stop.wait(self._every):
            if self._open:
                self._write("progress", self._counts.record())

    def _write(self, name: str, fields: dict[str, Any], moment: float | None = None) -> None:
        moment = moment or time.time()
        with self._lock:
            if not self._open:
                if name != "progress":
                    self._early.append((moment, name, fields))
                return
            head = {"schema": EVENTS_SCHEMA, "event": name, "time": time_text(moment), "run": self._run}
            line = json.dumps({**head, "seq": self._seq, **fields})
            self._seq += 1
            self._stream.write(line.encode() + b"\n")


def _sentence(error: BaseException | None) -> str:
    """An error as a line shows it."""
    if error is None or isinstance(error, KeyboardInterrupt):
        return "Stopped."
    return (
        str(error) if isinstance(error, ImgparError) else without_secrets(f"{type(error).__name__}: {error}")
    )
