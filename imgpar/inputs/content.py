"""The content of one item, as a source hands it over."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import IO

from imgpar.core.job import Item
from imgpar.inputs.fetching import check_free_room

Content = bytes | bytearray | memoryview | IO[bytes] | int | str | os.PathLike[str]
"""One item: its bytes, an open binary file, a descriptor, or the path of a file; what is open is closed by
the receiver."""


@contextlib.contextmanager
def read_content(content: Content) -> Iterator[bytes | IO[bytes] | str]:
    """The bytes, the open file or the path of the file, for the duration of a block. Raises OSError."""
    if isinstance(content, (str, os.PathLike)):
        yield os.fspath(content)
    elif isinstance(content, (bytes, bytearray, memoryview)):
        yield bytes(content)
    else:
        with open(content, "rb") if isinstance(content, int) else content as file:
            yield file


def copy_content(content: bytes | IO[bytes] | str, path: str, item: Item) -> None:
    """Write an item to a new file, with its modification time. Raises OSError, SourceError."""
    if isinstance(content, str):
        with open(content, "rb") as file:
            return copy_content(file, path, item)
    check_free_room(path, item.size)
    with open(path, "xb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            shutil.copyfileobj(content, file)
    if item.mtime_ns:
        os.utime(path, ns=(item.mtime_ns, item.mtime_ns))
    return None
