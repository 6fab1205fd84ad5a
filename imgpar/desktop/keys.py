"""Access keys: Alt and the underlined letter press a button or focus a field."""

from __future__ import annotations

import sys
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from imgpar.desktop.texts import Texts

USUAL = sys.platform != "darwin"
"""macOS has no access keys: Alt types letters there."""


class AccessKeys:
    """The access keys of one window; a later assignment to a widget replaces the earlier one.

    Args:
        root: the window.
        texts: labels in which `&` precedes the access key.
    """

    def __init__(self, root: tk.Misc, texts: Texts) -> None:
        self._texts = texts
        self._letters: dict[Any, str] = {}
        if USUAL:
            root.bind("<Alt-KeyPress>", self._pressed)

    def label(self, shown: Any, key: str, target: Any = None, **facts: Any) -> None:
        """Set the label of a widget; its access key activates `target`, or the widget itself."""
        text, place = self._texts.marked(key, **facts)
        self._letters[target or shown] = text[place].lower() if place >= 0 else ""
        shown.configure(text=text, underline=place if USUAL else -1)

    def _pressed(self, event: tk.Event[tk.Misc]) -> str | None:
        letter = event.keysym.lower()
        for widget, mine in self._letters.items():
            if mine == letter and not widget.instate(["disabled"]):
                widget.focus_set()
                if isinstance(widget, ttk.Menubutton):
                    widget.event_generate("<<Invoke>>")
                elif isinstance(widget, ttk.Button):
                    widget.invoke()
                return "break"
        return None


def press_with_return(root: tk.Misc) -> None:
    """Let Return press every button, as Space does, and nothing else at the same time.

    In Tcl: the buttons of Tk's own dialogs, which ask before an undo, are no widgets of Python.
    Return with another key is not for the button: a shortcut of the window has it.
    """
    root.tk.call("bind", "TButton", "<Return>", "%W invoke; break")
    for key in ("Control", "Command"):
        root.tk.call("bind", "TButton", f"<{key}-Return>", "#")
    root.bind_class("TMenubutton", "<Return>", "ttk::menubutton::Popdown %W")


def ignoring(action: Callable[[], None]) -> Callable[[object], None]:
    """An event handler that ignores the event."""
    return lambda _: action()
