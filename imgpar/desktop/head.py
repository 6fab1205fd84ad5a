"""The top of the window: the drop zone and the menu of options."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.settings import Settings
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme
from imgpar.desktop.wording import LANGUAGES


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
        self._px, self._theme = theme.px, theme
        self.columnconfigure(0, weight=1)
        self.rowconfigure(1, weight=1)
        self._hint = (texts("drop"), texts("drop_how")) if droppable else (texts("no_drop"),)
        self.zone = ttk.Button(self, style="Drop.TButton", command=files)
        self._add = ttk.Button(self, command=folder)
        keys.label(self._add, "add_folder")
        self._menu = options = ttk.Menubutton(self)
        keys.label(options, "options")
        self.fit(low=False)
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

    def fit(self, *, low: bool, narrow: bool = False) -> None:
        """Put the buttons beside the zone, in a low window in one row, in a narrow one below it."""
        px = self._px
        self._theme.zone(px(8) if low or narrow else px(20), large=not narrow)
        self.zone["text"] = "\n".join(self._hint[: 1 if low or narrow else 2])
        beside: dict[str, Any] = {"sticky": "new", "padx": (px(12), 0), "columnspan": 1}
        if narrow:
            self.zone.grid(row=0, column=0, rowspan=1, columnspan=2, sticky="nsew")
            self._add.grid(row=1, column=0, sticky="new", padx=0, pady=(px(6), 0))
            self._menu.grid(row=1, column=1, sticky="new", padx=(px(6), 0), pady=(px(6), 0))
        else:
            self.zone.grid(row=0, column=0, rowspan=2, columnspan=1, sticky="nsew")
            self._add.grid(row=0, column=1, pady=0, **beside)
            row, column, above = (0, 2, 0) if low else (1, 1, px(8))
            self._menu.grid(row=row, column=column, pady=(above, 0), **beside)

    def hover(self, over: bool) -> None:
        """Highlight the drop zone during a drag."""
        self.zone["style"] = "Drag.Drop.TButton" if over else "Drop.TButton"
