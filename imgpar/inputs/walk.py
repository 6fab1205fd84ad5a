"""Walks a folder tree in natural order and yields batches."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from imgpar.core.filenames import fold, natural, short_hash
from imgpar.core.fs import LEAVING, OURS, long_path
from imgpar.core.job import Item
from imgpar.inputs.batches import (
    Batch,
    Entries,
    Facts,
    file_facts,
    holds_output,
    is_media,
    is_sidecar,
    look_inside,
    suffix_of,
    why_unreadable,
)
from imgpar.inputs.ignored import HIDDEN, ignored_kind, is_system_folder
from imgpar.inputs.patterns import Patterns

STATUS_IS_FREE = os.name == "nt"
"""Windows lists size and timestamps together with the name."""


@dataclass(slots=True)
class Listing:
    """Contents of one folder."""

    names: list[str] = field(default_factory=list)
    """Media, in no order."""
    formats: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    """Status of files for which it was read or listed."""
    failed: set[str] = field(default_factory=set)
    """Names of files that are media, or were named, but cannot be read."""
    folders: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """Files that are not media, by kind."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Skipped folders, by name."""
    excluded: int = 0
    sidecars: int = 0
    archives: list[str] = field(default_factory=list)
    """Names of archives that are opened."""
    output: bool = False
    """Whether it contains outputs of a run."""


class Opener(Protocol):
    """Opens archives that are found in folders (`found_archives`)."""

    def takes(self, path: str) -> bool:
        """Whether a file is an archive."""

    def stem(self, name: str) -> str:
        """The name without the suffix of an archive, by which patterns know it."""

    def places(self, archives: Sequence[str], folders: Iterable[str]) -> Mapping[str, str]:
        """The folder below OUT for each archive of a folder, beside the other folders."""

    def inside(
        self, path: str, mirror: str, root: str, below: str, patterns: Patterns | None
    ) -> Iterator[Batch]:
        """The batches of an archive."""


def walk(
    root: str,
    mirror: str,
    *,
    wanted: Callable[[str], bool] | None = None,
    named: Mapping[str, set[str]] | None = None,
    leave_out: str = "",
    patterns: Patterns | None = None,
    opener: Opener | None = None,
    enters: Callable[[str], bool] | None = None,
) -> Iterator[Batch]:
    """Every folder at and below `root` that contains media, parents first, in natural order.

    Links to files are followed, links to folders are not, so there are no loops. Names that start with a dot
    are skipped (`.git`, `.thumbnails`, and the `._IMG_1.jpg` of macOS), and so are folders of operating
    systems, such as `@eaDir`. Relative paths use `/`.

    Args:
        root: absolute path.
        mirror: its path below OUT.
        wanted: `wanted(relative path)` selects files; None selects all.
        named: relative folder → names of files that are items in any case.
        leave_out: output folder, which may lie inside.
        patterns: select files and folders, including those that were named.
        opener: opens the archives that are found; None leaves them closed.
        enters: `enters(absolute path)` selects the folders that are read; None reads all.
    """
    out = _identity(leave_out) if leave_out else None
    stack = [(root, mirror, "", False)]
    while stack:
        folder, place, relative, archive = stack.pop()
        if archive and opener:
            yield from opener.inside(folder, place, root, relative, patterns)
            continue
        if relative and out and _identity(folder) == out:
            continue
        if enters and not enters(folder):
            continue
        forced = named.get(relative, set()) if named else set()
        try:
            found = list_folder(folder, forced, path_below(relative, ""), patterns, opener)
        except OSError as error:
            failed = Item(folder, place or ".", 0, 0, error=why_unreadable(error))
            yield Batch(folder, place, (failed,), root=root)
            continue
        if found.output and relative:
            note = f"{folder} holds the outputs of a run and was skipped. Name it as an input to include it."
            yield Batch(folder, place, (), notes=(note,))
            continue
        if wanted:
            _keep(found, relative, wanted, forced)
        places = mirror_names(found.folders)
        inside = opener.places(found.archives, places.values()) if opener else {}
        below = (*places.values(), *inside.values())
        if found.names or found.kinds or found.left_out or found.excluded:
            yield _batch(folder, place, found, below, root)
        entered = [(natural(name), name, at, name) for name, at in places.items()]
        entered += [(natural(name), name, at, opener.stem(name)) for name, at in inside.items() if opener]
        stack += [
            (os.path.join(folder, name), path_below(place, at), path_below(relative, seen), name in inside)
            for _, name, at, seen in sorted(entered, reverse=True)
        ]


def _batch(folder: str, place: str, found: Listing, below: tuple[str, ...], root: str) -> Batch:
    return Batch(
        folder,
        place,
        Entries(folder, place, found.names, found.formats, found.facts, found.failed),
        found.kinds.total(),
        below,
        sidecars=found.sidecars,
        kinds=found.kinds,
        left_out=found.left_out,
        excluded=found.excluded,
        root=root,
        notes=(_held_back(folder),) if LEAVING in found.left_out else (),
    )


def _held_back(folder: str) -> str:
    return (
        f"{os.path.join(folder, LEAVING)} holds inputs that a watch was about to move or delete; they are "
        "left out. With none running, the next one with --move-done or --delete-source puts them back."
    )


