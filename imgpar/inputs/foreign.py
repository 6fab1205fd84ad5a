"""An object that has members of a source and is none: users wrote these before there was a class to inherit.

Nothing else asks an object which members it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imgpar.core.job import Item
from imgpar.inputs.batches import Batch
from imgpar.inputs.fetching import Fetched, Ongoing
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Content, Source, SourceLike


def as_source(given: SourceLike) -> Source:
    """The source itself; for any other object one that asks it."""
    return given if isinstance(given, Source) else ForeignSource(given)


class ForeignSource(Source):
    """Asks an object for what it has; the rest is as of `Source`.

    Args:
        given: the object, which is sent to the workers with this one.
    """

    def __init__(self, given: SourceLike) -> None:
        self._given: Any = given
        self.root, self.waits = given.root, given.waits
        self.loose, self.single = (bool(getattr(given, name, False)) for name in ("loose", "single"))

    @property
    def damage(self) -> tuple[type[Exception], ...]:
        """As `Source.damage`."""
        found: tuple[type[Exception], ...] = getattr(self._given, "damage", ())
        return found

    @property
    def own_class(self) -> type:
        """As `Source.own_class`."""
        return type(self._given)

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`."""
        found: Iterator[Batch] = self._given.batches(mirror, patterns)
        return found

    def open(self, item: Item) -> Content:
        """As `Source.open`."""
        found: Content = self._given.open(item)
        return found

    def fetch(self, item: Item, path: str, ongoing: Ongoing) -> Fetched:
        """As `Source.fetch`."""
        if not callable(own := getattr(self._given, "fetch", None)):
            return super().fetch(item, path, ongoing)
        found: Fetched = own(item, path, ongoing)
        return found

    def host_of(self, item: Item) -> str:
        """As `Source.host_of`."""
        own = getattr(self._given, "host_of", None)
        return str(own(item)) if callable(own) else super().host_of(item)

    def close(self) -> None:
        """As `Source.close`."""
        if callable(own := getattr(self._given, "close", None)):
            own()
