"""Files that a list calls by a key: they are read like what lies at an address.

articles.csv        file,number
                    photos/a.jpg,4711    →  the item list://4711, of which the output is 4711.jpg
"""

from __future__ import annotations

import os
import shutil
from typing import IO

from imgpar.core.errors import SourceError
from imgpar.inputs.batches import named_item, why_unreadable
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing


def open_keyed(path: str, options: FetchOptions) -> IO[bytes]:  # noqa: ARG001
    """The open file. Raises SourceError."""
    if unusable := named_item(path, "").error:  # a named pipe, for example, would block
        raise SourceError(unusable)
    try:
        return open(path, "rb")
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None


def fetch_keyed(path: str, copy: str, options: FetchOptions, validator: str, ongoing: Ongoing) -> Fetched:  # noqa: ARG001
    """Write the content of the file to a new one, unless its size and time are those of the validator.

    Raises:
        SourceError: it cannot be read.
        OSError: the copy cannot be written.
    """
    with open_keyed(path, options) as file:
        status = os.fstat(file.fileno())
        mark = f"{status.st_size} {status.st_mtime_ns}"
        if validator == mark:
            return Fetched(validator=validator, not_modified=True)
        with open(copy, "wb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
    return Fetched(status.st_size, mark, mtime_ns=status.st_mtime_ns)


def close_keyed() -> None:
    """Nothing stays open."""
