"""Identification of input folders in the journal.

A folder is identified by its absolute path or by its path relative to OUT, so that either may be moved. Only
salted hashes of both are stored: the journal contains no path outside OUT.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from imgpar.batch.journal import sql
from imgpar.batch.journal.database import readable
from imgpar.core.filenames import has_scheme

MOST = 50_000
"""Size of the cache; larger than the number of folders that are planned ahead."""


class Folder(NamedTuple):
    """A row of the table `folders`."""

    here: bytes
    place: bytes
    path: bytes
    mirror: bytes
    row: int = 0


class InputFolders:
    """The folders of one journal.

    Args:
        database: connection to the journal.
        path: path of the journal, for messages.
        base: OUT; empty if the journal belongs to no folder.
        in_place: whether inputs and outputs lie in the same folder.
    """

    def __init__(self, database: sqlite3.Connection, path: str, base: str, *, in_place: bool) -> None:
        self._database, self._path, self._in_place = database, path, in_place
        self._base = os.path.realpath(base) if base and not has_scheme(base) else ""
        self._known: OrderedDict[str, Folder] = OrderedDict()
        self.named_again = False
        """Whether the inputs of the last run were given again and may have been moved: their folders are then
        also found by their paths relative to the given input."""
        with readable(path):
            self._salt: bytes = database.execute("SELECT salt FROM about").fetchone()[0]
            if not (isinstance(self._salt, bytes) and len(self._salt) <= blake2b.MAX_KEY_SIZE):
                raise TypeError(self._salt)

    def enter(self, folder: str, mirror: str, root: str = "") -> int:
        """The id of an input folder whose outputs go to `mirror`; 0 if it has no row.

        Args:
            folder: absolute path.
            mirror: path relative to OUT, with `/`.
            root: the given input that contains the folder.
        """
        known = self._known.get(folder)
        if known is not None:
            return known.row
        here, place = self._hashes(folder)
        mirror = "" if self._in_place else mirror
        known = Folder(here, place, os.fsencode(_below(folder, root)), os.fsencode(mirror))
        with readable(self._path):
            run = self._database.execute
            row = run(sql.FIND_FOLDER, (known.mirror, here, place, here)).fetchone()
            if row is None and self.named_again:
                row = run(sql.FIND_BELOW, (known.mirror, known.path)).fetchone()
            if row is not None:
                known = known._replace(row=int(row[0]))
                if (row[1], row[2]) != (here, place):
                    run(sql.MOVE_FOLDER, (here, place, known.path, known.row))
                    run(sql.FORGET_PLACE, (known.mirror, place, known.row))
        self._known[folder] = known
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return known.row

    def row(self, folder: str, mirror: str) -> int:
        """The same; a missing row is inserted."""
        number = self.enter(folder, mirror)
        if not number:
            known = self._known[folder]
            number = self._database.execute(sql.ADD_FOLDER, known[:4]).lastrowid or 0
            self._known[folder] = known._replace(row=number)
        return number

    def rows_at(self, folder: str) -> list[int]:
        """The ids of a folder for all output folders."""
        return [row[0] for row in self._database.execute(sql.FOLDERS_AT, self._hashes(folder)).fetchall()]

    def below(self, root: str) -> Iterator[str]:
        """The absolute paths of all folders of an input, as they were recorded; they may be gone."""
        with readable(self._path):
            for path, here in self._database.execute(sql.FOLDER_PATHS).fetchall():
                folder = os.path.join(root, os.fsdecode(path)).rstrip("/" + os.sep) or os.sep
                if self._hash("here", os.path.realpath(folder)) == here:
                    yield folder

    def clear(self) -> None:
        """Clear the cache, after a transaction was rolled back."""
        self._known.clear()

    def _hashes(self, folder: str) -> tuple[bytes, bytes]:
        """Hashes of the absolute path of a folder and of its path relative to OUT."""
        local = not has_scheme(folder)
        real = os.path.realpath(folder) if local else folder
        try:
            seen = os.path.relpath(real, self._base) if self._base and local else real
        except ValueError:  # another drive of Windows
            seen = real
        return self._hash("here", real), self._hash("place", seen)

    def _hash(self, kind: str, path: str) -> bytes:
        return blake2b(os.fsencode(path), key=self._salt, digest_size=16, person=kind.encode()).digest()


def _below(folder: str, root: str) -> str:
    """The path of a folder relative to the given input; empty for the input itself."""
    inside = os.path.join(root, "")
    return folder[len(inside) :].replace(os.sep, "/") if root and folder.startswith(inside) else ""
