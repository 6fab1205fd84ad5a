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
from tkinter import filedialog, messagebox, ttk
from typing import Any

from imgpar.desktop.board import Row
from imgpar.desktop.buttons import Buttons
from imgpar.desktop.control import Control
from imgpar.desktop.details import Details, describe_row
from imgpar.desktop.dropping import accept_drops, make_droppable
from imgpar.desktop.filelist import FileList
from imgpar.desktop.form import Form
from imgpar.desktop.head import Head
from imgpar.desktop.icon import draw_icon
from imgpar.desktop.keys import AccessKeys, ignoring, press
from imgpar.desktop.pace import BUDGET, REFRESH, TICK, tune
from imgpar.desktop.paths import local
from imgpar.desktop.preview import Painter, Preview
from imgpar.desktop.problems import one_line
from imgpar.desktop.settings import Settings
from imgpar.desktop.status import Status
from imgpar.desktop.system import sharpen_on_windows, show
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme

LOW = 640
"""Height in pixels at 96 dpi below which the window leaves out margins."""


def open_window(names: Sequence[str]) -> int:
    """Run the window until it is closed; `names` are converted at once. Raises TclError without a display."""
    sharpen_on_windows()
    tune()
    window = Window(tk.Tk(className="imgpar"), Settings.load())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, window.on_signal)
    window.drop(names)
    window.root.mainloop()
    return 0


