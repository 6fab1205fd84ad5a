"""Before and after, one over the other, with a line between them that can be moved."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from imgpar.desktop.preview import Pair
from imgpar.desktop.texts import Texts, size_text
from imgpar.desktop.theme import Theme

LINE = 3
"""Width of the line in pixels at 96 dpi."""
SMALLEST = 60


class Compare(ttk.Frame):
    """The pictures of one file: what is left of the line is before, the rest is after.

    Args:
        resized: called when there is another room for pictures, in pixels.
        enlarge: called to give it the whole window, or to take that back.
    """

    def __init__(
        self, parent: tk.Misc, texts: Texts, theme: Theme,
        resized: Callable[[tuple[int, int]], None], enlarge: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._texts, self._resized, self._line = texts, resized, theme.px(LINE)
        self.room = (theme.px(300), theme.px(200))
        """Width and height for pictures."""
        self.images: list[tk.PhotoImage] = []
        """Before and after, as far as there are pictures. Tk keeps no reference."""
        self._at = 0.5
        self.columnconfigure(0, weight=1)
        self.rowconfigure(1, weight=1)
        heads = ttk.Frame(self)
        heads.grid(sticky="ew")
        heads.columnconfigure(0, weight=2)
        heads.columnconfigure(1, weight=3)
        self.before = ttk.Label(heads, style="Quiet.TLabel", anchor="w", width=1)
        self.after_ = ttk.Label(heads, style="Quiet.TLabel", anchor="e", width=1)
        self.before.grid(row=0, column=0, sticky="ew")
        self.after_.grid(row=0, column=1, sticky="ew")
        ground = theme.palette.panel
        self._whole = tk.Canvas(self, background=ground, highlightthickness=0, width=1, height=1)
        self._whole.grid(row=1, sticky="nsew", pady=theme.px(4))
        self._left = tk.Canvas(self._whole, background=ground, highlightthickness=0)
        self._bar = tk.Frame(self._whole, background=theme.palette.accent, cursor="sb_h_double_arrow")
        self._said = self._whole.create_text(0, 0, fill=theme.palette.quiet, font="TkDefaultFont")
        self._pictures = [canvas.create_image(0, 0) for canvas in (self._left, self._whole)]
        under = ttk.Frame(self)
        under.grid(row=2, sticky="ew")
        under.columnconfigure(0, weight=1)
        self.slider = ttk.Scale(under, from_=0, to=1, value=self._at, command=lambda at: self.move(float(at)))
        self.slider.grid(sticky="ew")
        self.larger = ttk.Button(under, command=enlarge, width=-7)
        self.larger.grid(row=0, column=1, padx=(theme.px(8), 0))
        self._bind()
        self.large(False)
        self.clear()

    def clear(self, said: str = "") -> None:
        """Remove the pictures; `said` takes their place."""
        self.images = []
        for canvas, picture in zip((self._left, self._whole), self._pictures, strict=True):
            canvas.itemconfigure(picture, image="")
        self._caption((), ())
        self._whole.itemconfigure(self._said, text=said)
        self._place()

    def show(self, pair: Pair) -> None:
        """Show these pictures."""
        found = [tk.PhotoImage(master=self, data=data) if data else None for data in pair.pictures]
        for canvas, picture, image in zip((self._left, self._whole), self._pictures, found, strict=True):
            canvas.itemconfigure(picture, image=image or "")
        self.images = [image for image in found if image]
        self._whole.itemconfigure(self._said, text="" if found[1] else self._texts("no_preview"))
        outcome, after = pair.outcome, [""]
        before = [size_text(outcome.source_bytes) if outcome.source_bytes else ""]
        for file in outcome.outputs[:1]:
            after = [f"{file.width} × {file.height}" if file.width else "", size_text(file.bytes)]
        self._caption(before, after)
        self._place()

    def move(self, at: float) -> None:
        """Move the line to this share of the width."""
        self._at = max(0.0, min(1.0, at))
        if abs(float(self.slider.get()) - self._at) > 0.001:
            self.slider.set(self._at)
        self._place()

    def large(self, large: bool) -> None:
        """Name the button after what it does next."""
        self.larger["text"] = self._texts("smaller" if large else "larger")

    def _caption(self, before: tuple[str, ...] | list[str], after: tuple[str, ...] | list[str]) -> None:
        self.before["text"] = self._texts.join([self._texts("before"), *before])
        self.after_["text"] = self._texts.join([self._texts("after"), *after])

    def _place(self) -> None:
        """Put pictures, line and text where they belong."""
        width, height = self._whole.winfo_width(), self._whole.winfo_height()
        for canvas, picture in zip((self._left, self._whole), self._pictures, strict=True):
            canvas.coords(picture, width // 2, height // 2)
        self._whole.coords(self._said, width // 2, height // 2)
        if self.images:
            at = round(self._at * width)
            self._left.place(x=0, y=0, width=max(1, at), height=height)
            self._bar.place(x=at - self._line // 2, y=0, width=self._line, height=height)
        else:
            self._left.place_forget()
            self._bar.place_forget()
        self.slider.state(["!disabled" if self.images else "disabled"])

    def _bind(self) -> None:
        self._whole.bind("<Configure>", self._configured)
        for widget in (self._whole, self._left, self._bar):
            for event in ("<Button-1>", "<B1-Motion>"):
                widget.bind(event, self._dragged)
            widget.bind("<Double-1>", lambda _: self.larger.invoke())

    def _configured(self, event: tk.Event[tk.Misc]) -> None:
        self.room = (max(SMALLEST, event.width), max(SMALLEST, event.height))
        self._place()
        self._resized(self.room)

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        self.move((event.x_root - self._whole.winfo_rootx()) / max(1, self._whole.winfo_width()))
