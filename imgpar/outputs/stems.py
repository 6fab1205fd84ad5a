"""Which files of a folder may want the same name, told from their names alone.

Outputs can only meet where inputs share a stem, so of a million files hardly one has to be settled by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from imgpar.core.filenames import all_legal, fold, settle, shapes_of
from imgpar.inputs.batches import known_suffix

LONGEST_SUFFIX = 8
"""Bytes by which a suffix of ours may be longer than that of an input."""


def settle_by_name(
    names: Sequence[str], folders: Sequence[str], wanted: Callable[[str, int], Iterable[str]]
) -> dict[str, int] | None:
    """What `names.settle` says of these files: the levels above 0, by name.

    `wanted(name, level)` gives the names of the outputs of a file; `folders` are names that are gone. None
    where some names are not legal as they are, so that stems alone do not tell.

    >>> settle_by_name(["a.png", "a.jpg", "b.jpg"], [], lambda name, level: [name if level else name[0]])
    {'a.jpg': 1, 'a.png': 1}
    """
    if not all_legal(names, LONGEST_SUFFIX):
        return None
    if not folders and _never_meet(names):
        return {}
    seen, shared = _stems([*names, *folders])
    while True:
        members = sorted(name for name in names if _stem(fold(name)) in shared)
        taken = _Taken(map(fold, folders), seen - shared)
        levels = settle(len(members), partial(_asked, members, wanted), taken)
        if not taken.met:
            return {members[member]: level for member, level in levels.items()}
        shared |= taken.met


def _asked(
    members: Sequence[str], wanted: Callable[[str, int], Iterable[str]], member: int, level: int
) -> Iterable[str]:
    return wanted(members[member], level)


class _Taken:
    """Names of folders, and of files that nobody was thought to meet: who is met is noted by its stem."""

    def __init__(self, folders: Iterable[str], alone: set[str]) -> None:
        self._folders, self._alone = set(folders), alone
        self.met: set[str] = set()

    def __contains__(self, name: object) -> bool:
        stem = str(name).rpartition(".")[0]
        if stem in self._alone:
            self.met.add(stem)
        return name in self._folders


def _stem(folded: str) -> str:
    """What the outputs of a file are called before their suffix."""
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


def _never_meet(names: Sequence[str]) -> bool:
    """Whether it is seen at a glance that all stems differ; the usual case of a large folder."""
    suffix = names[0].rpartition(".")[2] if names else ""
    text = "/".join([*names, ""])
    if not text.isascii() or not known_suffix(suffix) or text.count(f".{suffix}/") < len(names):
        return False
    shapes = set(shapes_of(names))
    return len({shape.lower() for shape in shapes}) == len(shapes)
