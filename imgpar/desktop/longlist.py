"""A virtual list, whose cost depends only on the number of visible rows.

A Treeview with 30,000 items takes seconds to fill and redraws slowly. This one has only as many items as are
visible; scrolling writes other rows into them.
"""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Any

from imgpar.desktop.board import Row
from imgpar.desktop.shorten import Shortener
from imgpar.desktop.theme import Theme

Cells = tuple[tuple[str, ...], str]
"""The texts of a row, and its colour tag."""
WHEEL = 3
"""Rows per notch of the mouse wheel."""


class LongList(ttk.Frame):
    """Displays a sequence of rows; the newest stays visible until the user scrolls or selects.

    Args:
        parent: the parent widget.
        theme: for sizes and colours.
        columns: title and width of each column; the columns in `stretch` share the remaining width. The
            first one has names, which are shortened in the middle.
        cells: returns the texts of a row.
        chosen: called with the selected row.
    """

    def __init__(
        self, parent: tk.Misc, theme: Theme, columns: dict[str, int], stretch: Sequence[str],
        cells: Callable[[Row], Cells], chosen: Callable[[Row], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.rows: Sequence[Row] = ()
        self.selected: Row | None = None
        self.top = 0
        """Index of the first visible row."""
        self.follows = True
        """Whether the list scrolls to the newest row."""
        self._cells, self._chosen, self._row_height = cells, chosen, theme.row
        self._short, self._name, self._edge = Shortener(theme.plain), next(iter(columns)), theme.px(12)
        self._items: list[str] = []
        self._drawn: list[tuple[Cells, bool] | None] = []
        self._marked: tuple[str, ...] = ()
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.tree = ttk.Treeview(self, columns=list(columns), show="headings", selectmode="none", height=3)
        for title, width in columns.items():
            self.tree.heading(title, text=title, anchor="w")
            self.tree.column(title, width=width, anchor="w", stretch=title in stretch)
        for tag, colour in (("failed", theme.palette.bad), ("ok", theme.palette.good)):
            self.tree.tag_configure(tag, foreground=colour)
        self.tree.tag_configure("waiting", foreground=theme.palette.quiet)
        self._bar = ttk.Scrollbar(self, command=self._scrolled)
        self.tree.grid(sticky="nsew")
        self._bar.grid(row=0, column=1, sticky="ns")
        self._seen_bar = ("", "")
        self._room = 0
        self.tree.bind("<Configure>", lambda _: self._draw())
        self._bind()

    def show(self, rows: Sequence[Row], newest: int = -1) -> None:
        """Draw the visible rows; `newest` is the index of the row to follow."""
        self.rows = rows
        if self.follows and newest >= 0:
            self._into_sight(newest)
        self._draw()

    def clear(self) -> None:
        """Remove all rows, and follow the newest again."""
        self.selected, self.follows, self.top = None, True, 0
        self.show(())

    def choose(self, row: Row) -> None:
        """Select this row, if it is in the list."""
        if row.number < len(self.rows) and self.rows[row.number] is row:
            self.select(row.number)

    def select(self, number: int) -> None:
        """Select a row like the user; the index is clamped to the list."""
        if self.rows:
            number = max(0, min(number, len(self.rows) - 1))
            self.follows, self.selected = False, self.rows[number]
            self._into_sight(number)
            self._draw()
            self._chosen(self.rows[number])

    def scroll(self, by: int) -> None:
        """Scroll by so many rows."""
        self.follows = False
        self.top += by
        self._draw()

    # ----- drawing --------------------------------------------------------------------------------

    def _fitting(self) -> int:
        """Number of rows that fit; the height of the heading is the offset of the first item."""
        box = self.tree.bbox(self._items[0]) if self._items else ""
        heading = box[1] if box else self._row_height
        return max(1, (self.tree.winfo_height() - heading) // self._row_height)

    def _into_sight(self, number: int) -> None:
        self.top = max(min(self.top, number), number - max(1, self._room) + 1)

    def _draw(self) -> None:
        # On every draw: the last <Configure> event may precede the final size of the widget.
        self._room = self._fitting()
        count = len(self.rows)
        self.top = max(0, min(self.top, count - self._room))
        visible = self.rows[self.top : self.top + self._room]
        while len(self._items) > len(visible):
            self.tree.delete(self._items.pop())
            self._drawn.pop()
        room = int(self.tree.column(self._name, "width")) - self._edge
        for place, row in enumerate(visible):
            (name, *others), tag = self._cells(row)
            now = (((self._short.fit(name, room), *others), tag), row is self.selected)
            if place == len(self._items):
                self._items.append(self.tree.insert("", "end"))
                self._drawn.append(None)
            if self._drawn[place] != now:
                self._drawn[place] = now
                (texts, tag), selected = now
                self.tree.item(self._items[place], values=texts, tags=("selected" if selected else tag,))
        self._draw_selection(visible)
        bar = (f"{self.top / max(1, count):.5f}", f"{(self.top + len(visible)) / max(1, count):.5f}")
        if bar != self._seen_bar:
            self._seen_bar = bar
            self._bar.set(*bar)

    def _draw_selection(self, visible: Sequence[Row]) -> None:
        place = next((place for place, row in enumerate(visible) if row is self.selected), -1)
        wanted = (self._items[place],) if place >= 0 else ()
        if self._marked != wanted:
            self._marked = wanted
            self.tree.selection_set(wanted)

    # ----- user actions ---------------------------------------------------------------------------

    def _bind(self) -> None:
        steps: dict[str, Callable[[], int]] = {
            "<Up>": lambda: self._number() - 1,
            "<Down>": lambda: self._number() + 1,
            "<Prior>": lambda: self._number() - self._page(),
            "<Next>": lambda: self._number() + self._page(),
            "<Home>": lambda: 0,
            "<End>": lambda: len(self.rows) - 1,
        }
        for keys, target in steps.items():
            self.tree.bind(keys, instead(self._going_to(target)))
        self.tree.bind("<Button-1>", self._clicked)
        self.tree.bind("<MouseWheel>", instead(self._wheeled))
        if sys.platform not in ("win32", "darwin"):
            self.tree.bind("<Button-4>", instead(lambda _: self.scroll(-WHEEL)))
            self.tree.bind("<Button-5>", instead(lambda _: self.scroll(WHEEL)))

    def _going_to(self, target: Callable[[], int]) -> Callable[[Any], None]:
        return lambda _: self.select(target())

    def _page(self) -> int:
        return max(1, self._room - 1)

    def _number(self) -> int:
        """Index of the selected row; without a selection, one before the visible rows."""
        if self.selected is None:
            return self.top - 1
        return next((number for number, row in enumerate(self.rows) if row is self.selected), self.top - 1)

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        item = self.tree.identify_row(event.y)
        if item in self._items:
            self.select(self.top + self._items.index(item))

    def _wheeled(self, event: tk.Event[tk.Misc]) -> None:
        notches = event.delta if sys.platform == "darwin" else event.delta / 120
        self.scroll(round(-WHEEL * notches) or (-1 if notches > 0 else 1))

    def _scrolled(self, kind: str, amount: str, unit: str = "") -> None:
        if kind == "moveto":
            self.scroll(round(float(amount) * len(self.rows)) - self.top)
        else:
            self.scroll(int(float(amount)) * (self._page() if unit == "pages" else 1))


def instead(action: Callable[[Any], None]) -> Callable[[Any], str]:
    """An event handler that calls the action and suppresses Tk's default binding."""

    def act(event: Any) -> str:
        action(event)
        return "break"

    return act
