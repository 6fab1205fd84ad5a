"""The list of files, and the list of problems."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from imgpar.desktop.board import Board, Row
from imgpar.desktop.texts import Texts, shown, size
from imgpar.desktop.theme import Theme


class FileList(ttk.Notebook):
    """Two tabs: every file with its state, and those with problems in plain words.

    `chosen` is called with the row that the user has selected.
    """

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme, chosen: Callable[[Row], None]) -> None:
        super().__init__(parent)
        self._texts, self._chosen = texts, chosen
        self._ids: dict[str, str] = {}
        self._rows: dict[str, Row] = {}
        self._problems: dict[str, str] = {}
        self._titles = ["", ""]
        px = theme.px
        self.files = self._tree({"file": px(250), "state": px(190), "bytes": px(170)})
        self.problems = self._tree({"file": px(220), "what": px(390)})
        for tree in (self.files, self.problems):
            tree.tag_configure("failed", foreground=theme.palette.bad)
            tree.tag_configure("ok", foreground=theme.palette.good)
            tree.tag_configure("waiting", foreground=theme.palette.quiet)
        self.count(Board())

    @property
    def chosen(self) -> bool:
        """Whether the user has selected a row."""
        return bool(self.files.selection() or self.problems.selection())

    def clear(self) -> None:
        """No rows."""
        for tree in (self.files, self.problems):
            tree.delete(*tree.get_children())
        self._ids, self._rows, self._problems = {}, {}, {}

    def show(self, rows: dict[str, Row], seconds: float) -> None:
        """Take as many of these rows as there is time for, add them or bring them up to date.

        The newest result is in sight.
        """
        last, until = "", time.monotonic() + seconds
        while rows and time.monotonic() < until:
            row = rows.pop(next(iter(rows)))
            values = (shown(row.path.rpartition("/")[2] or row.path), self._state(row), self._bytes(row))
            item = self._ids.get(row.path, "")
            if item:
                self.files.item(item, values=values, tags=(row.status,))
            else:
                item = self.files.insert("", "end", values=values, tags=(row.status,))
                self._ids[row.path], self._rows[item] = item, row
            last = item if row.outcome else last
            self._show_problem(row)
        if last and not self.chosen:
            self.files.see(last)

    def count(self, board: Board) -> None:
        """Bring the numbers of the tabs up to date."""
        for number, text in enumerate(
            (
                self._texts("all_files", count=len(board.rows)),
                self._texts("problems", count=board.counts["failed"]),
            )
        ):
            if self._titles[number] != text:
                self._titles[number] = text
                self.tab(number, text=text)  # type: ignore[no-untyped-call]

    def _show_problem(self, row: Row) -> None:
        item = self._problems.get(row.path)
        if row.status == "failed" and row.outcome:
            values = (shown(row.path.rpartition("/")[2]), self._texts.problem(row.outcome))
            if item:
                self.problems.item(item, values=values)
            else:
                item = self.problems.insert("", "end", values=values, tags=("failed",))
                self._problems[row.path], self._rows["problem " + item] = item, row
        elif item:
            self.problems.delete(self._problems.pop(row.path))

    def _state(self, row: Row) -> str:
        if row.outcome and row.outcome.reason == "unchanged":
            return self._texts("unchanged")
        return self._texts(row.status)

    def _bytes(self, row: Row) -> str:
        outcome = row.outcome
        if not outcome or not outcome.outputs or not outcome.source_bytes:
            return ""
        after = sum(file.bytes for file in outcome.outputs)
        return f"{size(outcome.source_bytes)} → {size(after)}"

    def _tree(self, columns: dict[str, int]) -> ttk.Treeview:
        frame = ttk.Frame(self)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(0, weight=1)
        tree = ttk.Treeview(frame, columns=list(columns), show="headings", selectmode="browse", height=6)
        for name, width in columns.items():
            tree.heading(name, text=self._texts(name), anchor="w")
            tree.column(name, width=width, anchor="w", stretch=name in ("file", "what"))
        bar = ttk.Scrollbar(frame, command=tree.yview)
        tree.configure(yscrollcommand=bar.set)
        tree.grid(sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        tree.bind("<<TreeviewSelect>>", lambda _: self._select(tree))
        self.add(frame)
        return tree

    def _select(self, tree: ttk.Treeview) -> None:
        prefix = "problem " if tree is self.problems else ""
        for item in tree.selection():
            self._chosen(self._rows[prefix + item])
