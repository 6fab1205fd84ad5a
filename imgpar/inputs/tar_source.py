"""Tar archives as sources: plain ones, of which workers read any member, and compressed ones, read in order.

A member of a plain archive is known by its place, that of a compressed one by its number and its content, as
all of it is read anyway to list it.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Generator, Iterator
from decimal import Decimal, InvalidOperation
from typing import IO, Any, NamedTuple

import xxhash

from imgpar.core.errors import DamagedError, SourceError, UnsupportedError
from imgpar.core.job import INODE_BITS, Item
from imgpar.inputs.archives import LINK, Archive, changed, failed
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.compressed import Unpacked
from imgpar.inputs.sequential import Receiver, SequentialArchive
from imgpar.inputs.sources import Entry
from imgpar.inputs.tar_headers import BoundedHeader, forward

_CHUNK = 1 << 20
_METHODS = {"tgz": "gz", "tbz": "bz2", "tbz2": "bz2", "txz": "xz", "tzst": "zst"}
_CUT_OFF = "It is cut off: the archive ends before it does."


class _Place(NamedTuple):
    """Where the data of a member are, for the other names of the same file."""

    size: int
    version: int
    key: str


class TarSource(Archive):
    """The files in a tar archive that is not compressed."""

    title = "tar archive"

    def entries(self) -> Iterator[Entry]:
        """As `Archive.entries`."""
        links = _Links()
        with _read(self.path) as file:
            state, length = self.state(), os.fstat(file.fileno()).st_size
            for _, info, _ in _members(file):
                key = f"{state} {info.offset_data}"
                entry = _entry(info, key, xxhash.xxh3_64_intdigest(key.encode()) & INODE_BITS)
                if info.isreg() and info.offset_data + info.size > length:
                    entry = failed(entry, DamagedError(_CUT_OFF))
                yield links.resolved(entry, info)

    def open(self, item: Item) -> IO[bytes]:
        """As `Source.open`: a part of the archive."""
        state, place = item.key.split(" ")
        if state != self.state():
            raise changed()
        return io.BufferedReader(_Part(self.path, int(place), item.size))


class PackedTarSource(SequentialArchive):
    """The files in a compressed tar archive."""

    title = "tar archive"

    def entries(self) -> Iterator[Entry]:
        """As `Archive.entries`."""
        links = _Links()
        state = self.state()
        with self._unpacked() as file:
            for number, info, archive in _members(file):
                version, error = 0, None
                if info.isreg() and not info.issparse():
                    try:
                        version = _digest(archive.extractfile(info), info.size)
                    except DamagedError as damage:
                        error = damage
                entry = _entry(info, f"{state} {number}", version)
                yield links.resolved(failed(entry, error) if error else entry, info)
                if error is not None and error.message != _CUT_OFF:
                    raise error  # what comes after it has no names

    def unpack(self, receiver: Receiver) -> None:
        """As `SequentialArchive.unpack`."""
        state = self.state()
        with self._unpacked() as file:
            for number, info, archive in _members(file):
                key = f"{state} {number}"
                target = receiver.take(key) if info.isreg() else None
                if target is not None:
                    error = None
                    try:
                        for data in _pieces(archive.extractfile(info), info.size):
                            target.write(data)
                    except DamagedError as damage:
                        error = damage
                    if not receiver.done(key, error):
                        return

    @contextlib.contextmanager
    def _unpacked(self) -> Generator[Unpacked]:
        suffix = self.path.rpartition(".")[2].lower()
        try:
            file = Unpacked(self.path, _METHODS.get(suffix, suffix))
        except OSError as error:
            raise SourceError(why_unreadable(error)) from None
        with file:
            yield file


class _Part(io.RawIOBase):
    """A range of a file."""

    def __init__(self, path: str, start: int, size: int) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        self._file.seek(start)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _Links:
    """Hard links: other names of files that come before them in an archive."""

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        """By the hash of the name: an archive may have millions."""

    def resolved(self, entry: Entry, info: tarfile.TarInfo) -> Entry:
        """The entry; of a hard link that of the file which it names."""
        if info.isreg() and not entry.error:
            self._places[hash(entry.path)] = _Place(entry.size, entry.version, entry.key)
        elif info.islnk():
            place = self._places.get(hash(_plain(info.linkname)))
            if place is None:
                return failed(entry, LINK)
            return entry._replace(size=place.size, version=place.version, key=place.key)
        return entry


class _Header(BoundedHeader):
    """A header; one that is damaged ends the archive with an error, where tarfile takes it for the end."""

    def _proc_gnusparse_10(self, next_: Any, *_: object) -> None:
        next_.sparse = []  # the map is not read: members with holes are failed inputs

    @classmethod
    def fromtarfile(cls, tarfile_: Any) -> Any:
        """As of tarfile."""
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.EmptyHeaderError, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            if not tarfile_.offset:
                raise DamagedError(f"It cannot be read as a tar archive: {error}.") from None
            raise DamagedError(f"It is damaged after {tarfile_.offset:,} bytes: {error}.") from None


def _members(file: Any) -> Iterator[tuple[int, tarfile.TarInfo, tarfile.TarFile]]:
    """The members of an archive with their numbers, without folders, and the archive. Raises DamagedError."""
    try:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=_Header, encoding="utf-8") as archive:
            for number, info in enumerate(forward(archive)):
                if not info.isdir():
                    yield number, info, archive
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise DamagedError(f"It is no tar archive, or it is damaged: {error}.") from None


def _entry(info: tarfile.TarInfo, key: str, version: int) -> Entry:
    entry = Entry(_plain(info.name), info.size, _time(info), version, key)
    if info.issym():
        return failed(entry, LINK)
    if info.issparse():
        return failed(entry, UnsupportedError("It is stored with holes.", fix="Unpack the archive first."))
    if not (info.isreg() or info.islnk()):
        return failed(entry, "It is a device or a pipe, not a file.")
    return entry


def _plain(name: str) -> str:
    """A name without the `./` that `tar -c .` puts before all."""
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


def _time(info: tarfile.TarInfo) -> int:
    """Modification time in nanoseconds, also where it is stored as a fraction."""
    try:
        return max(0, int(Decimal(info.pax_headers.get("mtime", info.mtime)) * 10**9)) & INODE_BITS
    except (InvalidOperation, ValueError, OverflowError):
        return 0


def _pieces(file: IO[bytes] | None, size: int) -> Iterator[bytes]:
    """All data of a member. Raises DamagedError."""
    while size:
        try:
            data = file.read(min(size, _CHUNK)) if file else b""
        except tarfile.TarError:
            data = b""
        if not data:
            raise DamagedError(_CUT_OFF)
        size -= len(data)
        yield data


def _digest(file: IO[bytes] | None, size: int) -> int:
    digest = xxhash.xxh3_64()
    for data in _pieces(file, size):
        digest.update(data)
    return digest.intdigest() & INODE_BITS


@contextlib.contextmanager
def _read(path: str) -> Generator[IO[bytes]]:
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise SourceError(why_unreadable(error)) from None
    with file:
        yield file
