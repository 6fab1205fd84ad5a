"""Archives whose members can only be read one after the other: what is before a member is unpacked first.

They are unpacked once to be listed, and once for the run: `unpack` offers each member in its place, and
whoever receives them (`batch/unpacking`) writes those of planned jobs to temporary files. A worker that opens
a member by itself reads the archive from its begin; that is for a single member, not for all.
"""

from __future__ import annotations

import tempfile
from typing import IO, Protocol

from imgpar.core.errors import ImgparError
from imgpar.core.job import Item
from imgpar.inputs.archives import Archive, changed
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.sources import Source

IN_MEMORY = 16 << 20
"""Largest member in bytes that is not written to a temporary file when it is opened alone."""


class NoMoreError(Exception):
    """A receiver takes no more members."""


class Receiver(Protocol):
    """Takes the members of an archive. It may raise NoMoreError, and OSError where it cannot write."""

    def take(self, key: str) -> IO[bytes] | None:
        """A file for this member, which is closed by the receiver; None where it is not wanted."""

    def done(self, key: str, error: ImgparError | None = None) -> bool:
        """The member is in its file, or cannot be read. Returns whether any more are wanted."""


class SequentialArchive(Archive):
    """An archive that is read from its begin to its end."""

    ordered = True

    def unpack(self, receiver: Receiver) -> None:
        """Offer every member to a receiver, in the order of the archive. Raises ImgparError."""
        raise NotImplementedError

    def open(self, item: Item) -> IO[bytes]:
        """As `Source.open`: one member, for which all before it are unpacked."""
        if not item.key.startswith(f"{self.state()} "):
            raise changed()
        receiver = _One(item.key)
        try:
            self.unpack(receiver)
            if receiver.error is not None:
                raise receiver.error
            if not receiver.found:
                raise changed()
        except BaseException:
            receiver.file.close()
            raise
        receiver.file.seek(0)
        return receiver.file


class _One:
    """Receives one member."""

    def __init__(self, key: str) -> None:
        self._key, self.found = key, False
        self.error: ImgparError | None = None
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115

    def take(self, key: str) -> IO[bytes] | None:
        return self.file if key == self._key else None

    def done(self, key: str, error: ImgparError | None = None) -> bool:
        if key != self._key:
            return True
        self.found, self.error = True, error
        return False


def sequential_part(source: Source, item: Item) -> tuple[SequentialArchive, str] | None:
    """The archive that holds an item and is read in order, and the key of the item in it; None for others."""
    if isinstance(source, FoundArchives):
        source, item = source.inner(item)
    return (source, item.key) if isinstance(source, SequentialArchive) else None
