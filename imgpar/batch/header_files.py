"""Files in which a worker reads the header of an item, of which a server sends no more than that needs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import IO

from imgpar.core.job import Item
from imgpar.core.tempfiles import temporary
from imgpar.inputs.content import copy_content
from imgpar.inputs.fetching import Fetched, Ongoing, by_ranges
from imgpar.inputs.opening import opened
from imgpar.inputs.sources import Source

_BLOCK = 1 << 20


@contextlib.contextmanager
def header_file(item: Item, sources: Sequence[Source]) -> Iterator[str]:
    """The path of a file with the header of an item, and zeros where only pixels are; of an item that is no
    range of a server, all of it. For the duration of a block.

    Raises:
        SourceError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        content = stack.enter_context(opened(item, sources))
        if isinstance(content, str):
            path = content
        else:
            path = os.path.join(stack.enter_context(temporary()), f"input{os.path.splitext(item.path)[1]}")
            _write(content, path, item)
        yield path


def fetch_header(item: Item, sources: Sequence[Source], path: str, ongoing: Ongoing) -> Fetched:
    """Write such a file; see `inputs.opening.fetch`."""
    ongoing.reached()  # what is read of an open file says nothing of its connections
    with opened(item, sources) as content:
        if isinstance(content, str):
            with open(content, "rb") as file:
                _write(file, path, item)
        else:
            _write(content, path, item)
    return Fetched(os.path.getsize(path), item.validator, mtime_ns=item.mtime_ns)


def _write(content: bytes | IO[bytes], path: str, item: Item) -> None:
    if isinstance(content, bytes) or not by_ranges(content) or not _copy_header(content, path):
        copy_content(content, path, item)


def _copy_header(content: IO[bytes], path: str) -> bool:
    """Write the parts that the header needs; False where these are all."""
    from imgpar.formats.outline import outline  # only files of a server are read in parts

    size = content.seek(0, os.SEEK_END)
    parts = outline(content, size)  # type: ignore[arg-type]
    content.seek(0)
    if parts is None:
        return False
    with open(path, "xb") as file:
        file.truncate(size)
        for start, stop in parts:
            content.seek(start)
            file.seek(start)
            while start < stop and (block := content.read(min(stop - start, _BLOCK))):
                file.write(block)
                start += len(block)
    return True
