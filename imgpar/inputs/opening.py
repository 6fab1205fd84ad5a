"""Items are opened and fetched, in a worker or in a thread of the parent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

from imgpar.core.errors import item_error
from imgpar.core.job import Item
from imgpar.core.tempfiles import temporary

if TYPE_CHECKING:
    from imgpar.inputs.fetching import Fetched, Ongoing
    from imgpar.inputs.sources import Source


@contextlib.contextmanager
def opened(item: Item, sources: Sequence[Source]) -> Iterator[bytes | IO[bytes] | str]:
    """One item for the duration of a block: its bytes, an open file, or the path of a file.

    Raises:
        SourceError: it cannot be read.
        DamagedError: its source finds it damaged.
    """
    if item.fetched or not item.source:
        yield item.fetched or item.path
        return
    if item.error:
        raise item_error(item.kind, item.error)
    from imgpar.inputs.sources import content_of  # most items are files

    with content_of(sources[item.source - 1], item) as content:
        yield content


@contextlib.contextmanager
def local_file(item: Item, sources: Sequence[Source]) -> Iterator[str]:
    """The path of a file with the content of an item, for programs that need one: its own, or a temporary
    copy, for the duration of a block."""
    with contextlib.ExitStack() as stack:
        with opened(item, sources) as content:
            if isinstance(content, str):
                path = content
            else:
                from imgpar.inputs.content import copy_content

                folder = stack.enter_context(temporary())
                path = os.path.join(folder, f"input{os.path.splitext(item.path)[1]}")
                copy_content(content, path, item)
        yield path


def fetch(item: Item, sources: Sequence[Source], path: str, ongoing: Ongoing | None = None) -> Fetched:
    """Write an item to a new file. Raises SourceError, DamagedError and what the source raises."""
    if item.error:
        raise item_error(item.kind, item.error)
    from imgpar.inputs.fetching import Ongoing

    found = sources[item.source - 1].fetch(item, path, ongoing or Ongoing())
    if found.mtime_ns and not found.not_modified:
        os.utime(path, ns=(found.mtime_ns, found.mtime_ns))
    return found


def host_of(item: Item, sources: Sequence[Source]) -> str:
    """What serves an item; see `Source.host_of`."""
    return sources[item.source - 1].host_of(item)
