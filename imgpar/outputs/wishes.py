"""What is to be made of each input where a recipe has several outputs."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

from imgpar.core.filenames import fold
from imgpar.core.job import Item
from imgpar.formats.options import EncodeOptions
from imgpar.formats.relevance import given
from imgpar.inputs.batches import suffix_of
from imgpar.inputs.companions import SIDECAR
from imgpar.outputs.destination import Out
from imgpar.outputs.target_formats import Wish, WishedFile, Wishes


class WishedOutput(NamedTuple):
    """One output of a recipe, as far as names and formats depend on it."""

    key: str = ""
    """Of all settings that determine the output."""
    to: tuple[str, ...] = ()
    options: EncodeOptions = EncodeOptions()
    name: str = ""
    """Template of the name; empty keeps the stem."""


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
        self.renaming = any(output.name for output in outputs)
        """Whether outputs have other stems than their inputs."""

    def of(self, item: Item) -> Wish:
        """The outputs of this item."""
        name = os.path.basename(item.path)
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
        if shown == SIDECAR:
            return found[0]  # one copy beside all outputs
        fitting = [branch for branch, wish in enumerate(found) if "to" not in wish.silent]
        branches = fitting or range(len(found))
        targets = dict[tuple[str, str], WishedFile]()
        for branch in branches:
            name = self._outputs[branch].name
            for target in found[branch].targets:
                file = target._replace(branch=branch, name=name)
                targets.setdefault((fold(name), file.suffix), file)
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
