"""Progress bar and two status lines."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from imgpar.desktop.board import Row
from imgpar.desktop.control import Control
from imgpar.desktop.problems import one_line
from imgpar.desktop.texts import Texts, size_text
from imgpar.desktop.theme import Theme

PATIENCE = 5.0
"""Seconds without a result after which the elapsed time is shown."""


class Status(ttk.Frame):
    """Displays the state of a Control."""

    def __init__(self, parent: tk.Misc, texts: Texts, theme: Theme) -> None:
        super().__init__(parent)
        self._texts = texts
        self.columnconfigure(0, weight=1)
        self.line = ttk.Label(self, style="Head.TLabel", anchor="w", justify="left")
        self.bar = ttk.Progressbar(self, maximum=1.0)
        self.detail = ttk.Label(self, style="Quiet.TLabel", anchor="w", justify="left")
        self.line.grid(sticky="ew")
        self.bar.grid(sticky="ew", pady=theme.px(6))
        self.detail.grid(sticky="ew")
        self.bind("<Configure>", self._wrap)
        self._last: tuple[object, ...] = ()
        self._spinning = False
        self._trouble: Exception | None = None

    def _wrap(self, event: tk.Event[tk.Misc]) -> None:
        for label in (self.line, self.detail):
            label.configure(wraplength=max(200, event.width))

    def show(self, control: Control) -> None:
        """Update the widgets that have changed."""
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
        """Show the details of one file until the next state change."""
        texts, outcome, bad = self._texts, row.outcome, row.status == "failed"
        parts = [one_line(row.path)]
        if outcome is not None:
            parts += [texts.problem(outcome) if bad else "", *map(texts.note, outcome.notes)]
            parts += [texts.lost(outcome.lost)]
        self.detail.configure(text=texts.join(parts), style="Bad.TLabel" if bad else "Quiet.TLabel")

    def trouble(self, error: Exception) -> None:
        """Show an error of the window itself."""
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
        if control.state in ("pausing", "stopping", "undoing", "reporting", "estimating"):
            return texts(control.state)
        if control.can_start:
            return texts("collected", count=len(control.collected))
        if control.state == "paused":
            return texts.join([texts("paused", done=board.done, total=board.total), problems])
        if control.state == "running":
            if board.share is None:
                key, count = ("reading", board.read) if board.read else ("looking", board.done)
                return texts(key, done=count)
            if control.gathers:
                return self._gathering(control)
            if control.watches:
                return texts.join([texts("watching", done=board.done), problems])
            parts = [texts("working", done=board.done, total=board.total), problems]
            if board.silence > PATIENCE:
                parts.append(texts("still", time=texts.duration(board.silence)))
            elif (left := board.seconds_left) is not None:
                parts.append(texts("left_time", time=texts.duration(left)))
            return texts.join(parts)
        if control.undone:
            words = "restored" if control.undone.restored else "undone"
            words += "_kept" if control.undone.kept else ""
            return texts(words, count=control.undone.gone, kept=control.undone.kept)
        if not control.drops:
            return texts("ready")
        if not board.done and (control.error or control.halt):
            return texts("stopped", ok=0)
        if not board.done and not control.stopped:
            return texts("nothing")
        early = control.stopped or control.error or control.halt
        if control.gathers and not counts["ok"] and (early or problems):
            return texts.join([texts("not_made"), problems])
        skipped = texts("skipped_too", skipped=counts["skipped"]) if counts["skipped"] else ""
        if control.gathers and counts["ok"]:
            words = "done_one" if len(board.files) == 1 else "done_files"
            done = texts(words, ok=counts["ok"], files=len(board.files))
        else:
            done = texts("stopped" if early else "done", ok=counts["ok"])
        return texts.join([done, skipped, problems])

    def _gathering(self, control: Control) -> str:
        """The line while one file of all inputs is made."""
        texts, board = self._texts, control.board
        left = board.seconds_left
        time = texts("left_time", time=texts.duration(left)) if left is not None else ""
        if board.silence > PATIENCE:
            time = texts("still", time=texts.duration(board.silence))
        return texts.join([texts(f"gathering_{control.making}", total=board.total), time])

    def _detail(self, control: Control) -> str:
        texts, board = self._texts, control.board
        if self._trouble:
            return texts.error(self._trouble, "")
        if control.can_start or control.state == "estimating":
            return self._estimate(control)
        if control.error:
            return texts.error(control.error, control.folder)
        if control.halt:
            return texts("DiskFullError")
        if control.page_error:
            return texts.error(control.page_error, control.folder)
        parts = []
        if control.waiting:
            parts.append(texts("queued", count=len(control.waiting)))
        if control.undone and control.can_undo:
            parts.append(texts("undo_more"))
        if control.state == "idle" and control.drops:
            if board.counts["ok"]:
                sizes = {"before": size_text(board.bytes_in), "after": size_text(board.bytes_out)}
                parts += [texts("sizes_too", **sizes), one_line(control.file or control.folder)]
            if control.left:
                parts.append(texts("not_begun", left=control.left))
            if control.ignored:
                parts.append(texts("ignored", count=control.ignored))
        return texts.join(parts)

    def _estimate(self, control: Control) -> str:
        """What a run of what waits would take, once that was asked."""
        texts, answer = self._texts, control.estimate
        if answer is None:
            return ""
        if answer.found is None:
            return texts.error(answer.error, "") if answer.error else ""
        found = answer.found
        sizes = {"before": size_text(found.bytes_in), "after": size_text(round(found.bytes_out.value))}
        low, high = round(found.bytes_out.low), round(found.bytes_out.high)
        parts = [texts("estimated", time=texts.duration(found.seconds.value), count=found.items, **sizes)]
        if size_text(low) != size_text(high):
            parts.append(texts("estimated_range", low=size_text(low), high=size_text(high)))
        if 0 <= found.free < found.bytes_out.high:
            parts.append(texts("no_space", free=size_text(found.free)))
        return " ".join(parts)

    @staticmethod
    def _bad(control: Control) -> bool:
        wrong = control.estimate is not None and control.estimate.error is not None and control.can_start
        return bool(control.error or control.halt or control.page_error or wrong)
