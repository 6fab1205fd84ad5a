"""A ZIP archive as a source: it behaves like a folder of its name.

The parent reads the directory (`zip_directory`). A worker gets the place of a member with its key, so it
reads the directory of encrypted archives only.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import IO, Any

from imgpar.core.errors import DamagedError, ItemError, MissingExtraError, SourceError, UnsupportedError
from imgpar.core.install_hint import pip
from imgpar.core.job import Item
from imgpar.core.limits import Secret
from imgpar.inputs.archives import LINK, Archive, changed, failed, limited, locked
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.compressed import zstd_errors
from imgpar.inputs.sources import Entry
from imgpar.inputs.zip_directory import AES, ENCRYPTED, STRONG, NoZipError, SplitError, ZipMember, members

UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError)
"""What zipfile raises for archives that are damaged, or made to look so."""
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, AES)
_ZSTD = 93
_NAMES = {1: "Shrink", 6: "Implode", 9: "Deflate64", _ZSTD: "Zstandard", 95: "XZ", 97: "WavPack", 98: "PPMd"}
"""Methods of compression that are not read, by number."""
_WITH_ZSTD, _WITH_AES = "backports.zstd.zipfile", "pyzipper"
_LOCAL_HEADER = 30
_FARTHEST = (1 << 64) - 1
_BEYOND = DamagedError("The archive ends before its data do.")


class ZipSource(Archive):
    """The files in an archive; workers decompress them."""

    title = "ZIP archive"

    @property
    def damage(self) -> tuple[type[Exception], ...]:
        """As `Source.damage`."""
        return damage_of_zip()

    def entries(self) -> Iterator[Entry]:
        """As `Archive.entries`."""
        try:
            with open(self.path, "rb") as file:
                inside, state, length = _overlapping(file), self.state(), os.fstat(file.fileno()).st_size
                for member in members(file):
                    if not member.name.endswith("/"):
                        entry = self._entry(member, state, overlaps=member.offset in inside)
                        beyond = _end(member) > length
                        yield failed(entry, _BEYOND) if beyond and not entry.error else entry
        except NoZipError as error:
            kind = UnsupportedError if isinstance(error, SplitError) else DamagedError
            raise kind(f"It cannot be read as a ZIP archive: {error}.") from None
        except OSError as error:
            raise SourceError(why_unreadable(error)) from None

    def open(self, item: Item) -> IO[bytes]:
        """One file, decompressed as it is read."""
        state, offset, packed, method, flags, raw = item.key.split(" ", 5)
        if state != self.state():
            raise changed()
        if int(flags) & ENCRYPTED:
            return _unlocked(self.path, state, int(offset), int(method), self.password)
        archive = _opened(self.path, state, int(method) == _ZSTD)
        info = archive.ZipInfo(raw)
        info.header_offset, info.compress_size, info.file_size = int(offset), int(packed), item.size
        info.compress_type, info.flag_bits, info.CRC = int(method), int(flags), item.inode
        found: IO[bytes] = archive.open(info)
        return found

    def _entry(self, member: ZipMember, state: str, *, overlaps: bool) -> Entry:
        key = f"{state} {member.offset} {member.packed} {member.method} {member.flags} {member.raw}"
        entry = Entry(member.name, member.size, member.mtime_ns, member.crc, key)
        if member.mode & 0o170000 not in (0, 0o100000):
            return failed(entry, LINK if member.mode & 0o170000 == 0o120000 else "It is no regular file.")
        error = _problem(member, self.password)
        if error is None and overlaps:
            error = DamagedError("Its data are those of another file in the archive, too.")
        return failed(entry, error) if error else limited(entry, member.packed)


def damage_of_zip() -> tuple[type[Exception], ...]:
    """What the libraries that are in use raise for a damaged member."""
    libraries = [sys.modules[name] for name in (_WITH_ZSTD, _WITH_AES) if name in sys.modules]
    return (*UNREADABLE[1:], *(library.BadZipFile for library in libraries), *zstd_errors())


def modified(info: zipfile.ZipInfo) -> int:
    """Modification time in nanoseconds; 0 where it is none."""
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1))) * 10**9
    except (ValueError, OverflowError):
        return 0


def _problem(member: ZipMember, password: Secret | None) -> ItemError | None:
    if member.flags & STRONG:
        words = "It is encrypted by a method that is not supported."
        return UnsupportedError(words, fix="Unpack the archive first.")
    if member.flags & ENCRYPTED and password is None:
        return locked(given=False)
    if member.method not in _READ and not (member.method == _ZSTD and _with_zstd() is not None):
        name = _NAMES.get(member.method, f"method {member.method}")
        words = f"It is compressed with {name}, which is not read here."
        if member.method == _ZSTD:
            return MissingExtraError(words, fix=f"Install what reads it: {pip('imgpar[archives]')}")
        return UnsupportedError(words, fix="Unpack the archive first.")
    return None


def _overlapping(file: IO[bytes]) -> frozenset[int]:
    """Where members begin whose data reach into those of the next one."""
    starts, ends = array("Q"), array("Q")
    for member in members(file):
        starts.append(min(member.offset, _FARTHEST))
        ends.append(min(_end(member), _FARTHEST))
    if all(end <= start for end, start in zip(ends, starts[1:], strict=False)):
        return frozenset()  # the usual archive, whose directory has the order of its data
    order = sorted(range(len(starts)), key=starts.__getitem__)
    return frozenset(starts[at] for at, after in pairwise(order) if ends[at] > starts[after])


def _end(member: ZipMember) -> int:
    """Where its data end at the earliest; the directory may say anything."""
    return member.offset + _LOCAL_HEADER + member.packed


def _with_zstd() -> Any:
    """A `zipfile` that reads Zstandard; None where there is none."""
    if hasattr(zipfile, "ZIP_ZSTANDARD"):
        return zipfile
    try:
        return importlib.import_module(_WITH_ZSTD)
    except ImportError:
        return None


@lru_cache(maxsize=2)
def _opened(path: str, _state: str, zstd: bool) -> Any:
    """The archive, of which no directory is read; `_state` tells one that was replaced."""
    library: Any = _with_zstd() if zstd else zipfile

    class WithoutDirectory(library.ZipFile):  # type: ignore[misc]
        ZipInfo = library.ZipInfo

        def _RealGetContents(self) -> None:  # noqa: N802
            """Members are opened by their place."""

    return WithoutDirectory(path)


def _unlocked(path: str, state: str, offset: int, method: int, password: Secret | None) -> IO[bytes]:
    """An encrypted member. Raises LockedError, MissingExtraError."""
    archive, places = _encrypted(path, state, method == AES)
    given = password.text.encode() if password else None
    try:
        found: IO[bytes] = archive.open(places[offset], pwd=given)
    except RuntimeError as error:
        if "password" in str(error).lower():
            raise locked(given=True) from None
        raise
    return found


@lru_cache(maxsize=1)
def _encrypted(path: str, _state: str, aes: bool) -> tuple[Any, dict[int, Any]]:
    """An archive with encrypted members, and its directory by the places of the members."""
    library: Any = zipfile
    if aes:
        try:
            library = importlib.import_module(_WITH_AES)
        except ImportError:
            fix = f"Install what reads it: {pip('imgpar[archives]')}"
            raise MissingExtraError("It is encrypted with AES.", fix=fix) from None
    archive = library.AESZipFile(path) if aes else library.ZipFile(path)
    return archive, {info.header_offset: info for info in archive.infolist()}


if hasattr(os, "register_at_fork"):
    # A forked child has open files in common with its parent, and where they are read.
    os.register_at_fork(after_in_child=_opened.cache_clear)
    os.register_at_fork(after_in_child=_encrypted.cache_clear)
