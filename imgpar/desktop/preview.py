"""Pictures before and after the conversion, rendered in a separate process."""

from __future__ import annotations

import os
import queue
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass

import imgpar

MEMORY = "512M"
REST = 4
"""Ratio of idle to rendering time of the thread, which limits the load on the run."""
IDLE_SECONDS = 10.0
"""Idle time after which the process exits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose pictures are asked for; with a pipeline, those of a trial, because there are no results yet."""

    outcome: imgpar.Outcome
    trial: imgpar.Pipeline | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """The source and the result of one outcome as PPM data; empty without a picture."""

    outcome: imgpar.Outcome
    pictures: tuple[bytes, bytes]


class Painter:
    """Renders previews in a thread with its own worker process: a file that crashes a decoder affects only
    its preview. Only the newest request is rendered."""

    def __init__(self, room: tuple[int, int]) -> None:
        self.results: queue.SimpleQueue[Pair] = queue.SimpleQueue()
        self._room = room
        self._wanted: Wanted | None = None
        self._changed = threading.Condition()
        self._open = True
        self._cancel = imgpar.CancelToken()
        self._awake = False
        self._thread: threading.Thread | None = None

    def ask(self, outcome: imgpar.Outcome, trial: imgpar.Pipeline | None = None) -> None:
        """Request the pictures of an outcome, or those that this pipeline would make of its source."""
        with self._changed:
            self._wanted = Wanted(outcome, trial)
            if not self._awake:
                self._awake, before = True, self._thread
                self._thread = threading.Thread(
                    target=self._work, args=(before,), name="imgpar-preview", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def fit(self, room: tuple[int, int]) -> None:
        """Render what is asked for from now on into this width and height, larger than it is if need be."""
        self._room = room

    def close(self) -> None:
        """End the process and the thread."""
        with self._changed:
            self._open = False
            self._cancel.kill()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _next(self) -> Wanted | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or not self._open, IDLE_SECONDS)
            wanted, self._wanted = self._wanted, None
            if wanted is None or not self._open:
                self._awake = False  # the next request starts another thread
                return None
            return wanted

    def _work(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        with imgpar.Session(jobs=1, memory=MEMORY) as session:
            while (wanted := self._next()) is not None:
                began = time.monotonic()
                with tempfile.TemporaryDirectory(prefix="imgpar-trial-") as folder:
                    self.results.put(self._pair(session, wanted, folder))
                with self._changed:
                    rest = min(2.0, REST * (time.monotonic() - began))
                    self._changed.wait_for(lambda: not self._open, rest)

    def _pair(self, session: imgpar.Session, wanted: Wanted, folder: str) -> Pair:
        room, outcome = self._room, wanted.outcome
        if wanted.trial is not None:
            outcome = self._try(session, wanted.trial, outcome, folder)
        after = outcome.outputs[0].path if outcome.outputs else ""
        return Pair(outcome, (self._paint(session, outcome.source, room), self._paint(session, after, room)))

    def _try(
        self, session: imgpar.Session, pipeline: imgpar.Pipeline, outcome: imgpar.Outcome, folder: str
    ) -> imgpar.Outcome:
        """What a run would make of a file; it is made in a temporary folder."""
        cancel = self._token()
        if cancel is None or not os.path.isfile(outcome.source):
            return outcome
        try:
            report = pipeline.run(
                [outcome.source], folder, session=session, on_event=lambda _: None, cancel=cancel, timeout=20
            )
        except imgpar.ImgparError:
            return outcome
        return next(iter(report.items), outcome)

    def _token(self) -> imgpar.CancelToken | None:
        """What stops the next call; None if this is closed."""
        with self._changed:
            self._cancel = imgpar.CancelToken()
            return self._cancel if self._open else None

    def _paint(self, session: imgpar.Session, path: str, room: tuple[int, int]) -> bytes:
        cancel = self._token()
        if cancel is None or not os.path.isfile(path):
            return b""
        try:
            arrays = session.arrays(
                _fitted(room), [path], errors="skip", on_event=lambda _: None, cancel=cancel, timeout=20
            )
            with closing(arrays):
                for _, array in arrays:
                    height, width, _ = array.shape
                    return b"P6 %d %d 255\n" % (width, height) + array.tobytes()
        except imgpar.ImgparError:
            pass
        return b""


def _fitted(room: tuple[int, int]) -> imgpar.Pipeline:
    return imgpar.Pipeline().resize(f"{room[0]}x{room[1]}", enlarge=True)
