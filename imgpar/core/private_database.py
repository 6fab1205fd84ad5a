"""A database for what one call has to put in order: it takes little memory, whatever its size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection


@contextlib.contextmanager
def private_database() -> Iterator[Connection]:
    """An empty database for the duration of a block, in a temporary file that has no name."""
    import sqlite3  # most runs read no lists

    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as database:
        yield database