class Window:
    """The widgets, and the timer that updates them.

    Args:
        root: an empty toplevel window, owned by this object.
        settings: initial values of the fields.
    """

    def __init__(self, root: tk.Tk, settings: Settings) -> None:
        self.root, self.settings, self.control = root, settings, Control()
        self.ask: Callable[..., bool] = messagebox.askyesno
        self.longest_gap = 0.0
        """The longest time between two ticks, in seconds."""
        self._ticked = 0.0
        self._refreshed = 0.0
        self._title = ""
        self._timer = ""
        self._closing = False
        self._droppable = make_droppable(root)
        root.withdraw()
        root.title("imgpar")
        root.report_callback_exception = self._trouble
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.build()
        self._bind_keys()
        if settings.geometry:
            with suppress(tk.TclError):
                root.geometry(settings.geometry)
        root.deiconify()
        self._tick()

    # ----- widgets --------------------------------------------------------------------------------

    def build(self) -> None:
        """Create all widgets in the language and appearance of the settings; the state is kept."""
        for child in self.root.winfo_children():
            child.destroy()
        self.texts = texts = Texts(self.settings.language)
        with suppress(tk.TclError):  # the buttons of Tk's dialogs
            self.root.tk.call("msgcat::mclocale", {"zh": "zh_cn"}.get(texts.language, texts.language))
        self.theme = theme = Theme(self.root, self.settings.look)
        px = theme.px
        self.root.configure(background=theme.palette.ground)
        self._icon = draw_icon(self.root, px(64))
        self.root.iconphoto(True, self._icon)
        self.page = page = ttk.Frame(self.root, padding=px(16))
        page.pack(fill="both", expand=True)
        page.columnconfigure(0, weight=1)
        page.rowconfigure(3, weight=1)
        self.keys = keys = AccessKeys(self.root, texts)
        self.head = Head(
            page, texts, theme, keys, self.settings, droppable=self._droppable, restyle=self._restyle,
            files=self.choose_files, folder=self.choose_folder,
        )  # fmt: skip
        self.head.grid(row=0, column=0, columnspan=2, sticky="nsew")
        self.form = Form(page, texts, theme, keys, self.settings, self._set)
        self.form.grid(row=1, column=0, columnspan=2, sticky="ew", pady=px(12))
        self.status = Status(page, texts, theme)
        self.status.grid(row=2, column=0, columnspan=2, sticky="ew")
        self.files = FileList(page, texts, theme, self._chosen)
        self.files.grid(row=3, column=0, sticky="nsew", pady=px(12))
        self.files.open_with(self.show_details)
        self.preview = Preview(page, texts, theme)
        self.preview.grid(row=3, column=1, sticky="nsew", padx=(px(12), 0), pady=px(12))
        self.painter = Painter(*self.preview.room)
        actions = {
            "main": self.press_main, "stop": self.stop, "details": self.show_details,
            "report": self.control.report, "undo": self.undo, "open": self.open_results,
        }  # fmt: skip
        self.buttons = Buttons(page, theme, keys, actions)
        self.buttons.grid(row=4, column=0, columnspan=2, sticky="ew")
        if self._droppable:
            accept_drops(page, self.drop, self.head.hover)
        screen = self.root.winfo_screenwidth() - px(40), self.root.winfo_screenheight() - px(80)
        self.root.minsize(min(px(720), screen[0]), min(px(500), screen[1]))
        self._low = False
        self._resized(self.root.winfo_height())
        self._refresh()
        self.head.zone.focus_set()

    def _resized(self, height: int) -> None:
        """Leave room for the list in a low window."""
        low = 1 < height < self.theme.px(LOW)  # 1: it has no size yet
        if low != self._low:
            self._low = low
            self.head.fit(low=low)
            gap = self.theme.px(6 if low else 12)
            self.page.configure(padding=self.theme.px(10 if low else 16))
            for widget in (self.form, self.files, self.preview):
                widget.grid_configure(pady=gap)

    def _refresh(self) -> None:
        """Update texts, numbers and buttons."""
        board = self.control.board
        self.files.count(board)
        self.status.show(self.control)
        share = board.share if self.control.state == "running" else None
        title = f"{share:.0%} – imgpar" if share else "imgpar"
        if title != self._title:
            self._title = title
            self.root.title(title)
        self.buttons.show(self.control, details=bool(self._described()))

    def _described(self) -> str:
        return describe_row(self.texts, self.control, self.files.chosen)

    # ----- the tick -------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        if self._ticked:
            self.longest_gap = max(self.longest_gap, now - self._ticked)
        self._ticked = now
        state = self.control.state
        self.control.look(BUDGET)
        self.files.show(self.control.board, over=self.control.state == "idle")
        self._show_pictures()
        if state == "reporting" and self.control.page:
            show(self.control.page.path)
        if now - self._refreshed > REFRESH or state != self.control.state:
            self._refreshed = now
            self._refresh()
        if self._closing and not self.control.busy:
            self._leave()
        else:
            self._timer = self.root.after(TICK, self._tick)

    def _show_pictures(self) -> None:
        control = self.control
        if control.latest is not None and not self.files.chosen:
            self.painter.ask(control.latest)
        control.latest = None
        while not self.painter.results.empty():
            self.preview.show(self.painter.results.get())

    # ----- user actions ---------------------------------------------------------------------------

    def drop(self, names: Sequence[str]) -> None:
        """Convert these files and folders."""
        self.settings = self.form.read()
        if self.control.drop(names, self.settings):
            self.files.clear()
            self.preview.clear()
            self.settings.save()

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
                if names and os.path.exists(local(names[0])):
                    self.drop(names)
                    return

    def press_main(self) -> None:
        """Pause, continue or try again, as the button is labelled."""
        if self.control.state == "running":
            self.control.pause()
        elif self.control.state == "paused":
            self.control.go_on()
        else:
            self.settings = self.form.read()
            self.control.again(self.settings)
        self._refresh()

    def stop(self) -> None:
        """Stop the run."""
        self.control.stop()
        self._refresh()

    def undo(self) -> None:
        """Delete the new files after confirmation."""
        count, folder = len(self.control.board.files), one_line(self.control.folder)
        question = self.texts("undo_ask", count=count, folder=folder)
        if self.control.can_undo and self.ask(self.texts("undo_title"), question, parent=self.root):
            self.files.clear()
            self.preview.clear()
            self.control.undo()

    def show_details(self) -> None:
        """Show the details of the selected file, or of the run."""
        if text := self._described():
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
        self.painter.close()
        self.root.destroy()

    def _set(self, settings: Settings) -> None:
        self.settings = settings
        settings.save()

    def _restyle(self) -> None:
        self._set(replace(self.form.read(), language=self.head.language.get(), look=self.head.look.get()))
        self.painter.close()
        self.root.after_idle(self.build)  # not from the menu, which is rebuilt

    def _chosen(self, row: Row) -> None:
        if row.outcome is not None and row.status != "failed":
            self.painter.ask(row.outcome)
        else:
            self.preview.clear()
        self.status.explain(row)
        self._refresh()

    def _bind_keys(self) -> None:
        key = "Command" if sys.platform == "darwin" else "Control"
        self.root.bind_class("TButton", "<Return>", press)
        self.root.bind_class("TMenubutton", "<Return>", "ttk::menubutton::Popdown %W")
        for keys, action in {
            f"<{key}-o>": self.choose_files,
            f"<{key}-O>": self.choose_folder,
            f"<{key}-w>": self.close,
            f"<{key}-q>": self.close,
            "<Escape>": self.stop,
        }.items():
            self.root.bind(keys, ignoring(action))
        self.root.bind(f"<{key}-v>", self._pasted)
        self.root.bind("<Configure>", self._configured)

    def _configured(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self.root:
            self._resized(event.height)

    def _pasted(self, event: tk.Event[tk.Misc]) -> None:
        if not isinstance(event.widget, ttk.Entry):  # there it pastes text
            self.paste()

    def _trouble(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        """Show an exception from a callback in the window, and print its traceback on stderr."""
        if isinstance(error, Exception):
            self.status.trouble(error)
        if sys.stderr is not None:
            sys.excepthook(kind, error, trace)
