"""Recovery after a crash: outputs that were committed but not recorded."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence

from imgpar.batch.journal import sql
from imgpar.batch.journal.history import Paths
from imgpar.core.digest import as_recorded
from imgpar.core.filenames import parts_of, whole_paths
from imgpar.core.job import OutputFile
from imgpar.outputs.naming import PLANNED


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
    parts = _by_whole(noted)
    for row, _, name, planned in database.execute(sql.READ_PLANNED).fetchall():
        plan = [file for file in paths.unpack(planned) if file.bytes == PLANNED]
        names = [file.path for file in plan]
        found = [as_recorded(path, noted.get(path, ())) for path in names]
        whole = [file for file in found if file is not None]
        gone = not in_place or _is_retired(os.fsdecode(name), names)
        # How many files a split output has is known only when it is complete.
        if plan and len(whole) == len(found) and gone and not any(file.width for file in plan):
            database.execute(sql.RECOVERED, (paths.pack(whole), "", row))
            continue
        known = [file for path in names for file in (*noted.get(path, ()), *parts.get(parts_of(path), ()))]
        if known:
            update = "UPDATE items SET planned = ? WHERE id = ?"
            database.execute(update, (paths.pack([*plan, *known]), row))


def _by_whole(noted: Mapping[str, list[OutputFile]]) -> dict[str, list[OutputFile]]:
    """Files of split outputs by the path of the whole output."""
    found: dict[str, list[OutputFile]] = {}
    for path, files in noted.items():
        for whole in whole_paths(path):
            found.setdefault(whole, []).extend(files)
    return found


def _is_retired(name: str, outputs: Sequence[str]) -> bool:
    """Whether the original is removed, or replaced by one of the outputs."""
    return any(
        os.path.basename(path) == name or not os.path.lexists(os.path.join(os.path.dirname(path), name))
        for path in outputs
    )
