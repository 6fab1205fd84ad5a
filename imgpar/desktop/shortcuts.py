"""The keyboard of the window, beside access keys."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable, Mapping
from tkinter import ttk

from imgpar.desktop.keys import ignoring, press_with_return

KEYS = {
    "files": "<{key}-o>",
    "folder": "<{key}-O>",
    "main": "<{key}-Return>",
    "close": "<{key}-w>",
    "quit": "<{key}-q>",
    "stop": "<Escape>",
    "enlarge": "<F11>",
}
"""Name of an action → keys, where `key` is Control, and Command on macOS."""


def bind_shortcuts(root: tk.Tk, actions: Mapping[str, Callable[[], None]], paste: Callable[[], None]) -> None:
    """Bind the keys to the actions, and pasting outside of text fields."""
    key = "Command" if sys.platform == "darwin" else "Control"
    press_with_return(root)
    for name, keys in KEYS.items():
        root.bind(keys.format(key=key), ignoring(actions[name]))

    def pasted(event: tk.Event[tk.Misc]) -> None:
        if not isinstance(event.widget, ttk.Entry):  # there it pastes text
            paste()

    root.bind(f"<{key}-v>", pasted)
