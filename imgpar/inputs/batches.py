"""What every source hands on: batches of items, one folder at a time."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import islice
from typing import overload

from imgpar.core.filenames import in_order
from imgpar.core.fs import OURS
from imgpar.core.model import INODE_BITS, Item
from imgpar.formats.registry import FORMATS, UNCERTAIN, Format, format_of_suffix, peek, sniff

UNDO = "undo"
"""Folder in OURS with the originals that `--in-place` replaced; marks a folder that is still an input."""

TOGETHER = 2000
"""Files of a folder whose facts are read together."""

Facts = tuple[int, int, int, int]
"""Size, mtime_ns, inode, ctime_ns."""
Row = tuple[str, int, int, int, int]
"""A name and its facts."""

_BY_HANDLE = os.stat in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


SIDECARS = ("xmp", "aae")
"""Suffixes of files that belong to pictures and hold edits, ratings and captions."""


class Entries(Sequence[Item]):
    """The items of one folder in columns, in natural order: about 100 bytes a file.

    How large and how old a file is gets read when its item is asked for, together with the next ones.

    Args:
        folder: absolute.
        mirror: of the folder.
        names: all files, in any order.
        formats: what was sniffed, by name.
        facts: of files for which they were read already.
        failed: names of files that cannot be read.
    """

    __slots__ = (
        "_columns",
        "_facts",
        "_folder",
        "_left",
        "_mirror",
        "_ordered",
        "_wrong",
        "failed",
        "formats",
        "names",
    )

    def __init__(
        self,
        folder: str,
        mirror: str,
        names: Sequence[str],
        formats: dict[str, str],
        facts: dict[str, Facts],
        failed: Collection[str] = (),
    ) -> None:
        self.names, self.formats, self.failed = names, formats, failed
        self._folder, self._mirror = os.path.join(folder, ""), mirror + "/" if mirror else ""
        self._facts = facts
        self._wrong: dict[str, str] = {}
        self._ordered: list[str] = []
        self._columns = array("q"), array("q"), array("q"), array("q")
        self._left = in_order(names)

    @classmethod
    def of(cls, folder: str, mirror: str, rows: Sequence[Row], formats: dict[str, str]) -> Entries:
        """All that is known of files that can be read, in this order."""
        entries = cls(folder, mirror, [row[0] for row in rows], formats, {})
        entries._take(entries.names, [row[1:] for row in rows])
        entries._left = iter(())
        return entries

    def __len__(self) -> int:
        return len(self.names)

    def rows(self) -> Iterator[Row]:
        """Name, size, mtime_ns, inode and ctime_ns of each, without making items."""
        self._read(len(self))
        return zip(self._ordered, *self._columns, strict=True)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index >= len(self._ordered):
            self._read(index + 1)
        name = self._ordered[index]
        sizes, times, inodes, changes = self._columns
        return Item(
            self._folder + name,
            self._mirror + name,
            sizes[index],
            times[index],
            inodes[index],
            self._wrong.get(name, ""),
            self.formats.get(name, ""),
            changes[index],
        )

    def _read(self, count: int) -> None:
        """Read on until the facts of so many files are there."""
        while len(self._ordered) < count and (some := list(islice(self._left, TOGETHER))):
            with open_folder(self._folder) as (handle, where):
                self._take(some, [self._look(name, handle, where) for name in some])

    def _take(self, names: Sequence[str], facts: Sequence[Facts]) -> None:
        self._ordered += names
        for column, values in zip(self._columns, zip(*facts, strict=True), strict=False):
            column.extend(values)

    def _look(self, name: str, handle: int | None, where: str) -> Facts:
        if name in self._facts:
            return self._facts.pop(name)
        if name not in self.failed:
            try:
                status = os.stat(where + name, dir_fd=handle)
                if stat.S_ISREG(status.st_mode):
                    return file_facts(status)
            except OSError:
                pass
        item = named_item(self._folder + name, name)
        self._wrong[name], self.formats[name] = item.error, item.format
        return item.size, item.mtime_ns, item.inode, item.ctime_ns


@contextlib.contextmanager
def open_folder(folder: str) -> Iterator[tuple[int | None, str]]:
    """A handle of a folder, or None and the folder, where names cannot be looked up from a handle."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if _BY_HANDLE else None
    except OSError:  # it is gone, and so are the files in it
        handle = None
    try:
        yield handle, folder if handle is None else ""
    finally:
        if handle is not None:
            os.close(handle)


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
    sidecars: int = 0
    """Those among the ignored files that belong to pictures."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The ignored files by kind."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Folders that are not entered, by name."""
    excluded: int = 0
    """Media and folders that patterns leave out."""
    root: str = ""
    """The input that was named and that holds this folder; empty is the folder itself."""


