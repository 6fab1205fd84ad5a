"""Files that a list calls by a key: they are read like what lies at an address.

articles.csv        file,number
                    photos/a.jpg,4711    →  the item list://4711, of which the output is 4711.jpg
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import IO

from imgpar.core.errors import SourceError, item_error
from imgpar.inputs.batches import named_item, why_unreadable
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing, check_free_room


def open_keyed(path: str, options: FetchOptions) -> IO[bytes]:  # noqa: ARG001
    """The open file. Raises SourceError."""
    item = named_item(path, "")
    if item.error:  # a named pipe, for example, would block
        raise item_error(item.kind, item.error)
    try:
        return open(path, "rb")
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None


def fetch_keyed(path: str, copy: str, options: FetchOptions, validator: str, ongoing: Ongoing) -> Fetched:
    """Copy the file, unless its size and time are those of the validator. Raises SourceError."""
    with open_keyed(path, options) as file:
        there = os.fstat(file.fileno())
        mark = f"{there.st_size} {there.st_mtime_ns}"
        if validator == mark:
            return Fetched(validator=mark, not_modified=True)
        ongoing.expects(there.st_size)
        check_free_room(copy, there.st_size)
        try:
            with open(copy, "xb") as made:
                shutil.copyfileobj(file, made, 1 << 20)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.remove(copy)
            raise SourceError(why_unreadable(error)) from None
    return Fetched(there.st_size, mark, mtime_ns=there.st_mtime_ns)


def close_keyed() -> None:
    """Nothing stays open."""
