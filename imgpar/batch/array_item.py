"""`imgpar.ArrayItem`: which input an array is of, and why there is none."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from imgpar.core.errors import ItemError, item_error, traced
from imgpar.core.job import Item, Outcome

Errors = Literal["raise", "skip", "yield"]
"""What becomes of an input of which there is no array."""


@dataclass(frozen=True, slots=True, repr=False)
class ArrayItem:
    """Which input an array is of.

    >>> found = ArrayItem(0, "a.jpg", Item("/photos/a.jpg", "a.jpg", 100, 0))
    >>> found.path, found.index, found.key, found.error
    ('/photos/a.jpg', 0, 'a.jpg', None)
    """

    index: int
    """Place among the inputs, from 0; inputs that are left out (`errors="skip"`) count as well."""
    key: Hashable
    """What the caller calls the input: the key that was given with it, else its path."""
    input: Item
    """Everything that was known of it before it was read."""
    error: ItemError | None = None
    """Why there is no array, with `errors="yield"`."""
    notes: tuple[str, ...] = ()
    """What was noted while the input was read, such as damage that was accepted."""
    lost: tuple[str, ...] = ()
    """What of the picture the array does not show, such as further frames."""

    def __repr__(self) -> str:
        why = f", {self.error!r}" if self.error else ""
        return f"<ArrayItem {self.index}: {self.key!r}{why}>"

    @property
    def path(self) -> str:
        """Of the file; of anything else its address, or what it is called."""
        return self.input.path

    @property
    def mirror(self) -> str:
        """Its path below the folder or archive that contains it, with `/`."""
        return self.input.mirror

    @property
    def size(self) -> int:
        """Bytes of the file; 0 is unknown."""
        return self.input.size

    @property
    def columns(self) -> dict[str, str]:
        """What else the list of inputs says of it."""
        return dict(self.input.columns)


def why_missing(outcome: Outcome, kind: str) -> ItemError | None:
    """Why there is no array; None where there is one. `kind` is the class name of what went wrong."""
    if outcome.status == "ok":
        return None
    text = outcome.error or next(reversed(outcome.notes), "There is nothing to read in it.")
    return item_error(kind, text if text.endswith(".") else f"{text}.", outcome.traceback)


def named_error(error: ItemError, path: str) -> ItemError:
    """The error as it is raised: it names the input, and the settings that go on without it."""
    named = type(error)(
        f"{path}: {error}",
        fix="errors='skip' goes on without such inputs, errors='yield' gives the error in item.error.",
    )
    return traced(named, error.traceback)
