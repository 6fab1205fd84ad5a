"""What a source lists: its entries, sorted into folders on disk, and the batches of these."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from imgpar.core.addresses import unquoted_path
from imgpar.core.errors import DamagedError, SourceError
from imgpar.core.job import OTHER, Item
from imgpar.core.private_database import private_database
from imgpar.inputs.batches import PAUSE, Batch, is_media, is_sidecar
from imgpar.inputs.folder_spool import Contents, FolderSpool, SpooledFile
from imgpar.inputs.ignored import HIDDEN, ignored_kind, is_system_folder
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.walk import mirror_names, path_below

_INVALID = frozenset("\0:" if os.name == "nt" else "\0")

PAUSE_SECONDS = 0.5
"""Interval at which a source that is being listed lets its reader do something else."""
_MOST = (1 << 63) - 1
"""Of sizes in bytes and times in nanoseconds."""

LONGEST = 2000
"""Characters of a path below a source; a longer one is no name of a file on most systems."""


class Entry(NamedTuple):
    """One entry of a source that lists them; 0 and empty are unknown."""

    path: str
    """Below the source, with `/`. It is not trusted."""
    size: int = 0
    """In bytes; content of another size counts as changed meanwhile, an error."""
    mtime_ns: int = 0
    version: int = 0
    """Any number of 63 bits that changes with the content, such as a checksum."""
    key: str = ""
    """What the source opens it by, `Item.key`; empty is its path."""
    format: str = ""
    """Name of its format, where the suffix does not tell."""
    error: str = ""
    """Why it cannot be read."""
    kind: str = SourceError.__name__
    """Class name of the exception for `error`."""


def in_folders(
    root: str,
    mirror: str,
    entries: Iterable[Entry],
    patterns: Patterns | None = None,
    *,
    quoted: bool = False,
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
        quoted: whether the paths are those of `quoted_path`; outputs are named after the plain ones.
    """
    with private_database() as database:
        spool, told = FolderSpool(database), time.monotonic()
        for entry in entries:
            _sort_in(spool, entry, patterns)
            if time.monotonic() - told > PAUSE_SECONDS:
                yield PAUSE
                told = time.monotonic()
        yield from _batches(spool, root, mirror, unquoted_path if quoted else None)


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
    entry = entry if entry.key else entry._replace(key=entry.path)
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


def _batches(
    spool: FolderSpool, root: str, mirror: str, shown: Callable[[str], str] | None
) -> Iterator[Batch]:
    stack = [iter([(1, root, mirror)])]  # no recursion: a path may have hundreds of parts
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        number, folder, place = found
        inside = spool.contents(number, folder, place)
        names = {name: shown(name) if shown else name for _, name in inside.folders}
        places = mirror_names(list(names.values()))
        names = {name: places[other] for name, other in names.items()}
        if shown:
            items, others = inside.items.shown_as(shown), inside.others.shown_as(shown)
            inside = inside._replace(items=items, others=others)
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
