"""One folder after the other, in natural order, as batches."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field

from imgpar.model import Item
from imgpar.names import fold, natural, short_hash, sort_keys
from imgpar.sources.base import (
    INODE_BITS,
    OURS,
    Batch,
    Entries,
    holds_output,
    known_suffix,
    look_inside,
    named_item,
    suffix_of,
    why_unreadable,
)

Row = tuple[str, int, int, int]
"""Name, size, mtime_ns, inode."""


@dataclass(slots=True)
class Listing:
    """What one folder holds."""

    rows: list[Row] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    """Names of files that are media, or were named, but cannot be read."""
    folders: list[str] = field(default_factory=list)
    ignored: int = 0
    output: bool = False
    """It holds the outputs of a run."""


def walk(
    root: str,
    mirror: str,
    *,
    wanted: Callable[[str], bool] | None = None,
    named: Mapping[str, set[str]] | None = None,
    leave_out: str = "",
) -> Iterator[Batch]:
    """Every folder at and below `root` that holds media, parents first, folders and files in natural order.

    `wanted(relative path)` leaves files out; `named` (relative folder → file names) are items whatever
    they are called and hold; `leave_out` is the output folder, which may lie inside. Relative paths use `/`.

    Symbolic links to files are followed, to folders not, so links cannot make a loop. What starts with a
    dot is left out: `.git`, `.thumbnails`, and `._IMG_1.jpg`, which macOS puts beside `IMG_1.jpg`.
    """
    out = _identity(leave_out) if leave_out else None
    stack = [(root, mirror, "")]
    while stack:
        folder, place, relative = stack.pop()
        if relative and out and _identity(folder) == out:
            continue
        forced = named.get(relative, set()) if named else set()
        try:
            found = list_folder(folder, forced)
        except OSError as error:
            yield Batch(folder, place, (Item(folder, place or ".", 0, 0, error=why_unreadable(error)),))
            continue
        if found.output and relative:
            note = f"{folder} holds the outputs of a run and was left out. Name it as an input to take it."
            yield Batch(folder, place, (), notes=(note,))
            continue
        if wanted:
            _keep(found, relative, wanted, forced)
        places = mirror_names(found.folders)
        if found.rows or found.failed or found.ignored:
            yield _batch(folder, place, found, tuple(places.values()))
        stack += [
            (os.path.join(folder, name), _below(place, places[name]), _below(relative, name))
            for name in sorted(found.folders, key=lambda name: (natural(name), name), reverse=True)
        ]


def list_folder(folder: str, forced: Container[str] = ()) -> Listing:
    """Read one folder; the hot loop of a scan. `forced` are names of files to take in any case."""
    found = Listing()
    rows = found.rows
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == "." and name not in forced:
                _hidden(entry, found)
                continue
            try:
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat()
                elif entry.is_dir(follow_symlinks=False):
                    if not _is_junction(entry):
                        found.folders.append(name)
                    continue
                elif not entry.is_symlink() or not stat.S_ISREG((status := entry.stat()).st_mode):
                    found.ignored += 1
                    continue
                if known_suffix(suffix_of(name)) is None:
                    shown = look_inside(entry.path)
                    if not shown and name not in forced:
                        found.ignored += 1
                        continue
                    found.formats[name] = shown
            except OSError:
                if known_suffix(suffix_of(name)) or name in forced:
                    found.failed.append(name)
                else:
                    found.ignored += 1
                continue
            rows.append((name, status.st_size, status.st_mtime_ns, status.st_ino & INODE_BITS))
    if len(rows) > 1:
        keys = sort_keys([row[0] for row in rows])
        found.rows = [row for _, row in sorted(zip(keys, rows, strict=True))]
    return found


def mirror_names(folders: list[str]) -> dict[str, str]:
    """Name of each folder below OUT: its own, unless two differ only by case or Unicode form."""
    seen: dict[str, int] = {}
    for name in folders:
        seen[fold(name)] = seen.get(fold(name), 0) + 1
    return {name: name if seen[fold(name)] == 1 else f"{name}-{short_hash(name)}" for name in folders}


def _batch(folder: str, mirror: str, found: Listing, folders: tuple[str, ...]) -> Batch:
    entries = Entries(folder, mirror, found.rows, found.formats)
    if not found.failed:
        return Batch(folder, mirror, entries, found.ignored, folders)
    broken = [named_item(os.path.join(folder, name), _below(mirror, name)) for name in sorted(found.failed)]
    return Batch(folder, mirror, [*entries, *broken], found.ignored, folders)


def _keep(found: Listing, relative: str, wanted: Callable[[str], bool], forced: Container[str]) -> None:
    """Drop what no pattern wants; what is not wanted is not even ignored."""

    def keep(name: str) -> bool:
        return name in forced or wanted(_below(relative, name))

    found.rows = [row for row in found.rows if keep(row[0])]
    found.failed = [name for name in found.failed if keep(name)]
    found.ignored = 0


def _hidden(entry: os.DirEntry[str], found: Listing) -> None:
    if entry.is_dir(follow_symlinks=False):
        if entry.name == OURS:
            found.output = holds_output(os.path.dirname(entry.path))
    else:
        found.ignored += 1


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """A Windows junction looks like a folder and can make a loop."""
    tag: int = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) if os.name == "nt" else 0
    return tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
