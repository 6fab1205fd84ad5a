"""A 7z archive as a source, by py7zr. Members are read in order: many lie in one compressed block."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import IO, Any

from imgpar.core.error_messages import library_words
from imgpar.core.errors import DamagedError, ImgparError, MissingExtraError, SourceError, UnsupportedError
from imgpar.core.install_hint import pip
from imgpar.core.job import INODE_BITS
from imgpar.inputs.archives import LINK, failed, limited, locked
from imgpar.inputs.batches import why_unreadable
from imgpar.inputs.sequential import NoMoreError, Receiver, SequentialArchive
from imgpar.inputs.sources import Entry

_NTFS_EPOCH = 116_444_736_000_000_000
"""1970 in units of 100 ns since 1601."""


class SevenZipSource(SequentialArchive):
    """The files in a 7z archive."""

    title = "7z archive"

    def entries(self) -> Iterator[Entry]:
        """As `Archive.entries`."""
        with self._opened() as archive:
            state, packed = self.state(), os.stat(self.path).st_size
            hidden = self.password is None and archive.password_protected
            for file in archive.files:
                if file.is_directory:
                    continue
                version = (file.crc32 or 0) & INODE_BITS
                entry = Entry(file.filename, file.uncompressed, _time(file), version, f"{state} {file.id}")
                if file.is_symlink or file.is_junction:
                    entry = failed(entry, LINK)
                elif file.is_socket:
                    entry = failed(entry, "It is a device or a pipe, not a file.")
                elif hidden and not file.emptystream:
                    entry = failed(entry, locked(given=False))
                yield limited(entry, packed)

    def unpack(self, receiver: Receiver) -> None:
        """As `SequentialArchive.unpack`. After damage it goes on with the next block of the archive."""
        state, names = self.state(), None
        while names is None or names:
            with self._opened() as archive:
                names = _names(archive.files) if names is None else names
                offered = _Offered(receiver, state, _in_order(archive, names))
                try:
                    archive.extract(targets=names, factory=offered)
                except _EnoughError:
                    return
                except (NoMoreError, OSError):
                    raise
                except Exception as error:  # of py7zr, and of any of its decompressors
                    names = offered.after(self._words(error, offered.whole))
                else:
                    return

    def _words(self, error: Exception, whole: int) -> ImgparError:
        """The error of a member, from that of the library."""
        if isinstance(error, ImgparError):
            return error
        if type(error).__name__ == "UnsupportedCompressionMethodError":
            words = "It is compressed by a method that is not supported."
            return UnsupportedError(words, fix="Unpack the archive first.")
        if type(error).__name__ == "PasswordRequired":
            return locked(given=False)
        if self.password is not None and not whole:
            return locked(given=True)
        return DamagedError(f"It is damaged: {library_words(error, 'its data cannot be unpacked')}.")

    @contextlib.contextmanager
    def _opened(self) -> Generator[Any]:
        try:
            library: Any = importlib.import_module("py7zr")
        except ImportError:
            fix = f"Install what reads it: {pip('imgpar[archives]')}"
            raise MissingExtraError("7z archives need a package.", fix=fix) from None
        try:
            file = open(self.path, "rb")  # noqa: SIM115
        except OSError as error:
            raise SourceError(why_unreadable(error)) from None
        with file, self._read(library, file) as archive:
            yield archive

    def _read(self, library: Any, file: IO[bytes]) -> Any:
        """The archive, of an open file: given a path, py7zr unpacks blocks in parallel, in no order."""
        try:
            return library.SevenZipFile(file, password=self.password.text if self.password else None)
        except library.PasswordRequired:
            raise locked(given=False) from None
        except Exception as error:
            if self.password is not None and _is_locked(library, file):
                raise locked(given=True) from None
            words = library_words(error, "its directory is damaged")
            raise DamagedError(f"It cannot be read as a 7z archive: {words}.") from None


class _EnoughError(Exception):
    """Nothing else is wanted."""


class _Offered:
    """Makes the files for py7zr, which asks for one after the other."""

    def __init__(self, receiver: Receiver, state: str, files: Sequence[Any]) -> None:
        self._receiver, self._state, self._files = receiver, state, deque(files)
        self._current: Any = None
        self.whole = 0
        """Members without errors so far."""

    def create(self, name: str) -> _Writer:
        """The file for the next member."""
        self._current = self._files.popleft()
        if os.path.basename(self._current.filename) not in name:  # equal names are numbered
            raise SourceError("The archive cannot be read in order.", fix="Unpack the archive first.")
        return _Writer(self, self._receiver.take(self._key(self._current)))

    def finished(self) -> None:
        """The current member is complete."""
        done, self._current = self._current, None
        self.whole += 1
        if not self._receiver.done(self._key(done)):
            raise _EnoughError

    def after(self, error: ImgparError) -> list[str]:
        """End the members of the block that is damaged; returns the names of those in other blocks."""
        first = self._current or (self._files.popleft() if self._files else None)
        if first is None:
            return []
        same = [file for file in self._files if file.folder is first.folder]
        later = SourceError(f"Another file of its block comes before it, which cannot be read: {error}")
        for file, why in ((first, error), *((file, later) for file in same)):
            if not self._receiver.done(self._key(file), why):
                return []
        return [file.filename for file in self._files if file.folder is not first.folder]

    def _key(self, file: Any) -> str:
        return f"{self._state} {file.id}"


class _Writer:
    """What py7zr writes a member to."""

    def __init__(self, offered: _Offered, file: IO[bytes] | None) -> None:
        self._offered, self._file = offered, file

    def write(self, data: bytes) -> int:
        return self._file.write(data) if self._file else len(data)

    def read(self, _size: int | None = None) -> bytes:
        return b""

    def seekable(self) -> bool:
        return False

    def seek(self, _offset: int, _whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        """Nothing is kept here."""

    def size(self) -> int:
        return 0

    def close(self) -> None:
        self._offered.finished()


def _is_locked(library: Any, file: IO[bytes]) -> bool:
    """Whether the directory of the archive is encrypted."""
    file.seek(0)
    try:
        library.SevenZipFile(file)
    except library.PasswordRequired:
        return True
    except Exception:
        return False
    return False


def _names(files: Sequence[Any]) -> list[str]:
    """The names of all files; those that lead outside are left out, as py7zr refuses all then."""
    return [
        file.filename
        for file in files
        if not (file.is_directory or file.is_socket or file.is_symlink or file.is_junction)
        and not {"", ".", ".."}.intersection(file.filename.replace("\\", "/").split("/"))
        and ":" not in file.filename
    ]


def _in_order(archive: Any, names: Sequence[str]) -> list[Any]:
    """The members of these names in the order in which py7zr unpacks them."""
    taken = set(names)
    files = [file for file in archive.files if file.filename in taken and not file.is_directory]
    if len({id(file.folder) for file in archive.files if file.folder}) > 1:
        files.sort(key=lambda file: not file.emptystream)  # those without data come first
    return files


def _time(file: Any) -> int:
    """Modification time in nanoseconds; 0 is unknown."""
    return max(0, int(file.lastwritetime or 0) - _NTFS_EPOCH) * 100
