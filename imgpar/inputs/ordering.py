"""`--sort`: the order of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from imgpar.core import parsing
from imgpar.core.errors import bad_value
from imgpar.core.filenames import natural
from imgpar.core.job import Item
from imgpar.core.properties import Properties
from imgpar.inputs.where import FIELDS, field_named

_EXAMPLE = "what to sort by, such as name, path, date, bytes or width:desc"
_DESCENDING = {"": False, "asc": False, "desc": True}


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field to sort by; "path" is the path below the input."""

    field: str
    descending: bool = False

    @property
    def header(self) -> bool:
        """Whether it is read from the header of a file."""
        return self.field in FIELDS and FIELDS[self.field].header

    def __str__(self) -> str:
        return f"{self.field}:desc" if self.descending else self.field


@parsing.accepts("str")
def sort_keys(value: object) -> tuple[SortKey, ...]:
    """What to sort by; where the first is equal, the second decides.

    >>> sort_keys("date, size:desc")
    (SortKey(field='date', descending=False), SortKey(field='bytes', descending=True))
    """
    if isinstance(value, tuple) and all(isinstance(key, SortKey) for key in value):
        return value
    if not isinstance(value, str) or not value.strip():
        raise bad_value(parsing.VALUE, _EXAMPLE, value)
    keys = list[SortKey]()
    for part in value.split(","):
        name, _, order = (word.strip().lower() for word in part.partition(":"))
        if name.startswith(("-", "+")):
            own = name[1:] + (":desc" if name[0] == "-" else "")
            raise bad_value(parsing.VALUE, _EXAMPLE, part.strip(), fix=f"Write {own}.")
        if order not in _DESCENDING:
            raise bad_value(parsing.VALUE, "asc or desc after the colon", part.strip(), ["asc", "desc"])
        field = "path" if name == "folder" else field_named(name, "field to sort by", also=["path"])
        keys.append(SortKey(field, _DESCENDING[order]))
    return tuple(keys)


def in_sorted_order(
    items: Sequence[Item],
    keys: Sequence[SortKey],
    facts_of: Callable[[Item], Properties | None],
    *,
    reverse: bool,
) -> list[int]:
    """The places of the items in their new order.

    Items whose value is unknown come last, in either direction; equal ones keep the natural order of their
    paths. `reverse` turns the whole order round.

    Args:
        items: in any order.
        keys: the first decides, the others where it is equal; empty keeps the order.
        facts_of: the properties of an item; None where they are unknown.
        reverse: whether the result is reversed.

    >>> items = [Item("/b.jpg", "b.jpg", 1, 0), Item("/a.jpg", "a.jpg", 2, 0)]
    >>> in_sorted_order(items, sort_keys("bytes:desc"), lambda item: None, reverse=False)
    [1, 0]
    """
    places = list(range(len(items)))
    if keys:
        paths = [(natural(item.mirror), item.mirror) for item in items]
        places.sort(key=paths.__getitem__)
    for key in reversed(keys):  # sorting is stable, so the first key is sorted by last
        values: list[Any] = [_value(key.field, item, facts_of(item)) for item in items]
        known = [at for at in places if values[at] is not None]
        unknown = [at for at in places if values[at] is None]
        known.sort(key=values.__getitem__, reverse=key.descending)
        places = known + unknown
    return places[::-1] if reverse else places


def _value(field: str, item: Item, facts: Properties | None) -> Any:
    """What is compared; all values of a field have one type, or are None."""
    if field == "path":
        return natural(item.mirror), item.mirror
    if field == "name":
        return natural(item.name), item.path
    if FIELDS[field].header and facts is None:
        return None
    return FIELDS[field].of(item, facts or Properties())
