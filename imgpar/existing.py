"""What is in the way of an output: whose it is, and whether it may be replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from imgpar.model import Target
from imgpar.targets import Done, Made

Owned = Mapping[str, Sequence[Made]]
"""What this input was given in earlier runs, by path."""

COARSE = 2_000_000_000
"""Nanoseconds by which FAT, the coarsest file system, rounds a time."""

There = Sequence[tuple[str, os.stat_result]]
"""Paths, and what is at each."""


def owned_by(records: Sequence[Done]) -> dict[str, list[Made]]:
    """What an input was given in the runs that these records tell of."""
    owned: dict[str, list[Made]] = {}
    for record in records:
        for made in (*record.outputs, *record.claims):
            owned.setdefault(made[0], []).append(made)
    return owned


def foreign(path: str, there: There, owned: Owned) -> There:
    """Of what is there, at a path or at its pages, what imgpar did not make of this input."""
    return [(at, status) for at, status in there if not _ours(_makers(at, path, owned), status)]


def replacing(wanted: Target, there: There) -> Target:
    """The target, in place of what is there."""
    if not there:
        return wanted
    paths = [at for at, _ in there]
    pages = tuple(at for at in paths if at != wanted.path)
    return wanted._replace(replaces=len(pages) < len(paths), pages=pages)


def _ours(made: Sequence[Made], status: os.stat_result) -> bool:
    """Whether a file is what imgpar made for this input: a record knows it, and nobody edited it since.

    A different size with the recorded time is a damaged output, and made anew. Of a planned output, which
    may have been written just before a crash, only the time is known: it gets that of its input.
    """
    if not stat.S_ISREG(status.st_mode):
        return False
    return any(
        status.st_size == size or abs(status.st_mtime_ns - mtime_ns) <= COARSE
        for _, size, _, _, mtime_ns in made
    )


def _makers(path: str, whole: str, owned: Owned) -> Sequence[Made]:
    """What is known of a file; of a page that a run wrote before it died, only its whole is known."""
    made = owned.get(path, ())
    return made if path == whole else [*made, *(one for one in owned.get(whole, ()) if one[1] is None)]
