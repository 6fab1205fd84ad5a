"""The list of files, and the list of problems."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from imgpar.desktop.board import Board, Row
from imgpar.desktop.keys import USUAL
from imgpar.desktop.longlist import Cells, LongList
from imgpar.desktop.problems import one_line
from imgpar.desktop.texts import Texts, size_text
from imgpar.desktop.theme import Theme

PATIENCE = 2.0
"""Seconds after which the elapsed time of a file is shown."""


SEPARATORS = "/\\" if os.name == "nt" else "/"


class FileList(ttk.Notebook):
    """Two tabs: all files with their states, and failed files with the reason.

    `chosen` is called with the selected row.
    """

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme, chosen: Callable[[Row], None]) -> None:
        super().__init__(parent)
        self.chosen: Row | None = None
        """The selected row."""
        self._over, self._waits, self._board = False, False, Board()
        self._at_work = 0.0
        """Elapsed seconds of all remaining files; 0 if unknown."""
        self._texts, self._titles, self._heard = texts, ["", ""], chosen
        names, px = {key: texts(key) for key in ("file", "state", "bytes", "what")}, theme.px
        wide = (names["file"], names["what"])
        columns = {names["file"]: px(150), names["state"]: px(120), names["bytes"]: px(150)}
        self.files = LongList(self, theme, columns, wide, self._file, self._select)
        columns = {names["file"]: px(150), names["what"]: px(250)}
        self.problems = LongList(self, theme, columns, wide, self._problem, self._select)
        self.add(self.files)
        self.add(self.problems)
        self.enable_traversal()
        self.count(Board())

    def clear(self) -> None:
        """Remove all rows."""
        self.chosen = None
        self.files.clear()
        self.problems.clear()

    def open_with(self, action: Callable[[], None]) -> None:
        """Bind Enter and double click."""
        for tree in (self.files.tree, self.problems.tree):
            tree.bind("<Return>", lambda _: action())
            tree.bind("<Double-1>", lambda _: action())

    def choose(self, row: Row) -> None:
        """Select this row."""
        self.files.choose(row)

    def remove_with(self, action: Callable[[], None]) -> None:
        """Bind the keys that take a row out of the list."""
        for keys in ("<Delete>", "<BackSpace>"):
            self.files.tree.bind(keys, lambda _: action())

    def show(self, board: Board, *, over: bool, waits: bool = False) -> None:
        """Update the visible rows; `over` means that no run is under way, `waits` that one can be started."""
        self._over, self._waits, self._board = over, waits, board
        self._at_work = board.silence if board.all_begun and board.silence > PATIENCE else 0.0
        self.files.show(board.rows, board.newest)
        if board.problems or self.problems.rows:
            self.problems.show(list(board.problems.values()))

    def count(self, board: Board) -> None:
        """Update the counts in the tab titles."""
        counts = {"all_files": len(board.rows), "problems": len(board.problems)}
        for number, (key, count) in enumerate(counts.items()):
            text, letter = self._texts.marked(key, count=count)
            if self._titles[number] != text:
                self._titles[number] = text
                self.tab(number, text=text, underline=letter if USUAL else -1)  # type: ignore[no-untyped-call]

    def _select(self, row: Row) -> None:
        self.chosen = self.files.selected = self.problems.selected = row
        self._heard(row)

    def _file(self, row: Row) -> Cells:
        return (_name(row), self._state(row), self._bytes(row)), row.status

    def _problem(self, row: Row) -> Cells:
        return (_name(row), self._texts.problem(row.outcome) if row.outcome else ""), row.status

    def _state(self, row: Row) -> str:
        if row.outcome and row.outcome.reason in ("unchanged", "twice", "incomplete"):
            return self._texts(row.outcome.reason)
        if row.status == "ok" and self._together(row):
            return self._texts("taken")
        if row.outcome is None and (frames := self._board.clips.get(row.path)):
            done, total = frames
            return self._texts("frames", share=f"{done / max(1, total):.0%}", done=done, total=total)
        if row.outcome is None and self._waits:
            return self._texts("collected_row")
        if row.outcome is None and self._over:
            return self._texts("not_done")
        if row.outcome is None and self._at_work:
            return self._texts("at_work", time=self._texts.duration(self._at_work))
        return self._texts(row.status)

    def _bytes(self, row: Row) -> str:
        outcome = row.outcome
        if not outcome or not outcome.outputs or not outcome.source_bytes:
            return ""
        before = size_text(outcome.source_bytes)
        if self._together(row):
            return before
        return f"{before} → {size_text(sum(file.bytes for file in outcome.outputs))}"

    def _together(self, row: Row) -> bool:
        return row.outcome is not None and self._board.together(row.outcome)


def _name(row: Row) -> str:
    path = row.path.rstrip(SEPARATORS)
    cut = max(path.rfind(separator) for separator in SEPARATORS)
    return one_line(path[cut + 1 :] or row.path)
