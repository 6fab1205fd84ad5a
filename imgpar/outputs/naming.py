"""Output names: unique, and fixed before the first file is written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import NamedTuple, Protocol

from imgpar.core.filenames import (
    LAST_LEVEL,
    candidate_stem,
    fold,
    legal,
    natural,
    numbered,
    parts_of,
    settle,
    split_suffix,
    whole_path,
)
from imgpar.core.job import Facts, Item, OutputFile, Split
from imgpar.inputs.batches import Batch, Entries, known_suffix
from imgpar.inputs.companions import Leader, companions
from imgpar.outputs.destination import Out
from imgpar.outputs.stems import settle_by_name
from imgpar.outputs.target_formats import Wish
from imgpar.outputs.templates import named

PLANNED = -1
"""Placeholder for the bytes of an output of which only the name is known."""


class PriorResult(NamedTuple):
    """Journal record of one input and one recipe."""

    recipe: str
    state: str
    """"ok", "planned" (the run ended early), "failed" or "skipped"."""
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: str
    run: int
    """The run that wrote this; a later one may have taken its outputs over."""
    outputs: tuple[OutputFile, ...]
    """Existing outputs, made from this input."""
    claims: tuple[OutputFile, ...] = ()
    """Other names that belong to imgpar: planned by a run that ended early, or outputs of an earlier
    input."""
    row: int = 0
    """Row id in the journal."""
    folder: int = 0

    @property
    def facts(self) -> Facts:
        """Status of the input."""
        return Facts(self.size, self.mtime_ns, self.ctime_ns, self.inode)


class NamesFormats(Protocol):
    """The output formats of inputs."""

    several: bool
    """Whether a recipe has several outputs with operations of their own."""
    renaming: bool
    """Whether outputs have other stems than their inputs."""

    def of(self, item: Item) -> Wish:
        """Formats and suffixes of the outputs of an item."""

    def by_name(self, name: str, shown: str, *, named: bool = False) -> Wish:
        """The same for a file name and the detected format."""


class Names:
    """The names of all outputs of a batch.

    Names from an earlier run are kept, so that a new input never moves an existing output.

    Args:
        out: destination.
        batch: the inputs.
        wishes: output formats of the inputs.
        known: journal records by path of the input.
        unchanged: for each item None if it has no name yet.
        claims: outputs of the other items.
        taken: inputs of other roots with their records. Their existing outputs keep their names, and an input
            of this batch with the same name gets another.
        split: naming of the files, where pages or frames become separate ones.
    """

    def __init__(
        self,
        out: Out,
        batch: Batch,
        wishes: NamesFormats,
        known: Mapping[str, Sequence[PriorResult]],
        unchanged: Sequence[object | None],
        claims: Iterable[str] = (),
        *,
        taken: Sequence[tuple[str, PriorResult]] = (),
        split: Split = "",
    ) -> None:
        self._out = out
        self._batch = batch
        self._wishes = wishes
        self._folder = out.below(batch.mirror)
        self._new_folder = out.place.is_new(self._folder)
        self._split: Split = split
        self._parts = Parts(out, self._folder, split, known) if split else None
        self._inputs: set[str] | None = None
        self._inodes: dict[int, str] = {}
        self._used: set[str] | None = None
        self._folders: dict[str, str] = {}
        self._claimed = {fold(self._folder + name) for name in batch.folders}
        self._levels: dict[str, int] = {}
        """Naming level by path of the input, where it is not 0."""
        self._numbers: dict[str, int] = {}
        """Number appended to the stem of a leader and its companions, by path of the leader."""
        self._leaders: dict[str, Leader] = {}
        self._others = {} if self._new_folder else _published(taken, out)
        self._owners = _owners(known) if wishes.several else None
        """Inputs by the folded paths of the outputs that they have."""
        self._several_roots = bool(taken)
        """Whether several roots have their outputs here."""
        if None in unchanged:
            self._claimed.update(map(fold, claims))
            self._claimed.update(self._others)
            if not (out.in_place or out.name):
                self._leaders = companions(batch.items)
            together = known or taken or self._leaders or any(unchanged) or wishes.renaming
            if together or not self._settle_by_name():
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
            return self._parts.with_parts(own) if self._parts else own

        if self._parts:
            wanted = (self._paths(item, level) for item in moving for level in range(3))
            self._parts.know(chain(self._claimed, *wanted))
        for member, level in settle(len(groups), names, self._claimed).items():
            self._levels.update((item.path, lowest[member] + level) for item in groups[member])

    def _groups(self, moving: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Groups that are named together: a picture and its companions. A member of a group that has a name
        starts at its level."""
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
        """The level of an item that has a name."""
        taken = (
            level for level in range(LAST_LEVEL + 1) if fold(self._first(leader, level)) in self._claimed
        )
        return self._levels.get(leader.path, next(taken, 0))

    def _first(self, leader: Leader, level: int) -> str:
        """The path of its first output, on which the names of companions are based; empty where it has
        none."""
        name = os.path.basename(leader.path)
        names = _names(leader.path, name, self._wishes.by_name(name, leader.format), level)
        number = self._numbers.get(leader.path, 0)
        return next((self._folder + numbered(own, number) for own in names), "")

    def _settle_by_name(self) -> bool:
        """Settle names without file access, if nothing is known of them; False where that is impossible."""
        entries, folder = self._batch.items, os.path.join(self._batch.folder, "")
        if self._out.in_place or self._out.name or self._parts or not isinstance(entries, Entries):
            return False
        formats = entries.formats

        def names(name: str, level: int) -> Iterator[str]:
            return _names(folder + name, name, self._wishes.by_name(name, formats.get(name, "")), level)

        readable = [name for name in entries.names if name not in entries.failed]
        raised = settle_by_name(readable, self._batch.folders, names)
        self._levels = {folder + name: level for name, level in (raised or {}).items()}
        return raised is not None

    def folders(self, item: Item) -> list[str]:
        """The folders in which the outputs of an item may lie, with a trailing separator."""
        root = os.path.basename(self._batch.root or os.path.dirname(item.path)) or "root"
        return [self._folder, os.path.join(self._folder, root, "")]

    def owner(self, item: Item) -> tuple[str, PriorResult] | None:
        """The input of another root, and its record, with the name that this item would get."""
        return next(
            (self._others[key] for path in self._paths(item, 0) if (key := fold(path)) in self._others), None
        )

    def paths(self, item: Item) -> list[str]:
        """Absolute paths of the targets of this item, in order."""
        return self._paths(item, self._levels.get(item.path, 0))

    def step_aside(self, item: Item, is_free: Callable[[Item, str], bool]) -> None:
        """Number a picture and its companions alike, if one of their outputs would conflict with an existing
        file. `is_free(item, path)` returns whether an item may write to a path."""
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

    def there(self, path: str, *, split: Split) -> list[tuple[str, Facts]]:
        """What is at a path; of a split output at every existing part, and at the path if pages may use
        it."""
        paths = [path] if split in ("", "pages") else []
        if split and self._parts and not self._new_folder:
            paths += self._parts.there(path)
        return [(at, now) for at in paths if (now := self.find(at)) is not None]

    def find(self, path: str) -> Facts | None:
        """What is at a path now, links not followed; None when nothing is."""
        if self._new_folder and not self._out.in_place:
            return None
        return self._out.place.find(path)

    def is_input(self, path: str, now: Facts) -> bool:
        """Whether this path is an item of this batch, also by another spelling of its folder or by a link."""
        if self._out.stored:
            return False
        if self._inputs is None:
            self._inputs = {self._real(item.path) for item in self._batch.items}
            self._inodes = {item.inode: item.path for item in self._batch.items if item.inode}
        if self._real(path) in self._inputs:
            return True
        other = self._inodes.get(now.inode)
        try:
            return other is not None and os.path.samefile(path, other)
        except OSError:
            return False

    def claim(self, path: str) -> bool:
        """Reserve another name, if no item of this batch has it."""
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
            self._several_roots and level > 1
        ):  # several roots: a folder named after the root first, then longer names
            folder = self.folders(item)[1] if level < 4 else folder
            level -= 2
        first = os.path.basename(self._first(leader, level)) if leader else ""
        if leader is None or not first:
            number = self._numbers.get(item.path, 0)
            return [folder + numbered(own, number) for own in _names(item.path, name, wish, level)]
        # IMG_1.CR2.xmp contains the whole name, and so does its copy.
        whole = fold(name).startswith(fold(os.path.basename(leader.path)) + ".")
        stem = first if whole else split_suffix(first)[0]
        return [folder + legal(stem, target.suffix or split_suffix(name)[1]) for target in wish.targets]

    def _keep_name(self, item: Item, known: Mapping[str, Sequence[PriorResult]]) -> bool:
        """Whether the item has its name already: from an earlier run, or because it is in place."""
        if self._out.in_place and item.path in (paths := self._paths(item, 0)):
            self._claimed.update(map(fold, paths))
            return True
        if not known:
            return False
        before = {
            made.path for record in known.get(item.path, ()) for made in (*record.outputs, *record.claims)
        }
        if self._parts:
            before |= {whole for path in before if (whole := whole_path(path, self._split))}
        if not before:
            return False
        for level in range(LAST_LEVEL + 1):
            paths = self._paths(item, level)
            keys = {fold(path) for path in paths}
            named = before.issuperset(paths) or self._has_some(item, before, paths)
            if named and keys.isdisjoint(self._claimed):
                self._claimed |= keys
                if self._parts:
                    self._claimed.update(
                        fold(at) for at in before if fold(whole_path(at, self._split)) in keys
                    )
                self._levels[item.path] = level
                return True
        return False

    def _has_some(self, item: Item, before: set[str], paths: Sequence[str]) -> bool:
        """Whether an input of several outputs has some of them under these names, and none of the others
        belongs to another input: the recipe has new outputs."""
        if self._owners is None or before.isdisjoint(paths):
            return False
        return all(self._owners.get(fold(path), item.path) == item.path for path in paths)