@lru_cache(maxsize=4096)
def known_suffix(suffix: str) -> Format | None:
    """The format of inputs with this suffix, without its dot, in any case; remembered, as folders repeat a
    few."""
    found = format_of_suffix("x." + suffix)
    return found if found and found.readable else None


def is_clip(item: Item) -> bool:
    """Whether an input is a clip: by its suffix, else by its first bytes."""
    found = known_suffix(suffix_of(item.path)) or FORMATS.get(item.format)
    return found is not None and found.kind == "video"


def is_media(name: str) -> bool:
    """Whether a name alone says that a file is media.

    >>> is_media("clip.MP4"), is_media("index.ts"), is_media("notes.txt")
    (True, False, False)
    """
    suffix = suffix_of(name)
    return known_suffix(suffix) is not None and suffix.lower() not in UNCERTAIN


def suffix_of(name: str) -> str:
    """The suffix without its dot; empty for `.hidden` and `name`."""
    stem, _, suffix = name.rpartition(".")
    return suffix if stem else ""


def is_sidecar(name: str) -> bool:
    """Whether a file is one, by its name.

    >>> is_sidecar("IMG_1.XMP"), is_sidecar("IMG_1.jpg")
    (True, False)
    """
    return suffix_of(name).lower() in SIDECARS


def look_inside(path: str) -> str:
    """The format that the first bytes show, or nothing; raises OSError when the file cannot be read."""
    # Non-blocking, in case the file became a pipe since it was listed.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        head = peek(partial(os.read, handle))
    finally:
        os.close(handle)
    found = sniff(head)
    if found is None and suffix_of(path).lower() in UNCERTAIN and b"\0" in head:
        found = format_of_suffix(path)  # binary, and named like a clip: a damaged one, perhaps
    return found.name if found else ""


def holds_output(folder: str) -> bool:
    """Whether a run wrote its outputs here; a folder that was converted in place is still an input."""
    ours = os.path.join(folder, OURS)
    return os.path.isdir(ours) and not os.path.isdir(os.path.join(ours, UNDO))


def file_facts(status: os.stat_result) -> Facts:
    """The facts in a status; the inode as SQLite can hold it, 0 where the system does not say (Windows
    folder listings)."""
    return status.st_size, status.st_mtime_ns, status.st_ino & INODE_BITS, status.st_ctime_ns


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
            return _no_file(path, mirror, "It is a link to a file that does not exist. Repair the link.")
        if glob.has_magic(path):
            return _no_file(path, mirror, "Nothing matches this pattern. Check it and the folder.")
        return _no_file(path, mirror, "It does not exist. Check the spelling.")
    except OSError as error:
        return Item(path, mirror, 0, 0, error=why_unreadable(error))
    except ValueError:
        return _no_file(path, mirror, "It is no path: it holds a NUL character. Check the list.")
    if stat.S_ISDIR(status.st_mode):
        return _no_file(path, mirror, "It is a folder where a file is expected. Name it as an input.")
    if not stat.S_ISREG(status.st_mode):
        kind = special_kind(status.st_mode)
        return _no_file(path, mirror, f"It is {kind}, not a file. Name files or folders.")
    shown = ""
    if known_suffix(suffix_of(os.path.basename(path))) is None:
        try:
            shown = look_inside(path)
        except OSError as error:
            return Item(path, mirror, status.st_size, status.st_mtime_ns, error=why_unreadable(error))
    size, mtime_ns, inode, ctime_ns = file_facts(status)
    return Item(path, mirror, size, mtime_ns, inode, "", shown, ctime_ns)


def _no_file(path: str, mirror: str, error: str) -> Item:
    return Item(path, mirror, 0, 0, error=error, kind="NoFileError")
