"""The list of files, and the list of problems."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from imgpar.desktop.board import Board, Row
from imgpar.desktop.longlist import Cells, LongList
from imgpar.desktop.texts import Texts, shown, size
from imgpar.desktop.theme import Theme


class FileList(ttk.Notebook):
    """Two tabs: every file with its state, and those with problems in plain words.

    `chosen` is called with the row that the user has selected.
    """

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme, chosen: Callable[[Row], None]) -> None:
        super().__init__(parent)
        self._texts, self._titles = texts, ["", ""]
        names, px = {key: texts(key) for key in ("file", "state", "bytes", "what")}, theme.px
        wide = (names["file"], names["what"])
        columns = {names["file"]: px(250), names["state"]: px(190), names["bytes"]: px(170)}
        self.files = LongList(self, theme, columns, wide, self._file, chosen)
        columns = {names["file"]: px(220), names["what"]: px(390)}
        self.problems = LongList(self, theme, columns, wide, self._problem, chosen)
        self.add(self.files)
        self.add(self.problems)
        self.count(Board())

    @property
    def chosen(self) -> Row | None:
        """The row that the user has selected."""
        return self.files.selected or self.problems.selected

    def clear(self) -> None:
        """No rows."""
        self.files.clear()
        self.problems.clear()

    def show(self, board: Board) -> None:
        """Bring the rows in sight up to date."""
        self.files.show(board.rows, board.newest)
        if len(self.problems.rows) != len(board.problems) or board.problems:
            self.problems.show(list(board.problems.values()))

    def count(self, board: Board) -> None:
        """Bring the numbers of the tabs up to date."""
        counts = {"all_files": len(board.rows), "problems": len(board.problems)}
        for number, (key, count) in enumerate(counts.items()):
            text = self._texts(key, count=count)
            if self._titles[number] != text:
                self._titles[number] = text
                self.tab(number, text=text)  # type: ignore[no-untyped-call]

    def _file(self, row: Row) -> Cells:
        return (_name(row), self._state(row), _bytes(row)), row.status

    def _problem(self, row: Row) -> Cells:
        return (_name(row), self._texts.problem(row.outcome) if row.outcome else ""), row.status

    def _state(self, row: Row) -> str:
        if row.outcome and row.outcome.reason in ("unchanged", "twice"):
            return self._texts(row.outcome.reason)
        return self._texts(row.status)


def _name(row: Row) -> str:
    return shown(row.path.rpartition("/")[2] or row.path)


def _bytes(row: Row) -> str:
    outcome = row.outcome
    if not outcome or not outcome.outputs or not outcome.source_bytes:
        return ""
    return f"{size(outcome.source_bytes)} → {size(sum(file.bytes for file in outcome.outputs))}"
