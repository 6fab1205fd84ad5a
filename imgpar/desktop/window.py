"""The main window: it displays a Control and forwards user actions to it. It never blocks."""

from __future__ import annotations

import os
import signal
import sys
import time
import tkinter as tk
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from tkinter import filedialog, messagebox
from typing import Any

import imgpar
from imgpar.desktop.board import Row
from imgpar.desktop.details import Details
from imgpar.desktop.looks import SystemLook
from imgpar.desktop.pace import BUDGET, REFRESH, TICK, tune
from imgpar.desktop.paths import folder_of_files, local, on_the_web
from imgpar.desktop.problems import one_line
from imgpar.desktop.settings import Settings
from imgpar.desktop.shortcuts import bind_shortcuts
from imgpar.desktop.system import sharpen_on_windows, show
from imgpar.desktop.view import Actions, WindowView


def open_window(names: Sequence[str], *, start: bool = False) -> int:
    """Run the window until it is closed. Raises TclError without a display.

    Args:
        names: files and folders that are dropped on it.
        start: convert them at once.
    """
    sharpen_on_windows()
    tune()
    window = Window(tk.Tk(className="imgpar"), Settings.load())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, window.on_signal)
    window.drop(names)
    if start:
        window.start()
    window.root.mainloop()
    return 0


