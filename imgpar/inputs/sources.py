"""Where inputs come from: the contract of all sources, and what those that are no folder have in common.

    Folder (roots.Root)     files below a folder; items are opened by their path
    memory, zip, yours      anything that lists entries and opens one of them

An item is known by the name of its source and the path below it, `Source.root/path/below`; in a folder
that is its path. A source is sent to the workers once per run, and they open the items.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO, Any, NamedTuple, Protocol, TypeGuard, cast

from imgpar.core.addresses import STORES, last_part, scheme_of, without_secrets
from imgpar.core.errors import (
    DamagedError,
    ImgparError,
    SourceError,
    UsageError,
    item_error,
    refuse_collapsed,
    unknown_scheme,
)
from imgpar.core.job import Item
from imgpar.core.limits import Secret
from imgpar.core.private_database import private_database
from imgpar.core.tempfiles import temporary
from imgpar.inputs.batches import PAUSE, Batch, Entries, is_media, is_sidecar, why_unreadable
from imgpar.inputs.fetching import Fetched, FetchOptions, Ongoing, check_free_room
from imgpar.inputs.folder_spool import Contents, FolderSpool, SpooledFile
from imgpar.inputs.ignored import HIDDEN, ignored_kind, is_system_folder
from imgpar.inputs.others import OTHER
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.ranges import matching, spelled_out
from imgpar.inputs.walk import mirror_names, path_below

_ZIP = ("imgpar.inputs.zip_source", "ZipSource")
_TAR = ("imgpar.inputs.tar_source", "TarSource")
_PACKED = ("imgpar.inputs.tar_source", "PackedTarSource")
_SEVENZIP = ("imgpar.inputs.sevenzip_source", "SevenZipSource")
ARCHIVES = {
    **dict.fromkeys(("zip", "cbz"), _ZIP),
    **dict.fromkeys(("tar", "cbt"), _TAR),
    **dict.fromkeys(("7z", "cb7"), _SEVENZIP),
    **dict.fromkeys((f"tar.{method}" for method in ("gz", "bz2", "xz", "zst")), _PACKED),
    **dict.fromkeys(("tgz", "tbz", "tbz2", "txz", "tzst"), _PACKED),
}
"""Module and class of the source for a file that was named, by its suffix, which may be a double one such as
`tar.gz`; the class is called with the absolute path and an `Access`."""

SCHEMES: dict[str, tuple[str, str]] = dict.fromkeys(STORES, ("imgpar.inputs.stores.source", "StoreSource"))
"""Module and class of the source for an address, by its scheme; the class is called with the address and an
`Access`."""

SINGLE = ("http", "https")
"""Schemes whose addresses are items, not folders: one source has all that were named."""

_INVALID = frozenset("\0:" if os.name == "nt" else "\0")

PAUSE_SECONDS = 0.5
"""Interval at which a source that is being listed lets its reader do something else."""
_MOST = (1 << 63) - 1
"""Of sizes in bytes and times in nanoseconds."""

LONGEST = 2000
"""Characters of a path below a source; a longer one is no name of a file on most systems."""

Content = bytes | bytearray | memoryview | IO[bytes] | int | str | os.PathLike[str]
"""One item: its bytes, an open binary file, a descriptor, or the path of a file; what is open is closed by
the receiver."""


class Access(NamedTuple):
    """What the options of a run say to its sources."""

    password: Secret | None = None
    """Of encrypted archives."""
    archives: bool = False
    """Whether archives that are found in a folder are opened."""
    fetching: FetchOptions = FetchOptions()
    """Limits of transfers, for sources that wait."""
    columns: tuple[str, ...] = ()
    """What a table must have beside the address."""


NO_ACCESS = Access()


class Source(Protocol):
    """A place of inputs. It is pickled for the workers, so it has no open files and connections.

    A source may also have `loose`, true where its items are inputs of their own, whose outputs go to the top
    of OUT as those of files, and `single`, true where it is one such item.
    """

    @property
    def root(self) -> str:
        """Its name, which does not change between runs: an absolute path, or a text such as
        `album://holiday`."""

    @property
    def waits(self) -> bool:
        """Whether opening an item waits for a network. Items are then opened ahead by threads of the parent,
        so that no worker waits."""

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """All inputs, one folder at a time; called in the parent. `in_folders` makes them from a list.

        Args:
            mirror: path below OUT for this source; empty where it is the only input.
            patterns: `include` and `exclude` of the run.
        """

    def open(self, item: Item) -> Content:
        """One item, by its `key` or its `path`; called in a worker.

        Raises OSError, ImgparError, and the exceptions in an optional attribute `damage`, which mean that the
        item is damaged.
        """

    # A source that waits may have these as well; see `fetch` and `host_of`:
    #
    # fetch(item, path, ongoing) -> Fetched   writes an item to a new file, in a thread of the parent; where
    #                                         `item.validator` is set, only if the content is another one
    # host_of(item) -> str                    what serves the item; by default all come from one host
    # close()                                 ends connections, when a run ends


class Entry(NamedTuple):
    """One entry of a source that lists them; 0 and empty are unknown."""

    path: str
    """Below the source, with `/`. It is not trusted."""
    size: int = 0
    """In bytes."""
    mtime_ns: int = 0
    version: int = 0
    """Any number of 63 bits that changes with the content, such as a checksum."""
    key: str = ""
    """What the source opens it by; see `Item.key`."""
    format: str = ""
    """Name of its format, where the suffix does not tell."""
    error: str = ""
    """Why it cannot be read."""
    kind: str = SourceError.__name__
    """Class name of the exception for `error`."""


def in_folders(
    root: str, mirror: str, entries: Iterable[Entry], patterns: Patterns | None = None
) -> Iterator[Batch]:
    """The batches of a source that lists its entries: parents first, in natural order.

    Entries with the suffix of a picture or clip, and those with a format, are inputs. Hidden ones and folders
    of operating systems are left out, as in a folder. A path that leads outside is a failed input. Of several
    entries with one path the last counts, as when an archive is unpacked.

    Args:
        root: name of the source.
        mirror: its path below OUT.
        entries: in any order.
        patterns: `include` and `exclude` of the run.
    """
    with private_database() as database:
        spool, told = FolderSpool(database), time.monotonic()
        for entry in entries:
            _sort_in(spool, entry, patterns)
            if time.monotonic() - told > PAUSE_SECONDS:
                yield PAUSE
                told = time.monotonic()
        yield from _batches(spool, root, mirror)


def _possible(entry: Entry) -> Entry:
    """The entry; failed where no file has its size, and without a time that no file has."""
    if not 0 <= entry.size <= _MOST:
        kind = DamagedError.__name__
        entry = entry._replace(size=0, error="It is damaged: its size is not possible.", kind=kind)
    return entry if -_MOST <= entry.mtime_ns <= _MOST else entry._replace(mtime_ns=0)


def _sort_in(spool: FolderSpool, entry: Entry, patterns: Patterns | None) -> None:
    path = entry.path.replace("\\", "/")
    *above, name = path.split("/")
    error = ""
    if any(part in ("", ".", "..") or not _INVALID.isdisjoint(part) for part in (*above, name)):
        error = f"Its name leads outside of the input ({entry.path!a}). Rename it."
    elif len(path) > LONGEST:
        error = f"Its name has {len(path):,} characters. Rename it."
    entry = _possible(entry)
    if error:
        if not is_media(path):
            return
        # One name without separators: the path itself is used for nothing.
        name, above = path.replace("/", "|").replace("\0", "")[-LONGEST:], []
        entry = entry._replace(error=error)
    at = 1
    for part in above:
        if part.startswith(".") or is_system_folder(part):
            spool.leave_out(at, part)
            return
        at = spool.folder(at, part)
    if name.startswith(".") and not entry.error:
        spool.count(at, "kinds", HIDDEN)
    elif not (entry.format or is_media(name)):
        spool.count(at, "kinds", ignored_kind(name))
        if is_sidecar(name):
            spool.count(at, "sidecars")
        if not entry.error or entry.kind != SourceError.__name__:  # links are left out, as those in folders
            spool.add(at, SpooledFile(name, *entry[1:])._replace(format=OTHER))
    elif patterns and not patterns.takes(path):
        if patterns.recursive or not above:
            spool.count(at, "excluded")
    else:
        spool.add(at, SpooledFile(name, *entry[1:]))


def _batches(spool: FolderSpool, root: str, mirror: str) -> Iterator[Batch]:
    stack = [iter([(1, root, mirror)])]  # no recursion: a path may have hundreds of parts
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        number, folder, place = found
        inside = spool.contents(number, folder, place)
        names = mirror_names([name for _, name in inside.folders])
        if inside.items or inside.kinds or inside.left_out or inside.excluded:
            yield _batch(inside, folder, place, tuple(names.values()), root)
        stack.append(_folders_in(inside.folders, names, folder, place))


def _folders_in(
    folders: Sequence[tuple[int, str]], names: dict[str, str], folder: str, place: str
) -> Iterator[tuple[int, str, str]]:
    """Number, name and path below OUT of the folders in a folder."""
    for number, name in folders:
        yield number, f"{folder}/{name}", path_below(place, names[name])


def _batch(inside: Contents, folder: str, place: str, below: tuple[str, ...], root: str) -> Batch:
    return Batch(
        folder,
        place,
        inside.items,
        inside.kinds.total(),
        below,
        tuple(f"{folder}/{name} is there several times; the last one was taken." for name in inside.twice),
        inside.sidecars,
        inside.kinds,
        inside.left_out,
        inside.excluded,
        root,
        others=inside.others,
    )


def unlisted(root: str, mirror: str, error: str, kind: str = SourceError.__name__) -> Batch:
    """The batch of a source that cannot be listed: one failed input."""
    item = Item(root, mirror or os.path.basename(root), 0, 0, error=error, kind=kind)
    return Batch("", mirror, (item,))


def with_number(number: int, batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches of source `number`, whose items say so."""
    for batch in batches:
        items = batch.items
        if batch.files or batch is PAUSE:
            yield batch
        elif isinstance(items, Entries):
            others = batch.others.of_source(number) if isinstance(batch.others, Entries) else ()
            yield replace(batch, items=items.of_source(number), others=others)
        else:
            yield replace(batch, items=tuple(item._replace(source=number) for item in items))


