"""Where finished shards are: a folder, or any other place that outputs go to."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Protocol

from imgpar.core.digest import content_digest, file_digest
from imgpar.core.errors import OutputError
from imgpar.core.fs import Half, long_path, replace, sync_folder
from imgpar.core.job import OutputFile
from imgpar.outputs.shards.settings import shard_name
from imgpar.outputs.sinks import Sink, Stored

ENDS = (".tar", ".parquet", "_stats.json")
"""Of the names of the files of a shard; the last one says that it is whole."""
_FILE = re.compile(r"(\d{5,})(?:\.tar|\.parquet|_stats\.json)")


class TakenError(OutputError):
    """Somebody else has stored a shard under this number."""


class Home(Protocol):
    """The place of finished shards."""

    root: str
    apart: bool
    """Whether putting a file there takes long, so that a thread does it."""
    lasts: bool
    """As `Sink`."""

    def cached_by(self, directives: str) -> bool:
        """As `Sink.cached_by`."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""

    def free_number(self, number: int) -> int:
        """The lowest number from this one on whose names are free."""

    def put(self, half: str, name: str) -> None:
        """Give a whole file its name there. Raises TakenError, OSError, other errors of imgpar."""

    def sample_digest(self, name: str, start: int, nbytes: int, noted: str) -> str:
        """The digest of a part of a file; `noted` where it cannot be read in parts. Raises OSError."""


class FolderHome:
    """Shards in a folder; temporary files lie there, too."""

    apart, lasts = False, True

    def __init__(self, folder: str) -> None:
        self.root = folder

    def cached_by(self, directives: str) -> bool:  # noqa: ARG002
        """As `Home.cached_by`."""
        return False

    def size(self, name: str) -> int | None:
        """As `Home.size`."""
        try:
            status = os.lstat(long_path(os.path.join(self.root, name)))
        except OSError:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def free_number(self, number: int) -> int:
        """As `Home.free_number`: above all that are there."""
        found = (_FILE.fullmatch(name) for name in os.listdir(self.root))
        return max((number, *(int(match[1]) + 1 for match in found if match)))

    def put(self, half: str, name: str) -> None:
        """As `Home.put`."""
        final = os.path.join(self.root, name)
        try:
            replace(half, final)
        except FileNotFoundError:  # another process has just done it
            if self.size(name) is None:
                raise
        sync_folder(self.root)

    def sample_digest(self, name: str, start: int, nbytes: int, noted: str) -> str:  # noqa: ARG002
        """As `Home.sample_digest`."""
        with open(long_path(os.path.join(self.root, name)), "rb") as archive:
            archive.seek(start)
            return content_digest(archive.read(nbytes))


class StoreHome:
    """Shards in another sink, such as an object store: whole files are published there."""

    apart = True

    def __init__(self, sink: Sink) -> None:
        self.root, self._sink, self.lasts = sink.root, sink, Stored(sink).lasts

    def cached_by(self, directives: str) -> bool:
        """As `Home.cached_by`."""
        return Stored(self._sink).cached_by(directives)

    def size(self, name: str) -> int | None:
        """As `Home.size`."""
        found = self._sink.find(f"{self.root}/{name}")
        return found.size if found else None

    def free_number(self, number: int) -> int:
        """As `Home.free_number`."""
        while any(self.size(shard_name(number) + end) is not None for end in ENDS):
            number += 1
        return number

    def put(self, half: str, name: str) -> None:
        """As `Home.put`."""
        path, status = f"{self.root}/{name}", os.stat(long_path(half))
        if self._sink.find(path):  # by a run that was killed, or by somebody else
            if self._sink.digest(path) == file_digest(half):
                return
            raise _taken(path)
        publish = getattr(self._sink, "publish_new", self._sink.publish)
        try:
            publish(path, half, OutputFile(path, status.st_size, mtime_ns=status.st_mtime_ns))
        except FileExistsError:
            raise _taken(path) from None

    def sample_digest(self, name: str, start: int, nbytes: int, noted: str) -> str:  # noqa: ARG002
        """As `Home.sample_digest`: the store has compared the archive when it was put there."""
        return noted


def put_all(home: Home, halves: dict[str, Half]) -> None:
    """Give the files of a shard their names, in order."""
    for name, half in halves.items():
        half.finish()
        home.put(half.path, name)


def put_left(home: Home, folder: str, halves: dict[str, str]) -> None:
    """The same after a kill; what is not there any more has its name. Raises TakenError."""
    for name, half in halves.items():
        with contextlib.suppress(FileNotFoundError):
            home.put(os.path.join(folder, os.path.basename(half)), name)


def _taken(path: str) -> TakenError:
    return TakenError(
        f"{path} was stored by another program while this run made a shard of its own; it was left alone.",
        fix="Run again: the samples are made again, in another shard.",
    )
