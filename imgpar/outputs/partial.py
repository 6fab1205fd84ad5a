"""The unfinished archive beside OUT, which the next run takes over where this one is killed.

    .imgpar-HASH-RANDOM.part         finished members; HASH is of the name of OUT
    .imgpar-HASH-RANDOM-OFFSET.part  the run has ended: what follows OFFSET was in OUT before

It is locked while a run has it. A file that nobody has taken over for `DAYS` is removed.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, cast

from imgpar.core.filenames import short_hash
from imgpar.core.fs import WINDOWS, remove_file, replace
from imgpar.core.liveness import attempts, claim, hold, if_free, random_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

DAYS = 30
_NAME = re.compile(r"\.imgpar-([0-9a-f]{16})-([0-9a-f]{16})(?:-(\d{1,18}))?\.part")


class WholeWrites(io.FileIO):
    """A file without a buffer, so that nothing is lost by a kill; a write that the disk cuts short goes on,
    until it raises."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of it. Raises OSError."""
        view, done = memoryview(data).cast("B"), 0
        while done < len(view):
            done += super().write(view[done:]) or 0
        return done


class Partial:
    """An unfinished archive; `file` is open for reading and writing, and ends at `end`.

    Use `new` or `left_by_a_kill`. In a `with` statement it is unlocked at the end, and stays where it is
    unless it was renamed or dropped.
    """

    def __init__(self, path: str, handle: int, end: int) -> None:
        self.path, self.end = path, end
        self._open(handle)

    @classmethod
    def new(cls, root: str) -> Partial:
        """A new one for the archive at `root`. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        _sweep(os.path.dirname(root))
        for _ in attempts():
            path = _path(root, random_name())
            handle = os.open(path, flags, 0o666)
            if hold(handle, path):
                return cls(path, handle, 0)
            os.close(handle)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), root)

    @classmethod
    def left_by_a_kill(cls, root: str) -> Partial | None:
        """The largest one for that archive that no other run has; the others are removed."""
        found: Partial | None = None
        with contextlib.suppress(OSError):
            for path, limit in sorted(_left(root), key=lambda left: os.path.getsize(left[0]), reverse=True):
                if (handle := claim(path)) < 0:
                    continue
                if found:
                    remove_file(path)
                    os.close(handle)
                else:
                    found = cls(path, handle, min(limit, os.fstat(handle).st_size))
        return found

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def cut(self) -> None:
        """Remove what follows `end`. Raises OSError."""
        self.file.truncate(self.end)
        self.file.seek(self.end)

    def mark(self) -> None:
        """Put `end` into its name: what is written from now on is of no use later. Raises OSError."""
        random = os.path.basename(self.path).split("-")[2].removesuffix(".part")
        start, _, _ = self.path.rpartition(f"-{random}")
        self.rename(f"{start}-{random}-{self.end}.part")

    def rename(self, path: str) -> None:
        """Give it another name, replacing what has it. Raises OSError."""
        if WINDOWS:  # which renames no open files
            self.file.close()
        replace(self.path, path)
        self.path = path
        if WINDOWS:
            self._open(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)))

    def drop(self) -> None:
        """Remove it."""
        if WINDOWS:
            self.file.close()
        remove_file(self.path)
        self.file.close()

    def _open(self, handle: int) -> None:
        self.file = cast(IO[bytes], WholeWrites(handle, "r+b"))


def _path(root: str, random: str) -> str:
    folder, name = os.path.split(root)
    return os.path.join(folder, f".imgpar-{short_hash(name, 16)}-{random}.part")


def _left(root: str) -> Iterator[tuple[str, int]]:
    """The unfinished archives for `root`, and where the members of each end at the latest. Raises OSError."""
    folder, name = os.path.split(root)
    for entry in os.listdir(folder):
        if (found := _NAME.fullmatch(entry)) and found[1] == short_hash(name, 16):
            yield os.path.join(folder, entry), int(found[3] or 1 << 62)


def _sweep(folder: str) -> None:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - DAYS * 86400:
                if_free(entry.path, remove_file)
