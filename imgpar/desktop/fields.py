"""The fields of the form: a label, a box, and below it a hint, or why the value is refused."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme


class Group(ttk.Frame):
    """Fields that belong together, below a heading."""

    def __init__(self, parent: tk.Misc, theme: Theme, title: str) -> None:
        super().__init__(parent)
        self._rows, self._gap = 1, theme.px(6)
        self.columnconfigure(1, weight=1)
        ttk.Label(self, text=title, style="Head.TLabel").grid(
            columnspan=2, sticky="w", pady=(0, self._gap // 2)
        )

    def next_row(self) -> int:
        """The number of a free row; the one after it is free, too."""
        self._rows += 2
        return self._rows - 2

    @property
    def gap(self) -> int:
        """Pixels between rows."""
        return self._gap


class FormField:
    """One combobox. `edited` is called while it is typed in, `done` when it is left or chosen from.

    Args:
        group: where it is.
        key: of its label, and of its hint if it has one.
        free: whether any text can be typed; otherwise one of the values is chosen.
        wide: whether the box is below its label, for long texts.
    """

    def __init__(
        self, group: Group, texts: Texts, theme: Theme, keys: AccessKeys, key: str, *,
        free: bool, wide: bool, edited: Callable[[], None], done: Callable[[], None],
    ) -> None:  # fmt: skip
        self.key, self.free, self._texts = key, free, texts
        self._hinted = free and key in HINTED
        self._focused = False
        self._refused = ""
        row = group.next_row()
        label = ttk.Label(group, width=LABEL[texts.language])
        label.grid(row=row, column=0, sticky="w", padx=(0, theme.px(6)), pady=(0, group.gap))
        row = group.next_row() if wide else row
        self._value = tk.StringVar(group)
        self._filling = False
        self.box = ttk.Combobox(group, width=8, state=self._usual, textvariable=self._value)
        keys.label(label, key, self.box)
        column, span = (0, 2) if wide else (1, 1)
        self.box.grid(row=row, column=column, columnspan=span, sticky="ew", pady=(0, group.gap))
        self.message = ttk.Label(group, style="Quiet.TLabel", anchor="w", justify="left")
        self.message.grid(row=row + 1, column=0, columnspan=2, sticky="ew", pady=(0, group.gap))
        self.message.grid_remove()
        group.bind("<Configure>", self._wrap, add=True)
        for event in ("<<ComboboxSelected>>", "<FocusOut>", "<Return>"):
            self.box.bind(event, lambda _: done(), add=True)
        # Any change: what is pasted or dragged by a mouse is no key.
        self._value.trace_add("write", lambda *_: None if self._filling else edited())
        self.box.bind("<FocusIn>", lambda _: self._focus(True), add=True)
        self.box.bind("<FocusOut>", lambda _: self._focus(False), add=True)

    @property
    def _usual(self) -> str:
        return "normal" if self.free else "readonly"

    @property
    def text(self) -> str:
        """What it says."""
        return self.box.get().strip()

    @property
    def refused(self) -> bool:
        """Whether its value is marked as wrong."""
        return bool(self._refused)

    def offer(self, values: tuple[str, ...], shown: str) -> None:
        """Offer these values, and show one."""
        self.box["values"] = values
        if self.box.get() != shown:
            self._filling = True
            self.box.set(shown)
            self._filling = False

    def enable(self, usable: bool) -> None:
        """Allow edits, or not."""
        self.box.configure(state=self._usual if usable else "disabled")

    def refuse(self, why: str) -> None:
        """Mark the value as wrong and say why; empty: it is right."""
        self._refused = why
        self.box.configure(style="Bad.TCombobox" if why else "TCombobox")
        self._say()

    def _focus(self, focused: bool) -> None:
        self._focused = focused
        self._say()

    def _say(self) -> None:
        hint = self._texts(f"hint_{self.key}") if self._focused and self._hinted else ""
        said = f"✗ {self._refused}" if self._refused else hint
        self.message.configure(text=said, style="Bad.TLabel" if self._refused else "Quiet.TLabel")
        if said:
            self.message.grid()
        else:
            self.message.grid_remove()

    def _wrap(self, event: tk.Event[tk.Misc]) -> None:
        self.message.configure(wraplength=max(120, event.width - 8))


LABEL = {"en": 13, "zh": 12}
"""Width of labels in letters, by language."""
HINTED = ("size", "quality", "largest", "name", "mark")
"""Fields with a hint."""


class Switch(ttk.Checkbutton):
    """A field that is on or off."""

    def __init__(self, group: Group, keys: AccessKeys, key: str, done: Callable[[], None]) -> None:
        self._on = tk.BooleanVar(group)
        super().__init__(group, variable=self._on, command=done)
        keys.label(self, key)
        self.grid(row=group.next_row(), column=0, columnspan=2, sticky="w", pady=(0, group.gap))

    @property
    def on(self) -> bool:
        """Whether it is on."""
        return self._on.get()

    def turn(self, on: bool) -> None:
        """Show this state."""
        self._on.set(on)

    def enable(self, usable: bool) -> None:
        """Allow clicks, or not."""
        self.state(["!disabled" if usable else "disabled"])