def is_item(address: str) -> bool:
    """Whether an input is the address of one item: on the web, or in a store by its suffix.

    >>> is_item("https://host/photos/"), is_item("s3://bucket/a.jpg"), is_item("s3://bucket/a.jpg/")
    (True, True, False)
    """
    scheme = scheme_of(address)
    in_store = scheme in STORES and is_media(address.rpartition("/")[2]) and not glob.has_magic(address)
    return scheme in SINGLE or in_store


def with_sources(
    inputs: Iterable[str | Source], access: Access = NO_ACCESS, *, in_order: bool = False
) -> list[str | Source]:
    """The inputs, with sources for the addresses and archives that were named.

    Args:
        inputs: as given.
        access: what the options of the run say to them.
        in_order: whether addresses keep their places among the others; else one source at the end has all.

    Raises:
        UsageError: two sources have one name, there is none for an address, or it is that of an archive.
    """
    found, sources, addresses = list[str | Source](), dict[str, Source](), list[str]()
    opener = _Opener(access)
    for given in _each(inputs):
        if isinstance(given, str) and is_item(given) and not is_remote_archive(given):
            addresses.append(given)
            continue
        if in_order:
            found += _listed(addresses, access, len(found))
            addresses = []
        made = opener.source_of(given) if isinstance(given, str) else given
        if not isinstance(made, str):
            known = sources.setdefault(made.root, made)
            if known is not made and made is given:
                raise UsageError(f"Two inputs are called {made.root}.", fix="Give each a name of its own.")
            made = known
            if callable(use := getattr(made, "use", None)):
                use(access)
        found.append(made)
    if access.archives and any(map(_may_hold_archives, found)):
        module = importlib.import_module("imgpar.inputs.found_archives")
        found.append(module.FoundArchives(len(sources_of(found)) + 1, access, sources))
    return found + _listed(addresses, access, len(found))  # last: their names give way to those of files


