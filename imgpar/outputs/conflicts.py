"""What is in the way of an output: whose it is, and whether it may be replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from imgpar.core.model import Facts, OutputFile, Target
from imgpar.outputs.naming import PLANNED, PriorResult

Owned = Mapping[str, Sequence[OutputFile]]
"""What this input was given in earlier runs, by path."""

There = Sequence[tuple[str, os.stat_result]]
"""Paths, and what is at each."""


def owned_by(records: Sequence[PriorResult]) -> dict[str, list[OutputFile]]:
    """What an input was given in the runs that these records tell of."""
    owned: dict[str, list[OutputFile]] = {}
    for record in records:
        for made in (*record.outputs, *record.claims):
            owned.setdefault(made.path, []).append(made)
    return owned


def foreign(there: There, owned: Owned) -> There:
    """Of what is there, at a path or at its pages, what imgpar did not make of this input, or what was
    changed since."""
    return [(at, status) for at, status in there if not maybe_ours(owned.get(at, ()), status)]


def why_foreign(path: str, owned: Owned) -> str:
    """Why a file is left alone: "changed" where imgpar made it once, else "exists"."""
    return "changed" if any(made.bytes != PLANNED for made in owned.get(path, ())) else "exists"


def maker(path: str, status: os.stat_result, records: Sequence[PriorResult]) -> str:
    """The recipe with which a file of ours was made; nothing where that is not known."""
    for record in records:
        made = [file for file in (*record.outputs, *record.claims) if file.path == path]
        if maybe_ours(made, status):
            return record.recipe
    return ""


def replacing(wanted: Target, there: There, owned: Owned) -> Target:
    """The target, in place of what is there; where that is ours, only while it is as imgpar made it."""
    if not there:
        return wanted
    paths = [at for at, _ in there]
    pages = tuple(at for at in paths if at != wanted.path)
    known = tuple(made for at in paths for made in owned.get(at, ()) if made.bytes != PLANNED)
    return wanted._replace(replaces=len(pages) < len(paths), pages=pages, known=known)


def maybe_ours(made: Sequence[OutputFile], status: os.stat_result) -> bool:
    """Whether a file may be what imgpar made: a record has its size, or all else that the system says of it.

    Whoever replaces it looks closely (`digest.is_one_of`): an edit may keep the size. A file with all that
    was recorded but its size was damaged by the disk.
    """
    if not stat.S_ISREG(status.st_mode):
        return False
    now = Facts.of(status)
    return any(
        file.bytes == now.size or (file.ctime_ns and file.facts[1:] == now[1:])
        for file in made
        if file.bytes != PLANNED
    )
