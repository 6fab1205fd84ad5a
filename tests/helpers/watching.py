"""A watch in a thread of the test, whose events the test waits for."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imgpar
from imgpar.core.job import Event, Item, Outcome
from imgpar.inputs.batches import Batch
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, in_folders

PATIENCE = 30.0
"""Seconds after which a test that waits fails."""
SETTLE = 0.2


class Watch:
    """What a running watch tells."""

    def __init__(self) -> None:
        self.events = queue.Queue[Event]()
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.report: imgpar.Report | None = None
        self.in_bulk = True

    def __call__(self, event: Event) -> None:
        self.events.put(event)

    def next(self, kind: str = "item") -> Event:
        """The next event of a kind; fails when the watch has ended or nothing comes."""
        while True:
            event = self.events.get(timeout=PATIENCE)
            if event.kind == kind:
                return event

    def item(self) -> tuple[str, str]:
        """Name and status of the next item that is not unchanged."""
        while (outcome := self.next().outcome) is None or outcome.reason == "unchanged":
            pass
        return os.path.basename(outcome.source), outcome.status

    def items(self, count: int) -> dict[str, str]:
        """The next items, by name."""
        return dict(self.item() for _ in range(count))

    def until(self, holds: Callable[[], Any], kind: str = "note") -> None:
        """Wait for a note after which something holds."""
        while not holds():
            self.next(kind)

    def nothing_else(self) -> list[Outcome]:
        """The items that came and were not asked for."""
        found = []
        while not self.events.empty():
            event = self.events.get_nowait()
            if event.outcome is not None and event.outcome.reason != "unchanged":
                found.append(event.outcome)
        return found


@dataclass(frozen=True)
class Shelf:
    """A source that is no folder: it lists the files of one when it is asked."""

    folder: str
    root: str = "shelf://photos"
    waits = False

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        with os.scandir(self.folder) as files:
            entries = [
                Entry(file.name, file.stat().st_size, file.stat().st_mtime_ns)
                for file in files
                if file.name.endswith(".jpg")
            ]
        yield from in_folders(self.root, mirror, entries, patterns)

    def open(self, item: Item) -> str:
        return os.path.join(self.folder, item.path.removeprefix(f"{self.root}/"))


@contextmanager
def watching(inputs: object, out: object, **settings: Any) -> Iterator[Watch]:
    """A watch with one worker while the block runs."""
    watch, token = Watch(), imgpar.CancelToken()

    def run() -> None:
        try:
            given = {"jobs": 1, "settle": SETTLE, "to": "png", **settings}
            watch.report = imgpar.watch(inputs, out, on_event=watch, cancel=token, **given)
        except BaseException as error:
            watch.error = error
        finally:
            watch.ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watch
    finally:
        token.cancel()
        thread.join(PATIENCE)
        if watch.error is not None:
            raise watch.error


def arrive(source: Path, target: Path) -> None:
    """A file comes as good programs make it: under a temporary name, then renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, part)
    os.replace(part, target)


def old(path: Path, seconds: float = 100.0) -> Path:
    """A file that rests for some time already."""
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))
    return path
