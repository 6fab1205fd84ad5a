"""The buttons at the bottom; their labels and states follow from the state of the run."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk
from typing import Any

from imgpar.desktop.control import Control
from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.theme import Theme


class Buttons(ttk.Frame):
    """Pause, stop, details, report, undo, open.

    `actions` maps their names to callbacks.
    """

    def __init__(
        self, parent: tk.Misc, theme: Theme, keys: AccessKeys, actions: Mapping[str, Callable[[], None]]
    ) -> None:
        super().__init__(parent)
        self._keys = keys
        self._shown: dict[object, object] = {}
        self.columnconfigure(2, weight=1)
        self.main = ttk.Button(self, style="Main.TButton", command=actions["main"])
        self.stop = ttk.Button(self, command=actions["stop"])
        self.details = ttk.Button(self, command=actions["details"])
        self.report = ttk.Button(self, command=actions["report"])
        self.undo = ttk.Button(self, command=actions["undo"])
        self.open = ttk.Button(self, command=actions["open"])
        shown = (self.main, self.stop, None, self.details, self.report, self.undo, self.open)
        for column, button in enumerate(shown):
            if button:
                button.configure(width=-8)  # at least; all fit into a narrow window
                button.grid(row=0, column=column, padx=(theme.px(8) if column not in (0, 3) else 0, 0))

    def show(self, control: Control, *, details: bool) -> None:
        """Update labels and states; `details` enables the details button."""
        state = control.state
        self._title(self.main, {"paused": "go_on", "idle": "again"}.get(state, "pause"))
        self._title(self.stop, "stop_now" if state == "stopping" else "stop")
        opens = f"open_{control.making}" if control.file else "open"
        fixed = {self.details: "details", self.report: "report", self.undo: "undo", self.open: opens}
        for button, key in fixed.items():
            self._title(button, key)
        self._enable(self.main, control.can_pause or state == "paused" or control.can_try_again)
        self._enable(self.stop, state in ("running", "pausing", "paused", "stopping", "reporting"))
        self._enable(self.details, details)
        self._enable(self.report, control.can_report)
        self._enable(self.undo, control.can_undo)
        self._enable(self.open, bool(control.folder) and control.board.done > 0)

    def _title(self, button: ttk.Button, key: str) -> None:
        self._once(("name", button), key, lambda key: self._keys.label(button, key))

    def _enable(self, button: ttk.Button, usable: bool) -> None:
        self._once(button, usable, lambda usable: button.state(["!disabled" if usable else "disabled"]))

    def _once(self, key: object, value: Any, show: Callable[[Any], object]) -> None:
        """Show a value only if it has changed, because Tk calls are slow."""
        if self._shown.get(key) != value:
            self._shown[key] = value
            show(value)
