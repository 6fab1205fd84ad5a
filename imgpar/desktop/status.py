"""One bar and two lines: how far everything is, and what is to be known about it."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from imgpar.desktop.board import Row
from imgpar.desktop.control import Control
from imgpar.desktop.problems import one_line
from imgpar.desktop.texts import Texts, size_text
from imgpar.desktop.theme import Theme

PATIENCE = 5.0
"""Seconds without a result after which it is said how long the next one takes."""


class Status(ttk.Frame):
    """Shows a Control."""

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme) -> None:
        super().__init__(parent)
        self._texts = texts
        self.columnconfigure(0, weight=1)
        self.line = ttk.Label(self, style="Head.TLabel", anchor="w")
        self.bar = ttk.Progressbar(self, maximum=1.0)
        self.detail = ttk.Label(self, style="Quiet.TLabel", anchor="w", justify="left")
        self.line.grid(sticky="ew")
        self.bar.grid(sticky="ew", pady=theme.px(6))
        self.detail.grid(sticky="ew")
        self.bind("<Configure>", lambda event: self.detail.configure(wraplength=max(200, event.width)))
        self._last: tuple[object, ...] = ()
        self._spinning = False
        self._trouble: Exception | None = None

    def show(self, control: Control) -> None:
        """Bring everything up to date; what has not changed is left alone."""
        line, detail, bad = self._line(control), self._detail(control), self._bad(control)
        share = control.board.share
        self._spin(control.busy and share is None)
        now = (line, detail, bad, share, control.state)
        if now == self._last:
            return
        if self._last[4:] != now[4:]:
            self._trouble = None
        self._last = now
        self.line["text"] = line
        self.detail.configure(text=detail, style="Bad.TLabel" if bad else "Quiet.TLabel")
        if share is not None:
            self.bar["value"] = share if control.drops else 0

    def explain(self, row: Row) -> None:
        """Say all there is about one file, until something else happens."""
        texts, outcome, bad = self._texts, row.outcome, row.status == "failed"
        parts = [one_line(row.path)]
        if outcome is not None:
            parts += [texts.problem(outcome) if bad else "", *map(texts.note, outcome.notes)]
            parts += [texts("lost", what=", ".join(outcome.lost)) if outcome.lost else ""]
        self.detail.configure(text=texts.join(parts), style="Bad.TLabel" if bad else "Quiet.TLabel")

    def trouble(self, error: Exception) -> None:
        """Say that the window itself has failed at something."""
        self._trouble = error
        self.detail.configure(text=self._texts.error(error, ""), style="Bad.TLabel")

    def _spin(self, spinning: bool) -> None:
        if spinning != self._spinning:
            self._spinning = spinning
            if spinning:
                self.bar.configure(mode="indeterminate")
                self.bar.start(40)
            else:
                self.bar.stop()
                self.bar.configure(mode="determinate")

    def _line(self, control: Control) -> str:
        texts, board = self._texts, control.board
        counts = board.counts
        problems = texts("problems_too", failed=counts["failed"]) if counts["failed"] else ""
        if control.state in ("pausing", "stopping", "undoing"):
            return texts(control.state)
        if control.state == "paused":
            return texts.join([texts("paused", done=board.done, total=board.total), problems])
        if control.state == "running":
            if board.share is None:
                return texts("looking", done=board.done)
            parts = [texts("working", done=board.done, total=board.total), problems]
            if board.silence > PATIENCE:
                parts.append(texts("still", time=texts.duration(board.silence)))
            elif (left := board.seconds_left) is not None:
                parts.append(texts("left_time", time=texts.duration(left)))
            return texts.join(parts)
        if control.undone:
            words = "undone_kept" if control.undone.kept else "undone"
            return texts(words, count=control.undone.gone, kept=control.undone.kept)
        if not control.drops:
            return texts("ready")
        if not board.done and (control.error or control.halt):
            return texts("stopped", ok=0)
        if not board.done and not control.stopped:
            return texts("nothing")
        early = control.stopped or control.error or control.halt
        skipped = texts("skipped_too", skipped=counts["skipped"]) if counts["skipped"] else ""
        return texts.join([texts("stopped" if early else "done", ok=counts["ok"]), skipped, problems])

    def _detail(self, control: Control) -> str:
        texts, board = self._texts, control.board
        if self._trouble:
            return texts.error(self._trouble, "")
        if control.error:
            return texts.error(control.error, control.folder)
        if control.halt:
            return texts("DiskFullError")
        parts = []
        if control.waiting:
            parts.append(texts("queued", count=len(control.waiting)))
        if control.state == "idle" and control.drops:
            if board.counts["ok"]:
                sizes = {"before": size_text(board.bytes_in), "after": size_text(board.bytes_out)}
                parts += [texts("sizes_too", **sizes), one_line(control.folder)]
            if control.left:
                parts.append(texts("not_begun", left=control.left))
            if control.ignored:
                parts.append(texts("ignored", count=control.ignored))
        return texts.join(parts)

    @staticmethod
    def _bad(control: Control) -> bool:
        return bool(control.error or control.halt)
