"""What every source hands on: batches of items, one folder at a time."""

from __future__ import annotations

import glob
import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

from imgpar.codecs.formats import Format, format_of_suffix, sniff
from imgpar.model import Item

OURS = ".imgpar"
"""Folder in an output folder that holds the journal."""
UNDO = "undo"
"""Folder in OURS with the originals that `--in-place` replaced; marks a folder that is still an input."""

HEAD = 512
"""Bytes that `sniff` looks at."""
INODE_BITS = (1 << 63) - 1


class Entries(Sequence[Item]):
    """The items of one folder in columns: about 100 bytes a file; an Item is made when it is asked for."""

    __slots__ = ("_folder", "_formats", "_inodes", "_mirror", "_mtimes", "_names", "_sizes")

    def __init__(
        self, folder: str, mirror: str, rows: Sequence[tuple[str, int, int, int]], formats: dict[str, str]
    ) -> None:
        """`rows` are (name, size, mtime_ns, inode); `formats` holds what was sniffed, by name."""
        self._folder = os.path.join(folder, "")
        self._mirror = mirror + "/" if mirror else ""
        self._formats = formats
        names, sizes, mtimes, inodes = zip(*rows, strict=True) if rows else ((), (), (), ())
        self._names = list(names)
        self._sizes, self._mtimes, self._inodes = array("q", sizes), array("q", mtimes), array("q", inodes)

    def __len__(self) -> int:
        return len(self._names)

    def rows(self) -> Iterator[tuple[str, int, int, int]]:
        """Name, size, mtime_ns and inode of each, without making items."""
        return zip(self._names, self._sizes, self._mtimes, self._inodes, strict=True)

    def __iter__(self) -> Iterator[Item]:
        folder, mirror, formats = self._folder, self._mirror, self._formats
        for name, size, mtime, inode in self.rows():
            yield Item(folder + name, mirror + name, size, mtime, inode, "", formats.get(name, ""))

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        name = self._names[index]
        return Item(
            self._folder + name,
            self._mirror + name,
            self._sizes[index],
            self._mtimes[index],
            self._inodes[index],
            "",
            self._formats.get(name, ""),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """All media that go into one folder below OUT; names are told apart within a batch."""

    folder: str
    """Absolute source folder; empty where the items come from several."""
    mirror: str
    """Path of the outputs' folder below OUT, with `/`; empty for OUT itself."""
    items: Sequence[Item]
    ignored: int = 0
    """Files that are no media: seen, counted, left alone."""
    folders: tuple[str, ...] = ()
    """Names in the outputs' folder that belong to other batches."""
    notes: tuple[str, ...] = ()
    """What to tell the user about this folder."""


@lru_cache(maxsize=4096)
def known_suffix(suffix: str) -> Format | None:
    """The format of a suffix without its dot, in any case; remembered, as folders repeat a few."""
    return format_of_suffix("x." + suffix)


def suffix_of(name: str) -> str:
    """The suffix without its dot; empty for `.hidden` and `name`."""
    stem, _, suffix = name.rpartition(".")
    return suffix if stem else ""


def look_inside(path: str) -> str:
    """The format that the first bytes show, or nothing; raises OSError when the file cannot be read."""
    # Non-blocking, in case the file became a pipe since it was listed.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = sniff(os.read(handle, HEAD))
    finally:
        os.close(handle)
    return found.name if found else ""


def holds_output(folder: str) -> bool:
    """Whether a run wrote its outputs here; a folder that was converted in place is still an input."""
    ours = os.path.join(folder, OURS)
    return os.path.isdir(ours) and not os.path.isdir(os.path.join(ours, UNDO))


def inode_of(status: os.stat_result) -> int:
    """The inode as SQLite can hold it; 0 where the system does not say (Windows folder listings)."""
    return status.st_ino & INODE_BITS


def why_unreadable(error: OSError) -> str:
    """The sentence for an input that the system does not let us read."""
    reason = error.strerror or str(error)
    fix = {
        PermissionError: "Change its permissions or run as a user who may read it.",
        FileNotFoundError: "It was there when its folder was listed; check the disk or the network.",
    }.get(type(error), "Check the disk or the network connection.")
    return f"It cannot be read: {reason}. {fix}"


def special_kind(mode: int) -> str:
    """What a path is that is neither file nor folder; such a path is never opened, as that may block."""
    kinds = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"))
    return next((name for test, name in kinds if test(mode)), "a device")


def named_item(path: str, mirror: str) -> Item:
    """The item for a file that the user named: always a line of the report, readable or not."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            return Item(
                path, mirror, 0, 0, error="It is a link to a file that does not exist. Repair the link."
            )
        if glob.has_magic(path):
            return Item(path, mirror, 0, 0, error="Nothing matches this pattern. Check it and the folder.")
        return Item(path, mirror, 0, 0, error="It does not exist. Check the spelling.")
    except OSError as error:
        return Item(path, mirror, 0, 0, error=why_unreadable(error))
    except ValueError:
        return Item(path, mirror, 0, 0, error="It is no path: it holds a NUL character. Check the list.")
    if stat.S_ISDIR(status.st_mode):
        return Item(path, mirror, 0, 0, error="It is a folder where a file is expected. Name it as an input.")
    if not stat.S_ISREG(status.st_mode):
        kind = special_kind(status.st_mode)
        return Item(path, mirror, 0, 0, error=f"It is {kind}, not a file. Name files or folders.")
    shown = ""
    if known_suffix(suffix_of(os.path.basename(path))) is None:
        try:
            shown = look_inside(path)
        except OSError as error:
            return Item(path, mirror, status.st_size, status.st_mtime_ns, error=why_unreadable(error))
    return Item(path, mirror, status.st_size, status.st_mtime_ns, inode_of(status), "", shown)
