"""Kinds of the columns of a list: numbers stay numbers in the tables.

A list has texts. A column is of whole numbers as long as all its values are, then of numbers, then of texts.
What it was in one shard it is in the next one, or wider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Kind = Literal["int", "float", "text"]
Value = int | float | str | None

_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
"""Without leading zeros, which codes have, and with 64 bits."""
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_MISSING = frozenset(("", "nan", "NaN"))


class ColumnKinds:
    """The kind of each column so far.

    >>> kinds = ColumnKinds({})
    >>> kinds.value("score", "1"), kinds.value("score", "0.5"), kinds.value("score", "")
    (1, 0.5, None)
    >>> kinds.value("zip", "01234"), kinds.known
    ('01234', {'score': 'float', 'zip': 'text'})
    """

    def __init__(self, known: Mapping[str, Kind]) -> None:
        self.known = dict(known)

    def value(self, name: str, text: str) -> Value:
        """A value as it is written beside its picture; the column is widened where it has to be."""
        if text not in _MISSING:
            self.known[name] = _wider(self.known.get(name, "int"), text)
        return typed(text, self.known.get(name, "int"))


def typed(text: str, kind: Kind) -> Value:
    """A value of a column of that kind; None where a number is missing."""
    if kind == "text":
        return text
    if text in _MISSING:
        return None
    if _WHOLE.fullmatch(text):
        return int(text) if kind == "int" else float(text)
    return float(text)


def _wider(kind: Kind, text: str) -> Kind:
    if kind == "int" and _WHOLE.fullmatch(text):
        return "int"
    if kind != "text" and _NUMBER.fullmatch(text):
        return "float"
    return "text"