class Window(WindowView):
    """The timer that updates the widgets, and what the user does.

    Args:
        root: an empty toplevel window, owned by this object.
        settings: initial values of the fields.
    """

    def __init__(self, root: tk.Tk, settings: Settings) -> None:
        super().__init__(root, settings)
        self.actions: Actions = self
        self.ask: Callable[..., bool] = messagebox.askyesno
        self.longest_gap = 0.0
        """The longest time between two ticks, in seconds."""
        self._ticked = 0.0
        self._refreshed = 0.0
        self._timer = ""
        self._closing = False
        self._look = SystemLook()
        root.withdraw()
        root.title("imgpar")
        root.report_callback_exception = self._trouble
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.build()
        actions = {
            "files": self.choose_files, "folder": self.choose_folder, "main": self.press_main,
            "close": self.close, "quit": self.close, "stop": self.stop, "enlarge": self.enlarge,
        }  # fmt: skip
        bind_shortcuts(root, actions, self.paste)
        if sys.platform == "darwin":  # files that are dropped on the icon in the Dock
            root.createcommand("::tk::mac::OpenDocument", lambda *names: self.drop(names))
        root.bind("<Configure>", self._configured)
        root.geometry(self.usual_geometry)
        if settings.geometry:
            with suppress(tk.TclError):
                root.geometry(settings.geometry)
        root.deiconify()
        self._tick()

    # ----- the tick -------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        if self._ticked:
            self.longest_gap = max(self.longest_gap, now - self._ticked)
        self._ticked = now
        state = self.control.state
        self.control.look(BUDGET)
        over = self.control.state in ("idle", "estimating")
        waits = bool(self.control.collected)
        self.files.show(self.control.board, over=over, waits=waits)
        self._show_pictures()
        if state == "reporting" and self.control.page:
            show(self.control.page.path)
        if now - self._refreshed > REFRESH or state != self.control.state:
            self._refreshed = now
            self.refresh()
        if self._closing and not self.control.busy:
            self._leave()
        elif self._look.dark not in (None, self.theme.dark) and not self.settings.look:
            self._look_again()
        else:
            self._timer = self.root.after(TICK, self._tick)

    def _show_pictures(self) -> None:
        control = self.control
        if control.latest is not None and not self.files.chosen:
            self.picture(control.latest)
        control.latest = None
        while not self.painter.results.empty():
            self.compare.show(self.painter.results.get())

    # ----- user actions ---------------------------------------------------------------------------

    def drop(self, names: Sequence[str]) -> None:
        """Take these files and folders: they wait for Start, or for the run, or are converted at once."""
        self.take(self.form.read())
        if not names:
            return
        at_work = self.control.state in ("running", "pausing", "paused", "stopping")
        if at_work or (self.settings.at_once and not self.form.wrong):
            if self.control.drop(names, self.settings):
                self.empty()
        else:
            self.control.collect(names)
            self.empty()
            self._show_first()
            self.layout.turn_to("files")
        self.refresh()

    def _show_first(self) -> None:
        """Show what would become of the first file that waits."""
        first = next((path for path in self.control.collected if not folder_of_files(path)), "")
        if first and not on_the_web(first):
            self.picture(imgpar.Outcome(first, "skipped"))

    def start(self) -> None:
        """Convert what waits, unless a field is wrong."""
        self.take(self.form.read())
        if self.form.wrong:
            self.layout.turn_to("form")
            self.form.focus_wrong()
            self.status.trouble(imgpar.UsageError(self.texts("collected_wrong")))
        elif self.control.start(self.settings):
            self.empty()

    def estimate(self) -> None:
        """Say what a run of what waits would take."""
        self.take(self.form.read())
        self.control.ask_estimate(self.settings)
        self.refresh()

    def remove_chosen(self) -> None:
        """Take the selected row out of what waits."""
        if self.files.chosen:
            self.control.remove(self.files.chosen.path)
            self.empty()

    def choose_files(self) -> None:
        """Ask for files."""
        self.drop(filedialog.askopenfilenames(parent=self.root) or ())

    def choose_folder(self) -> None:
        """Ask for a folder."""
        name = filedialog.askdirectory(parent=self.root, mustexist=True)
        self.drop([name] if name else ())

    def paste(self) -> None:
        """Convert the files that were copied in a file manager."""
        for kind in ("text/uri-list", "UTF8_STRING", "STRING"):
            with suppress(tk.TclError):
                names = [line for line in self.root.clipboard_get(type=kind).splitlines() if line.strip()]
                if names and (on_the_web(names[0]) or os.path.exists(local(names[0]))):
                    self.drop(names)
                    return

    def press_main(self) -> None:
        """Start, pause, continue or try again, as the button is labelled."""
        if self.control.state == "running":
            self.control.pause()
        elif self.control.state == "paused":
            self.control.go_on()
        elif self.control.can_start:
            self.start()
        elif not self.form.wrong:
            self.take(self.form.read())
            self.control.again(self.settings)
        self.refresh()

    def stop(self) -> None:
        """Stop the run, or empty the list of what waits; in the large view, leave that."""
        if self._large:
            self.enlarge()
            return
        if self.control.can_start:
            self.control.clear()
            self.empty()
        self.control.stop()
        self.refresh()

    def undo(self) -> None:
        """Take back what the last drop has made, after confirmation."""
        if not self.control.can_undo:
            return
        past = self.control.to_undo()
        if past is None:
            return
        question = self.texts(
            "undo_ask_in_place" if past.replaced else "undo_ask", count=past.files,
            folder=one_line(", ".join(past.folders)),
        )  # fmt: skip
        if self.ask(self.texts("undo_title"), question, parent=self.root):
            self.empty()
            self.control.undo()

    def show_details(self) -> None:
        """Show the details of the selected file, or of the run."""
        if text := self.described():
            Details(self.root, self.texts, self.theme, text)

    def open_results(self) -> None:
        """Show the results in the file manager, or the file that was made of all."""
        show(self.control.file or self.control.folder)

    def close(self, *, ask: bool = True) -> None:
        """Stop the run, then close; called twice, close at once."""
        if self._closing:
            self.control.kill()
        elif not self.control.busy:
            self._leave()
        elif not ask or self.ask(self.texts("close_title"), self.texts("close_ask"), parent=self.root):
            self._closing = True
            self.control.stop()

    def on_signal(self, *_: object) -> None:
        """Handle a signal, deferred because it may interrupt a tick that uses the window."""
        with suppress(tk.TclError):  # the window is closed
            self.root.after(0, lambda: self.close(ask=False))

    def _leave(self) -> None:
        replace(self.form.read(), geometry=self.root.geometry()).save()
        self.root.after_cancel(self._timer)
        self.rest()
        self._look.close()
        self.painter.close()
        self.root.destroy()

    def take(self, settings: Settings) -> None:
        """Take over edited settings."""
        changed, self.settings = settings != self.settings, settings
        if changed:
            self.control.estimate = None  # it was one of other settings
            if self._pictured is not None and self._pictured.source in self.control.collected:
                self.paint()
        settings.save()
        self.refresh()

    def restyle(self) -> None:
        """Take over language and appearance from the menu."""
        self.take(replace(self.form.read(), language=self.head.language.get(), look=self.head.look.get()))
        self.root.after_idle(self.rebuild)  # not from the menu, which is rebuilt

    def _look_again(self) -> None:
        """Take the appearance that the system has now."""
        self.settings = self.form.read()
        self.rebuild()
        self._timer = self.root.after(TICK, self._tick)

    def chosen(self, row: Row) -> None:
        """Show what is known of the selected row."""
        waits = imgpar.Outcome(row.path, "skipped") if row.path in self.control.collected else None
        self.picture((row.outcome or waits) if row.status != "failed" else None)
        self.status.explain(row)
        self.refresh()

    def _configured(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self.root:
            self.resized(event.width, event.height)

    def _trouble(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        """Show an exception from a callback in the window, and print its traceback on stderr."""
        if isinstance(error, Exception):
            self.status.trouble(error)
        if sys.stderr is not None:
            sys.excepthook(kind, error, trace)
