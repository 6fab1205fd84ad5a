"""Clips that are in memory or in an open file."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import weakref
from typing import Any, BinaryIO

from imgpar.core.error_messages import bad_value
from imgpar.core.errors import BadValueError, LimitError, SourceError

MOST_SPOOLED = 4 << 30
"""Bytes of a stream that cannot seek: it is copied to a temporary file first."""
_CHUNK = 1 << 20


class Content:
    """The bytes of a clip, readable from several places at once.

    >>> content = Content(b"0123456789")
    >>> one, other = content.open(), content.open()
    >>> one.seek(4), one.read(2), other.read(3)
    (4, b'45', b'012')

    Args:
        given: bytes or another buffer, which is not copied; or a binary file object, which stays open and is
            read from its beginning. One that cannot seek is copied to a temporary file first, from where it
            stands.

    Raises:
        BadValueError: it is neither, or a file in text mode.
        SourceError: the file is closed, or cannot be read.
        LimitError: a stream has more than `MOST_SPOOLED` bytes.
    """

    def __init__(self, given: Any) -> None:
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        if (view := _viewed(given)) is not None:
            self._view = view
            self.size = view.nbytes
            return
        if not hasattr(given, "read"):
            raise bad_value("the clip", "a path, bytes, or a binary file object", given)
        try:
            self._file = given if _seekable(given) else self._spooled(given)
            self.size = self._file.seek(0, os.SEEK_END)
        except BadValueError:
            raise
        except (OSError, ValueError) as error:
            raise SourceError(f"The file object cannot be read: {error}.") from error

    def open(self) -> BinaryIO:
        """A file of its own, to be closed by the caller; the file object that was given stays open."""
        return io.BufferedReader(_Part(self), _CHUNK)

    def _spooled(self, file: Any) -> BinaryIO:
        """A temporary file without a name, with what is left in a stream; closed with this object."""
        spool: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, spool.close)
        while chunk := file.read(_CHUNK):
            if spool.tell() + len(chunk) > MOST_SPOOLED:
                raise LimitError(
                    f"The stream has more than {MOST_SPOOLED >> 30} GiB, and it cannot seek.",
                    fix="Save it to a file, and give its path.",
                )
            spool.write(chunk)
        return spool

    def read_into(self, place: int, buffer: memoryview) -> int:
        """Copy bytes from `place` on to `buffer`; returns their number, 0 at the end. Raises SourceError."""
        if self._file is None:
            found: Any = self._view[place : place + len(buffer)]
        else:
            try:
                with self._lock:
                    self._file.seek(place)
                    found = self._file.read(len(buffer))
            except OSError as error:
                raise SourceError(f"The file object cannot be read: {error}.") from error
        buffer[: len(found)] = found
        return len(found)


def open_bytes(path: str, content: Content | None = None) -> BinaryIO:
    """The file at `path`, or the content in its place; to be closed by the caller. Raises OSError."""
    return open(path, "rb") if content is None else content.open()


class _Part(io.RawIOBase):
    """A position of its own in a content."""

    def __init__(self, content: Content) -> None:
        self._content, self._place = content, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._content.read_into(self._place, memoryview(buffer).cast("B"))
        self._place += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._content.size}[whence]
        if begin + offset < 0:
            raise OSError("a place before the beginning")
        self._place = begin + offset
        return self._place


def _viewed(given: Any) -> memoryview | None:
    """The bytes of a buffer; None for anything else."""
    try:
        return memoryview(given).cast("B")
    except TypeError:
        return None


def _seekable(file: Any) -> bool:
    if not isinstance(file.read(0), bytes):
        raise bad_value("the clip", "a file object in binary mode", file)
    return bool(getattr(file, "seekable", lambda: False)())
