"""Batches of items, one folder at a time: the output of every source."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import stat
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice
from typing import overload

from imgpar.core.errors import SourceError
from imgpar.core.filenames import in_order
from imgpar.core.forbidden import FORBIDS, NO_SANDBOX, forbidden
from imgpar.core.fs import OURS, long_path
from imgpar.core.job import INODE_BITS, Item
from imgpar.formats.registry import FORMATS, UNCERTAIN, Format, format_of_suffix, peek, sniff
from imgpar.inputs.ignored import ignored_kind

UNDO = "undo"
"""Folder in OURS with the originals that `--in-place` replaced; marks a folder that is still an input."""

TOGETHER = 2000
"""Files of a folder whose status is read together."""

Facts = tuple[int, int, int, int]
"""Size, mtime_ns, inode, ctime_ns."""
Row = tuple[str, int, int, int, int]
"""A name and its facts."""

_BY_HANDLE = os.stat in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


SIDECARS = ("xmp", "aae")
"""Suffixes of sidecar files, which store edits, ratings and captions of pictures."""


class Entries(Sequence[Item]):
    """The items of one folder in columns, in natural order: about 100 bytes per file.

    The status of a file is read when its item is requested, together with the next ones.

    Args:
        folder: absolute path.
        mirror: path of the folder below OUT.
        names: all files, in any order.
        formats: detected formats, by name.
        facts: status of files for which it is known, by name.
        failed: names of files that cannot be read.
    """

    __slots__ = (
        "_before",
        "_columns",
        "_facts",
        "_folder",
        "_keys",
        "_kinds",
        "_left",
        "_listed",
        "_mirror",
        "_ordered",
        "_shown",
        "_wrong",
        "failed",
        "formats",
        "names",
        "source",
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
        self.source = 0
        self._keys: Sequence[str] = ()
        self._before = ""
        self._shown: Mapping[str, str] = {}
        self._listed: Mapping[str, str] = {}
        self._kinds: Mapping[str, str] = {}

    @classmethod
    def of(
        cls,
        folder: str,
        mirror: str,
        rows: Iterable[Row],
        formats: dict[str, str],
        *,
        separator: str = os.sep,
        errors: dict[str, str] | None = None,
        kinds: Mapping[str, str] | None = None,
        keys: Sequence[str] = (),
        columns: Mapping[str, str] | None = None,
    ) -> Entries:
        """Entries with known status, in this order.

        Args:
            folder: absolute path, or what it is called in its source.
            mirror: path of the folder below OUT.
            rows: name and status of each file.
            formats: detected formats, by name; this and what follows is read after the rows.
            separator: behind the folder.
            errors: why files cannot be read, by name.
            kinds: class names of these errors, by name.
            keys: what the source knows each by, in the same order; empty where that is its path.
            columns: what else a list says of a file, as JSON, by name; see `Item.columns`.
        """
        entries = cls(folder, mirror, (), formats, {})
        entries._folder = folder if folder.endswith(separator) else folder + separator
        for name, *facts in rows:
            entries._ordered.append(name)
            for column, value in zip(entries._columns, facts, strict=True):
                column.append(value)
        entries.names = entries._ordered
        entries._keys, entries._listed, entries._kinds = keys, columns or {}, kinds or {}
        entries._wrong = entries.failed = errors or {}
        return entries

    def of_source(self, number: int, before: str = "") -> Entries:
        """The same as items of a source; see `Item.source`. `before` is put before all keys."""
        made = copy(self)
        made.source, made._before = number, before
        return made

    def shown_as(self, shown: Callable[[str], str]) -> Entries:
        """The same with outputs that are named after `shown(name)`."""
        made = copy(self)
        made._shown = {name: other for name in self.names if (other := shown(name)) != name}
        return made

    @property
    def renamed(self) -> bool:
        """Whether outputs are named after something else than these names."""
        return bool(self._shown)

    def __len__(self) -> int:
        return len(self.names)

    def rows(self) -> Iterator[Row]:
        """Name, size, mtime_ns, inode and ctime_ns of each, without building items."""
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
            self._mirror + self._shown.get(name, name),
            sizes[index],
            times[index],
            inodes[index],
            self._wrong.get(name, ""),
            self.formats.get(name, ""),
            changes[index],
            self._kinds.get(name, SourceError.__name__),
            source=self.source,
            key=self._before + self._keys[index] if self._keys else "",
            columns=columns_in(self._listed.get(name)),
        )

    def ordered(self, places: range) -> Sequence[str]:
        """The names in a range of indices."""
        self._read(places.stop)
        return self._ordered[places.start : places.stop]

    def between(self, start: int, stop: int) -> Sequence[Item]:
        """The items in a range of indices: the same as `[start:stop]`, in a fifth of the time where they have
        nothing but their names and status."""
        self._read(stop)
        if self._wrong or self.formats or self._shown or self._keys or self._listed or self.source:
            return self[start:stop]
        columns = (column[start:stop] for column in self._columns)
        folder, mirror = self._folder, self._mirror
        return [
            Item(folder + name, mirror + name, size, mtime_ns, inode, "", "", ctime_ns)
            for name, size, mtime_ns, inode, ctime_ns in zip(self._ordered[start:stop], *columns, strict=True)
        ]

    def _read(self, count: int) -> None:
        """Read the status of files until `count` are known."""
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
                status = os.stat(long_path(where + name), dir_fd=handle)
                if stat.S_ISREG(status.st_mode):
                    return file_facts(status)
            except OSError:
                pass
        item = named_item(self._folder + name, name)
        self._wrong[name], self.formats[name] = item.error, item.format
        return item.size, item.mtime_ns, item.inode, item.ctime_ns

    def of_kind(self, kind: str) -> Entries:
        """The files of one kind, "image" or "video", by their names or detected formats."""
        formats = self.formats

        def wanted(name: str) -> bool:
            found = known_suffix(suffix_of(name)) or FORMATS.get(formats.get(name, ""))
            return found is not None and found.kind == kind

        if self._is_settled:
            return self.picked([at for at, name in enumerate(self._ordered) if wanted(name)])
        names = list(filter(wanted, self.names))
        return Entries(self._folder, self._mirror.rstrip("/"), names, formats, self._facts, self.failed)

    def picked(self, places: Sequence[int]) -> Entries:
        """Some of the files, in this order, with their status.

        Args:
            places: indices of the files.
        """
        rows = list(self.rows())
        made = Entries.of(
            self._folder[:-1] or os.sep,
            self._mirror.rstrip("/"),
            [rows[at] for at in places],
            self.formats,
            separator=self._folder[-1],
            kinds=self._kinds,
            keys=[self._keys[at] for at in places] if self._keys else (),
            columns=self._listed,
        )
        made.failed, made._wrong, made.source = self.failed, self._wrong, self.source
        made._before, made._shown = self._before, self._shown
        return made

    @property
    def _is_settled(self) -> bool:
        """Whether the order and the status of all are known."""
        return len(self._ordered) == len(self.names)


@contextlib.contextmanager
def open_folder(folder: str) -> Iterator[tuple[int | None, str]]:
    """A descriptor of a folder, or None and the folder, where names cannot be resolved relative to a
    descriptor."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if _BY_HANDLE else None
    except OSError:  # it was removed with the files in it
        handle = None
    try:
        yield handle, folder if handle is None else ""
    finally:
        if handle is not None:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Batch:
    """All media that go into one folder below OUT; names are unique within a batch."""

    folder: str
    """Absolute source folder; empty where the items come from several."""
    mirror: str
    """Path of the output folder below OUT, with `/`; empty for OUT itself."""
    items: Sequence[Item]
    ignored: int = 0
    """Number of files that are not media."""
    folders: tuple[str, ...] = ()
    """Names in the output folder that belong to other batches."""
    notes: tuple[str, ...] = ()
    """Notes on this folder for the report."""
    sidecars: int = 0
    """Number of ignored files that are sidecars."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Number of ignored files by kind."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Number of skipped folders, by name."""
    excluded: int = 0
    """Number of media and folders excluded by patterns."""
    root: str = ""
    """The input that contains this folder; empty is the folder itself."""
    filtered: int = 0
    """Number of media left out by conditions (`--where`)."""
    others: Sequence[Item] = ()
    """Of a source that is no folder: the files that are not media, hidden ones left out. In a folder they are
    looked for where they are wanted."""
    part: bool = False
    """Whether it is one of several batches of items from anywhere (`Item.listed`). Their names are unique in
    all of them, and their outputs may lie in folders below `mirror`."""
    files: bool = False
    """Whether a source yields it whose items are local files, opened by their paths."""

    @property
    def pause(self) -> bool:
        """Whether it is `PAUSE`, or has as little in it."""
        return not (self.folder or self.items or self.excluded or self.notes)


