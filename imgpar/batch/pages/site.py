"""The outputs of a run with what a web site needs to know of them: what manifest and snippets are written
from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from imgpar.batch.pages.asking import Answers, Look, may_be_seen
from imgpar.batch.pages.looks import Looks
from imgpar.core.job import Outcome, OutputFile
from imgpar.formats.registry import Format, format_of_suffix
from imgpar.runtime.serialization import pack, unpack

Known = Mapping[tuple[str, int, str], Looks]
"""What an earlier manifest says of files, by path, size and digest."""


class SiteFile(NamedTuple):
    """One output."""

    path: str
    """Absolute."""
    bytes: int
    digest: str
    """Empty where it is not known."""
    looks: Looks

    @property
    def format(self) -> Format | None:
        """By the name of the file; None for a sidecar."""
        return format_of_suffix(self.path)


class SiteItem(NamedTuple):
    """One input with its outputs, in their order."""

    source: str
    error: str
    files: tuple[SiteFile, ...] = ()


def site_items(outcomes: Iterable[Outcome], look: Look, known: Known) -> Iterator[SiteItem]:
    """The items of a run, in order; workers look at the outputs that `known` does not have.

    Args:
        outcomes: of the run; iterated twice, at the same time.
        look: asks workers.
        known: from an earlier manifest.
    """
    asked = (
        file.path
        for outcome in outcomes
        for file in outcome.outputs
        if _key(file) not in known and may_be_seen(file.path)
    )
    answers = Answers(look(asked))
    for outcome in outcomes:
        found = [(file, known.get(_key(file)) or answers.take(file.path)) for file in outcome.outputs]
        yield SiteItem(outcome.source, outcome.error, tuple(_file(*one) for one in found))


def _key(file: OutputFile) -> tuple[str, int, str]:
    # Without a digest nothing is known of its content.
    return file.path, file.bytes if file.digest else -1, file.digest


def _file(file: OutputFile, looks: Looks | None) -> SiteFile:
    looks = looks or Looks()
    if not looks.width:
        looks = looks._replace(width=file.width, height=file.height)
    return SiteFile(file.path, file.bytes, file.digest or looks.digest, looks._replace(thumbnail=b""))


class SpooledItems:
    """Items on the disk, for several readers: a million of them need no memory.

    Args:
        path: of a new file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def fill(self, items: Iterable[SiteItem]) -> None:
        """Write the items."""
        with open(self._path, "xb") as file:
            for item in items:
                data = pack(item)
                file.write(len(data).to_bytes(8, "little") + data)

    def __iter__(self) -> Iterator[SiteItem]:
        with open(self._path, "rb") as file:
            while head := file.read(8):
                yield unpack(file.read(int.from_bytes(head, "little")), SiteItem)
