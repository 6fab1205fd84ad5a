"""One drop at work: a thread calls imgpar, and puts what happens into a queue for the window.

1. The thread touches no widget; the window touches no file, and does nothing that takes longer
   for more files.
2. To pause is to stop what has not begun, and to go on is the same run again: imgpar skips what is done.
   So a pause keeps no process and no memory, and it may last as long as the user likes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import imgpar
from imgpar.desktop import local, repaired
from imgpar.desktop.settings import Settings

CHUNK = 50
"""Names in one message: small enough for one look of the window into the queue."""


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """Where the results of this drop go."""

    folder: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Files that were dropped one by one: they wait for their turn."""

    paths: tuple[str, ...]
    total: int | None
    """How many there will be; None where folders have to be searched first."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The thread is through: with a report, or with what stopped it."""

    report: imgpar.Report | None = None
    error: Exception | None = None


Message = imgpar.Event | OutputFolder | Listed | Ended


class Inbox(Protocol):
    """Where messages go."""

    def put(self, item: Message) -> None:
        """Take one; called in the thread."""


class Conversion:
    """Converts what was dropped; `inbox` is where the window hears of it.

    Args:
        names: of files and folders, as the drop gave them.
        settings: what is done to each, and where results go.
        inbox: gets every Message.
    """

    def __init__(self, names: Sequence[str], settings: Settings, inbox: Inbox) -> None:
        self.paths: tuple[str, ...] = ()
        """What the names lead to, each once; set by the thread."""
        self._names, self._settings, self._inbox = names, settings, inbox
        self._out = ""
        self._token = imgpar.CancelToken()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or go on after `stop`."""
        self._token = imgpar.CancelToken()
        self._thread = threading.Thread(target=self._work, name="imgpar-desktop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; what is in flight is finished, then `Ended` comes."""
        self._token.cancel()

    def kill(self) -> None:
        """Stop at once; what is in flight is not finished, and nothing half-written is left."""
        self._token.kill()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            pipeline = self._settings.pipeline()
            if not self.paths:
                for message in self._list():
                    self._inbox.put(message)
            report = pipeline.run(
                self.paths,
                self._out,
                on_exists="rename",  # nothing is replaced: not what other settings made, either
                on_event=self._inbox.put,
                cancel=self._token,
            )
            self._inbox.put(Ended(report))
        except Exception as error:  # whatever it is, the window has to hear of it
            self._inbox.put(Ended(error=error))

    def _list(self) -> Iterator[OutputFolder | Listed]:
        """To ask the disk whether a name is a folder takes time, so it is done here."""
        paths = dict.fromkeys(local(repaired(name)) for name in self._names)
        files = [path for path in paths if not os.path.isdir(path)]
        self.paths, self._out = tuple(paths), self._settings.place(tuple(paths))
        yield OutputFolder(self._out)
        total = len(files) if len(files) == len(paths) else None
        for start in range(0, len(files), CHUNK):
            yield Listed(tuple(files[start : start + CHUNK]), total)
