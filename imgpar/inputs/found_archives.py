"""Archives that are found inside of input folders (`--archives`): one source for all of them.

    photos/2024/trip.zip   →   like a folder photos/2024/trip/

What they hold comes with the walk of the folder (`walk`), so their items have their place among the files
beside them. Archives in archives are counted like any other file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from imgpar.core.filenames import fold, short_hash
from imgpar.core.job import Item
from imgpar.inputs.batches import Batch, Entries
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.schemes import archive_suffix, opened_archive
from imgpar.inputs.sources import Access, Content, Source


class FoundArchives(Source):
    """The archives in all folders of a run.

    Args:
        number: of this source among those of the run, from 1.
        access: what the options of the run say.
        named: absolute paths of archives that are inputs themselves.
    """

    root = "archives in folders"
    ordered = True

    def __init__(self, number: int, access: Access, named: Iterable[str] = ()) -> None:
        self.number, self._access = number, access
        self._left_out = set(map(os.path.realpath, named))

    def leave_out(self, path: str) -> None:
        """Leave out an archive: OUT of the run."""
        self._left_out.add(os.path.realpath(path))

    def takes(self, path: str) -> bool:
        """Whether a file is an archive that is opened."""
        return bool(archive_suffix(path)) and os.path.realpath(path) not in self._left_out

    def stem(self, name: str) -> str:
        """As `walk.Opener.stem`."""
        return name[: -len(archive_suffix(name)) - 1]

    def places(self, archives: Sequence[str], folders: Iterable[str]) -> Mapping[str, str]:
        """As `walk.Opener.places`."""
        return archive_places(archives, folders)

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:  # noqa: ARG002
        """As `Source.batches`: none, as they come with those of the folders."""
        return iter(())

    def inside(
        self, path: str, mirror: str, root: str, below: str, patterns: Patterns | None
    ) -> Iterator[Batch]:
        """The batches of one archive.

        Args:
            path: absolute.
            mirror: its place below OUT.
            root: the input folder that it is in.
            below: its place in that folder, as of a folder; empty where it is an input itself.
            patterns: of the run, for paths below the input folder.
        """
        archive = opened_archive(path, self._access)
        for batch in archive.batches(mirror, patterns.below(below) if patterns and below else patterns):
            items, others = (
                found.of_source(self.number, f"{len(path)}:") if isinstance(found, Entries) else found
                for found in (batch.items, batch.others)
            )
            yield replace(batch, items=items, others=others, root=root)

    def open(self, item: Item) -> Content:
        """As `Source.open`."""
        archive, inner = self.inner(item)
        return archive.open(inner)

    def inner(self, item: Item) -> tuple[Source, Item]:
        """The archive that holds an item, and the item as that knows it."""
        length, _, key = item.key.partition(":")
        return _archive(item.path[: int(length)], self._access), item._replace(key=key)

    @property
    def damage(self) -> tuple[type[Exception], ...]:
        """As `Source.damage`."""
        from imgpar.inputs.zip_source import damage_of_zip

        return damage_of_zip()


@lru_cache(maxsize=64)
def _archive(path: str, access: Access) -> Source:
    return opened_archive(path, access)


def archive_places(archives: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """The folder below OUT for each archive of a folder: its name without the suffix, unless it is that of
    another one.

    >>> archive_places(["trip.zip", "b.zip", "b.tar.gz"], ["trip"])
    {'trip.zip': 'trip-zip', 'b.zip': 'b-zip', 'b.tar.gz': 'b-tar.gz'}

    Args:
        archives: their names.
        folders: names of the other folders there.
    """
    names = list(archives)
    taken = {fold(name) for name in folders}
    parts = {name: (name[: -len(archive_suffix(name)) - 1], archive_suffix(name)) for name in names}
    stems = [fold(parts[name][0]) for name in names]
    found = dict[str, str]()
    for name in names:
        stem, suffix = parts[name]
        if fold(stem) in taken or stems.count(fold(stem)) > 1:
            stem = f"{stem}-{suffix}"
            if fold(stem) in taken or fold(stem) in map(fold, found.values()):
                stem = f"{stem}-{short_hash(name)}"
        found[name] = stem
    return found
