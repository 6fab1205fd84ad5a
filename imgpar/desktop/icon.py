"""The icon, drawn here: a picture that becomes a smaller one."""

from __future__ import annotations

import tkinter as tk

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
 <rect x="4" y="4" width="44" height="44" rx="6" fill="#1f5fbf"/>
 <path d="M8 42 L20 24 L29 36 L35 29 L44 42 Z" fill="#ffffff"/>
 <circle cx="35" cy="16" r="5" fill="#ffd166"/>
 <rect x="34" y="34" width="26" height="26" rx="4" fill="#1d6b33" stroke="#ffffff" stroke-width="3"/>
 <path d="M47 40 V53 M41 48 L47 54 L53 48" fill="none" stroke="#ffffff" stroke-width="3"/>
</svg>
"""
"""For menus and file managers."""


def draw_icon(root: tk.Misc, edge: int) -> tk.PhotoImage:
    """The same for the window, whose Tk may not read SVG; only the large shapes."""
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
