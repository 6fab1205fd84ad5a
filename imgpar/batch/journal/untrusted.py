"""SQLite files that somebody else may have made, looked at before SQLite opens them: it trusts what it finds.

1. It follows a link, and makes the file that a link leads to.
2. A rollback journal may name a further file; SQLite removes that when it is done with the journal.
3. Views, triggers, checks and computed columns are programs, which may run for ever.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat

from imgpar.core.errors import OutputError

_END = bytes.fromhex("d9d505f920a163d7")
"""Behind the name of a further file, at the end of a rollback journal; ours name none."""
_PROGRAM = re.compile(r"\b(AS|CHECK|LIKE|GLOB|REGEXP)\b", re.IGNORECASE)
"""Words in a table that is not only a table."""


def check_files(path: str, *, chosen: bool = False) -> None:
    """Refuse a database, or what SQLite keeps beside it, that is a link or no file, or names a further file.

    `chosen` says that the user named it: then it may be a link. Raises OutputError; nothing is touched.
    """
    place = os.path.realpath(path) if chosen else path
    for part in (place, f"{place}-journal", f"{place}-wal", f"{place}-shm"):
        try:
            mode = os.lstat(part).st_mode
        except OSError:  # none, or SQLite will say why
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
    """Refuse a database with more than plain tables and indexes. Raises OutputError, sqlite3.Error."""
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
