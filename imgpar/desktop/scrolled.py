"""A frame that scrolls vertically where its content is higher than the window."""

from __future__ import annotations

import sys
import tkinter as tk
from tkinter import ttk

from imgpar.desktop.theme import Theme

STEP = 40
"""Pixels at 96 dpi per notch of the mouse wheel."""


class Scrolled(ttk.Frame):
    """Widgets are added to `inside`; what gets the keyboard is scrolled into sight."""

    def __init__(self, parent: tk.Misc, theme: Theme, width: int) -> None:
        super().__init__(parent)
        self._step = theme.px(STEP)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self._view = tk.Canvas(
            self, background=theme.palette.ground, highlightthickness=0, width=width, height=1,
            yscrollincrement=1,
        )  # fmt: skip
        self._bar = ttk.Scrollbar(self, command=self._view.yview)
        self._view.configure(yscrollcommand=self._seen)
        self._view.grid(sticky="nsew")
        self.inside = ttk.Frame(self._view)
        item = self._view.create_window(0, 0, window=self.inside, anchor="nw")
        self._view.bind("<Configure>", lambda event: self._view.itemconfigure(item, width=event.width))
        self.inside.bind("<Configure>", lambda _: self._view.configure(scrollregion=self._view.bbox("all")))

    def watch(self) -> None:
        """Let the wheel and the keyboard scroll; to be called when all widgets are inside."""
        for widget in (self._view, *self._below(self.inside)):
            # On the widget itself: the wheel would change the choice of a combobox.
            widget.bind("<MouseWheel>", self._wheeled)
            if sys.platform not in ("win32", "darwin"):
                widget.bind("<Button-4>", lambda _: self._scroll(-1))
                widget.bind("<Button-5>", lambda _: self._scroll(1))
            widget.bind("<FocusIn>", lambda event: self._into_sight(event.widget), add=True)

    def _below(self, widget: tk.Misc) -> list[tk.Misc]:
        found = [widget]
        for child in widget.winfo_children():
            found += self._below(child)
        return found

    def _wheeled(self, event: tk.Event[tk.Misc]) -> str:
        notches = event.delta if sys.platform == "darwin" else event.delta / 120
        return self._scroll(-round(notches) or (-1 if notches > 0 else 1))

    def _scroll(self, notches: int) -> str:
        if self.inside.winfo_height() > self._view.winfo_height():
            self._view.yview_scroll(notches * self._step, "units")
        return "break"

    def _into_sight(self, widget: tk.Misc) -> None:
        height, whole = self._view.winfo_height(), self.inside.winfo_height()
        top = widget.winfo_rooty() - self.inside.winfo_rooty()
        first = self._view.canvasy(0)
        if whole > height > 1 and not first <= top <= first + height - widget.winfo_height() - self._step:
            self._view.yview_moveto(max(0, top - height // 3) / whole)

    def _seen(self, first: float, last: float) -> None:
        """Show the scroll bar where it is needed."""
        if float(first) <= 0 and float(last) >= 1:
            self._bar.grid_remove()
        else:
            self._bar.grid(row=0, column=1, sticky="ns")
        self._bar.set(first, last)
