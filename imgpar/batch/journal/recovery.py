"""Recovery after a crash: outputs that were committed but not recorded."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from imgpar.batch.journal import sql
from imgpar.batch.journal.history import Paths
from imgpar.core.digest import LOCAL, Store, as_recorded
from imgpar.core.filenames import parts_of, whole_paths
from imgpar.core.job import OutputFile
from imgpar.outputs.parts import complete_parts
from imgpar.outputs.prior import PLANNED

Noted = Mapping[str, list[OutputFile]]
"""Entries of write-ahead logs by path."""
SPLIT_PLANS = {"pages": 1, "frames": 2, "sprites": 2}
"""What the width of a planned output says: the output is split, and a single page may be at its path."""


def take_over(
    database: sqlite3.Connection,
    paths: Paths,
    noted: Noted,
    own: Callable[[str], Noted] | None = None,
    *,
    in_place: bool,
    store: Store = LOCAL,
) -> None:
    """Record planned items whose outputs are all complete; the caller has begun a transaction.

    Args:
        database: connection to the journal.
        paths: conversion of outputs to JSON.
        noted: entries of the write-ahead logs of workers, by path.
        own: returns those of one run, by its random id. What another run has written, with other settings
            perhaps, does not complete an item; None takes all entries for those of the run.
        in_place: require that the original of an item is removed or replaced.
        store: where the outputs are.
    """
    parts = _by_whole(noted)
    runs: dict[str | None, tuple[Noted, Noted]] = {}
    for row, name, planned, run in database.execute(sql.READ_PLANNED).fetchall():
        plan = [file for file in paths.unpack(planned) if file.bytes == PLANNED]
        names = [file.path for file in plan]
        if run not in runs:
            mine = own(run) if own and run else noted
            runs[run] = (mine, _by_whole(mine) if mine is not noted else parts)
        whole = _whole(plan, *runs[run], store)
        if whole and (not in_place or _is_retired(os.fsdecode(name), names)):
            database.execute(sql.RECOVERED, (paths.pack(whole), "", row))
            continue
        known = [file for path in names for file in (*noted.get(path, ()), *parts.get(parts_of(path), ()))]
        if known:
            update = "UPDATE items SET planned = ? WHERE id = ?"
            database.execute(update, (paths.pack([*plan, *known]), row))


def _whole(plan: Sequence[OutputFile], noted: Noted, parts: Noted, store: Store) -> list[OutputFile]:
    """All outputs of a plan, where they are complete; else an empty list."""
    found: list[OutputFile] = []
    for planned in plan:
        path = planned.path
        files = None
        if planned.width:
            files = complete_parts(path, noted.get(path, ()), parts.get(parts_of(path), ()), store)
        if files is None and planned.width != SPLIT_PLANS["frames"]:
            file = as_recorded(path, noted.get(path, ()), store)
            files = [file] if file else None
        if files is None:
            return []
        found += files
    return found


def _by_whole(noted: Noted) -> Noted:
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
