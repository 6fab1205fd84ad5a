"""Outputs that follow from the name of one input alone, without its item: most of a large folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from imgpar.inputs.batches import Entries, known_suffix
from imgpar.outputs.target_formats import Wish, WishedFile


class PlainOutputs:
    """Format and name of the only output of each file of a folder.

    Args:
        entries: the files.
        folder: that they are in.
        wish: returns the formats of the outputs of a file, by its name and the detected format.
        levels: naming level by path of the input, where it is not 0.
    """

    def __init__(
        self, entries: Entries, folder: str, wish: Callable[[str, str], Wish], levels: Mapping[str, int]
    ) -> None:
        self._entries, self._wish, self._levels = entries, wish, levels
        self._folder = os.path.join(folder, "")
        self._by_suffix: dict[str, tuple[str, str]] = {}
        """Format and suffix of the output, by the suffix of the input."""

    def named(self, places: range) -> list[tuple[str, str] | None]:
        """The outputs of the files in a range of indices.

        None stands for an input with several outputs, remarks, or an output name that is not the preferred
        one.
        """
        return [self._of(name) for name in self._entries.ordered(places)]

    def _of(self, name: str) -> tuple[str, str] | None:
        entries = self._entries
        stem, _, suffix = name.rpartition(".")
        made = self._by_suffix.get(suffix)
        if made is None:
            made = self._by_suffix[suffix] = self._made_of(name, suffix)
        level = self._levels and self._folder + name in self._levels
        apart = not made[0] or level or name in entries.formats or name in entries.failed
        return None if apart or not stem.strip(".") else (made[0], stem + made[1])

    def _made_of(self, name: str, suffix: str) -> tuple[str, str]:
        """Format and suffix of the only output of pictures with this suffix; empty where they have another
        number of outputs, or remarks."""
        wish, own = self._wish(name, ""), known_suffix(suffix)
        if own is None or own.kind != "image" or len(wish.targets) != 1:
            return "", ""
        if wish.error or wish.note or wish.silent or wish.moving:
            return "", ""
        (target,) = wish.targets
        plain = target == WishedFile(target.format, target.suffix)
        return (target.format, target.suffix or f".{suffix}") if plain else ("", "")
