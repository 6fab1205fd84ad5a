"""What is to be made of each input where a recipe has several outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from imgpar.core.filenames import fold
from imgpar.core.job import OTHER, Item
from imgpar.formats.options import EncodeOptions
from imgpar.formats.relevance import given
from imgpar.inputs.batches import suffix_of
from imgpar.inputs.companions import SIDECAR
from imgpar.outputs.destination import Out
from imgpar.outputs.target_formats import Wish, WishedFile, Wishes
from imgpar.outputs.templates import OWN_SIZE, name_template


class WishedOutput(NamedTuple):
    """One output of a recipe, as far as names and formats depend on it."""

    key: str = ""
    """Of all settings that determine the output."""
    to: tuple[str, ...] = ()
    options: EncodeOptions = EncodeOptions()
    name: str = ""
    """Template of the name; empty keeps the stem."""
    flat: bool = False
    """Whether it lies directly in OUT."""
    size: int = 0
    """The width for which it is made, as one of several sizes; `OWN_SIZE` is that of the input, 0 is none."""


CANDIDATES = ("webp", "jpeg", "png")
"""Formats of `--best-format` where none are named: every browser shows them."""


def _formats(output: WishedOutput) -> tuple[str, ...]:
    return CANDIDATES if output.options.best_format and not output.to else output.to


class AllWishes:
    """The outputs of inputs, of one or several outputs of a recipe.

    An input is made into the outputs with a format of its kind. If there is none, it keeps its format in
    every output that gives it another name.

    Args:
        out: destination.
        outputs: of the recipe, at least one.
        alone, still: as for `Wishes`.

    Raises:
        UsageError: a format cannot be written, or not in place.
    """

    def __init__(
        self,
        out: Out,
        outputs: Sequence[WishedOutput],
        *,
        alone: bool = False,
        still: Collection[str] = (),
    ) -> None:
        self._outputs, self._still = outputs, still
        self._wishes = [Wishes(out, _formats(output), output.options, alone=alone) for output in outputs]
        self._made: dict[tuple[str, str, bool], Wish] = {}
        self.several = len(outputs) > 1
        self.renaming = any(output.name or output.flat for output in outputs)
        """Whether outputs have other stems or folders than their inputs."""

    def options_of(self, branch: int) -> EncodeOptions:
        """The settings of the encoder for an output of the recipe."""
        return self._outputs[branch].options

    def of(self, item: Item) -> Wish:
        """The outputs of this item."""
        name = item.name
        wish = self.by_name(name, item.format, named=item.named)
        if wish.moving and item.path in self._still:
            wish = self.by_name(name, item.format)  # a still picture in a format that can hold animations
        return wish

    def by_name(self, name: str, shown: str, *, named: bool = False) -> Wish:
        """The outputs for a file name and the detected format; see `Wishes.by_name`."""
        key = (suffix_of(name), shown, named)
        wish = self._made.get(key)
        if wish is None:
            found = [wishes.by_name(name, shown, named=named) for wishes in self._wishes]
            wish = self._made[key] = self._united(found, shown)
        return wish

    def _united(self, found: Sequence[Wish], shown: str) -> Wish:
        failed = next((wish for wish in found if wish.error), None)
        if failed or (len(found) == 1 and not self.renaming):
            return failed or found[0]
        if shown in (SIDECAR, OTHER):  # one copy beside all outputs
            flat = self._outputs[0].flat
            return found[0]._replace(targets=tuple(file._replace(flat=flat) for file in found[0].targets))
        fitting = [branch for branch, wish in enumerate(found) if "to" not in wish.silent]
        branches = fitting or range(len(found))
        targets = dict[tuple[str, str, int], WishedFile]()
        for branch in branches:
            output = self._outputs[branch]
            apart = bool(output.size or name_template(output.name).fields & {"width", "height"})
            for target in found[branch].targets:
                file = target._replace(branch=branch, name=output.name, flat=output.flat, size=output.size)
                targets.setdefault((fold(output.name), file.suffix, branch if apart else -1), file)
        return found[0]._replace(
            targets=tuple(targets.values()),
            note=next((found[branch].note for branch in branches if found[branch].note), ""),
            silent=self._silent(found, branches),
            moving=any(found[branch].moving for branch in branches),
        )

    def _silent(self, found: Sequence[Wish], branches: Sequence[int]) -> tuple[str, ...]:
        """Settings that have no effect on any output for which they are given."""
        without = {name for branch in branches for name in found[branch].silent}
        effective = {
            name
            for branch in branches
            for name in given(self._outputs[branch].options)
            if name not in found[branch].silent
        }
        return tuple(sorted(without - effective))


Made = tuple[WishedFile, tuple[int, int]]
"""An output with its width and height."""


class SizedWishes:
    """The outputs of inputs of which the sizes are known: of several sizes those that fit, each once.

    Args:
        wishes: of all inputs.
        made: returns width and height of each of these outputs of an item, in order; empty where they are
            unknown.
    """

    def __init__(self, wishes: AllWishes, made: Callable[[str], Sequence[tuple[int, int]]]) -> None:
        self._wishes, self._made = wishes, made
        self.several, self.renaming, self.by_name = wishes.several, wishes.renaming, wishes.by_name

    def of(self, item: Item) -> Wish:
        """The outputs of this item."""
        wish, made = self._wishes.of(item), self._made(item.path)
        if len(made) != len(wish.targets):
            return wish
        return wish._replace(targets=tuple(file for file, _ in self._fitting(wish, made)))

    def sizes(self, item: Item) -> list[tuple[int, int]]:
        """Width and height of the outputs of `of`, in order."""
        wish, made = self._wishes.of(item), self._made(item.path)
        if len(made) != len(wish.targets):
            return [(0, 0)] * len(wish.targets)
        return [size for _, size in self._fitting(wish, made)]

    def _fitting(self, wish: Wish, made: Sequence[tuple[int, int]]) -> list[Made]:
        """The outputs to make. Of several [[output]] tables that differ in nothing but their size, and end in
        the same size and so in the same name, the first is made."""
        seen = set[tuple[object, ...]]()
        kept = list[Made]()
        for file, size in sizes_that_fit(wish.targets, made):
            named_by_size = name_template(file.name).fields & {"width", "height"}
            key = (fold(file.name), file.suffix, size, self._wishes.options_of(file.branch))
            if not (named_by_size and key in seen):
                seen.add(key)
                kept.append((file, size))
        return kept


def sizes_that_fit(targets: Sequence[WishedFile], made: Sequence[tuple[int, int]]) -> list[Made]:
    """The outputs to make, with their sizes. Of several sizes those that are not larger than the input, and
    where there is a larger one the input's own; two that have one size are made once.

    >>> files = [WishedFile("webp", ".webp", branch, size=size) for branch, size in enumerate((320, 640, -1))]
    >>> [(file.size, size) for file, size in sizes_that_fit(files, [(320, 240), (500, 375), (500, 375)])]
    [(320, (320, 240)), (-1, (500, 375))]
    """
    own = {file.format: size for file, size in zip(targets, made, strict=True) if file.size == OWN_SIZE}
    largest = max((file.size for file in targets), default=0)
    seen = set[tuple[str, str, tuple[int, int]]]()
    kept = list[Made]()
    for file, size in zip(targets, made, strict=True):
        width = own.get(file.format, (0, 0))[0]
        wanted = file.size <= width if file.size > 0 else not file.size or largest > width
        key = (file.format, file.suffix, size)
        if not wanted or (file.size and key in seen):
            continue
        seen.add(key)
        kept.append((file, size))
    return kept


def sizes_made(outputs: Sequence[WishedOutput], own: int) -> list[int]:
    """Indices of the outputs that an input has, of several sizes.

    >>> outputs = [WishedOutput(size=size) for size in (320, 640, OWN_SIZE)]
    >>> sizes_made(outputs, 500), sizes_made(outputs, 0)
    ([0, 2], [0, 1])

    Args:
        outputs: of the recipe.
        own: the width of the output in the input's own size; 0 where there is none, because no size is
            larger.
    """
    widths = [(at, output.size) for at, output in enumerate(outputs)]
    if not own or all(size <= own for _, size in widths):
        return [at for at, size in widths if size != OWN_SIZE]
    return [at for at, size in widths if size <= own]
