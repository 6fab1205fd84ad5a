"""Where inputs come from: the contract of all sources.

    Folder (roots.Root)     files below a folder; items are opened by their path
    memory, zip, yours      a `Source`: anything that lists entries and opens one of them

An item is known by the name of its source and the path below it, `Source.root/path/below`; in a folder
that is its path. A source is sent to the workers once per run, and they open the items.
"""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO, NamedTuple, Protocol, TypeGuard

from imgpar.core.errors import DamagedError, ImgparError, SourceError, raised_words
from imgpar.core.job import Item
from imgpar.core.limits import Secret
from imgpar.inputs.batches import Batch, why_unreadable
from imgpar.inputs.content import Content, copy_content, read_content
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing
from imgpar.inputs.listing import Entry, in_folders
from imgpar.inputs.patterns import Patterns

__all__ = ["NO_ACCESS", "Access", "Content", "Entry", "Source", "SourceLike", "in_folders", "is_source"]


class Access(NamedTuple):
    """What the options of a run say to its sources."""

    password: Secret | None = None
    """Of encrypted archives."""
    archives: bool = False
    """Whether archives that are found in a folder are opened."""
    fetching: FetchOptions = FetchOptions()
    """Limits of transfers, for sources that wait."""
    columns: tuple[str, ...] = ()
    """What a table must have beside the address."""


NO_ACCESS = Access()


MEMBERS = ("root", "waits", "batches", "open")
"""What every source has."""


class SourceLike(Protocol):
    """What an object needs to be taken for a source; `Source` has it, and tells what more there is."""

    @property
    def root(self) -> str:
        """As `Source.root`."""

    @property
    def waits(self) -> bool:
        """As `Source.waits`."""

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`."""

    def open(self, item: Item) -> Content:
        """As `Source.open`."""


class Source(ABC):
    """A place of inputs. A subclass sets `root` and has `batches` and `open`; all else has a default.

    It is pickled for the workers, so it has no open files and connections.

    >>> class Album(Source):
    ...     root = "album://holiday"
    ...
    ...     def batches(self, mirror, patterns=None):
    ...         return in_folders(self.root, mirror, [Entry("beach.png", 3)], patterns)
    ...
    ...     def open(self, item):
    ...         return b"..."
    >>> [item.path for batch in Album().batches("") for item in batch.items]
    ['album://holiday/beach.png']
    """

    root: str
    """Its name, which does not change between runs: an absolute path, or a text such as `album://holiday`."""
    waits: bool = False
    """Whether opening an item waits for a network. Items are then fetched ahead by threads of the parent, so
    that no worker waits."""
    loose: bool = False
    """Whether its items are inputs of their own, whose outputs go to the top of OUT as those of files."""
    single: bool = False
    """Whether it is one such item."""
    ordered: bool = False
    """Whether it may hold items that are read one after the other (`inputs/sequential`)."""

    @property
    def damage(self) -> tuple[type[Exception], ...]:
        """Exceptions of `open`, and of reading what it returned, which mean that the item is damaged. A
        subclass may have a tuple of this name in its place."""
        return ()

    @property
    def real(self) -> str:
        """What its folder in OUT is called after: the last part of this name."""
        return self.root

    def use(self, access: Access) -> None:  # noqa: B027
        """What the options of the run say, before anything else is called."""

    @abstractmethod
    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """All inputs, one folder at a time; called in the parent. `in_folders` makes them from a list.

        Args:
            mirror: path below OUT for this source; empty where it is the only input.
            patterns: `include` and `exclude` of the run.
        """

    @abstractmethod
    def open(self, item: Item) -> Content:
        """One item, by its `key` or its `path`; called in a worker, or in a thread of the parent if it waits.

        Raises OSError, ImgparError and those in `damage`; anything else is taken for a fault of the program.
        """

    def fetch(self, item: Item, path: str, ongoing: Ongoing) -> Fetched:
        """Write an item to a new file; called in a thread of the parent if it waits.

        Args:
            item: where its `validator` is set, the file is only written if the content is another one.
            path: of the file, which is not there.
            ongoing: when the transfer should end, and how it waits.

        Raises OSError, ImgparError.
        """
        ongoing.reached()  # such a source says nothing of its connections
        with content_of(self, item) as content:
            copy_content(content, path, item)
        return Fetched(os.path.getsize(path), item.validator, mtime_ns=item.mtime_ns)

    def host_of(self, item: Item) -> str:  # noqa: ARG002
        """What serves an item: each host has a limit of transfers. By default all come from one."""
        return self.root

    @property
    def own_class(self) -> type:
        """The class that messages name."""
        return type(self)

    def close(self) -> None:  # noqa: B027
        """End connections, when a run ends; called if it waits. The next call of another method begins
        anew."""


@contextlib.contextmanager
def content_of(source: Source, item: Item) -> Iterator[bytes | IO[bytes] | str]:
    """An item for the duration of a block: its bytes, an open file, or the path of a file.

    Raises:
        SourceError: it cannot be read.
        DamagedError: the source finds it damaged.
    """
    try:
        with read_content(_open(source, item)) as content:
            yield content
    except source.damage as error:
        raise DamagedError(f"It is damaged: {error}.") from None
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None


def _open(source: Source, item: Item) -> Content:
    """What `open` of a source returns; anything that code of the user raises is an error of the item."""
    try:
        return source.open(item)
    except (ImgparError, MemoryError, OSError):
        raise
    except Exception as error:
        kind = source.own_class
        if isinstance(error, source.damage) or kind.__module__.startswith("imgpar."):
            raise
        words = raised_words(error)
        raise SourceError(f"{kind.__qualname__}.open raised {words}.", fix="See its traceback.") from error


def is_source(given: object) -> TypeGuard[SourceLike]:
    """Whether an input is a source, not a path."""
    return isinstance(given, Source) or all(hasattr(given, name) for name in MEMBERS)
