"""Output names: unique, and fixed before the first file is written."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Protocol

from imgpar.core.filenames import LAST_LEVEL, fold, legal, numbered, settle, split_suffix, whole_path
from imgpar.core.job import Facts, Item, Split
from imgpar.inputs.addresses import alternative
from imgpar.inputs.batches import Batch, Entries
from imgpar.inputs.companions import SIDECAR, Leader, companions
from imgpar.outputs.destination import Out
from imgpar.outputs.name_function import NoNameError
from imgpar.outputs.paths import TemplatePaths, plain_names
from imgpar.outputs.plain_outputs import PlainOutputs
from imgpar.outputs.prior import PriorResult
from imgpar.outputs.split_names import Parts
from imgpar.outputs.stems import settle_by_name
from imgpar.outputs.target_formats import Wish
from imgpar.outputs.templates import is_numbered


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
        owners: returns more of `taken`: those that have some of these existing files.
        split: naming of the files, where pages or frames become separate ones.
        templates: where names depend on more than the names of inputs; the batch then has the inputs of all
            folders of the run.
        made: returns the paths of the outputs of an unchanged item.
        anywhere: whether outputs may lie in any folder below OUT.
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
        owners: Callable[[Sequence[str]], Sequence[tuple[str, PriorResult]]] | None = None,
        split: Split = "",
        templates: TemplatePaths | None = None,
        made: Callable[[str], Sequence[str]] = lambda _: (),
        anywhere: bool = False,
    ) -> None:
        self._out = out
        self._batch = batch
        self._wishes = wishes
        self._templates, self._made, self._anywhere = templates, made, anywhere
        self._folder = out.below("" if templates else batch.mirror)
        self._new_folder = out.place.is_new(self._folder)
        self._split: Split = split
        self._parts = Parts(out, split, known) if split else None
        self._inputs: set[str] | None = None
        self._inodes: dict[int, str] = {}
        self._used: set[str] | None = None
        self._folders: dict[str, str] = {}
        self._claimed = {fold(self._folder + name.replace("/", os.sep)) for name in batch.folders}
        self._levels: dict[str, int] = {}
        """Naming level by path of the input, where it is not 0."""
        self._numbers: dict[str, int] = {}
        """Number appended to the stem of a leader and its companions, by path of the leader."""
        self._leaders: dict[str, Leader] = {}
        self._leading: dict[str, Item] = {}
        """The leaders themselves, by path, where there are templates."""
        self._counters: dict[str, int] = {}
        """Values of the counter of templates, by path of the input."""
        own = _owners(known)
        self._others = {} if self._new_folder else _published(taken, out, own)
        self._owners = own if wishes.several else None
        """Inputs by the folded paths of the outputs that they have."""
        self._by_name: PlainOutputs | None = None
        """Set where names follow from the names of the inputs alone."""
        self._several_roots = bool(taken) and not templates
        """Whether several roots have their outputs here."""
        if None in unchanged:
            if owners and not self._new_folder:
                self._others |= _published(owners(self._there(unchanged)), out, own)
            self._claimed.update(map(fold, claims))
            self._claimed.update(self._others)
            if not (out.in_place or out.name or batch.part):
                self._leaders = companions(batch.items)
            if templates and self._leaders:
                leading = {leader.path for leader in self._leaders.values()}
                self._leading = {item.path: item for item in batch.items if item.path in leading}
            together = known or taken or self._others or self._leaders or any(unchanged) or wishes.renaming
            if together or not self._settle_by_name():
                self._settle(known, unchanged)

    def _there(self, unchanged: Sequence[object | None]) -> list[str]:
        """The existing files among the preferred names of inputs that have no name yet."""
        new = (item for item, done in zip(self._batch.items, unchanged, strict=True) if done is None)
        names = [
            path.removeprefix(self._folder) for item in new if not item.error for path in self._paths(item, 0)
        ]
        sizes = self._out.place.sizes(self._folder, names)
        return [self._folder + name for name, size in zip(names, sizes, strict=True) if not math.isnan(size)]

    def _settle(self, known: Mapping[str, Sequence[PriorResult]], unchanged: Sequence[object | None]) -> None:
        moving = [
            item
            for item, record in zip(self._batch.items, unchanged, strict=True)
            if record is None and not item.error and not self._keep_name(item, known)
        ]

        groups = self._groups(moving)
        if self._templates:
            counted = sum(not item.error and item.path not in self._leaders for item in self._batch.items)
            self._count(groups, counted - sum(item.path not in self._leaders for item in moving))
        lowest = [self._levels.get(group[0].path, 0) for group in groups]

        def names(member: int, level: int) -> list[str]:
            own = [path for item in groups[member] for path in self._paths(item, lowest[member] + level)]
            return self._parts.with_parts(own) if self._parts else own

        if self._parts:
            wanted = (self._paths(item, level) for item in moving for level in range(3))
            self._parts.know(chain(self._claimed, *wanted))
        for member, level in settle(len(groups), names, self._claimed).items():
            self._levels.update((item.path, lowest[member] + level) for item in groups[member])

    def _count(self, groups: Sequence[Sequence[Item]], before: int) -> None:
        """Give each new input the next number that makes free names.

        Args:
            groups: inputs that are named together, in their order.
            before: number of inputs that have names.
        """
        number = before
        for first, *_ in groups:
            wish = self._wishes.of(first)
            counted = [at for at, file in enumerate(wish.targets) if is_numbered(file.name)]
            paths = self._paths(first, 0) if counted and first.path not in self._counters else []
            while paths:
                number += 1
                self._counters[first.path] = number
                paths = self._paths(first, 0)
                if self._claimed.isdisjoint(fold(paths[at]) for at in counted):
                    break

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
        if self._templates and self._made(leader.path):
            return 0
        taken = (
            level for level in range(LAST_LEVEL + 1) if fold(self._first(leader, level)) in self._claimed
        )
        return self._levels.get(leader.path, next(taken, 0))

    def _first(self, leader: Leader, level: int) -> str:
        """The path of its first output, on which the names of companions are based; empty where it has
        none."""
        if leader.path in self._leading:
            return next(iter(self._paths(self._leading[leader.path], level)), "")
        name = os.path.basename(leader.path)
        names = plain_names(leader.path, name, self._wishes.by_name(name, leader.format), level)
        number = self._numbers.get(leader.path, 0)
        return next((self._folder + numbered(own, number) for own in names), "")

    def _settle_by_name(self) -> bool:
        """Settle names without file access, if nothing is known of them; False where that is impossible."""
        entries, folder = self._batch.items, os.path.join(self._batch.folder, "")
        if self._out.in_place or self._out.name or self._parts or not isinstance(entries, Entries):
            return False
        if entries.renamed:
            return False
        formats = entries.formats

        def names(name: str, level: int) -> Iterator[str]:
            return plain_names(folder + name, name, self._wishes.by_name(name, formats.get(name, "")), level)

        readable = [name for name in entries.names if name not in entries.failed]
        try:
            raised = settle_by_name(readable, self._batch.folders, names)
        except NoNameError:  # for one of them; the others have names
            return False
        self._levels = {folder + name: level for name, level in (raised or {}).items()}
        if raised is not None:
            self._by_name = PlainOutputs(entries, folder, self._wishes.by_name, self._levels)
        return raised is not None

    def folders(self, item: Item) -> list[str] | None:
        """The folders in which the outputs of an item may lie, with a trailing separator; None is any."""
        if item.listed:
            return None
        if self._templates:
            return None if self._anywhere else [self._out.below(item.mirror.rpartition("/")[0])]
        return self._folders_of(item)

    def _folders_of(self, item: Item) -> list[str]:
        root = os.path.basename(self._batch.root or os.path.dirname(item.path)) or "root"
        return [self._folder, os.path.join(self._folder, root, "")]

    def owner(self, item: Item) -> tuple[str, PriorResult] | None:
        """The input of another root, and its record, with the name that this item would get."""
        return next(
            (self._others[key] for path in self._paths(item, 0) if (key := fold(path)) in self._others), None
        )

    def paths(self, item: Item) -> list[str]:
        """Absolute paths of the targets of this item, in order. Raises NoNameError."""
        level = self._levels.get(item.path, 0)
        return self._templated(item, level) if self._templates else self._plain(item, level)

    def plain(self, places: range) -> list[tuple[str, str] | None] | None:
        """Format and path of the only output of each input in a range of indices, without items.

        None stands for an input with several outputs, remarks, an output name that is not the preferred one,
        or a file in its place. None instead of the list: nothing can be said of this batch.
        """
        if self._by_name is None:
            return None
        found = self._by_name.named(places)
        if not self._new_folder:
            names = [target[1] if target else "" for target in found]
            sizes = self._out.place.sizes(self._folder, names)
            found = [target if math.isnan(size) else None for target, size in zip(found, sizes, strict=True)]
        folder = self._folder
        return [(target[0], folder + target[1]) if target else None for target in found]

    def tried(self, item: Item) -> list[str]:
        """The same; none where a template gives no name."""
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
        """The paths of the outputs of an item; none where a template gives no name for it."""
        with contextlib.suppress(NoNameError):
            return self._templated(item, level) if self._templates else self._plain(item, level)
        return []

    def _plain(self, item: Item, level: int) -> list[str]:
        """The paths of the outputs of an item by its own name. Raises NoNameError."""
        if self._out.name:
            return [self._folder + self._out.name]
        wish, leader = self._wishes.of(item), self._leaders.get(item.path)
        if item.listed:
            return self._out_of_list(item, wish, level)
        name = item.name
        folder = os.path.join(os.path.dirname(item.path), "") if self._out.in_place else self._folder
        if (
            self._several_roots and level > 1
        ):  # several roots: a folder named after the root first, then longer names
            folder = self._folders_of(item)[1] if level < 4 else folder
            level -= 2
        first = os.path.basename(self._first(leader, level)) if leader else ""
        if leader is None or not first:
            number = self._numbers.get(item.path, 0)
            return [folder + numbered(own, number) for own in plain_names(item.path, name, wish, level)]
        # IMG_1.CR2.xmp contains the whole name, and so does its copy.
        whole = fold(name).startswith(fold(os.path.basename(leader.path)) + ".")
        stem = first if whole else split_suffix(first)[0]
        return [folder + legal(stem, target.suffix or split_suffix(name)[1]) for target in wish.targets]

    def _out_of_list(self, item: Item, wish: Wish, level: int) -> list[str]:
        """The paths of the outputs of an item of a list of addresses, by the places that it may have."""
        place, level = alternative(item, level)
        folder, _, name = place.rpartition("/")
        number, below = self._numbers.get(item.path, 0), self._out.below(folder)
        path = item.path if level else place  # which is unique
        return [below + numbered(own, number) for own in plain_names(path, name, wish, level)]

    def _templated(self, item: Item, level: int) -> list[str]:
        """The paths of the outputs of an item by their templates. Raises NoNameError."""
        assert self._templates is not None
        wish, leader = self._wishes.of(item), self._leaders.get(item.path)
        first = leader.path if leader else item.path
        number, counter = self._numbers.get(first, 0), self._counters.get(first, 0)
        if leader is None or leader.path not in self._leading:
            return self._templates.of(item, wish, level, counter, number)
        ahead = self._leading[leader.path]
        leading = self._made(ahead.path) or self._templated(ahead, level)
        files = self._wishes.of(ahead).targets
        by_branch = {
            file.branch: path for file, path in zip(reversed(files), reversed(leading), strict=False)
        }
        own = wish.targets if item.format != SIDECAR else ()
        if not leading or any(file.branch not in by_branch for file in own):
            return self._templates.of(item, wish, level, counter, number)
        # IMG_1.CR2.xmp contains the whole name, and so does its copy.
        name = item.name
        whole = fold(name).startswith(fold(os.path.basename(leader.path)) + ".")
        found = list[str]()
        for file in wish.targets:
            folder, base = os.path.split(by_branch.get(file.branch, leading[0]))
            stem = base if whole else split_suffix(base)[0]
            found.append(os.path.join(folder, legal(stem, file.suffix or split_suffix(name)[1])))
        return found

    def _counters_of(self, item: Item, level: int, before: Iterable[str]) -> list[int]:
        """The values of the counter with which an item may have got its names before."""
        wish = self._wishes.of(item)
        if not self._templates or not any(is_numbered(file.name) for file in wish.targets):
            return [0]
        with contextlib.suppress(NoNameError):
            found = (self._templates.counter_in(item, wish, level, path) for path in before)
            return sorted({counter for counter in found if counter is not None})
        return []

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
        tried = ((n, at) for at in range(LAST_LEVEL + 1) for n in self._counters_of(item, at, before))
        for counter, level in tried:
            if counter:
                self._counters[item.path] = counter
            paths = self._paths(item, level)
            keys = {fold(path) for path in paths}
            named = (bool(paths) and before.issuperset(paths)) or self._has_some(item, before, paths)
            if named and keys.isdisjoint(self._claimed):
                self._claimed |= keys
                if self._parts:
                    self._claimed.update(
                        fold(at) for at in before if fold(whole_path(at, self._split)) in keys
                    )
                self._levels[item.path] = level
                return True
        self._counters.pop(item.path, None)
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


def _published(
    taken: Sequence[tuple[str, PriorResult]], out: Out, own: Container[str]
) -> dict[str, tuple[str, PriorResult]]:
    """Inputs of other roots by the folded paths of their existing outputs, without those in `own`: outputs of
    this batch that were edited in place since, and so are inputs with a record, too."""
    return {
        path: (name, record)
        for name, record in taken
        for made in (*record.outputs, *record.claims)
        if (path := fold(made.path)) not in own and out.place.find(made.path)
    }
