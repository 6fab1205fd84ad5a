"""The options in groups: what is made, size, format and quality, names and metadata, watermark, where to."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from dataclasses import replace
from tkinter import filedialog, ttk
from typing import Any

from imgpar.desktop import choices
from imgpar.desktop.choices import RECIPES, SEVERAL
from imgpar.desktop.fields import FormField, Group, Switch
from imgpar.desktop.keys import AccessKeys
from imgpar.desktop.problems import one_line
from imgpar.desktop.scrolled import Scrolled
from imgpar.desktop.settings import Settings
from imgpar.desktop.shorten import Shortener
from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme

WIDTH = 296
"""Width of the form in pixels at 96 dpi."""
GROUPS = {
    "group_what": ("recipe", "make"),
    "group_size": ("size", "enlarge"),
    "group_file": ("format", "quality", "largest"),
    "group_keep": ("name", "metadata"),
    "group_mark": ("mark", "place"),
    "group_place": ("in_place", "watch", "at_once"),
}
SWITCHES = ("enlarge", "in_place", "watch", "at_once")
FREE = ("size", "quality", "largest", "name", "mark")
"""Fields in which any text can be typed."""


class Form(Scrolled):
    """Displays settings and calls `changed` with the new ones when a field is edited."""

    def __init__(
        self, parent: tk.Misc, texts: Texts, theme: Theme, keys: AccessKeys, settings: Settings,
        changed: Callable[[Settings], None],
    ) -> None:  # fmt: skip
        super().__init__(parent, theme, theme.px(WIDTH))
        self._texts, self._keys, self._theme = texts, keys, theme
        self._settings, self._changed = settings, changed
        self._short = Shortener(theme.plain)
        self.fields: dict[str, FormField] = {}
        self.switches: dict[str, Switch] = {}
        self.inside.columnconfigure(0, weight=1)
        for number, (title, names) in enumerate(GROUPS.items()):
            group = Group(self.inside, theme, texts(title))
            group.grid(
                row=number, sticky="ew", pady=(theme.px(10) if number else 0, 0), padx=(0, theme.px(6))
            )
            for key in names:
                self._add(group, key)
        self._add_folder(group)
        self.watch()
        self.show(settings)

    @property
    def wrong(self) -> str:
        """The first field whose value is refused; empty if there is none."""
        return next((key for key, field in self.fields.items() if field.refused), "")

    def show(self, settings: Settings) -> None:
        """Fill the fields."""
        self._settings = settings
        for key, offered in self._offers().items():
            shown = {value: text for text, value in offered.items()}
            value = getattr(settings, key)
            self.fields[key].offer(tuple(offered), shown.get(value, value))
        for key, switch in self.switches.items():
            switch.turn(getattr(settings, key))
        self._enable()
        self._show_folder()
        self._judge(settings)

    def read(self) -> Settings:
        """The current values of the fields, including unfinished input."""
        changes: dict[str, Any] = {}
        for key, offered in self._offers().items():
            text = self.fields[key].text
            if text in self._asking.values():
                continue  # a file is to be asked for
            value = offered.get(text, text)
            fixed = key not in FREE and value not in offered.values()
            if not fixed and self._applies(key):
                changes[key] = value
        for key, switch in self.switches.items():
            changes[key] = switch.on
        return replace(self._settings, **changes)

    def focus_wrong(self) -> None:
        """Give the keyboard to the first field that is wrong."""
        if key := self.wrong:
            self.fields[key].box.focus_set()

    # ----- values and their texts -----------------------------------------------------------------

    @property
    def _asking(self) -> dict[str, str]:
        """What is chosen to be asked for a file, by field."""
        return {"recipe": self._texts("recipe_file"), "mark": self._texts("mark_file")}

    def _offers(self) -> dict[str, dict[str, str]]:
        """Text → value of what each field offers."""
        texts, settings = self._texts, self._settings
        recipes = ["", *RECIPES, *([settings.recipe] if settings.recipe not in ("", *RECIPES) else [])]
        own = {key: {self._unset(key): ""} for key in ("format", "size", "quality", "largest", "name")}
        return {
            "recipe": {self._recipe_text(name): name for name in recipes} | {texts("recipe_file"): "?"},
            "make": {texts(f"make_{name}"): name for name in choices.MAKES},
            "size": own["size"] | {size: size for size in choices.SIZES},
            "format": own["format"] | {name: name for name in choices.FORMATS},
            "quality": own["quality"] | {value: value for value in choices.QUALITIES},
            "largest": own["largest"] | {value: value for value in choices.LARGEST},
            "name": own["name"] | {texts(key): template for key, template in choices.NAMES.items()},
            "metadata": {texts("as_recipe"): ""}
            | {texts(f"metadata_{kept}"): kept for kept in choices.METADATA if kept},
            "mark": {texts("no_mark"): ""}
            | {mark: mark for mark in choices.MARKS}
            | {texts("mark_file"): "?"},
            "place": {texts(f"place_{place}"): place for place in choices.PLACES},
        }

    def _unset(self, key: str) -> str:
        """What a field says that is not filled in."""
        if key == "largest":
            return self._texts("any_size")
        known = self._settings.recipe in ("", *RECIPES) and self._settings.recipe not in SEVERAL
        return self._texts("as_original" if key == "name" and known else "as_recipe")

    def _recipe_text(self, name: str) -> str:
        if name in RECIPES:
            return self._texts(f"recipe_{name}")
        return one_line(name) if name else self._texts("recipe_none")

    # ----- states ---------------------------------------------------------------------------------

    def _applies(self, key: str) -> bool:
        """Whether a field applies to what is made."""
        settings = self._settings
        if key == "place":
            return key in settings.used and bool(settings.mark)
        if key == "in_place":
            return not settings.make and settings.recipe not in SEVERAL
        if key == "watch":
            return not settings.make
        return key in ("recipe", "make", "at_once") or key in settings.used

    def _enable(self) -> None:
        """Disable the fields that do not apply to what is made."""
        for key, field in self.fields.items():
            field.enable(self._applies(key))
        for key, switch in self.switches.items():
            switch.enable(self._applies(key))

    def _judge(self, settings: Settings) -> None:
        """Mark the fields whose values are refused."""
        wrong = settings.refusals()
        for key, field in self.fields.items():
            error = wrong.get(key) if self._applies(key) else None
            field.refuse(self._texts.error(error, "") if error else "")

    # ----- widgets --------------------------------------------------------------------------------

    def _add(self, group: Group, key: str) -> None:
        if key in SWITCHES:
            self.switches[key] = Switch(group, self._keys, key, self._done)
        else:
            self.fields[key] = FormField(
                group, self._texts, self._theme, self._keys, key, free=key in FREE,
                wide=key == "recipe", edited=lambda: self._judge(self.read()), done=self._done,
            )  # fmt: skip

    def _add_folder(self, group: Group) -> None:
        """Where results go, with the buttons that change it."""
        gap = group.gap
        ttk.Label(group, text=self._texts("folder")).grid(row=group.next_row(), columnspan=2, sticky="w")
        self.folder = ttk.Label(group, style="Quiet.TLabel", anchor="w", width=1)
        self.folder.grid(row=group.next_row(), columnspan=2, sticky="ew", pady=(0, gap))
        self.folder.bind("<Configure>", lambda _: self._show_folder())
        buttons = ttk.Frame(group)
        buttons.grid(row=group.next_row(), columnspan=2, sticky="w")
        self._choose = ttk.Button(buttons, command=self._choose_folder)
        self._keys.label(self._choose, "choose")
        self._choose.grid()
        self._reset = ttk.Button(buttons, command=lambda: self._set(folder=""))
        self._keys.label(self._reset, "reset")
        self._reset.grid(row=0, column=1, padx=(gap, 0))

    def _show_folder(self) -> None:
        settings, usable = self._settings, self._applies("folder")
        said = one_line(settings.folder) if settings.folder and usable else self._texts("beside")
        if settings.replaces:
            said = self._texts("in_their_place")
        self.folder["text"] = self._short.fit(said, max(60, self.folder.winfo_width() - 4))
        self._choose.state(["!disabled" if usable else "disabled"])
        if settings.folder and usable:
            self._reset.grid()
        else:
            self._reset.grid_remove()

    # ----- edits ----------------------------------------------------------------------------------

    def _done(self) -> None:
        """Take over what the fields say; ask for a file where that was chosen."""
        changes: dict[str, str] = {}
        for key, asking in self._asking.items():
            if self.fields[key].text == asking:
                changes[key] = self._ask_file(key) or getattr(self._settings, key)
        self._set(**changes)

    def _ask_file(self, key: str) -> str:
        kinds = [("TOML", "*.toml")] if key == "recipe" else [("", "*.png *.jpg *.jpeg *.webp *.svg *.gif")]
        path = filedialog.askopenfilename(parent=self, filetypes=[*kinds, ("*", "*")])
        return os.path.abspath(path) if path else ""

    def _choose_folder(self) -> None:
        path = filedialog.askdirectory(parent=self, initialdir=self._settings.folder or None)
        if path:
            self._set(folder=os.path.abspath(path))

    def _set(self, **changes: Any) -> None:
        new = replace(self.read(), **changes)
        if new != self._settings:
            self._changed(new)
        self.show(new)
