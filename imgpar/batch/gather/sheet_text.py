"""Labels and title of a contact sheet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from imgpar.batch.gather.items import ItemRemarks
from imgpar.core.job import Item
from imgpar.core.properties import Properties
from imgpar.core.templates import Template, Value
from imgpar.pixels import text as lettering

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ELLIPSIS = "…"
_BASELINE = 0.85
"""Baseline of a line below its top, relative to the size of the letters: one for all labels of a row."""
_DARK = 128
"""Luma below which text on a background is white."""


class SheetText:
    """Draws text on a sheet.

    Args:
        font: path of a font file; empty is the built-in one.
        background: of the sheet, which determines the colour of the letters.
    """

    def __init__(self, font: str, background: tuple[int, int, int, int]) -> None:
        red, green, blue, _ = background
        self._font = font
        self._colour = 255.0 if 0.299 * red + 0.587 * green + 0.114 * blue < _DARK else 0.0
        self.missing: dict[str, None] = {}
        """Characters that no font has; `?` is drawn in their place."""

    def draw(self, canvas: Array, text: str, size: int, box: tuple[int, int, int, int]) -> None:
        """Draw lines of text, each in the middle of the width, and shortened where it is too wide.

        Args:
            canvas: H×W×3 uint8; modified.
            text: lines are separated by line feeds.
            size: of the letters in pixels.
            box: left, top, width and height; what exceeds it is cut off.
        """
        left, top, width, height = box
        for number, line in enumerate(text.split("\n")):
            words = self._fitting(self._drawable(line), size, width)
            if words is None:
                continue
            y = max(0, top + round(number * size * 1.35 + size * _BASELINE) - words.ascent)
            x = left + (width - words.coverage.shape[1]) // 2
            self._lay(canvas, words, x, y, top + height)

    def _drawable(self, line: str) -> str:
        """The line with `?` for characters that no font has."""
        line = "".join(letter if letter.isprintable() else " " for letter in line).strip()
        lacking = lettering.missing_letters(line, self._font)
        self.missing |= dict.fromkeys(lacking)
        return "".join("?" if letter in lacking else letter for letter in line)

    def _fitting(self, line: str, size: int, width: int) -> lettering.Words | None:
        """The rendered line, with an ellipsis where it is wider than `width`; None where nothing fits."""
        if not line:
            return None
        words = lettering.drawn(line, size, self._font, 0)
        kept = len(line)
        while words.coverage.shape[1] > width and kept > 1:
            kept = min(kept - 1, int(kept * width / words.coverage.shape[1]))
            words = lettering.drawn(line[:kept].rstrip() + _ELLIPSIS, size, self._font, 0)
        return words if words.coverage.shape[1] <= width else None

    def _lay(self, canvas: Array, words: lettering.Words, x: int, y: int, bottom: int) -> None:
        import numpy as np

        rows = min(words.coverage.shape[0], bottom - y, canvas.shape[0] - y)
        if rows <= 0:
            return
        place = canvas[y : y + rows, x : x + words.coverage.shape[1]]
        share = words.coverage[:rows]
        mixed = place * (1 - share) + self._colour * share
        if words.coloured is not None:
            part = words.coloured[:rows]
            mixed = mixed * (1 - part[..., 3:]) + 255 * part[..., :3] * part[..., 3:]
        place[...] = np.rint(mixed).astype(np.uint8)


def label_of(template: Template, item: Item, remarks: ItemRemarks, number: int) -> str:
    """The label of an item; a missing value is left empty."""
    name = os.path.basename(item.path)
    values: dict[str, Value] = {
        "stem": os.path.splitext(name)[0],
        "name": name,
        "n": number,
        "width": remarks.size[0],
        "height": remarks.size[1],
        "date": Properties(taken=remarks.taken).date,
        "camera": remarks.camera,
        "bytes": item.size,
        "format": remarks.format,
    }
    return (template.format(values, default="") or "").replace("\\n", "\n")
