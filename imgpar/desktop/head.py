"""The top of the window: the drop zone and the menu of options."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.settings import Settings
from imgpar.desktop.texts import LANGUAGES, Texts
from imgpar.desktop.theme import Theme


class Head(ttk.Frame):
    """The drop zone, the button for folders, and the menu of options.

    Args:
        parent: the parent widget.
        droppable: whether files can be dropped; otherwise the missing package is shown.
        files, folder: called to choose files or a folder.
        restyle: called when language or appearance have changed.
    """

    def __init__(
        self, parent: tk.Misc, texts: Texts, theme: Theme, keys: AccessKeys, settings: Settings, *,
        droppable: bool, files: Callable[[], None], folder: Callable[[], None],
        restyle: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        px = theme.px
        self.columnconfigure(0, weight=1)
        hint = f"{texts('drop')}\n{texts('drop_how')}" if droppable else texts("no_drop")
        self.zone = ttk.Button(self, text=hint, style="Drop.TButton", command=files)
        self.zone.grid(row=0, column=0, rowspan=2, sticky="nsew")
        add = ttk.Button(self, command=folder)
        keys.label(add, "add_folder")
        add.grid(row=0, column=1, sticky="new", padx=(px(12), 0))
        options = ttk.Menubutton(self)
        keys.label(options, "options")
        options.grid(row=1, column=1, sticky="new", padx=(px(12), 0), pady=(px(8), 0))
        self.rowconfigure(1, weight=1)
        menu = options["menu"] = tk.Menu(options, tearoff=False)
        self.language = tk.StringVar(menu, settings.language)
        self.look = tk.StringVar(menu, settings.look)
        looks = {"": texts("as_system"), "light": texts("light"), "dark": texts("dark")}
        languages = {"": texts("as_system"), **LANGUAGES}
        for key, variable, choices in (("language", self.language, languages), ("look", self.look, looks)):
            inner = tk.Menu(menu, tearoff=False)
            for value, label in choices.items():
                inner.add_radiobutton(label=label, value=value, variable=variable, command=restyle)
            menu.add_cascade(label=texts(key), menu=inner)

    def hover(self, over: bool) -> None:
        """Highlight the drop zone during a drag."""
        self.zone["style"] = "Drag.Drop.TButton" if over else "Drop.TButton"
