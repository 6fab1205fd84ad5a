"""Drag and drop of files onto a widget by tkdnd, if installed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import Any


def make_droppable(root: tk.Tk) -> bool:
    """Load tkdnd; False if it is not installed or cannot be loaded."""
    try:
        from tkinterdnd2 import TkinterDnD

        TkinterDnD._require(root)
    except (ImportError, RuntimeError):
        return False
    return True


def accept_drops(widget: Any, drop: Callable[[Sequence[str]], None], over: Callable[[bool], None]) -> None:
    """Call `drop` with files dropped on `widget`, and `over` when a drag enters or leaves it."""

    def dropped(event: Any) -> str:
        over(False)
        widget.after_idle(drop, widget.tk.splitlist(event.data))  # the drag source waits for the return
        return str(event.action)

    def hovers(event: Any, here: bool) -> str:
        over(here)
        return str(event.action)

    widget.drop_target_register("DND_Files")
    widget.dnd_bind("<<DropEnter>>", lambda event: hovers(event, True))
    widget.dnd_bind("<<DropLeave>>", lambda event: hovers(event, False))
    widget.dnd_bind("<<Drop>>", dropped)
