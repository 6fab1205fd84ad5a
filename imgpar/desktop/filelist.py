"""The list of files, and the list of problems."""

from __future__ import annotations

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
"""Seconds after which a file that takes long is said to be at work."""


class FileList(ttk.Notebook):
    """Two tabs: every file with its state, and those with problems in plain words.

    `chosen` is called with the row that the user has selected.
    """

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme, chosen: Callable[[Row], None]) -> None:
        super().__init__(parent)
        self.chosen: Row | None = None
        """The row that the user has selected."""
        self._over, self._clips = False, dict[str, tuple[int, int]]()
        self._at_work = 0.0
        """Seconds that all that wait have been at work; 0 where that is not known."""
        self._texts, self._titles, self._heard = texts, ["", ""], chosen
        names, px = {key: texts(key) for key in ("file", "state", "bytes", "what")}, theme.px
        wide = (names["file"], names["what"])
        columns = {names["file"]: px(250), names["state"]: px(190), names["bytes"]: px(170)}
        self.files = LongList(self, theme, columns, wide, self._file, self._select)
        columns = {names["file"]: px(220), names["what"]: px(390)}
        self.problems = LongList(self, theme, columns, wide, self._problem, self._select)
        self.add(self.files)
        self.add(self.problems)
        self.enable_traversal()
        self.count(Board())

    def clear(self) -> None:
        """No rows."""
        self.chosen = None
        self.files.clear()
        self.problems.clear()

    def open_with(self, action: Callable[[], None]) -> None:
        """Enter and a double click do this."""
        for tree in (self.files.tree, self.problems.tree):
            tree.bind("<Return>", lambda _: action())
            tree.bind("<Double-1>", lambda _: action())

    def show(self, board: Board, *, over: bool) -> None:
        """Bring the rows in sight up to date; `over` says that nothing waits any more."""
        self._over, self._clips = over, board.clips
        self._at_work = board.silence if board.all_begun and board.silence > PATIENCE else 0.0
        self.files.show(board.rows, board.newest)
        if board.problems or self.problems.rows:
            self.problems.show(list(board.problems.values()))

    def count(self, board: Board) -> None:
        """Bring the numbers of the tabs up to date."""
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
        return (_name(row), self._state(row), _bytes(row)), row.status

    def _problem(self, row: Row) -> Cells:
        return (_name(row), self._texts.problem(row.outcome) if row.outcome else ""), row.status

    def _state(self, row: Row) -> str:
        if row.outcome and row.outcome.reason in ("unchanged", "twice"):
            return self._texts(row.outcome.reason)
        if row.outcome is None and (frames := self._clips.get(row.path)):
            done, total = frames
            return self._texts("frames", share=f"{done / max(1, total):.0%}", done=done, total=total)
        if row.outcome is None and self._over:
            return self._texts("not_done")
        if row.outcome is None and self._at_work:
            return self._texts("at_work", time=self._texts.duration(self._at_work))
        return self._texts(row.status)


def _name(row: Row) -> str:
    return one_line(row.path.rpartition("/")[2] or row.path)


def _bytes(row: Row) -> str:
    outcome = row.outcome
    if not outcome or not outcome.outputs or not outcome.source_bytes:
        return ""
    return f"{size_text(outcome.source_bytes)} → {size_text(sum(file.bytes for file in outcome.outputs))}"