def list_folder(
    folder: str,
    forced: Container[str] = (),
    below: str = "",
    patterns: Patterns | None = None,
    opener: Opener | None = None,
) -> Listing:
    """Read one folder; the hot loop of a scan. Regular files are not accessed: a million of them are listed
    in half a second.

    Args:
        folder: absolute path.
        forced: names of files to include in any case.
        below: relative path of the folder with a trailing `/`, for `patterns`.
        patterns: select files and folders.
        opener: opens the archives that are found; None leaves them closed.
    """
    found = Listing()
    plain: list[str] = []
    with os.scandir(long_path(folder)) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False):
                    plain.append(entry.name)
                    if STATUS_IS_FREE:
                        found.facts[entry.name] = _facts(entry)
                    continue
            except OSError:
                pass
            if not patterns or _passes(entry.name, below, patterns, found, folder=_is_folder(entry)):
                _take_other(entry, found, forced, opener)
    if opener:
        plain = _take_archives(folder, plain, found, opener)
        if patterns:
            found.archives = [
                name
                for name in found.archives
                if patterns.enters(below + name) and patterns.enters(below + opener.stem(name))
            ]
    if patterns:
        plain = [name for name in plain if _passes(name, below, patterns, found)]
    _take_plain(folder, plain, found, forced)
    return found


def _take_archives(folder: str, names: list[str], found: Listing, opener: Opener) -> list[str]:
    """Move the archives of a folder to `found`; returns the other names."""
    archives = {name for name in names if name[0] != "." and opener.takes(os.path.join(folder, name))}
    found.archives += sorted(archives)
    return [name for name in names if name not in archives] if archives else names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _passes(name: str, below: str, patterns: Patterns, found: Listing, *, folder: bool = False) -> bool:
    """Whether the patterns select this file or folder; excluded media are counted."""
    if folder:
        if name == OURS or is_system_folder(name):
            return True  # counted elsewhere
        passes = patterns.enters(below + name)
        if not patterns.recursive:
            return passes
    else:
        passes = patterns.takes(below + name)
    found.excluded += not passes and name[0] != "." and (folder or is_media(name))
    return passes


def _take_plain(folder: str, names: list[str], found: Listing, forced: Container[str]) -> None:
    text = "/".join(names) + "/"
    suffix = suffix_of(names[0]) if names else ""
    if names and is_media(names[0]) and text.count(f".{suffix}/") == len(names) and "/." not in "/" + text:
        found.names += names  # the usual folder: no file needs a check
        return
    for name in names:
        if name[0] == "." and name not in forced:
            found.kinds[HIDDEN] += 1
        elif is_media(name):
            found.names.append(name)
        else:
            _look(os.path.join(folder, name), name, found, forced)


def _take_other(
    entry: os.DirEntry[str], found: Listing, forced: Container[str], opener: Opener | None
) -> None:
    """A folder, a link, or a special file."""
    name = entry.name
    if name[0] == "." and name not in forced:
        _hidden(entry, found)
        return
    try:
        if entry.is_dir(follow_symlinks=False):
            if is_system_folder(name):
                found.left_out[name] += 1
            elif not _is_junction(entry):
                found.folders.append(name)
        elif not entry.is_symlink() or not stat.S_ISREG(entry.stat().st_mode):
            found.kinds[ignored_kind(name)] += 1
        elif opener and opener.takes(entry.path):
            found.archives.append(name)
        else:
            found.facts[name] = _facts(entry)
            if is_media(name):
                found.names.append(name)
            else:
                _look(entry.path, name, found, forced)
    except OSError:
        _cannot_read(name, found, forced)


def _look(path: str, name: str, found: Listing, forced: Container[str]) -> None:
    """A file whose name is not sufficient: detect its format."""
    try:
        shown = look_inside(path)
    except OSError:
        _cannot_read(name, found, forced)
        return
    if shown or name in forced:
        found.names.append(name)
        found.formats[name] = shown
    else:
        found.kinds[ignored_kind(name)] += 1
        found.sidecars += is_sidecar(name)


def _cannot_read(name: str, found: Listing, forced: Container[str]) -> None:
    if is_media(name) or name in forced:
        found.names.append(name)
        found.failed.add(name)
    else:
        found.kinds[ignored_kind(name)] += 1


def _facts(entry: os.DirEntry[str]) -> Facts:
    return file_facts(entry.stat())


def mirror_names(folders: list[str]) -> dict[str, str]:
    """Name of each folder below OUT: its own, unless two differ only by case or Unicode form."""
    seen: dict[str, int] = {}
    for name in folders:
        seen[fold(name)] = seen.get(fold(name), 0) + 1
    return {name: name if seen[fold(name)] == 1 else f"{name}-{short_hash(name)}" for name in folders}


def _keep(found: Listing, relative: str, wanted: Callable[[str], bool], forced: Container[str]) -> None:
    """Drop the files that are not selected by patterns; they are not counted as ignored."""

    def keep(name: str) -> bool:
        return name in forced or wanted(path_below(relative, name))

    found.names = [name for name in found.names if keep(name)]
    found.archives = [name for name in found.archives if keep(name)]
    found.kinds.clear()
    found.left_out.clear()
    found.sidecars = 0


def _hidden(entry: os.DirEntry[str], found: Listing) -> None:
    if entry.is_dir(follow_symlinks=False):
        if entry.name == OURS:
            found.output = holds_output(os.path.dirname(entry.path))
        else:
            found.left_out[entry.name] += 1
    else:
        found.kinds[HIDDEN] += 1


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """A Windows junction looks like a folder and can form a loop."""
    tag: int = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) if os.name == "nt" else 0
    return tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


def path_below(folder: str, name: str) -> str:
    """The path of a name in a folder, of which the outermost is called "".

    >>> path_below("", "a.jpg"), path_below("2024", "a.jpg")
    ('a.jpg', '2024/a.jpg')
    """
    return f"{folder}/{name}" if folder else name
