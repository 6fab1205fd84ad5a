"""Paths as their folders list them, where a file system takes other cases, too (macOS, Windows, exFAT).

`Fotos` and `fotos` are one folder there, but outside of Windows `realpath` keeps the case that it was given.
Whether names are folded is a matter of the folder, not of the system: one look-up per folder tells.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from imgpar.core.filenames import fold

_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_SWAPPED = str.maketrans(_UPPER + _LOWER, _LOWER + _UPPER)


class Spelling:
    """Finds out how existing paths are spelled; remembers folders.

    Args:
        listed: names in a folder.
        exists: whether there is something at a path.
    """

    def __init__(
        self,
        listed: Callable[[str], Iterable[str]] = os.listdir,
        exists: Callable[[str], bool] = os.path.lexists,
    ) -> None:
        self._listed, self._exists = listed, exists
        self._folders: dict[str, str] = {}
        self._names: dict[str, dict[str, str] | None] = {}
        """Names by folder and folded name; None for folders that distinguish cases."""

    def of(self, path: str) -> str:
        """An existing absolute path without links, as it is listed; unchanged where cases are distinguished.

        >>> Spelling(lambda _: ["Fotos"], lambda path: True).of(os.path.abspath("/fotos")).endswith("Fotos")
        True
        """
        above, name = os.path.split(path)
        if not name:
            return path
        if above not in self._folders:
            self._folders[above] = self.of(above)
        return os.path.join(self._folders[above], self._name(above, name))

    def _name(self, folder: str, name: str) -> str:
        other = name.translate(_SWAPPED)
        if other == name and folder not in self._names:
            return name  # nothing that could be tried
        if folder not in self._names:
            folds = self._exists(os.path.join(folder, other))
            self._names[folder] = self._in(folder) if folds else None
        return (self._names[folder] or {}).get(fold(name), name)

    def _in(self, folder: str) -> dict[str, str] | None:
        """None where names differ only by case: such a folder distinguishes them."""
        try:
            names = list(self._listed(folder))
        except OSError:  # it may be entered, not listed
            return None
        found = {fold(name): name for name in names}
        return found if len(found) == len(names) else None
