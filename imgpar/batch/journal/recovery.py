"""After a crash: outputs that were put in place and not recorded."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence

from imgpar.batch.journal import sql
from imgpar.batch.journal.history import Paths
from imgpar.core.digest import matches_output
from imgpar.core.filenames import whole_path
from imgpar.core.job import OutputFile


def take_over(
    database: sqlite3.Connection, paths: Paths, noted: Mapping[str, list[OutputFile]], *, in_place: bool
) -> None:
    """Record the outputs of planned items that are whole, in the transaction of the caller.

    Args:
        database: of the journal.
        paths: packs and unpacks outputs.
        noted: what workers logged before they renamed files, by path.
        in_place: whether an item counts as done only when its original is gone or replaced.
    """
    pages = _by_whole(noted)
    for row, _, name, planned in database.execute(sql.READ_PLANNED).fetchall():
        names = [file.path for file in paths.unpack(planned)]
        found = [_still_there(noted.get(path, ())) for path in names]
        whole = [file for file in found if file is not None]
        gone = not in_place or _is_retired(os.fsdecode(name), names)
        if len(whole) == len(found) and gone:
            database.execute(sql.RECOVERED, (paths.pack(whole), "", row))
            continue
        known = [file for path in names for file in (*noted.get(path, ()), *pages.get(path, ()))]
        if known:
            update = "UPDATE items SET planned = ? WHERE id = ?"
            database.execute(update, (paths.pack(known), row))


def _by_whole(noted: Mapping[str, list[OutputFile]]) -> dict[str, list[OutputFile]]:
    """Files of single pages, by the name of the output that they belong to."""
    found: dict[str, list[OutputFile]] = {}
    for path, files in noted.items():
        if whole := whole_path(path):
            found.setdefault(whole, []).extend(files)
    return found


def _still_there(noted: Sequence[OutputFile]) -> OutputFile | None:
    """Of the notes about one path the one that tells of the file that is there, with its facts of now."""
    for file in noted:
        if matches_output(file.path, (file,)):
            status = os.lstat(file.path)
            return file._replace(ctime_ns=status.st_ctime_ns)
    return None


def _is_retired(name: str, outputs: Sequence[str]) -> bool:
    """Whether in place the original is gone, or one of the outputs has taken its name."""
    return any(
        os.path.basename(path) == name or not os.path.lexists(os.path.join(os.path.dirname(path), name))
        for path in outputs
    )