PAUSE = Batch("", "", ())
"""Of a source that takes long: nothing yet. Whoever reads it may do something else, or end."""


def of_kind(batches: Iterable[Batch], kind: str) -> Iterator[Batch]:
    """Only one kind of files, "image" or "video", of the folders; files that the user named stay."""
    for batch in batches:
        if not isinstance(batch.items, Entries):
            yield batch
            continue
        items = batch.items.of_kind(kind)
        left = Counter(map(ignored_kind, set(batch.items.names).difference(items.names)))
        kinds = Counter(batch.kinds) + left
        yield replace(batch, items=items, ignored=kinds.total(), kinds=kinds)


@lru_cache(maxsize=4096)
def known_suffix(suffix: str) -> Format | None:
    """The readable format with this suffix, without its dot, in any case; cached, as folders repeat a few."""
    found = format_of_suffix("x." + suffix)
    return found if found and found.readable else None


def columns_in(text: str | None) -> tuple[tuple[str, str], ...]:
    """The other columns of a row of a list, from their JSON."""
    return tuple((name, value) for name, value in json.loads(text)) if text else ()


def is_clip(item: Item) -> bool:
    """Whether an input is a clip: by its suffix, else by its detected format."""
    return clip_format(item) is not None


def clip_format(item: Item) -> Format | None:
    """The format of an input that is a clip; None for any other."""
    found = known_suffix(suffix_of(item.name)) or FORMATS.get(item.format)
    return found if found is not None and found.kind == "video" else None


