"""Contents that were handed to a run, as a source: their keys are the names after which outputs are named."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgpar.core.errors import ItemError, SourceError, UnknownFormatError, UnsupportedError, UsageError
from imgpar.core.job import HANDED, Item
from imgpar.formats.registry import sniff
from imgpar.inputs.batches import Batch, is_media, why_unreadable
from imgpar.inputs.fetching import Fetched, Ongoing
from imgpar.inputs.handed import (
    GivenInput,
    bytes_of,
    can_rewind,
    file_name,
    is_file,
    key_name,
    rewound,
    write_content,
)
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, Source, in_folders

if TYPE_CHECKING:
    from imgpar.inputs.handed import Content


_HEAD = 4096
"""Bytes that tell what a content is."""


class HandedSource(Source):
    """Contents by name. They stay in this process, which writes each to a file when it is its turn, so no
    worker gets a copy of all.

    >>> source = HandedSource([GivenInput(b"P5 1 1 255 x", "2024/a", keyed=True)])
    >>> [item.path for batch in source.batches("") for item in batch.items]
    ['memory://given/2024/a']

    Of several inputs, its outputs go to a folder `given`, so that its names meet no others.

    Args:
        given: contents, with keys; open files may do without, as they have names.

    Raises:
        UsageError: a content has no name, or two have the same.
    """

    root = HANDED.rstrip("/")
    waits = True
    """Its items are written ahead by threads of the parent, like those of a network."""

    def __init__(self, given: list[GivenInput]) -> None:
        self._contents: dict[str, Content] = {}
        self._columns: dict[str, tuple[tuple[str, str], ...]] = {}
        self._lock = threading.Lock()
        self.single = len(given) == 1  # its output may be named
        for each in given:
            name = _name_of(each)
            if name in self._contents:
                raise UsageError(f"Two inputs have the key {name!r}.", fix="Give each a key of its own.")
            self._contents[name] = each.value  # type: ignore[assignment]
            self._columns[name] = each.columns

    def __getstate__(self) -> dict[str, Any]:
        """Workers get the files that items were written to, not the contents."""
        return {}

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`."""
        formats = {name: "" if is_media(name) else self._format(name) for name in self._contents}
        sizes = {name: _size(content) for name, content in self._contents.items()}
        entries = (Entry(name, sizes[name], key=name, format=shown) for name, shown in formats.items())
        left = dict.fromkeys(name for name in formats if not patterns or patterns.takes(name))
        for batch in in_folders(self.root, mirror, entries, patterns):
            items = [item._replace(columns=self._columns[item.key]) for item in batch.items]
            for item in items:
                left.pop(item.key, None)
            yield replace(batch, items=items, ignored=0, kinds={}, left_out={})
        if left:  # what a folder would leave out was handed over here
            yield Batch("", mirror, tuple(self._failed(name, formats[name], mirror) for name in left))

    def _failed(self, name: str, shown: str, mirror: str) -> Item:
        place = f"{mirror}/{name}" if mirror else name
        failed = Item(
            f"{self.root}/{name}",
            place,
            0,
            0,
            error="Its key is no name. Choose another.",
            columns=self._columns[name],
        )
        if shown or is_media(name):
            return failed
        error = "Its content is not of a known picture format."
        return failed._replace(error=error, kind=UnknownFormatError.__name__)

    def open(self, item: Item) -> bytes:
        """As `Source.open`."""
        with self._lock:
            try:
                return bytes_of(self._content(item.key))
            except (OSError, ValueError, UsageError) as error:  # ValueError: it is closed
                raise _unreadable(error) from None

    def fetch(self, item: Item, path: str, ongoing: Ongoing) -> Fetched:  # noqa: ARG002
        """As of sources that wait."""
        with self._lock:
            try:
                write_content(self._content(item.key), path)
            except (OSError, ValueError, UsageError) as error:
                raise _unreadable(error) from None
        return Fetched(os.path.getsize(path))

    def _content(self, name: str) -> Content:
        """The content; of a stream that cannot go back the bytes, which are kept."""
        content = self._contents[name]
        if is_file(content) and not can_rewind(content):
            content = self._contents[name] = bytes_of(content)
        return content

    def _format(self, name: str) -> str:
        try:
            content = self._content(name)
            if is_file(content):
                head = rewound(content).read(_HEAD)
            elif isinstance(content, (bytes, bytearray, memoryview)):
                head = bytes(content[:_HEAD])
            else:
                return "tiff"
        except (OSError, ValueError) as error:
            raise _unreadable(error) from None
        found = sniff(head)
        return found.name if found else ""


def _name_of(given: GivenInput) -> str:
    if given.keyed:
        return key_name(given)
    if name := os.path.basename(file_name(given)):
        return name
    raise UsageError(
        "A content has no key, by which its output would be named.", fix="Give pairs: ('a.jpg', data)."
    )


def _size(content: Any) -> int:
    data = isinstance(content, (bytes, bytearray, memoryview))
    return memoryview(content).nbytes if data else 0


def _unreadable(error: Exception) -> ItemError:
    if isinstance(error, UsageError):  # an array or a picture of Pillow that no file holds
        return UnsupportedError(error.message, fix=error.fix)
    if isinstance(error, OSError):
        return SourceError(why_unreadable(error))
    return SourceError(f"It cannot be read: {error}.", fix="Keep the file open until the run has ended.")
