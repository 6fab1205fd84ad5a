"""Checks of SQLite files from untrusted sources, before SQLite uses their content.

1. SQLite follows symbolic links, and creates the target of a dangling link.
2. A rollback journal may name a super-journal, which SQLite deletes after the rollback.
3. Views, triggers, CHECK constraints and generated columns can run arbitrarily long.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat

from imgpar.core.errors import OutputError

_END = bytes.fromhex("d9d505f920a163d7")
"""Magic bytes after the name of a super-journal, at the end of a rollback journal; imgpar uses none."""
_PROGRAM = re.compile(r"\b(AS|CHECK|LIKE|GLOB|REGEXP)\b", re.IGNORECASE)
"""Keywords in the definition of a table that is not plain."""


def check_files(path: str, *, chosen: bool = False) -> None:
    """Reject a database or companion file that is a link or not a regular file, or names a super-journal.

    A database given by the user (`chosen`) may be a link. Nothing is changed. Raises OutputError.
    """
    place = os.path.realpath(path) if chosen else path
    for part in (place, f"{place}-journal", f"{place}-wal", f"{place}-shm"):
        try:
            mode = os.lstat(part).st_mode
        except OSError:  # missing, or SQLite reports the error
            continue
        if not stat.S_ISREG(mode):
            raise OutputError(
                f"{part} is a link or no file, so it is none of imgpar's; it was left alone.",
                fix="Move it away; the next run begins a new one.",
            )
    if _names_another(f"{place}-journal"):
        raise OutputError(
            f"{place}-journal was not written by imgpar; it was left alone.",
            fix="Move it away and run again.",
        )


def check_tables(connection: sqlite3.Connection, path: str) -> None:
    """Reject a database with more than plain tables and indexes. Raises OutputError, sqlite3.Error."""
    for kind, root, text in connection.execute("SELECT type, rootpage, sql FROM sqlite_master"):
        if kind not in ("table", "index") or not root or _PROGRAM.search(str(text)):
            raise OutputError(
                f"The journal {path} has more than imgpar's tables; nothing in it was used.",
                fix="Move it away; the next run begins a new one.",
            )


def _names_another(journal: str) -> bool:
    try:
        with open(journal, "rb") as file:
            file.seek(max(0, os.path.getsize(journal) - len(_END)))
            return file.read() == _END
    except OSError:
        return False
