"""The icon of the window, drawn pixel by pixel."""

from __future__ import annotations

import tkinter as tk


def draw_icon(root: tk.Misc, edge: int) -> tk.PhotoImage:
    """The icon of the window, for Tk without SVG support: a simplified version of the SVG for menus."""
    image = tk.PhotoImage(master=root, width=edge, height=edge)

    def box(x: float, y: float, right: float, bottom: float, colour: str) -> None:
        corners = (round(part * edge / 64) for part in (x, y, right, bottom))
        image.put(colour, to=tuple(corners))  # type: ignore[arg-type]

    box(4, 4, 48, 48, "#1f5fbf")
    for step in range(12):
        box(20 - step, 24 + 1.5 * step, 21 + step, 25.5 + 1.5 * step, "#ffffff")
    box(31, 11, 40, 20, "#ffd166")
    box(32, 32, 62, 62, "#ffffff")
    box(34, 34, 60, 60, "#1d6b33")
    box(45.5, 40, 48.5, 50, "#ffffff")
    for step in range(7):
        box(40 + step, 47 + step, 54 - step, 48 + step, "#ffffff")
    return image
