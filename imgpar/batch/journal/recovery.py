"""Recovery after a crash: outputs that were committed but not recorded."""

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
    """Record planned items whose outputs are all complete; the caller has begun a transaction.

    Args:
        database: connection to the journal.
        paths: conversion of outputs to JSON.
        noted: entries of the write-ahead logs of workers, by path.
        in_place: require that the original of an item is removed or replaced.
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
    """Files of single pages by the path of the whole output."""
    found: dict[str, list[OutputFile]] = {}
    for path, files in noted.items():
        if whole := whole_path(path):
            found.setdefault(whole, []).extend(files)
    return found


def _still_there(noted: Sequence[OutputFile]) -> OutputFile | None:
    """The log entry that matches the file on disk, with its current ctime; None if none matches."""
    for file in noted:
        if matches_output(file.path, (file,)):
            status = os.lstat(file.path)
            return file._replace(ctime_ns=status.st_ctime_ns)
    return None


def _is_retired(name: str, outputs: Sequence[str]) -> bool:
    """Whether the original is removed, or replaced by one of the outputs."""
    return any(
        os.path.basename(path) == name or not os.path.lexists(os.path.join(os.path.dirname(path), name))
        for path in outputs
    )
