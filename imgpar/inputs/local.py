"""All inputs, scanned folder by folder: files, folders, patterns, and other sources."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from imgpar.core.errors import NoInputError, SourceError, UsageError
from imgpar.core.job import Item
from imgpar.inputs.batches import Batch, inside_a_file, named_item
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.numbers import sources_of, with_number
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import Named, absolute, below_base, expand, read_inputs, split_pattern
from imgpar.inputs.sources import Source
from imgpar.inputs.walk import mirror_names, path_below


def scan(
    inputs: Iterable[str | Source],
    *,
    out: str | None,
    patterns: Patterns | None = None,
    enters: Callable[[str], bool] | None = None,
    base: str = "",
) -> Iterator[Batch]:
    """Find all media in the inputs: files, folders (recursive), patterns and sources.

    A single folder (or pattern with `**`) is mirrored into OUT itself. Of several inputs each folder goes to
    a folder of its name and each file to the top. A pattern without `**` is expanded as by the shell. An
    input inside another one is part of it.

    Args:
        inputs: as given; sources are with_number from 1 in their order (`Item.source`).
        out: output folder, which is skipped inside of an input; None if there is none.
        patterns: applied to paths below a folder, and to the names of files that were named.
        enters: which folders are read, by their absolute path; None reads all.
        base: absolute path of a folder that OUT mirrors instead, with all inputs in it; empty for none.

    Raises:
        UsageError: every input is missing, or one does not lie in `base`.
        NoInputError: all inputs are patterns without a match.
    """
    named = read_inputs(inputs, out, recursive=not patterns or patterns.recursive, base=base)
    if named.missing and not (named.roots or named.sources) and len(named.missing) == len(named.files):
        raise nothing_there(named.missing)
    for root in named.roots:
        root.leave_out, root.enters = out or "", enters
    return _below_base(named, patterns) if base else _batches(named, patterns)


def scan_in_order(inputs: Sequence[str | Source], patterns: Patterns | None = None) -> Iterator[Batch]:
    """The media of each input, in the order of the inputs; one that is named twice comes twice.

    Args:
        inputs: as given.
        patterns: as for `scan`.

    Raises:
        UsageError: every input is missing.
        NoInputError: a pattern has no match.
    """
    paths = [given for given in inputs if isinstance(given, str)]
    missing = {path for path in paths if not os.path.lexists(path) and not glob.has_magic(path)}
    if missing and missing.issuperset(inputs):
        raise nothing_there(list(dict.fromkeys(paths)))
    sources = sources_of(inputs)

    opener = [source for source in sources if isinstance(source, FoundArchives)]

    def batches() -> Iterator[Batch]:
        for given in inputs:
            if not isinstance(given, str):
                yield from with_number(sources.index(given) + 1, given.batches("", patterns))
            elif given in missing:
                full = absolute(given)
                yield Batch("", "", (named_item(full, os.path.basename(full))._replace(named=True),))
            else:
                yield from scan([given, *opener], out=None, patterns=patterns)

    return batches()


def _below_base(named: Named, patterns: Patterns | None) -> Iterator[Batch]:
    """All media of inputs below one folder, which OUT mirrors."""
    files = named.by_folder(named.files)
    below = {folder: below_base(folder, named.base) for folder in files}  # raises at once
    mirrored = [root.mirror for root in named.roots] + [placed.mirror for placed in named.sources]
    places = _mirrors([*below.values(), *mirrored])
    for root in named.roots:
        root.mirror = places[root.mirror]
    for placed in named.sources:
        placed.mirror = places[placed.mirror]

    inside: dict[str, list[str]] = {}
    for place in filter(None, places.values()):
        above, _, name = place.rpartition("/")
        inside.setdefault(above, []).append(name)

    def batches() -> Iterator[Batch]:
        for folder, paths in files.items():
            kept = [path for path in paths if not patterns or patterns.takes(os.path.basename(path))]
            mirror = places[below[folder]]
            names = [(path, path_below(mirror, os.path.basename(path))) for path in kept]
            items = tuple(named_item(*name)._replace(named=True) for name in names)
            left_out = len(paths) - len(kept)
            yield Batch(
                folder,
                mirror,
                items,
                folders=tuple(inside.get(mirror, ())),
                excluded=left_out,
                root=named.base,
            )
        yield from _batches(replace(named, files=[]), patterns)

    return batches()


def _mirrors(folders: Iterable[str]) -> dict[str, str]:
    """The paths below OUT of these folders and those above them: their own, unless two names in a folder
    differ only by case or Unicode form."""
    inside: dict[str, set[str]] = {"": set()}
    for folder in folders:
        while folder:
            above, _, name = folder.rpartition("/")
            inside.setdefault(folder, set())
            inside.setdefault(above, set()).add(name)
            folder = above
    places = {"": ""}
    for folder in sorted(inside, key=lambda path: path.count("/") + bool(path)):
        for name, place in mirror_names(sorted(inside[folder])).items():
            places[path_below(folder, name)] = path_below(places[folder], place)
    return places


def scan_path(
    path: str, patterns: Patterns | None = None, opener: FoundArchives | None = None
) -> Iterator[Item]:
    """The media of one path: a file, all in a folder, or what matches a pattern. A path that does not exist
    is a failed item.

    Args:
        path: as given.
        patterns: as for `scan`.
        opener: of archives that are found in folders.
    """
    for one in expand([path]):
        if os.path.isdir(one) or ("**" in one and os.path.isdir(split_pattern(one)[0])):
            for batch in scan([one, opener] if opener else [one], out=None, patterns=patterns):
                yield from batch.items
        elif not patterns or patterns.takes(os.path.basename(one)):
            full = absolute(one)
            yield named_item(full, os.path.basename(full))._replace(named=True)


def _batches(named: Named, patterns: Patterns | None) -> Iterator[Batch]:
    if named.files:
        files = [path for path in named.files if not patterns or patterns.takes(os.path.basename(path))]
        items = tuple(named_item(path, os.path.basename(path))._replace(named=True) for path in files)
        mirrors = (*(root.mirror for root in named.roots), *(placed.mirror for placed in named.sources))
        folders = tuple(filter(None, mirrors))
        yield Batch("", "", items, folders=folders, excluded=len(named.files) - len(files))
    for root in named.roots:
        yield from root.batches(root.mirror, patterns)
    for number, placed in enumerate(named.sources, 1):
        yield from with_number(number, placed.source.batches(placed.mirror, patterns))


def nothing_there(missing: Sequence[str]) -> UsageError:
    """The error if no input exists."""
    names = ", ".join(repr(path) for path in missing[:3]) + (" …" if len(missing) > 3 else "")
    if all(glob.has_magic(path) for path in missing):
        return NoInputError(f"Nothing matches {names}.", fix="Check the pattern and the folder you are in.")
    if len(missing) == 1 and (why := inside_a_file(missing[0])):
        error = UsageError(f"{names} cannot be read: {why}")
    else:
        verb = "does" if len(missing) == 1 else "do"
        error = UsageError(f"{names} {verb} not exist.", fix="Check the spelling and the folder you are in.")
    error.topic = SourceError.topic
    return error
