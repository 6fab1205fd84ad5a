"""The names of outputs: they never meet, and are fixed before the first file is written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import NamedTuple

from imgpar.core.filenames import (
    LAST_LEVEL,
    candidate,
    fold,
    legal,
    natural,
    numbered,
    settle,
    split_suffix,
    whole_path,
)
from imgpar.core.model import INODE_BITS, Facts, Item, OutputFile
from imgpar.inputs.batches import Batch, Entries, known_suffix
from imgpar.inputs.companions import Leader, companions
from imgpar.outputs.destination import Out
from imgpar.outputs.stems import settle_by_name
from imgpar.outputs.target_formats import Wish, Wishes

PLANNED = -1
"""Bytes of an output of which only the name is known."""


class PriorResult(NamedTuple):
    """What the journal knows about one input and one recipe."""

    recipe: str
    state: str
    """"ok", "planned" (the run ended before it could say more), "failed" or "skipped"."""
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: str
    run: int
    """The run that wrote this: a later one may have taken its outputs over."""
    outputs: tuple[OutputFile, ...]
    """What is there, made from this very input."""
    claims: tuple[OutputFile, ...] = ()
    """What else is imgpar's: names fixed by a run that ended early, outputs of an earlier input."""
    row: int = 0
    """In the journal."""
    folder: int = 0

    @property
    def facts(self) -> Facts:
        """What the system said of the input."""
        return Facts(self.size, self.mtime_ns, self.ctime_ns, self.inode)


