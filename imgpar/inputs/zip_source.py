"""A ZIP archive as a source: it behaves like a folder of its name."""

from __future__ import annotations

import os
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import IO

from imgpar.core.errors import SourceError
from imgpar.core.job import Facts, Item
from imgpar.inputs.batches import Batch
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import Entry, in_folders, unlisted

UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError)
"""What zipfile raises for archives that are damaged, or made to look so."""


class ZipSource:
    """The files in an archive. The parent reads its directory, workers decompress."""

    waits = False
    damage = UNREADABLE[1:]

    def __init__(self, path: str) -> None:
        self.root = path

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`; an archive without a readable directory is one failed input."""
        try:
            with zipfile.ZipFile(self.root) as archive:
                infos = archive.infolist()
        except UNREADABLE as error:
            yield unlisted(self.root, mirror, f"It cannot be read as a ZIP archive: {error}.")
            return
        entries = (_entry(number, info) for number, info in enumerate(infos) if not info.is_dir())
        yield from in_folders(self.root, mirror, entries, patterns)

    def open(self, item: Item) -> IO[bytes]:
        """One file, decompressed as it is read."""
        archive = _opened(self.root, Facts.of(os.stat(self.root)))
        info = archive.infolist()[int(item.key)]
        if (info.file_size, info.CRC) != (item.size, item.inode):
            raise SourceError("The archive was changed after its files were listed.", fix="Run again.")
        return archive.open(info)


@lru_cache(maxsize=2)
def _opened(path: str, _state: Facts) -> zipfile.ZipFile:
    """The archive, whose directory a worker reads once; `_state` tells one that was replaced."""
    return zipfile.ZipFile(path)


def _entry(number: int, info: zipfile.ZipInfo) -> Entry:
    error = ""
    if info.flag_bits & 1:
        error = "It is encrypted. Unpack the archive first."
    elif stat.S_ISLNK(info.external_attr >> 16):
        error = "It is a link, and links in archives are not followed."
    return Entry(info.filename, info.file_size, modified(info), info.CRC, str(number), error=error)


def modified(info: zipfile.ZipInfo) -> int:
    """Modification time in nanoseconds; 0 where it is none."""
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1))) * 10**9
    except (ValueError, OverflowError):
        return 0
