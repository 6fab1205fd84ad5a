"""The folders of many files, in bounded memory: where there are very many, the folder that holds all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

MOST = 64
"""Number of folders above which they are merged."""


class FewFolders:
    """Absolute folders, at most `MOST`.

    >>> list(FewFolders(f"/data/{number}" for number in range(1000)))
    ['/data']
    """

    def __init__(self, folders: Iterable[str] = ()) -> None:
        self._found = dict[str, None]()
        self._common = ""
        for folder in folders:
            self.add(folder)

    def add(self, folder: str) -> None:
        """Add a folder."""
        if folder in self._found or (self._common and folder.startswith(self._common)):
            return
        self._found[folder] = None
        if self._common or len(self._found) > MOST:
            common = os.path.commonpath(self._found)
            self._found, self._common = {common: None}, os.path.join(common, "")

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)