def _listed(addresses: list[str], access: Access, number: int) -> list[Source]:
    """The source for some addresses; none for none."""
    lists = importlib.import_module("imgpar.inputs.lists")
    return [lists.InputList.of_addresses(addresses, access, number)] if addresses else []


def _may_hold_archives(given: str | Source) -> bool:
    return isinstance(given, str) and (os.path.isdir(given) or glob.has_magic(given))


def named_count(inputs: Sequence[str | Source]) -> int:
    """How many inputs were named: archives that are found in folders are none."""
    return sum(isinstance(given, str) or not hasattr(given, "inside") for given in inputs)


def _each(inputs: Iterable[str | Source]) -> Iterator[str | Source]:
    """The inputs, with all names that a range or a pattern for archives stands for."""
    for given in inputs:
        if not isinstance(given, str):
            yield given
            continue
        for name in spelled_out(given):
            yield from matching(name) if archive_suffix(name) and not scheme_of(name) else (name,)


def sources_of(inputs: Iterable[str | Source]) -> list[Source]:
    """The sources among the inputs, each once, in the order of their numbers (see `Item.source`)."""
    return list({given.root: given for given in inputs if not isinstance(given, str)}.values())


def is_source(given: object) -> TypeGuard[Source]:
    """Whether an input is a source, not a path."""
    return all(hasattr(given, name) for name in ("root", "waits", "batches", "open"))


