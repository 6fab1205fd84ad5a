"""The widgets of the window: made in one language and appearance, and made anew in another."""

from __future__ import annotations

import gc
import tkinter as tk
from collections.abc import Sequence
from contextlib import suppress
from tkinter import ttk
from typing import Protocol

import imgpar
from imgpar.desktop.board import Row
from imgpar.desktop.buttons import Buttons
from imgpar.desktop.compare import Compare
from imgpar.desktop.control import Control
from imgpar.desktop.details import describe_row
from imgpar.desktop.dropping import accept_drops, make_droppable
from imgpar.desktop.filelist import FileList
from imgpar.desktop.form import Form
from imgpar.desktop.head import Head
from imgpar.desktop.icon import draw_icon
from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.layout import LEAST, WindowLayout, WindowShape
from imgpar.desktop.preview import Painter
from imgpar.desktop.settings import Settings
from imgpar.desktop.status import Status
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme

REPAINT = 250
"""Milliseconds after the last change of the size of the window until the pictures are rendered for it."""


USUAL = (980, 740)
"""Width and height in pixels at 96 dpi, as far as the screen is large enough."""


class Actions(Protocol):
    """What the user can do; the widgets call these."""

    def drop(self, names: Sequence[str]) -> None:
        """Take these files."""

    def choose_files(self) -> None:
        """Ask for files."""

    def choose_folder(self) -> None:
        """Ask for a folder."""

    def press_main(self) -> None:
        """Start, pause, continue or try again."""

    def stop(self) -> None:
        """Stop the run."""

    def estimate(self) -> None:
        """Estimate a run."""

    def undo(self) -> None:
        """Take back the last drop."""

    def show_details(self) -> None:
        """Show the details."""

    def open_results(self) -> None:
        """Show the results."""

    def remove_chosen(self) -> None:
        """Take the selected row out."""

    def chosen(self, row: Row) -> None:
        """Show the selected row."""

    def take(self, settings: Settings) -> None:
        """Take over edited settings."""

    def restyle(self) -> None:
        """Take over language and appearance."""


