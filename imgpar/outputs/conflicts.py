"""Existing files at output paths: whose they are, and whether they may be replaced."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from imgpar.core.job import OTHER, Facts, Item, OutputFile, Target
from imgpar.outputs.prior import PLANNED, PriorResult

Owned = Mapping[str, Sequence[OutputFile]]
"""Outputs of this input in earlier runs, by path."""

KEPT = {
    "exists": "exists",
    "changed": "was changed since imgpar made it",
    "settings": "was made with other settings",
}
"""Why an existing file is kept, after its name."""

There = Sequence[tuple[str, Facts]]
"""Existing paths with what is there."""


def owned_by(records: Sequence[PriorResult]) -> dict[str, list[OutputFile]]:
    """Outputs of an input according to these records."""
    owned: dict[str, list[OutputFile]] = {}
    for record in records:
        for made in (*record.outputs, *record.claims):
            owned.setdefault(made.path, []).append(made)
    return owned


def foreign(there: There, owned: Owned) -> There:
    """Existing files, at a path or at its parts, that imgpar did not make from this input, or that were
    changed since."""
    return [(at, now) for at, now in there if not maybe_ours(owned.get(at, ()), now)]


def why_foreign(path: str, owned: Owned) -> str:
    """Why a file is kept: "changed" where imgpar made it once, else "exists"."""
    return "changed" if any(made.bytes != PLANNED for made in owned.get(path, ())) else "exists"


def maker(path: str, now: Facts, records: Sequence[PriorResult]) -> str:
    """The recipe of an output of imgpar; empty if unknown."""
    for record in records:
        made = [file for file in (*record.outputs, *record.claims) if file.path == path]
        if maybe_ours(made, now):
            return record.recipe
    return ""


def is_link_to(item: Item, path: str, now: Facts) -> bool:
    """Whether a file is a hard link to this input, which is no picture and no clip, as `--others link` makes
    them. An output gets its name when it is complete, so replacing the link leaves the input as it is."""
    if item.format != OTHER or not now.inode or now.inode != item.inode:
        return False
    try:
        own = os.path.realpath(path) == os.path.realpath(item.path)
        return not own and os.path.samefile(path, item.path)
    except OSError:  # the output is in an archive, or one of the two is gone
        return False


def replacing(wanted: Target, there: There, owned: Owned) -> Target:
    """The target with permission to replace existing files; those of imgpar only while they are unchanged."""
    if not there:
        return wanted
    paths = [at for at, _ in there]
    parts = tuple(at for at in paths if at != wanted.path)
    known = tuple(made for at in paths for made in owned.get(at, ()) if made.bytes != PLANNED)
    return wanted._replace(replaces=len(parts) < len(paths), parts=parts, known=known)


def maybe_ours(made: Sequence[OutputFile], now: Facts) -> bool:
    """Whether a file may be an output of imgpar: a record has its size, or all other values of its status.

    Before it is replaced its content is compared (`core.digest.matches_output`): an edit may keep the size. A
    file
    that differs in size only was damaged by the disk.
    """
    if now.size < 0:  # no regular file
        return False
    return any(
        file.bytes == now.size or (file.ctime_ns and file.facts[1:] == now[1:])
        for file in made
        if file.bytes != PLANNED
    )
