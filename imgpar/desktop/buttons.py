"""The buttons at the bottom; their labels and states follow from the state of the run."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk
from typing import Any

from imgpar.desktop.control import Control
from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.theme import Theme

NAMES = ("main", "stop", "estimate", "details", "report", "undo", "open")
LEFT = 3
"""So many are at the left edge, the others at the right one."""


class Buttons(ttk.Frame):
    """Start or pause, stop, estimate, details, report, undo, open.

    `actions` maps their names to callbacks. In a narrow window those that can be pressed are in rows.
    """

    def __init__(
        self, parent: tk.Misc, theme: Theme, keys: AccessKeys, actions: Mapping[str, Callable[[], None]]
    ) -> None:
        super().__init__(parent, width=1, height=1)
        self._keys, self._gap = keys, theme.px(8)
        self._shown: dict[object, object] = {}
        self._placed: tuple[object, ...] = ()
        self.all = {name: ttk.Button(self, command=actions[name], width=-7) for name in NAMES}
        self.main, self.stop, self.estimate, self.details, self.report, self.undo, self.open = (
            self.all.values()
        )
        self.main.configure(style="Main.TButton")
        self.bind("<Configure>", lambda _: self._flow())

    def show(self, control: Control, *, details: bool) -> None:
        """Update labels and states; `details` enables the details button."""
        state = control.state
        starts = state == "idle" and (control.can_start or not control.can_try_again)
        main = (
            "start"
            if starts or state == "estimating"
            else {"paused": "go_on", "idle": "again"}.get(state, "pause")
        )
        self._title(self.main, main)
        stops = {"stopping": "stop_now", "idle": "clear" if control.can_start else "stop"}
        self._title(self.stop, stops.get(state, "stop"))
        opens = f"open_{control.making}" if control.file else "open"
        fixed = {
            self.estimate: "estimate", self.details: "details", self.report: "report",
            self.undo: "undo", self.open: opens,
        }  # fmt: skip
        for button, key in fixed.items():
            self._title(button, key)
        working = state in ("running", "pausing", "paused", "stopping", "reporting", "estimating")
        again = control.can_start or control.can_try_again
        self._enable(self.main, control.can_pause or state == "paused" or again)
        self._enable(self.stop, working or control.can_start)
        self._enable(self.estimate, control.can_start)
        self._enable(self.details, details)
        self._enable(self.report, control.can_report)
        self._enable(self.undo, control.can_undo)
        self._enable(self.open, bool(control.folder) and control.board.done > 0)
        self._flow()

    def _title(self, button: ttk.Button, key: str) -> None:
        self._once(("name", button), key, lambda key: self._keys.label(button, key))

    def _enable(self, button: ttk.Button, usable: bool) -> None:
        self._once(button, usable, lambda usable: button.state(["!disabled" if usable else "disabled"]))

    def _once(self, key: object, value: Any, show: Callable[[Any], object]) -> None:
        """Show a value only if it has changed, because Tk calls are slow."""
        if self._shown.get(key) != value:
            self._shown[key] = value
            self._placed = ()
            show(value)

    def _flow(self) -> None:
        """One row, or as many as are needed."""
        room = self.winfo_width()
        if self._placed == (room,) or room <= 1:
            return
        self._placed = (room,)
        buttons = list(self.all.values())
        widths = [button.winfo_reqwidth() for button in buttons]
        for column in range(len(buttons) + 1):
            self.columnconfigure(column, weight=0, uniform="")
        if sum(widths) + self._gap * len(buttons) <= room:
            self._row(buttons)
        else:
            self._rows([button for button in buttons if self._shown.get(button)] or [self.main], room)

    def _row(self, buttons: list[ttk.Button]) -> None:
        self.columnconfigure(LEFT, weight=1)
        for number, button in enumerate(buttons):
            column = number if number < LEFT else number + 1
            padding = (self._gap if number and column != LEFT + 1 else 0, 0)
            button.grid(row=0, column=column, padx=padding, pady=0, sticky="")

    def _rows(self, buttons: list[ttk.Button], room: int) -> None:
        for button in self.all.values():
            button.grid_remove()
        widest = max(button.winfo_reqwidth() for button in buttons) + self._gap
        across = max(1, min(len(buttons), (room + self._gap) // widest))
        for number, button in enumerate(buttons):
            row, column = divmod(number, across)
            self.columnconfigure(column, weight=1, uniform="all")
            padding = (self._gap if column else 0, 0)
            button.grid(row=row, column=column, padx=padding, pady=(self._gap if row else 0, 0), sticky="ew")
