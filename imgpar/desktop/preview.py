"""Previews before and after the conversion, rendered in a separate process."""

from __future__ import annotations

import os
import queue
import threading
import time
import tkinter as tk
from contextlib import closing
from dataclasses import dataclass
from tkinter import ttk

import imgpar
from imgpar.desktop.texts import Texts, size_text
from imgpar.desktop.theme import Theme

MEMORY = "512M"
REST = 4
"""Ratio of idle to rendering time of the thread, which limits the load on the run."""
IDLE_SECONDS = 10.0
"""Idle time after which the process exits."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The source and the result of one outcome as PPM data; empty without a picture."""

    outcome: imgpar.Outcome
    pictures: tuple[bytes, bytes]


class Painter:
    """Renders previews in a thread with its own worker process: a file that crashes a decoder affects only
    its preview. Only the newest request is rendered."""

    def __init__(self, width: int, height: int) -> None:
        self.results: queue.SimpleQueue[Pair] = queue.SimpleQueue()
        self._pipeline = imgpar.Pipeline().resize(f"{width}x{height}")
        self._wanted: imgpar.Outcome | None = None
        self._changed = threading.Condition()
        self._open = True
        self._cancel = imgpar.CancelToken()
        self._awake = False
        self._thread: threading.Thread | None = None

    def ask(self, outcome: imgpar.Outcome) -> None:
        """Request the previews of an outcome."""
        with self._changed:
            self._wanted = outcome
            if not self._awake:
                self._awake, before = True, self._thread
                self._thread = threading.Thread(
                    target=self._work, args=(before,), name="imgpar-preview", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End the process and the thread."""
        with self._changed:
            self._open = False
            self._cancel.kill()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _next(self) -> imgpar.Outcome | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or not self._open, IDLE_SECONDS)
            outcome, self._wanted = self._wanted, None
            if outcome is None or not self._open:
                self._awake = False  # the next request starts another thread
                return None
            return outcome

    def _work(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        with imgpar.Session(jobs=1, memory=MEMORY) as session:
            while (outcome := self._next()) is not None:
                began = time.monotonic()
                after = outcome.outputs[0].path if outcome.outputs else ""
                pictures = (self._paint(session, outcome.source), self._paint(session, after))
                self.results.put(Pair(outcome, pictures))
                with self._changed:
                    rest = min(2.0, REST * (time.monotonic() - began))
                    self._changed.wait_for(lambda: not self._open, rest)

    def _paint(self, session: imgpar.Session, path: str) -> bytes:
        if not path or not os.path.isfile(path):
            return b""
        with self._changed:
            self._cancel = cancel = imgpar.CancelToken()
            if not self._open:
                return b""
        try:
            arrays = session.arrays(
                self._pipeline, [path], errors="skip", on_event=lambda _: None, cancel=cancel, timeout=20
            )
            with closing(arrays):
                for _, array in arrays:
                    height, width, _ = array.shape
                    return b"P6 %d %d 255\n" % (width, height) + array.tobytes()
        except imgpar.ImgparError:
            pass
        return b""


class Preview(ttk.Frame):
    """Two pictures, one above the other."""

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme) -> None:
        super().__init__(parent)
        self._texts = texts
        self.room = (theme.px(210), theme.px(130))
        self._images: list[tk.PhotoImage] = []
        self.columnconfigure(0, weight=1)
        self._pictures: list[ttk.Label] = []
        self._captions: list[ttk.Label] = []
        for number, key in enumerate(("before", "after")):
            caption = ttk.Label(self, text=texts(key), style="Quiet.TLabel")
            caption.grid(row=2 * number, sticky="w", pady=(theme.px(6) if number else 0, 0))
            box = ttk.Frame(self, width=self.room[0], height=self.room[1])
            box.grid(row=2 * number + 1, sticky="nsew")
            box.grid_propagate(False)
            box.columnconfigure(0, weight=1)
            box.rowconfigure(0, weight=1)
            picture = ttk.Label(box, style="Picture.TLabel", anchor="center")
            picture.grid(sticky="nsew")
            self.rowconfigure(2 * number + 1, weight=1)
            self._captions.append(caption)
            self._pictures.append(picture)

    def clear(self) -> None:
        """Remove the pictures."""
        for key, caption, picture in zip(("before", "after"), self._captions, self._pictures, strict=True):
            caption["text"] = self._texts(key)
            picture.configure(image="", text="")
        self._images = []

    def show(self, pair: Pair) -> None:
        """Show these pictures."""
        outcome = pair.outcome
        images = [tk.PhotoImage(master=self, data=data) if data else None for data in pair.pictures]
        for image, picture in zip(images, self._pictures, strict=True):
            picture.configure(image=image or "", text="" if image else self._texts("no_preview"))
        self._images = [image for image in images if image]  # Tk keeps no reference
        before = [self._texts("before"), size_text(outcome.source_bytes) if outcome.source_bytes else ""]
        after = [self._texts("after")]
        for file in outcome.outputs[:1]:
            after += [f"{file.width} × {file.height}" if file.width else "", size_text(file.bytes)]
        for caption, facts in zip(self._captions, (before, after), strict=True):
            caption["text"] = self._texts.join(facts)
