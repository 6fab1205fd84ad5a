"""The paths of the outputs of one input: by its own name, or by a template."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from imgpar.core.filenames import candidate_stem, legal, numbered, split_suffix
from imgpar.core.job import Item
from imgpar.core.properties import Properties
from imgpar.core.templates import Value
from imgpar.formats.metadata.edits import MetadataEdits
from imgpar.inputs.batches import known_suffix
from imgpar.outputs.destination import Out
from imgpar.outputs.name_function import FIELD, FunctionName
from imgpar.outputs.target_formats import Wish, WishedFile
from imgpar.outputs.templates import NameTemplate, clean, name_template

UNKNOWN = Properties()


class Known(NamedTuple):
    """What names depend on beside the names of inputs."""

    properties: Callable[[str], Properties]
    """The properties of an item, by its path."""
    sizes: Callable[[Item], Sequence[tuple[int, int]]]
    """Width and height of its outputs."""
    page: int = 1
    """The first page that is read of documents."""
    edits: Sequence[MetadataEdits | None] = (None,)
    """What each output of the recipe changes in the metadata."""


def plain_names(path: str, name: str, wish: Wish, level: int) -> Iterator[str]:
    """The names of the outputs of an input, without its folder.

    Args:
        path: of the input.
        name: the last part of `path`.
        wish: its outputs. Templates may have the fields `stem`, `ext` and `parent`.
        level: 0 for the preferred names; higher levels are longer (`filenames.candidate_stem`).
    """
    for target in wish.targets:
        stem, more, suffix = _stems(path, name, target, level)
        if not target.name:
            yield legal(stem, suffix)
            continue
        values: dict[str, Value] = {"stem": stem, "ext": suffix[1:], "parent": _parent(path)}
        yield name_template(target.name).path(values, more, suffix)


def _parent(path: str) -> str:
    return os.path.basename(os.path.dirname(path))


def _stems(path: str, name: str, target: WishedFile, level: int) -> tuple[str, str, str]:
    """The stem at a level, what a template without a stem appends, and the suffix."""
    stem, own = split_suffix(name)
    suffix = target.suffix
    if suffix and not level and (known_suffix(own[1:]) or not own):
        return stem, "", suffix  # most of them
    if suffix:
        # The text behind the last dot of an unknown name belongs to the name.
        chosen = candidate_stem(path, stem if known_suffix(own[1:]) else name, level)
        return chosen, chosen if level else "", suffix
    # Its own name is the whole name already.
    chosen = candidate_stem(path, stem, level if level > 1 else 0)
    return chosen, chosen if level else "", own


class TemplatePaths:
    """The paths of outputs whose names depend on more than the name of the input.

    Args:
        out: destination.
        known: what is known of the inputs.
    """

    def __init__(self, out: Out, known: Known) -> None:
        self._out, self._known = out, known
        self._folders: dict[str, str] = {}
        self._called: dict[tuple[str, str], str] = {}
        """What functions returned, by their text and the path of the item."""
        self.dated = set[str]()
        """Inputs whose name has the time of the file, because they do not say when they were taken."""

    def of(self, item: Item, wish: Wish, level: int, counter: int, number: int = 0) -> list[str]:
        """Absolute paths of the outputs of an item, in order.

        Args:
            item: the input.
            wish: its outputs.
            level: 0 for the preferred names; higher levels are longer.
            counter: value of `{n}`.
            number: appended to each stem; 0 is none.

        Raises:
            NoNameError: a template gives no name for it.
        """
        paths = (
            self._path(item, target, level, counter, size)
            for target, size in zip(wish.targets, self._sizes(item, wish), strict=True)
        )
        return [numbered(path, number) for path in paths]

    def counter_in(self, item: Item, wish: Wish, level: int, path: str) -> int | None:
        """The value of `{n}` in a path that was made of an item; None where it was made of another."""
        for target, size in zip(wish.targets, self._sizes(item, wish), strict=True):
            template, values, more, suffix = self._parts(item, target, level, 0, size)
            base = self._base(item, target, template)
            if more or not path.startswith(base) or not path.endswith(suffix):
                continue
            text = path[len(base) : len(path) - len(suffix)].replace(os.sep, "/")
            if (found := template.template.find_number("n", text, values)) is not None:
                return found
        return None

    def _sizes(self, item: Item, wish: Wish) -> Sequence[tuple[int, int]]:
        """Width and height of each output; 0 where they are unknown."""
        sizes = self._known.sizes(item)
        return sizes if len(sizes) == len(wish.targets) else [(0, 0)] * len(wish.targets)

    def _path(self, item: Item, target: WishedFile, level: int, counter: int, size: tuple[int, int]) -> str:
        if not target.name:
            stem, _, suffix = _stems(_shown(item, target, level), item.name, target, level)
            return self._folder("" if target.flat else _mirror(item)) + legal(stem, suffix)
        template, values, more, suffix = self._parts(item, target, level, counter, size)
        base = self._base(item, target, template)
        relative = template.path(values, more, suffix)
        return base + relative.replace("/", os.sep)

    def _base(self, item: Item, target: WishedFile, template: NameTemplate) -> str:
        """The folder that a name is relative to, with a trailing separator."""
        return self._folder("" if target.flat or template.folders else _mirror(item))

    def _folder(self, mirror: str) -> str:
        found = self._folders.get(mirror)
        if found is None:
            found = self._folders[mirror] = self._out.below(mirror)
        return found

    def _parts(
        self, item: Item, target: WishedFile, level: int, counter: int, size: tuple[int, int]
    ) -> tuple[NameTemplate, dict[str, Value], str, str]:
        name = item.name
        stem, more, suffix = _stems(_shown(item, target, level), name, target, level)
        template = name_template(target.name)
        known = self._known.properties(item.path)
        directory = _mirror(item)
        values: dict[str, Value] = {
            "stem": stem,
            "ext": suffix[1:],
            "dir": directory.replace("/", "-"),
            "folders": directory,
            "parent": _parent(item.path),
            "n": counter,
            "date": self._date(item, template, known.date, self._known.edits[target.branch]),
            "camera": clean(known.camera),
            "width": size[0] or None,
            "height": size[1] or None,
            "page": self._known.page,
            "hash": known.digest,
        }
        if isinstance(target.name, FunctionName):
            values[FIELD] = self._named_by(target.name, item)
        return template, values, more, suffix

    def _named_by(self, function: FunctionName, item: Item) -> str:
        """What a function returns for an item. Raises NoNameError."""
        key = function, item.path
        if key not in self._called:
            self._called[key] = function.of(item)
        return self._called[key]

    def _date(
        self, item: Item, template: NameTemplate, taken: datetime | None, edits: MetadataEdits | None
    ) -> datetime | None:
        if "date" not in template.fields:
            return None
        date = edits.date_in_names(taken) if edits else taken
        if date is None and template.needs_date and item.mtime_ns > 0:
            self.dated.add(item.path)
            return datetime.fromtimestamp(item.mtime_ns / 1e9)
        return date


def _shown(item: Item, target: WishedFile, level: int) -> str:
    """The path from which longer names are made: without its suffix, where that is appended again."""
    return split_suffix(item.path)[0] if level > 1 and not target.suffix else item.path


def _mirror(item: Item) -> str:
    return item.mirror.rpartition("/")[0]