def is_media(name: str) -> bool:
    """Whether the name of a file is sufficient to treat it as media.

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
    """Whether the name is that of a sidecar.

    >>> is_sidecar("IMG_1.XMP"), is_sidecar("IMG_1.jpg")
    (True, False)
    """
    return suffix_of(name).lower() in SIDECARS


def look_inside(path: str) -> str:
    """The format detected from the first bytes, or an empty string; raises OSError."""
    # Non-blocking, in case the file became a pipe since it was listed.
    handle = os.open(long_path(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        head = peek(partial(os.read, handle))
    finally:
        os.close(handle)
    found = sniff(head)
    if found is None and suffix_of(path).lower() in UNCERTAIN and b"\0" in head:
        found = format_of_suffix(path)  # binary, and named like a clip: possibly a damaged one
    return found.name if found else ""


def holds_output(folder: str) -> bool:
    """Whether a run wrote its outputs here; a folder that was converted in place is still an input."""
    ours = os.path.join(folder, OURS)
    return os.path.isdir(ours) and not os.path.isdir(os.path.join(ours, UNDO))


def file_facts(status: os.stat_result) -> Facts:
    """The values of a status; the inode as SQLite can store it, 0 if unknown (Windows folder listings)."""
    return status.st_size, status.st_mtime_ns, status.st_ino & INODE_BITS, status.st_ctime_ns


def why_unreadable(error: OSError) -> str:
    """The message for an input that cannot be read."""
    if forbidden(error):
        return f"It cannot be read. {FORBIDS} {NO_SANDBOX}"
    reason = error.strerror or str(error)
    fix = {
        PermissionError: "Change its permissions or run as a user who may read it.",
        FileNotFoundError: "It was there when its folder was listed; check the disk or the network.",
    }.get(type(error), "Check the disk or the network connection.")
    return f"It cannot be read: {reason}. {getattr(error, 'fix', fix)}".rstrip()


def special_kind(mode: int) -> str:
    """Kind of a path that is neither file nor folder; it is never opened, as that may block."""
    kinds = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"))
    return next((name for test, name in kinds if test(mode)), "a device")


def named_item(path: str, mirror: str) -> Item:
    """The item for a file that the user named: always listed in the report, readable or not."""
    try:
        status = os.stat(long_path(path))
    except FileNotFoundError:
        if os.path.islink(path):
            return _no_file(path, mirror, "It is a link to a file that does not exist. Repair the link.")
        if glob.has_magic(path):
            return _no_file(path, mirror, "Nothing matches this pattern. Check it and the folder.")
        return _no_file(path, mirror, inside_a_file(path) or "It does not exist. Check the spelling.")
    except OSError as error:
        above = _no_file(path, mirror, inside_a_file(path))
        return above if above.error else Item(path, mirror, 0, 0, error=why_unreadable(error))
    except ValueError:
        wrong = "a NUL character" if "\0" in path else "a lone surrogate"
        return _no_file(path, mirror, f"It is not a path: it contains {wrong}. Check the list.")
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


def inside_a_file(path: str) -> str:
    """What is wrong with a path below a file, such as an archive; empty if none of its folders is a file."""
    above = os.path.dirname(path)
    while above and not os.path.lexists(above):
        above = os.path.dirname(above)
    if not os.path.isfile(above):
        return ""
    inside = os.path.relpath(path, above).replace(os.sep, "/")
    return (
        f"It is inside of {above}, which is a file. If that is an archive, name it as an input, and choose "
        f"with --include {inside!r} (include=)."
    )


def _no_file(path: str, mirror: str, error: str) -> Item:
    return Item(path, mirror, 0, 0, error=error, kind="NoFileError")