class WindowView:
    """The widgets, which show a Control.

    Args:
        root: an empty toplevel window, owned by this object.
        settings: initial values of the fields.
    """

    def __init__(self, root: tk.Tk, settings: Settings) -> None:
        self.root, self.settings, self.control = root, settings, Control()
        self._title = self._repaint = ""
        self._pictured: imgpar.Outcome | None = None
        """Whose pictures are shown."""
        self._large = False
        """Whether the pictures have the window for themselves."""
        self._droppable = make_droppable(root)
        self.actions: Actions
        """Set before `build`."""

    def build(self) -> None:
        """Create all widgets in the language and appearance of the settings; the state is kept."""
        self.rest()
        for child in self.root.winfo_children():
            child.destroy()
        do = self.actions
        self.texts = texts = Texts(self.settings.language)
        with suppress(tk.TclError):  # the buttons of Tk's dialogs
            self.root.tk.call("msgcat::mclocale", {"zh": "zh_cn"}.get(texts.language, texts.language))
        self.theme = theme = Theme(self.root, self.settings.look)
        px = theme.px
        self.root.configure(background=theme.palette.ground)
        self._icon = draw_icon(self.root, px(64))
        self.root.iconphoto(True, self._icon)
        self.page = page = ttk.Frame(self.root)
        page.pack(fill="both", expand=True)
        self.keys = keys = AccessKeys(self.root, texts)
        self.head = Head(
            page, texts, theme, keys, self.settings, droppable=self._droppable, restyle=do.restyle,
            files=do.choose_files, folder=do.choose_folder,
        )  # fmt: skip
        self.form = Form(page, texts, theme, keys, self.settings, do.take)
        self.status = Status(page, texts, theme)
        self.files = FileList(page, texts, theme, do.chosen)
        self.files.open_with(do.show_details)
        self.files.remove_with(do.remove_chosen)
        self.compare = Compare(page, texts, theme, self._fit_pictures, self.enlarge)
        self.painter = Painter(self.compare.room)
        actions = {
            "main": do.press_main, "stop": do.stop, "estimate": do.estimate,
            "details": do.show_details, "report": self.control.report, "undo": do.undo,
            "open": do.open_results,
        }  # fmt: skip
        self.buttons = Buttons(page, theme, keys, actions)
        parts = {
            "head": self.head, "form": self.form, "status": self.status, "files": self.files,
            "compare": self.compare, "buttons": self.buttons,
        }  # fmt: skip
        self.layout = WindowLayout(page, parts, texts, theme)
        if self._droppable:
            accept_drops(page, do.drop, self.head.hover)
        screen = self.root.winfo_screenwidth() - px(40), self.root.winfo_screenheight() - px(80)
        self.root.minsize(*(min(px(length), most) for length, most in zip(LEAST, screen, strict=True)))
        self.resized(self.root.winfo_width(), self.root.winfo_height())
        self.refresh()
        self.head.zone.focus_set()

    @property
    def usual_geometry(self) -> str:
        """The size of a window that is opened for the first time."""
        screen = self.root.winfo_screenwidth(), self.root.winfo_screenheight()
        sides = (min(self.theme.px(length), most - 80) for length, most in zip(USUAL, screen, strict=True))
        return "x".join(map(str, sides))

    def resized(self, width: int, height: int) -> None:
        """Put the parts where there is room for them."""
        if width > 1 and height > 1:  # otherwise it has no size yet
            shape = WindowShape.of(width, height, self.theme.px, large=self._large)
            self.layout.fit(shape)
            self.head.fit(low=shape.low, narrow=shape.narrow)

    def _fit_pictures(self, room: tuple[int, int]) -> None:
        """Render the pictures anew once the size of the window no longer changes."""
        self.rest()
        self._repaint = self.root.after(REPAINT, self._paint_again, room)

    def rest(self) -> None:
        """Leave nothing to be done later."""
        if self._repaint:
            self.root.after_cancel(self._repaint)
            self._repaint = ""

    def _paint_again(self, room: tuple[int, int]) -> None:
        self._repaint = ""
        self.painter.fit(room)
        self.paint()

    def paint(self) -> None:
        """Ask for the pictures again: there is another room for them, or other settings."""
        outcome = self._pictured
        if outcome is None:
            return
        if outcome.source not in self.control.collected:
            self.painter.ask(outcome)
        elif not self.form.wrong and not self.settings.make:
            with suppress(imgpar.UsageError):  # a recipe that cannot be read is told at the start
                self.painter.ask(outcome, self.settings.pipeline())

    def refresh(self) -> None:
        """Update texts, numbers and buttons."""
        board = self.control.board
        self.files.count(board)
        self.status.show(self.control)
        share = board.share if self.control.state == "running" else None
        title = f"{share:.0%} – imgpar" if share else "imgpar"
        if title != self._title:
            self._title = title
            self.root.title(title)
        self.buttons.show(self.control, details=bool(self.described()))

    def described(self) -> str:
        """All that is known of the selected file, or of the run."""
        return describe_row(self.texts, self.control, self.files.chosen)

    def picture(self, outcome: imgpar.Outcome | None) -> None:
        """Show the pictures of this outcome, or none."""
        self._pictured = outcome
        if outcome is None:
            self.compare.clear()
        else:
            self.paint()

    def empty(self) -> None:
        """Begin a new list."""
        self.files.clear()
        self.picture(None)

    def enlarge(self) -> None:
        """Give the pictures the whole window, or take that back."""
        self._large = not self._large
        self.compare.large(self._large)
        self.resized(self.root.winfo_width(), self.root.winfo_height())

    def rebuild(self) -> None:
        """Create all widgets anew, and show what was shown."""
        self.painter.close()
        self.root.after_idle(gc.collect)  # variables of Tk are deleted in this thread
        chosen, tab, at = self.files.chosen, self.layout.tab.get(), float(self.compare.slider.get())
        self.build()
        self.layout.turn_to(tab)
        self.compare.large(self._large)
        self.compare.move(at)
        self.files.show(self.control.board, over=True)
        if chosen is not None:
            self.files.choose(chosen)
        else:
            self.paint()