def is_loose(source: Source) -> bool:
    """Whether its items are inputs of their own; see `Source`."""
    return bool(getattr(source, "loose", False))


def has_one_item(source: Source) -> bool:
    """Whether it is one such item."""
    return bool(getattr(source, "single", False))


def has_order(source: Source) -> bool:
    """Whether it may hold items that are read one after the other (`inputs/sequential`)."""
    return bool(getattr(source, "ordered", False))


def archive_suffix(path: str) -> str:
    """The suffix by which a file is an archive, the longest one; empty where it is none.

    >>> archive_suffix("/photos/trip.ZIP"), archive_suffix("a.jpg")
    ('zip', '')
    """
    parts = os.path.basename(path).lower().split(".")
    return next((suffix for suffix in (".".join(parts[-2:]), parts[-1]) if suffix in ARCHIVES), "")


def is_remote_archive(given: object) -> bool:
    """Whether an input is the address of an archive."""
    known = isinstance(given, str) and scheme_of(given) in (*SINGLE, *STORES)
    return known and bool(archive_suffix(last_part(str(given))))


class _Opener:
    """Makes the sources of one run for what is named."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._copies: Any = None
        self._remote: dict[str, tuple[str, Source]] = {}
        """Archives at addresses, with these, by their names."""

    def source_of(self, path: str) -> str | Source:
        """The source for an address or archive; the path itself for anything else."""
        if scheme := scheme_of(path):
            if is_remote_archive(path):
                return self._remote_archive(path)
            found = SCHEMES.get(scheme)
            if found is None:
                raise unknown_scheme(path, (*SINGLE, *SCHEMES))
            return _made(found, path, self._access)
        refuse_collapsed(path, (*SINGLE, *SCHEMES))
        if archive_suffix(path) and os.path.isfile(path):
            return opened_archive(os.path.abspath(path), self._access)
        return path

    def _remote_archive(self, address: str) -> Source:
        shown = without_secrets(address)
        if scheme_of(address) in STORES and glob.has_magic(address.partition("://")[2]):
            words = f"{shown} is a pattern for archives, which are not looked for at an address."
            raise UsageError(words, fix="Name each, or write a range such as {00000..00012}.tar.")
        library = importlib.import_module("imgpar.inputs.remote_archives")
        name = library.archive_name(address)
        known, source = self._remote.get(name, ("", None))
        if source is None:
            self._copies = self._copies or library.Copies(self._access.fetching)
            copy = self._copies.add(address, name)
            where = ARCHIVES[archive_suffix(last_part(address))]
            known, source = self._remote[name] = address, _made(where, copy.path, self._access, copy)
        if known != address:
            words = f"Two archives are called {name}: only what is not shown tells their addresses apart."
            raise UsageError(words, fix="Read each in a run of its own.")
        return source


def opened_archive(path: str, access: Access) -> Source:
    """The source for an archive, of a suffix in ARCHIVES, at an absolute path."""
    return _made(ARCHIVES[archive_suffix(path)], path, access)


def _made(where: tuple[str, str], name: str, access: Access, *more: object) -> Source:
    return cast(Source, getattr(importlib.import_module(where[0]), where[1])(name, access, *more))


# ----- opening, in a worker -------------------------------------------------------------------------


@contextlib.contextmanager
def opened(item: Item, sources: Sequence[Source]) -> Iterator[bytes | IO[bytes] | str]:
    """One item for the duration of a block: its bytes, an open file, or the path of a file.

    Raises:
        SourceError: it cannot be read.
        DamagedError: its source finds it damaged.
    """
    if item.fetched or not item.source:
        yield item.fetched or item.path
        return
    if item.error:
        raise item_error(item.kind, item.error)
    source = sources[item.source - 1]
    try:
        content = _open(source, item)
        if isinstance(content, (str, os.PathLike)):
            yield os.fspath(content)
        elif isinstance(content, (bytes, bytearray, memoryview)):
            yield bytes(content)
        else:
            with open(content, "rb") if isinstance(content, int) else content as file:
                yield file
    except getattr(source, "damage", ()) as error:
        raise DamagedError(f"It is damaged: {error}.") from None
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None


def _open(source: Source, item: Item) -> Any:
    """What `open` of a source returns; anything that code of the user raises is an error of the item."""
    try:
        return source.open(item)
    except (ImgparError, MemoryError, OSError):
        raise
    except Exception as error:
        if isinstance(error, getattr(source, "damage", ())) or type(source).__module__.startswith("imgpar."):
            raise
        words = f"{type(error).__name__}: {error}".removesuffix(".")
        raise SourceError(
            f"{type(source).__qualname__}.open raised {words}.", fix="Its traceback is in the report."
        ) from error


@contextlib.contextmanager
def local_file(item: Item, sources: Sequence[Source]) -> Iterator[str]:
    """The path of a file with the content of an item, for programs that need one: its own, or a temporary
    copy, for the duration of a block."""
    with contextlib.ExitStack() as stack:
        with opened(item, sources) as content:
            if isinstance(content, str):
                path = content
            else:
                folder = stack.enter_context(temporary())
                path = os.path.join(folder, f"input{os.path.splitext(item.path)[1]}")
                copy_content(content, path, item)
        yield path


def fetch(item: Item, sources: Sequence[Source], path: str, ongoing: Ongoing | None = None) -> Fetched:
    """Write an item to a new file. Raises SourceError, DamagedError and what the source raises."""
    source = sources[item.source - 1]
    if callable(own := getattr(source, "fetch", None)):
        found: Fetched = own(item, path, ongoing or Ongoing())
        if found.mtime_ns and not found.not_modified:
            os.utime(path, ns=(found.mtime_ns, found.mtime_ns))
        return found
    with opened(item, sources) as content:
        if isinstance(content, str):
            with open(content, "rb") as file:
                copy_content(file, path, item)
        else:
            copy_content(content, path, item)
    return Fetched(os.path.getsize(path), item.validator, mtime_ns=item.mtime_ns)


def host_of(item: Item, sources: Sequence[Source]) -> str:
    """What serves an item: each host has a limit of transfers."""
    source = sources[item.source - 1]
    own = getattr(source, "host_of", None)
    return str(own(item)) if callable(own) else source.root


def copy_content(content: bytes | IO[bytes], path: str, item: Item) -> None:
    """Write an item to a new file, with its modification time. Raises OSError, SourceError."""
    check_free_room(path, item.size)
    with open(path, "xb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            shutil.copyfileobj(content, file)
    if item.mtime_ns:
        os.utime(path, ns=(item.mtime_ns, item.mtime_ns))
