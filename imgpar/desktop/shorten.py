"""Names that are too long, shortened in the middle: the beginning and the suffix are what is looked for."""

from __future__ import annotations

from tkinter.font import Font

MANY = 5000
"""Results that are remembered."""


class Shortener:
    """Shortens texts to a width in pixels, measured in one font."""

    def __init__(self, font: Font) -> None:
        self._font = font
        self._known: dict[tuple[str, int], str] = {}

    def fit(self, text: str, width: int) -> str:
        """The text, or its beginning and end with … between them."""
        found = self._known.get((text, width))
        if found is None:
            if len(self._known) > MANY:
                self._known.clear()
            found = self._known[text, width] = self._fitted(text, width)
        return found

    def _fitted(self, text: str, width: int) -> str:
        if self._font.measure(text) <= width:
            return text
        low, high = 2, len(text) - 1
        while low < high:  # as many letters as fit
            count = (low + high + 1) // 2
            low, high = (
                (count, high) if self._font.measure(middle(text, count)) <= width else (low, count - 1)
            )
        return middle(text, low)


def middle(text: str, count: int) -> str:
    """The text with so many of its letters, most of them from its beginning.

    >>> middle("a very long name.jpg", 11)
    'a very….jpg'
    """
    end = max(1, count * 2 // 5)
    return f"{text[: count - end].rstrip()}…{text[len(text) - end :]}"
