"""Names of the files of split outputs: pages, frames."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from imgpar.core.filenames import fold, natural, parts_of, whole_path
from imgpar.core.job import Split
from imgpar.outputs.destination import Out
from imgpar.outputs.prior import PriorResult


class Parts:
    """Names of the parts of split outputs: those of other outputs, and existing files."""

    def __init__(self, out: Out, split: Split, known: Mapping[str, Sequence[PriorResult]]) -> None:
        self._out, self._split, self._known = out, split, known
        self._others: dict[str, list[str]] = {}
        self._there: dict[str, dict[str, list[str]]] = {}
        """Existing files by folder, and by the folded path of the whole output."""

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
        folder = os.path.dirname(path)
        if folder not in self._there:
            found = self._there[folder] = dict[str, list[str]]()
            for part in sorted(self._existing(folder), key=natural):
                if whole := whole_path(part, self._split):
                    found.setdefault(fold(whole), []).append(part)
        return self._there[folder].get(fold(parts_of(path)), [])

    def _existing(self, folder: str) -> set[str]:
        """All files that may be parts, with their paths."""
        if self._out.stored is None:
            with contextlib.suppress(OSError):
                return {os.path.join(folder, name) for name in os.listdir(folder)}
            return set()
        records = chain.from_iterable(self._known.values())
        paths = {made.path for record in records for made in (*record.outputs, *record.claims)}
        return set(filter(self._out.stored.find, paths))
