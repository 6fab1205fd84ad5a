"""Appearance of the window: two palettes, one set of styles, sizes scaled to the screen resolution."""

from __future__ import annotations

import sys
import tkinter as tk
from dataclasses import dataclass
from tkinter import font, ttk
from typing import Any

from imgpar.desktop.system import system_is_dark


@dataclass(frozen=True)
class Palette:
    """Colours by purpose; text has a contrast of at least 4.5:1 to its background."""

    ground: str
    panel: str
    text: str
    quiet: str
    line: str
    accent: str
    on_accent: str
    hover: str
    good: str
    bad: str
    chosen: str


LIGHT = Palette(
    ground="#f5f6f8", panel="#ffffff", text="#1c2026", quiet="#59616d", line="#c9ced6", accent="#1f5fbf",
    on_accent="#ffffff", hover="#e6ebf3", good="#1d6b33", bad="#b3261e", chosen="#d5e3f8",
)  # fmt: skip
DARK = Palette(
    ground="#1d2025", panel="#262a31", text="#eceef1", quiet="#a9b1bd", line="#454c57", accent="#7fb0ff",
    on_accent="#10151c", hover="#323843", good="#83d19a", bad="#ff9d94", chosen="#34486b",
)  # fmt: skip


class Theme:
    """The styles of one window.

    Args:
        root: the window.
        look: "light", "dark", or empty for the system setting.
    """

    def __init__(self, root: tk.Misc, look: str = "") -> None:
        self.dark = look == "dark" or (look == "" and system_is_dark())
        self.palette = DARK if self.dark else LIGHT
        self._scale = max(1.0, float(root.tk.call("tk", "scaling")) / (96 / 72))
        self.style = ttk.Style(root)
        self.style.theme_use("clam")
        self._fonts(root)
        self._widgets()
        self._lists(root)

    def px(self, length: int) -> int:
        """Screen pixels of a length at 96 dpi."""
        return round(length * self._scale)

    def _fonts(self, root: tk.Misc) -> None:
        default = font.nametofont("TkDefaultFont", root=root)
        if sys.platform.startswith("linux"):
            default.configure(size=10)
            font.nametofont("TkTextFont", root=root).configure(size=10)
        self.large = default.copy()
        self.large.configure(size=int(default.actual("size") * 1.5))
        self.plain = default
        self.strong = default.copy()
        self.strong.configure(weight="bold")
        self.row = default.metrics("linespace") + self.px(8)

    def _widgets(self) -> None:
        c, px, style = self.palette, self.px, self.style
        style.configure(
            ".", background=c.ground, foreground=c.text, bordercolor=c.line, lightcolor=c.ground,
            darkcolor=c.ground, troughcolor=c.line, focuscolor=c.accent, selectbackground=c.accent,
            selectforeground=c.on_accent, insertcolor=c.text, fieldbackground=c.panel, arrowcolor=c.text,
            arrowsize=px(13), font="TkDefaultFont",
        )  # fmt: skip
        style.map(".", foreground=[("disabled", c.quiet)])
        style.configure("Quiet.TLabel", foreground=c.quiet)
        style.configure("Head.TLabel", font=self.strong)
        style.configure("Bad.TLabel", foreground=c.bad)
        style.configure("Picture.TLabel", background=c.panel, foreground=c.quiet, anchor="center")
        self._buttons()
        for kind in ("TCombobox", "TEntry"):
            style.configure(kind, padding=px(4), lightcolor=c.panel, darkcolor=c.panel)
            style.map(
                kind,
                fieldbackground=[("disabled", c.ground), ("readonly", c.panel)],
                foreground=[("disabled", c.quiet), ("readonly", c.text)],
                bordercolor=[("focus", c.accent)],
                selectbackground=[("readonly", c.panel)],
                selectforeground=[("readonly", c.text)],
            )
        style.configure("TCombobox", background=c.panel)
        style.configure("Bad.TCombobox", bordercolor=c.bad, background=c.panel)
        style.map("Bad.TCombobox", bordercolor=[("focus", c.bad)])
        self._switches()
        style.configure(
            "Horizontal.TProgressbar", background=c.accent, lightcolor=c.accent, darkcolor=c.accent,
            bordercolor=c.line, troughcolor=c.hover, thickness=px(10),
        )  # fmt: skip
        for kind in ("Vertical.TScrollbar", "Horizontal.TScrollbar"):
            style.configure(kind, background=c.hover, troughcolor=c.ground, bordercolor=c.ground, gripcount=0)
            style.map(kind, background=[("active", c.line)])

    def _buttons(self) -> None:
        c, px, style = self.palette, self.px, self.style
        button: dict[str, Any] = {"padding": (px(12), px(5)), "borderwidth": 1, "focusthickness": px(1)}
        for kind in ("TButton", "TMenubutton", "Drop.TButton", "Drag.Drop.TButton"):
            style.configure(
                kind, background=c.panel, lightcolor=c.panel, darkcolor=c.panel, anchor="center", **button
            )
            style.map(
                kind,
                background=[("disabled", c.ground), ("active", c.hover)],
                lightcolor=[("disabled", c.ground), ("active", c.hover)],
                darkcolor=[("disabled", c.ground), ("active", c.hover)],
                bordercolor=[("focus", c.accent)],
                foreground=[("disabled", c.quiet)],
            )
        style.configure("TMenubutton", arrowsize=px(6))
        style.configure("Drop.TButton", font=self.large, borderwidth=2, justify="center")
        self.zone(px(24))
        style.configure("Drag.Drop.TButton", background=c.chosen, bordercolor=c.accent)
        style.configure("Main.TButton", background=c.accent, lightcolor=c.accent, darkcolor=c.accent,
                        foreground=c.on_accent, bordercolor=c.accent, **button)  # fmt: skip
        style.map(
            "Main.TButton",
            background=[("disabled", c.ground), ("active", c.text)],
            lightcolor=[("disabled", c.ground), ("active", c.text)],
            darkcolor=[("disabled", c.ground), ("active", c.text)],
            bordercolor=[("disabled", c.line), ("focus", c.text)],
            foreground=[("disabled", c.quiet), ("active", c.ground)],
        )

    def _switches(self) -> None:
        """What is on or off, chosen, or moved."""
        c, px, style = self.palette, self.px, self.style
        style.configure(
            "TCheckbutton", background=c.ground, foreground=c.text, indicatorbackground=c.panel,
            indicatorforeground=c.on_accent, upperbordercolor=c.quiet, lowerbordercolor=c.quiet,
            indicatorsize=px(13), indicatormargin=(0, 0, px(6), 0), padding=px(2),
        )  # fmt: skip
        style.map(
            "TCheckbutton",
            background=[("active", c.ground)],
            indicatorbackground=[("disabled", c.ground), ("selected", c.accent)],
            foreground=[("disabled", c.quiet)],
        )
        style.configure(
            "Tab.Toolbutton", padding=(px(6), px(5)), anchor="center", background=c.ground,
            foreground=c.quiet, bordercolor=c.line, relief="flat",
        )  # fmt: skip
        style.map(
            "Tab.Toolbutton",
            background=[("selected", c.panel), ("active", c.hover)],
            foreground=[("selected", c.text)],
            bordercolor=[("focus", c.accent)],
        )
        style.configure(
            "Horizontal.TScale", background=c.accent, troughcolor=c.line, bordercolor=c.line,
            lightcolor=c.accent, darkcolor=c.accent, gripcount=0, sliderlength=px(18),
        )  # fmt: skip
        style.map(
            "Horizontal.TScale",
            background=[("disabled", c.line), ("active", c.text)],
            lightcolor=[("disabled", c.line)],
            darkcolor=[("disabled", c.line)],
        )

    def zone(self, padding: int, *, large: bool = True) -> None:
        """Set the padding of the drop zone, in screen pixels, and the size of its letters."""
        for kind in ("Drop.TButton", "Drag.Drop.TButton"):
            self.style.configure(kind, padding=padding, font=self.large if large else self.strong)

    def _lists(self, root: tk.Misc) -> None:
        c, px, style = self.palette, self.px, self.style
        style.configure("Treeview", background=c.panel, fieldbackground=c.panel, foreground=c.text,
                        rowheight=self.row, borderwidth=0)  # fmt: skip
        style.map("Treeview", background=[("selected", c.chosen)], foreground=[("selected", c.text)])
        style.configure("Treeview.Heading", background=c.ground, foreground=c.quiet, relief="flat",
                        padding=(px(6), px(4)))  # fmt: skip
        style.map("Treeview.Heading", background=[("active", c.hover)])
        style.configure("TNotebook", background=c.ground, tabmargins=0)
        style.configure("TNotebook.Tab", padding=(px(12), px(5)), background=c.ground, foreground=c.quiet)
        style.map(
            "TNotebook.Tab",
            padding=[("selected", (px(12), px(5)))],
            background=[("selected", c.panel), ("active", c.hover)],
            lightcolor=[("selected", c.panel)],
            foreground=[("selected", c.text)],
        )
        # The drop-down list of a combobox, and menus, are not themed widgets.
        for option, value in {
            "background": c.panel, "foreground": c.text, "selectBackground": c.chosen,
            "selectForeground": c.text, "font": "TkDefaultFont",
        }.items():  # fmt: skip
            root.option_add(f"*TCombobox*Listbox.{option}", value)
        for option, value in {
            "background": c.panel, "foreground": c.text, "activeBackground": c.chosen,
            "activeForeground": c.text, "selectColor": c.text, "relief": "flat", "font": "TkDefaultFont",
        }.items():  # fmt: skip
            root.option_add(f"*Menu.{option}", value)
