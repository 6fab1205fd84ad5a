"""The fields of the window: recipe, format, size, quality, and where results go."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from dataclasses import replace
from tkinter import filedialog, ttk

from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.problems import one_line
from imgpar.desktop.settings import FORMATS, RECIPES, SIZES, Settings
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme

QUALITIES = ("95", "90", "82", "75", "60")


class Form(ttk.Frame):
    """Shows settings and calls `changed` with new ones when the user has changed a field."""

    def __init__(
        self, parent: tk.Misc, texts: Texts, theme: Theme, keys: AccessKeys, settings: Settings,
        changed: Callable[[Settings], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._texts, self._keys, self._gap = texts, keys, theme.px(8)
        self._settings, self._changed = settings, changed
        self.columnconfigure((1, 3, 5), weight=1)
        self._recipe = self._combo("recipe", 0, 0, span=5, readonly=True)
        self._format = self._combo("format", 1, 0, readonly=True)
        self._size = self._combo("size", 1, 2)
        self._quality = self._combo("quality", 1, 4)
        self._label("folder", 2, 0, None)
        place = ttk.Frame(self)
        place.grid(row=2, column=1, columnspan=5, sticky="ew", pady=(self._gap, 0))
        place.columnconfigure(0, weight=1)
        self._folder = ttk.Label(place, style="Quiet.TLabel", anchor="w")
        self._folder.grid(row=0, column=0, sticky="ew")
        choose = ttk.Button(place, command=self._choose_folder)
        keys.label(choose, "choose")
        choose.grid(row=0, column=1)
        self._reset = ttk.Button(place, command=lambda: self._set(folder=""))
        keys.label(self._reset, "reset")
        self._reset.grid(row=0, column=2, padx=(self._gap, 0))
        self.show(settings)

    def show(self, settings: Settings) -> None:
        """Fill the fields."""
        self._settings, same = settings, self._texts("as_recipe")
        names = ["", *RECIPES]
        if settings.recipe not in names:
            names.append(settings.recipe)
        self._recipes = {self._recipe_text(name): name for name in names}
        self._recipe["values"] = [*self._recipes, self._texts("recipe_file")]
        self._recipe.set(self._recipe_text(settings.recipe))
        self._format["values"] = [same, *FORMATS]
        self._size["values"] = [same, *SIZES]
        self._quality["values"] = [same, *QUALITIES]
        self._format.set(settings.format or same)
        self._size.set(settings.size or same)
        self._quality.set(settings.quality or same)
        self._folder["text"] = one_line(settings.folder) if settings.folder else self._texts("beside")
        if settings.folder:
            self._reset.grid()
        else:
            self._reset.grid_remove()

    def read(self) -> Settings:
        """The settings as the fields have them now, also while one of them is being typed into."""
        same = self._texts("as_recipe")
        typed = [box.get().strip() for box in (self._format, self._size, self._quality)]
        kind, size, quality = ("" if text == same else text for text in typed)
        return replace(self._settings, format=kind, size=size, quality=quality)

    def _recipe_text(self, name: str) -> str:
        if name in RECIPES:
            return self._texts(f"recipe_{name}")
        return one_line(name) if name else self._texts("recipe_none")

    def _label(self, key: str, row: int, column: int, target: ttk.Combobox | None) -> None:
        pad = (self._gap if column else 0, self._gap)
        label = ttk.Label(self)
        self._keys.label(label, key, target)
        label.grid(row=row, column=column, sticky="w", padx=pad, pady=(self._gap if row else 0, 0))

    def _combo(
        self, key: str, row: int, column: int, *, span: int = 1, readonly: bool = False
    ) -> ttk.Combobox:
        box = ttk.Combobox(self, width=12, state="readonly" if readonly else "normal")
        self._label(key, row, column, box)
        box.grid(row=row, column=column + 1, columnspan=span, sticky="ew", pady=(self._gap if row else 0, 0))
        for event in ("<<ComboboxSelected>>", "<FocusOut>", "<Return>"):
            box.bind(event, lambda _: self._read(), add=True)
        return box

    def _read(self) -> None:
        text = self._recipe.get()
        if text == self._texts("recipe_file"):
            kinds = [("TOML", "*.toml"), ("*", "*")]
            path = filedialog.askopenfilename(parent=self, filetypes=kinds)
            self._set(recipe=os.path.abspath(path) if path else self._settings.recipe)
        else:
            self._set(recipe=self._recipes[text])

    def _choose_folder(self) -> None:
        path = filedialog.askdirectory(parent=self, initialdir=self._settings.folder or None)
        if path:
            self._set(folder=os.path.abspath(path))

    def _set(self, **changes: str) -> None:
        new = replace(self.read(), **changes)
        if new != self._settings:
            self._changed(new)
        self.show(new)
