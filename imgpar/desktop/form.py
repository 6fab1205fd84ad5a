"""The fields of the window: recipe, what is made, format, size, quality, largest file, names, folder."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from dataclasses import replace
from tkinter import filedialog, ttk

from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.problems import one_line
from imgpar.desktop.settings import (
    FORMATS,
    LARGEST,
    MAKES,
    NAMES,
    QUALITIES,
    RECIPES,
    SEVERAL,
    SIZES,
    Settings,
)
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme

HINTS = ("size", "quality", "largest", "name")
"""Fields that take any text, and have a hint."""


class Form(ttk.Frame):
    """Displays settings and calls `changed` with the new ones when a field is edited."""

    def __init__(
        self, parent: tk.Misc, texts: Texts, theme: Theme, keys: AccessKeys, settings: Settings,
        changed: Callable[[Settings], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._texts, self._keys, self._gap = texts, keys, theme.px(8)
        self._settings, self._changed = settings, changed
        self._focused = ""
        self.columnconfigure((1, 3, 5), weight=1)
        self._boxes: dict[str, ttk.Combobox] = {}
        self._recipe = self._combo("recipe", 0, 0, span=3, readonly=True)
        self._make = self._combo("make", 0, 4, readonly=True)
        self._format = self._combo("format", 1, 0, readonly=True)
        self._size = self._combo("size", 1, 2)
        self._quality = self._combo("quality", 1, 4)
        self._largest = self._combo("largest", 2, 0)
        self._name = self._combo("name", 2, 2, span=3)
        self._label("folder", 3, 0, None)
        place = ttk.Frame(self)
        place.grid(row=3, column=1, columnspan=5, sticky="ew", pady=(self._gap, 0))
        place.columnconfigure(0, weight=1)
        self._folder = ttk.Label(place, style="Quiet.TLabel", anchor="w")
        self._folder.grid(row=0, column=0, sticky="ew")
        choose = ttk.Button(place, command=self._choose_folder)
        keys.label(choose, "choose")
        choose.grid(row=0, column=1)
        self._reset = ttk.Button(place, command=lambda: self._set(folder=""))
        keys.label(self._reset, "reset")
        self._reset.grid(row=0, column=2, padx=(self._gap, 0))
        self.message = ttk.Label(self, style="Quiet.TLabel", anchor="w", width=1)
        """A hint on the field with the focus, or why a value is invalid."""
        self.message.grid(row=4, column=0, columnspan=6, sticky="ew", pady=(self._gap // 2, 0))
        self.show(settings)

    def show(self, settings: Settings) -> None:
        """Fill the fields."""
        self._settings, texts = settings, self._texts
        names = ["", *RECIPES]
        if settings.recipe not in names:
            names.append(settings.recipe)
        self._recipes = {self._recipe_text(name): name for name in names}
        self._recipe["values"] = [*self._recipes, texts("recipe_file")]
        self._recipe.set(self._recipe_text(settings.recipe))
        self._makes = {texts(f"make_{name}"): name for name in MAKES}
        self._make["values"] = list(self._makes)
        self._make.set(texts(f"make_{settings.make}"))
        own = {key: self._unset(key) for key in ("format", "size", "quality", "largest", "name")}
        self._templates = {texts(key): template for key, template in NAMES.items()}
        offers = {
            "format": FORMATS, "size": SIZES, "quality": QUALITIES, "largest": LARGEST,
            "name": tuple(self._templates),
        }  # fmt: skip
        shown = {template: text for text, template in self._templates.items()}
        for key, values in offers.items():
            value = getattr(settings, key)
            self._boxes[key]["values"] = [own[key], *values]
            self._boxes[key].set(shown.get(value, value) or own[key])
        self._enable()
        self._folder["text"] = one_line(settings.folder) if settings.folder else texts("beside")
        if settings.folder:
            self._reset.grid()
        else:
            self._reset.grid_remove()
        self._say()

    def read(self) -> Settings:
        """The current values of the fields, including unfinished input."""
        changes: dict[str, str] = {}
        for key in ("format", "size", "quality", "largest", "name"):
            if key in self._settings.used:
                text = self._boxes[key].get().strip()
                text = "" if text == self._unset(key) else text
                changes[key] = self._templates.get(text, text) if key == "name" else text
        return replace(self._settings, **changes)

    def _unset(self, key: str) -> str:
        """What a field says that is not filled in."""
        if key == "largest":
            return self._texts("any_size")
        known = self._settings.recipe in ("", *RECIPES) and self._settings.recipe not in SEVERAL
        return self._texts("as_original" if key == "name" and known else "as_recipe")

    def _enable(self) -> None:
        """Disable the fields that do not apply to what is made."""
        used = self._settings.used
        for key in ("format", "size", "quality", "largest", "name"):
            usual = "readonly" if key == "format" else "normal"
            self._boxes[key].configure(state=usual if key in used else "disabled")

    def _say(self) -> None:
        """Show why a field is invalid, or else the hint of the field with the focus."""
        used, wrong = self._settings.used, self._settings.refusals()
        bad = next((error for key, error in wrong.items() if key in used), None)
        hint = self._texts(f"hint_{self._focused}") if self._focused in HINTS else ""
        self.message.configure(
            text=self._texts.error(bad, "") if bad else hint,
            style="Bad.TLabel" if bad else "Quiet.TLabel",
        )

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
        box = self._boxes[key] = ttk.Combobox(self, width=12, state="readonly" if readonly else "normal")
        self._label(key, row, column, box)
        box.grid(row=row, column=column + 1, columnspan=span, sticky="ew", pady=(self._gap if row else 0, 0))
        for event in ("<<ComboboxSelected>>", "<FocusOut>", "<Return>"):
            box.bind(event, lambda _: self._read(), add=True)
        box.bind("<FocusIn>", lambda _: self._focus(key), add=True)
        box.bind("<FocusOut>", lambda _: self._focus(""), add=True)
        return box

    def _focus(self, key: str) -> None:
        self._focused = key
        self._say()

    def _read(self) -> None:
        make, text = self._makes[self._make.get()], self._recipe.get()
        if text == self._texts("recipe_file"):
            kinds = [("TOML", "*.toml"), ("*", "*")]
            path = filedialog.askopenfilename(parent=self, filetypes=kinds)
            self._set(make=make, recipe=os.path.abspath(path) if path else self._settings.recipe)
        else:
            self._set(make=make, recipe=self._recipes[text])

    def _choose_folder(self) -> None:
        path = filedialog.askdirectory(parent=self, initialdir=self._settings.folder or None)
        if path:
            self._set(folder=os.path.abspath(path))

    def _set(self, **changes: str) -> None:
        new = replace(self.read(), **changes)
        if new != self._settings:
            self._changed(new)
        self.show(new)
