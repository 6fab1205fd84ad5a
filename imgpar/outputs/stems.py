"""Finds files of a folder whose outputs may collide, from their names only.

Outputs can only collide where inputs share a stem, so few of a million files need a check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from imgpar.core.filenames import all_legal, fold, settle, shapes_of
from imgpar.inputs.batches import known_suffix

LONGEST_SUFFIX = 8
"""Bytes by which an output suffix may be longer than an input suffix."""


def settle_by_name(
    names: Sequence[str], folders: Sequence[str], wanted: Callable[[str, int], Iterable[str]]
) -> dict[str, int] | None:
    """The result of `filenames.settle` for these files: the levels above 0, by name.

    Args:
        names: of the files.
        folders: names that are taken.
        wanted: `wanted(name, level)` returns the names of the outputs of a file.

    Returns:
        None where some names are not legal, so that stems do not suffice.

    >>> settle_by_name(["a.png", "a.jpg", "b.jpg"], [], lambda name, level: [name if level else name[0]])
    {'a.jpg': 1, 'a.png': 1}
    """
    if not all_legal(names, LONGEST_SUFFIX):
        return None
    if not folders and _all_differ(names):
        return {}
    seen, shared = _stems([*names, *folders])
    while True:
        members = sorted(name for name in names if _stem(fold(name)) in shared)
        taken = _Taken(map(fold, folders), seen - shared)
        levels = settle(len(members), partial(_wanted_of, members, wanted), taken)
        if not taken.met:
            return {members[member]: level for member, level in levels.items()}
        shared |= taken.met


def _wanted_of(
    members: Sequence[str], wanted: Callable[[str, int], Iterable[str]], member: int, level: int
) -> Iterable[str]:
    return wanted(members[member], level)


class _Taken:
    """Names of folders, and of files that were assumed unique: a collision is recorded by its stem."""

    def __init__(self, folders: Iterable[str], alone: set[str]) -> None:
        self._folders, self._alone = set(folders), alone
        self.met: set[str] = set()

    def __contains__(self, name: object) -> bool:
        stem = str(name).rpartition(".")[0]
        if stem in self._alone:
            self.met.add(stem)
        return name in self._folders


def _stem(folded: str) -> str:
    """The stem of the outputs of a file."""
    stem, _, suffix = folded.rpartition(".")
    return stem if stem and known_suffix(suffix) else folded


def _stems(names: Sequence[str]) -> tuple[set[str], set[str]]:
    """All stems of these names, and those that several have."""
    seen: set[str] = set()
    shared: set[str] = set()
    for stem in map(_stem, fold("/".join(names)).split("/")):
        if stem in seen:
            shared.add(stem)
        seen.add(stem)
    return seen, shared


def _all_differ(names: Sequence[str]) -> bool:
    """Whether all stems obviously differ, the usual case of a large folder."""
    suffix = names[0].rpartition(".")[2] if names else ""
    text = "/".join([*names, ""])
    if not text.isascii() or not known_suffix(suffix) or text.count(f".{suffix}/") < len(names):
        return False
    shapes = set(shapes_of(names))
    return len({shape.lower() for shape in shapes}) == len(shapes)