class Names:
    """The names of all outputs of a batch.

    Names that an input got in an earlier run stay, so that a newcomer never moves an output that is there.
    `unchanged` has None for every item that is still to be named; `claims` are the outputs of the others.
    `taken` are the inputs of other roots, and what the journal knows of them: outputs that are there keep
    their names, and an input of this batch that wants one of these takes another.
    """

    def __init__(
        self,
        out: Out,
        batch: Batch,
        wishes: Wishes,
        known: Mapping[str, Sequence[PriorResult]],
        unchanged: Sequence[object | None],
        claims: Iterable[str] = (),
        *,
        taken: Sequence[tuple[str, PriorResult]] = (),
        split: bool = False,
    ) -> None:
        self._out = out
        self._batch = batch
        self._wishes = wishes
        self._folder = out.below(batch.mirror)
        self._new_folder = not os.path.isdir(self._folder)
        self._pages = Pages(self._folder) if split else None
        self._inputs: set[str] | None = None
        self._inodes: dict[int, str] = {}
        self._used: set[str] | None = None
        self._folders: dict[str, str] = {}
        self._claimed = {fold(self._folder + name) for name in batch.folders}
        self._levels: dict[str, int] = {}
        """By path of the input, where it is not 0."""
        self._numbers: dict[str, int] = {}
        """By path of a leader, what it and its companions have behind their stem."""
        self._leaders: dict[str, Leader] = {}
        self._others = {} if self._new_folder else _published(taken)
        self._apart = bool(taken)
        """Whether several roots have their outputs here."""
        if None in unchanged:
            self._claimed.update(map(fold, claims))
            self._claimed.update(self._others)
            if not (out.in_place or out.name):
                self._leaders = companions(batch.items)
            if known or taken or self._leaders or any(unchanged) or not self._settle_by_name():
                self._settle(known, unchanged)

    def _settle(self, known: Mapping[str, Sequence[PriorResult]], unchanged: Sequence[object | None]) -> None:
        moving = [
            item
            for item, record in zip(self._batch.items, unchanged, strict=True)
            if record is None and not item.error and not self._keep_name(item, known)
        ]

        groups = self._groups(moving)
        lowest = [self._levels.get(group[0].path, 0) for group in groups]

        def names(member: int, level: int) -> list[str]:
            own = [path for item in groups[member] for path in self._paths(item, lowest[member] + level)]
            return self._pages.with_pages(own) if self._pages else own

        if self._pages:
            wanted = (self._paths(item, level) for item in moving for level in range(3))
            self._pages.know(chain(self._claimed, *wanted))
        for member, level in settle(len(groups), names, self._claimed).items():
            self._levels.update((item.path, lowest[member] + level) for item in groups[member])

    def _groups(self, moving: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """What is named together: a picture and what is called after it. Who comes to one that has its name
        already begins at the level of that."""
        groups = {item.path: [item] for item in moving if item.path not in self._leaders}
        for item in moving:
            leader = self._leaders.get(item.path)
            if leader is not None and leader.path in groups:
                groups[leader.path].append(item)
            elif leader is not None:
                groups[item.path] = [item]
                self._levels[item.path] = self._level(leader)
        return list(groups.values())

    def _level(self, leader: Leader) -> int:
        """That of an item which has its name."""
        taken = (
            level for level in range(LAST_LEVEL + 1) if fold(self._first(leader, level)) in self._claimed
        )
        return self._levels.get(leader.path, next(taken, 0))

    def _first(self, leader: Leader, level: int) -> str:
        """The path of its first output, which others are called after; nothing where it has none."""
        name = os.path.basename(leader.path)
        names = _names(leader.path, name, self._wishes.by_name(name, leader.format), level)
        number = self._numbers.get(leader.path, 0)
        return next((self._folder + numbered(own, number) for own in names), "")

    def _settle_by_name(self) -> bool:
        """The same without looking at the files, where nothing is known of them; False where it cannot be."""
        entries, folder = self._batch.items, os.path.join(self._batch.folder, "")
        if self._out.in_place or self._out.name or self._pages or not isinstance(entries, Entries):
            return False
        formats = entries.formats

        def names(name: str, level: int) -> Iterator[str]:
            return _names(folder + name, name, self._wishes.by_name(name, formats.get(name, "")), level)

        readable = [name for name in entries.names if name not in entries.failed]
        raised = settle_by_name(readable, self._batch.folders, names)
        self._levels = {folder + name: level for name, level in (raised or {}).items()}
        return raised is not None

    def folders(self, item: Item) -> list[str]:
        """The folders in which the outputs of an item may lie; they end with a separator."""
        return [self._folder, os.path.join(self._folder, self._root_name(item), "")]

    def owner(self, item: Item) -> tuple[str, PriorResult] | None:
        """The input of another root, and what is known of it, that has the name that this item would get."""
        return next(
            (self._others[key] for path in self._paths(item, 0) if (key := fold(path)) in self._others), None
        )

    def _root_name(self, item: Item) -> str:
        return os.path.basename(self._batch.root or os.path.dirname(item.path)) or "root"

    def paths(self, item: Item) -> list[str]:
        """Absolute paths of the targets of this item, in the order of its wish."""
        return self._paths(item, self._levels.get(item.path, 0))

    def step_aside(self, item: Item, is_free: Callable[[Item, str], bool]) -> None:
        """Give a picture and all that is called after it one number, if one of them would meet what is
        there: so they stay together. `is_free(item, path)` says whether the path is that item's to write."""
        leader = self._leaders.get(item.path)
        first = leader.path if leader else item.path
        if first in self._numbers or all(first != other.path for other in self._leaders.values()):
            return
        members = [
            one
            for one in self._batch.items
            if first in (one.path, self._leaders[one.path].path if one.path in self._leaders else "")
        ]
        used = self._all_used()
        for number in count():
            self._numbers[first] = number
            paths = [(one, path) for one in members for path in self.paths(one)]
            keys = {fold(path) for _, path in paths}
            if (not number or used.isdisjoint(keys)) and all(is_free(*pair) for pair in paths):
                used |= keys
                return

    def there(self, path: str, *, split: bool) -> list[tuple[str, os.stat_result]]:
        """What is at a path; and, where pages get files of their own, every page of it that is there."""
        paths = [path]
        if split and self._pages and not self._new_folder:
            paths += self._pages.there(path)
        return [(at, status) for at in paths if (status := self.status(at)) is not None]

    def status(self, path: str) -> os.stat_result | None:
        """What is at a path now, links not followed; None when nothing is."""
        if self._new_folder and not self._out.in_place:
            return None
        try:
            return os.lstat(path)
        except OSError:
            return None

    def is_input(self, path: str, status: os.stat_result) -> bool:
        """Whether what is at this path is an item of this batch, under whatever spelling of its folder, or
        by a link."""
        if self._inputs is None:
            self._inputs = {self._real(item.path) for item in self._batch.items}
            self._inodes = {item.inode: item.path for item in self._batch.items if item.inode}
        if self._real(path) in self._inputs:
            return True
        other = self._inodes.get(status.st_ino & INODE_BITS)
        try:
            return other is not None and os.path.samefile(path, other)
        except OSError:
            return False

    def claim(self, path: str) -> bool:
        """Take a further name, if no item of this batch has it."""
        used, key = self._all_used(), fold(path)
        if key in used:
            return False
        used.add(key)
        return True

    def _all_used(self) -> set[str]:
        if self._used is None:
            paths = map(self.paths, self._batch.items)
            self._used = {fold(name) for names in paths for name in names} | self._claimed
        return self._used

    def _real(self, path: str) -> str:
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.join(os.path.realpath(folder), "")
        return self._folders[folder] + fold(name)

    def _paths(self, item: Item, level: int) -> list[str]:
        if self._out.name:
            return [self._folder + self._out.name]
        folder, name = os.path.split(item.path)
        folder = os.path.join(folder, "") if self._out.in_place else self._folder
        wish, leader = self._wishes.of(item), self._leaders.get(item.path)
        if (
            self._apart and level > 1
        ):  # several roots: then the name of its own as a folder, then longer names
            folder = self.folders(item)[1] if level < 4 else folder
            level -= 2
        first = os.path.basename(self._first(leader, level)) if leader else ""
        if leader is None or not first:
            number = self._numbers.get(item.path, 0)
            return [folder + numbered(own, number) for own in _names(item.path, name, wish, level)]
        # IMG_1.CR2.xmp holds the whole name, and so will its copy.
        whole = fold(name).startswith(fold(os.path.basename(leader.path)) + ".")
        stem = first if whole else split_suffix(first)[0]
        return [folder + legal(stem, suffix or split_suffix(name)[1]) for _, suffix in wish.targets]

    def _keep_name(self, item: Item, known: Mapping[str, Sequence[PriorResult]]) -> bool:
        """Whether the item has its name already: from an earlier run, or because it stays in its place."""
        if self._out.in_place and item.path in (paths := self._paths(item, 0)):
            self._claimed.update(map(fold, paths))
            return True
        if not known:
            return False
        before = {
            made.path for record in known.get(item.path, ()) for made in (*record.outputs, *record.claims)
        }
        if self._pages:
            before |= {whole for path in before if (whole := whole_path(path))}
        if not before:
            return False
        for level in range(LAST_LEVEL + 1):
            paths = self._paths(item, level)
            keys = {fold(path) for path in paths}
            if before.issuperset(paths) and keys.isdisjoint(self._claimed):
                self._claimed |= keys
                if self._pages:
                    self._claimed.update(fold(at) for at in before if fold(whole_path(at)) in keys)
                self._levels[item.path] = level
                return True
        return False


def _published(taken: Sequence[tuple[str, PriorResult]]) -> dict[str, tuple[str, PriorResult]]:
    """Inputs of other roots by the folded paths of their outputs that are there."""
    return {
        fold(made.path): (name, record)
        for name, record in taken
        for made in (*record.outputs, *record.claims)
        if os.path.lexists(made.path)
    }


class Pages:
    """Names of single pages: those that other files have or want, and those on the disk."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._others: dict[str, list[str]] = {}
        self._there: dict[str, list[str]] | None = None

    def know(self, paths: Iterable[str]) -> None:
        """Remember which of these names a page of another output would have."""
        for path in paths:
            if whole := whole_path(path):
                self._others.setdefault(fold(whole), []).append(path)

    def with_pages(self, paths: list[str]) -> list[str]:
        """The paths, and the names of their pages that others have or want."""
        return [*paths, *(page for path in paths for page in self._others.get(fold(path), ()))]

    def there(self, path: str) -> list[str]:
        """Files in the folder that are named like pages of a path, in the order of their numbers."""
        if self._there is None:
            self._there = {}
            with contextlib.suppress(OSError):
                for name in sorted(os.listdir(self._folder), key=natural):
                    if whole := whole_path(self._folder + name):
                        self._there.setdefault(fold(whole), []).append(self._folder + name)
        return self._there.get(fold(path), [])


def _names(path: str, name: str, wish: Wish, level: int) -> Iterator[str]:
    stem, own = split_suffix(name)
    for _, suffix in wish.targets:
        if not suffix:
            # Its own name is the whole name already.
            yield candidate(path, stem, own, level if level > 1 else 0)
        else:
            # What follows the last dot of an unknown name belongs to the name.
            yield candidate(path, stem if known_suffix(own[1:]) else name, suffix, level)
