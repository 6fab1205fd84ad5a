"""Conversion of one drop: a thread calls imgpar and queues events for the window.

1. The thread uses no widget; the window accesses no file, and does no work proportional to the number of
   files.
2. Pausing cancels the run; continuing starts it again, and imgpar skips finished files. A pause therefore
   uses no process and no memory, and may last any time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import imgpar
from imgpar.desktop.making import estimate_run, make_files
from imgpar.desktop.paths import folder_of_files, local, on_the_web, repaired
from imgpar.desktop.settings import Settings

CHUNK = 50
"""Names per message, few enough for the time budget of one poll."""


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """The output folder of this drop."""

    folder: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Individually dropped files, now waiting."""

    paths: tuple[str, ...]
    total: int | None
    """Total number of files; None if folders have to be scanned first."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """What a run would take, or why that is unknown."""

    found: imgpar.Estimate | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The thread has ended, with a report or an error."""

    report: imgpar.Report | None = None
    error: Exception | None = None


Message = imgpar.Event | OutputFolder | Listed | Ended


class Inbox(Protocol):
    """Receives messages."""

    def put(self, item: Message) -> None:
        """Add a message; called in the thread."""


def estimate_drop(names: Sequence[str], settings: Settings, cancel: imgpar.CancelToken) -> Estimated:
    """An estimate for these names, as they were dropped; called in a thread."""
    paths = tuple(dict.fromkeys(local(repaired(name)) for name in names))
    try:
        return Estimated(estimate_run(settings, paths, settings.out(paths), cancel))
    except Exception as error:  # reported to the window
        return Estimated(error=error)


class Conversion:
    """Converts one drop.

    Args:
        names: files and folders as dropped.
        settings: recipe, fields and output folder.
        inbox: receives every Message.
    """

    def __init__(self, names: Sequence[str], settings: Settings, inbox: Inbox) -> None:
        self.paths: tuple[str, ...] = ()
        """Absolute paths of the names without duplicates; set by the thread."""
        self._names, self._settings, self._inbox = names, settings, inbox
        self._out = ""
        self._token = imgpar.CancelToken()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start, or continue after `stop`."""
        self._token = imgpar.CancelToken()
        self._thread = threading.Thread(target=self._work, name="imgpar-desktop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Start no more jobs; those in flight are finished, then `Ended` is sent."""
        self._token.cancel()

    def kill(self) -> None:
        """Stop at once; jobs in flight are aborted, and no partial output is left."""
        self._token.kill()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            self._settings.pipeline()  # before anything is listed: a field may be invalid
            if not self.paths:
                for message in self._list():
                    self._inbox.put(message)
            report = make_files(self._settings, self.paths, self._out, self._inbox.put, self._token)
            self._inbox.put(Ended(report))
        except Exception as error:  # reported to the window
            self._inbox.put(Ended(error=error))

    def _list(self) -> Iterator[OutputFolder | Listed]:
        """Resolve the names in the thread, because file system access may be slow."""
        paths = dict.fromkeys(local(repaired(name)) for name in self._names)
        files = [path for path in paths if on_the_web(path) or not folder_of_files(path)]
        self.paths, self._out = tuple(paths), self._settings.out(tuple(paths))
        yield OutputFolder(self._out)
        total = len(files) if len(files) == len(paths) else None
        for start in range(0, len(files), CHUNK):
            yield Listed(tuple(files[start : start + CHUNK]), total)
