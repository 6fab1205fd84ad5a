"""All information about one file or run, as selectable text."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from imgpar.desktop.board import Row
from imgpar.desktop.control import Control
from imgpar.desktop.problems import one_line, whole
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme


def describe_row(texts: Texts, control: Control, row: Row | None) -> str:
    """Information about a row, or about the run if no row is selected; empty if there is none."""
    if row is not None and row.outcome is not None:
        outcome = row.outcome
        said = texts.problem(outcome) if row.status == "failed" else texts(row.status)
        results = [f"→ {one_line(file.path)}" for file in outcome.outputs]
        said = "\n".join([said, *map(texts.note, outcome.notes), texts.lost(outcome.lost)]).strip()
        english = whole(outcome)
        parts = ["\n".join([one_line(row.path), *results]), said]
    elif row is not None:
        return ""
    else:
        english = "\n".join([str(control.error) if control.error else control.halt, *control.notes]).strip()
        parts = [texts.error(control.error, control.folder)] if control.error else []
        parts += [texts.note(note) for note in control.notes]
    return "\n\n".join([*parts, f"{texts('in_english')}\n{english}"]) if english else ""


class Details(tk.Toplevel):
    """A window with a text; Enter and Escape close it."""

    def __init__(self, parent: tk.Tk, texts: Texts, theme: Theme, text: str) -> None:
        super().__init__(parent, background=theme.palette.ground)
        px, palette = theme.px, theme.palette
        self.title(texts("details_title"))
        self.transient(parent)
        page = ttk.Frame(self, padding=px(16))
        page.pack(fill="both", expand=True)
        page.columnconfigure(0, weight=1)
        page.rowconfigure(0, weight=1)
        self.text = tk.Text(
            page, width=78, height=16, wrap="word", background=palette.panel, foreground=palette.text,
            selectbackground=palette.accent, selectforeground=palette.on_accent, relief="flat",
            highlightthickness=px(1), highlightbackground=palette.line, highlightcolor=palette.accent,
            padx=px(8), pady=px(8), font="TkDefaultFont",
        )  # fmt: skip
        self.text.insert("1.0", text)
        self.text.configure(state="disabled")
        self.text.bind("<Tab>", self._onward)
        bar = ttk.Scrollbar(page, command=self.text.yview)
        self.text.configure(yscrollcommand=bar.set)
        self.text.grid(sticky="nsew")
        bar.grid(row=0, column=1, sticky="ns")
        buttons = ttk.Frame(page)
        buttons.grid(row=1, column=0, columnspan=2, sticky="e", pady=(px(12), 0))
        copy = ttk.Button(buttons, text=texts("copy"), command=lambda: self._copy(text))
        copy.grid(row=0, column=0, padx=(0, px(8)))
        self.shut = ttk.Button(buttons, text=texts("shut"), style="Main.TButton", command=self.destroy)
        self.shut.grid(row=0, column=1)
        for keys in ("<Escape>", "<Return>"):
            self.bind(keys, lambda _: self.destroy())
        self.geometry(f"+{parent.winfo_rootx() + px(40)}+{parent.winfo_rooty() + px(60)}")
        self.shut.focus_set()

    def _copy(self, text: str) -> None:
        self.clipboard_clear()
        self.clipboard_append(text)

    def _onward(self, _: object) -> str:
        self.shut.focus_set()
        return "break"
