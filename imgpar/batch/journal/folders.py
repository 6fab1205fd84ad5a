"""Folders of inputs, as a journal identifies them.

A folder is known by where it lies, by itself or relative to OUT: either may be moved. Only salted hashes of
both are stored, so the journal names no place outside of its home.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from hashlib import blake2b
from typing import NamedTuple

from imgpar.batch.journal import sql
from imgpar.batch.journal.database import readable

MOST = 50_000
"""Folders that are kept in memory: more than can be planned ahead."""


class Folder(NamedTuple):
    """A folder of inputs as the journal knows it."""

    here: bytes
    place: bytes
    path: bytes
    mirror: bytes
    row: int = 0


class InputFolders:
    """The folders of one journal.

    Args:
        database: of the journal.
        path: of the journal, for messages.
        base: OUT; empty where the journal belongs to no folder.
        in_place: whether inputs and outputs lie in the same folder.
    """

    def __init__(self, database: sqlite3.Connection, path: str, base: str, *, in_place: bool) -> None:
        self._database, self._path, self._in_place = database, path, in_place
        self._base = os.path.realpath(base) if base else ""
        self._known: OrderedDict[str, Folder] = OrderedDict()
        self.named_again = False
        """The user has named the inputs of the last run again, wherever they are now: their folders are found
        by their paths below them."""
        with readable(path):
            self._salt: bytes = database.execute("SELECT salt FROM about").fetchone()[0]
            if not (isinstance(self._salt, bytes) and len(self._salt) <= blake2b.MAX_KEY_SIZE):
                raise TypeError(self._salt)

    def enter(self, folder: str, mirror: str, root: str = "") -> int:
        """The row of a folder of inputs whose outputs go to `mirror`; 0 while there is none.

        Args:
            folder: absolute.
            mirror: below OUT, with `/`.
            root: the input that was named and that holds it.
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
        """The same; the row is made where there is none."""
        number = self.enter(folder, mirror)
        if not number:
            known = self._known[folder]
            number = self._database.execute(sql.ADD_FOLDER, known[:4]).lastrowid or 0
            self._known[folder] = known._replace(row=number)
        return number

    def rows_at(self, folder: str) -> list[int]:
        """All rows of a folder, wherever its outputs went."""
        return [row[0] for row in self._database.execute(sql.FOLDERS_AT, self._hashes(folder)).fetchall()]

    def clear(self) -> None:
        """Forget what is in memory: a transaction was rolled back."""
        self._known.clear()

    def _hashes(self, folder: str) -> tuple[bytes, bytes]:
        """Where a folder lies by itself, and as seen from OUT."""
        real = os.path.realpath(folder)
        try:
            seen = os.path.relpath(real, self._base) if self._base else ""
        except ValueError:  # another drive of Windows
            seen = ""
        return self._hash("here", real), self._hash("place", seen) if seen else b"\0"

    def _hash(self, kind: str, path: str) -> bytes:
        return blake2b(os.fsencode(path), key=self._salt, digest_size=16, person=kind.encode()).digest()


def _below(folder: str, root: str) -> str:
    """A folder as seen from the input that holds it; nothing where that is the folder itself."""
    inside = os.path.join(root, "")
    return folder[len(inside) :].replace(os.sep, "/") if root and folder.startswith(inside) else ""
