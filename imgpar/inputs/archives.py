"""What archives of all kinds have in common: which members are read, and why the others are not."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imgpar.core.addresses import quoted_path
from imgpar.core.errors import ImgparError, LimitError, LockedError, SourceError
from imgpar.core.job import Facts
from imgpar.inputs.batches import Batch
from imgpar.inputs.listing import unlisted
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.sources import NO_ACCESS, Access, Entry, Source, in_folders

if TYPE_CHECKING:  # local archives need no network
    from imgpar.inputs.remote_archives import ArchiveCopy

LINK = "It is a link, and links in archives are not followed."
FREE_BYTES, MOST_RATIO = 64 << 20, 1000
"""What unpacks to more bytes than the first, and to more than the second times its size, is no picture."""


def changed() -> SourceError:
    """The error of an archive that is not the one that was listed."""
    return SourceError("The archive was changed after its files were listed.", fix="Run again.")


def locked(*, given: bool) -> LockedError:
    """The error of an encrypted archive or member.

    Args:
        given: whether there is a password.
    """
    if given:
        return LockedError("It is encrypted, and the password is wrong.", fix="Check the password.")
    fix = "Give the password with --password-file FILE (password=), or in IMGPAR_PASSWORD."
    return LockedError("It is encrypted.", fix=fix)


def too_much(size: int, packed: int) -> str:
    """Why something is not unpacked, by its sizes; empty where nothing speaks against it.

    >>> too_much(10 << 20, 1), too_much(10**9, 10**6 - 1)
    ('', 'It unpacks to more than 1,000 times its size (1,000 MB), as no picture does.')
    """
    if size <= FREE_BYTES or size <= packed * MOST_RATIO:
        return ""
    return (
        f"It unpacks to more than {MOST_RATIO:,} times its size ({size / 1e6:,.0f} MB), as no picture does."
    )


def failed(entry: Entry, error: ImgparError | str) -> Entry:
    """The entry of a member that cannot be read."""
    kind = type(error).__name__ if isinstance(error, ImgparError) else SourceError.__name__
    return entry._replace(error=str(error), kind=kind)


def limited(entry: Entry, packed: int) -> Entry:
    """The entry, failed where it unpacks to too much."""
    why = too_much(entry.size, packed)
    return failed(entry, LimitError(why)) if why and not entry.error else entry


class Archive(Source):
    """A file with members, as a source: the part that all kinds share.

    Args:
        path: absolute.
        access: with the password of encrypted members.
        copy: of an archive at an address; it is called by that, and `path` is that of the copy.
    """

    title = ""
    """Name of the kind, for messages."""

    def __init__(self, path: str, access: Access = NO_ACCESS, copy: ArchiveCopy | None = None) -> None:
        self.path, self.password, self.copy = path, access.password, copy
        self.root = copy.name if copy else path

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "copy": None}  # workers read the file

    @property
    def real(self) -> str:
        """As `Source.real`."""
        return self.copy.real if self.copy else self.path

    def batches(self, mirror: str, patterns: Patterns | None = None) -> Iterator[Batch]:
        """As `Source.batches`. An archive that cannot be read is one failed input; where it is damaged in the
        middle, what was listed before is followed by it."""
        broken: list[ImgparError] = []
        if self.copy:
            try:
                yield from self.copy.made()
            except ImgparError as missing:
                yield unlisted(self.root, mirror, str(missing), type(missing).__name__)
                return
        yield from in_folders(self.root, mirror, self._until_damage(broken), patterns, quoted=bool(self.copy))
        for error in broken:
            yield unlisted(self.root, mirror, str(error), type(error).__name__)

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Its members, links and the like included, folders not. Raises ImgparError."""

    def state(self) -> str:
        """What tells this archive from a changed one: part of the keys of its members. Raises OSError."""
        facts = Facts.of(os.stat(self.path))
        return f"{facts.size}-{facts.mtime_ns}"

    def _until_damage(self, broken: list[ImgparError]) -> Iterator[Entry]:
        try:
            for entry in self.entries():
                yield entry._replace(path=quoted_path(entry.path)) if self.copy else entry
        except ImgparError as error:
            broken.append(error)