def _owners(known: Mapping[str, Sequence[PriorResult]]) -> dict[str, str]:
    return {
        fold(made.path): path
        for path, records in known.items()
        for record in records
        for made in (*record.outputs, *record.claims)
    }


def _published(taken: Sequence[tuple[str, PriorResult]], out: Out) -> dict[str, tuple[str, PriorResult]]:
    """Inputs of other roots by the folded paths of their existing outputs."""
    return {
        fold(made.path): (name, record)
        for name, record in taken
        for made in (*record.outputs, *record.claims)
        if out.place.find(made.path)
    }


class Parts:
    """Names of the parts of split outputs: those of other outputs, and existing files."""

    def __init__(
        self, out: Out, folder: str, split: Split, known: Mapping[str, Sequence[PriorResult]]
    ) -> None:
        self._out, self._folder, self._split, self._known = out, folder, split, known
        self._others: dict[str, list[str]] = {}
        self._there: dict[str, list[str]] | None = None

    def know(self, paths: Iterable[str]) -> None:
        """Record which of these names could be a part of another output."""
        for path in paths:
            if whole := whole_path(path, self._split):
                self._others.setdefault(fold(whole), []).append(path)

    def with_parts(self, paths: list[str]) -> list[str]:
        """The paths, and the names of their parts that other outputs have."""
        return [*paths, *(part for path in paths for part in self._others.get(fold(path), ()))]

    def there(self, path: str) -> list[str]:
        """Existing files that are named like parts of a path, in their order; in a sink those of earlier
        runs."""
        if self._there is None:
            self._there = {}
            for part in sorted(self._existing(), key=natural):
                if whole := whole_path(part, self._split):
                    self._there.setdefault(fold(whole), []).append(part)
        return self._there.get(fold(parts_of(path)), [])

    def _existing(self) -> set[str]:
        """All files that may be parts, with their paths."""
        if self._out.stored is None:
            with contextlib.suppress(OSError):
                return {self._folder + name for name in os.listdir(self._folder)}
            return set()
        records = chain.from_iterable(self._known.values())
        paths = {made.path for record in records for made in (*record.outputs, *record.claims)}
        return set(filter(self._out.stored.find, paths))


def _names(path: str, name: str, wish: Wish, level: int) -> Iterator[str]:
    stem, own = split_suffix(name)
    for target in wish.targets:
        suffix = target.suffix
        if not suffix:
            # Its own name is the whole name already.
            suffix, chosen = own, candidate_stem(path, stem, level if level > 1 else 0)
        else:
            # The text behind the last dot of an unknown name belongs to the name.
            chosen = candidate_stem(path, stem if known_suffix(own[1:]) else name, level)
        yield legal(named(target.name, chosen, suffix), suffix)
