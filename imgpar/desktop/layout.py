"""Where the parts of the window are, for every width and height."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from tkinter import ttk

from imgpar.desktop.texts import Texts
from imgpar.desktop.theme import Theme

LOW = 600
"""Height in pixels at 96 dpi below which the window leaves out margins."""
NARROW = 720
"""Width below which the options, the files and the pictures take turns."""
BROAD = 1200
"""Width from which the pictures are beside the list."""
LEAST = (320, 420)
"""The smallest window."""


@dataclass(frozen=True, slots=True)
class WindowShape:
    """What of the size of the window decides where its parts are."""

    narrow: bool = False
    broad: bool = False
    low: bool = False
    large: bool = False
    """Whether the pictures have the window for themselves."""

    @classmethod
    def of(cls, width: int, height: int, scale: Callable[[int], int], *, large: bool = False) -> WindowShape:
        """The shape of a window of this size.

        >>> WindowShape.of(320, 700, lambda length: length)
        WindowShape(narrow=True, broad=False, low=False, large=False)
        """
        return cls(width < scale(NARROW), width >= scale(BROAD), height < scale(LOW), large)


class WindowLayout:
    """Grids the parts in a page: `head`, `form`, `status`, `files`, `compare`, `buttons`.

    >>> PARTS
    ('form', 'files', 'compare')
    """

    def __init__(self, page: ttk.Frame, parts: Mapping[str, tk.Widget], texts: Texts, theme: Theme) -> None:
        self._page, self._parts, self._theme = page, parts, theme
        self.shape: WindowShape | None = None
        self.tab = tk.StringVar(page, "form")
        """The part that a narrow window shows."""
        self.tabs = ttk.Frame(page)
        for number, (part, key) in enumerate(
            zip(PARTS, ("tab_options", "tab_files", "tab_compare"), strict=True)
        ):
            tab = ttk.Radiobutton(
                self.tabs, text=texts(key), value=part, variable=self.tab, style="Tab.Toolbutton",
                command=self._again,
            )  # fmt: skip
            tab.grid(row=0, column=number, sticky="ew")
            self.tabs.columnconfigure(number, weight=1)

    def fit(self, shape: WindowShape) -> None:
        """Take this shape, if it is another one."""
        if shape != self.shape:
            self.shape = shape
            self._grid(shape)

    def turn_to(self, part: str) -> None:
        """Show this part in a narrow window."""
        self.tab.set(part)
        self._again()

    def _again(self) -> None:
        if self.shape:
            self._grid(self.shape)

    def _grid(self, shape: WindowShape) -> None:
        for part in (*self._parts.values(), self.tabs):
            part.grid_remove()
        for number in range(7):
            self._page.rowconfigure(number, weight=0, minsize=0)
        for number in range(3):
            self._page.columnconfigure(number, weight=0, minsize=0)
        px = self._theme.px
        self._page.configure(padding=px(8 if shape.low or shape.narrow else 16))
        if shape.large:
            self._large()
        elif shape.narrow:
            self._narrow(px(6))
        else:
            self._wide(shape, px(6 if shape.low else 12))

    def _put(self, name: str, row: int, column: int = 0, **more: object) -> None:
        part = self.tabs if name == "tabs" else self._parts[name]
        part.grid(row=row, column=column, sticky="nsew", **more)  # type: ignore[arg-type]

    def _large(self) -> None:
        self._page.columnconfigure(0, weight=1)
        self._page.rowconfigure(0, weight=1)
        self._put("compare", 0, columnspan=1, rowspan=1, padx=0, pady=0)

    def _narrow(self, gap: int) -> None:
        self._page.columnconfigure(0, weight=1)
        self._page.rowconfigure(3, weight=1)
        once = {"columnspan": 1, "rowspan": 1, "padx": 0}
        self._put("head", 0, pady=0, **once)
        self._put("tabs", 1, pady=(gap, 0), **once)
        self._put("status", 2, pady=(gap, 0), **once)
        self._put(self.tab.get(), 3, pady=gap, **once)
        self._put("buttons", 4, pady=0, **once)

    def _wide(self, shape: WindowShape, gap: int) -> None:
        across = 3 if shape.broad else 2
        self._page.columnconfigure(1, weight=1)
        self._page.rowconfigure(2, weight=1, minsize=self._theme.px(130))
        self._put("head", 0, columnspan=across, rowspan=1, padx=0, pady=0)
        self._put("form", 1, columnspan=1, rowspan=3, padx=(0, gap), pady=gap)
        self._put("status", 1, 1, columnspan=across - 1, rowspan=1, padx=0, pady=(gap, 0))
        if shape.broad:
            self._page.columnconfigure(2, weight=3)
            self._put("files", 2, 1, columnspan=1, rowspan=2, padx=0, pady=gap)
            self._put("compare", 2, 2, columnspan=1, rowspan=2, padx=(gap, 0), pady=gap)
        else:
            self._page.rowconfigure(3, weight=4)
            self._put("files", 2, 1, columnspan=1, rowspan=1, padx=0, pady=gap)
            self._put("compare", 3, 1, columnspan=1, rowspan=1, padx=0, pady=(0, gap))
        self._put("buttons", 4, columnspan=across, rowspan=1, padx=0, pady=0)


PARTS = ("form", "files", "compare")
"""The parts that take turns in a narrow window."""
