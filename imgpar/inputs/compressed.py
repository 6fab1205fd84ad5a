"""Compressed files as streams of what is in them: gzip, bzip2, xz, Zstandard."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import sys
import zlib
from types import ModuleType
from typing import IO, Any, cast

from imgpar.core.error_messages import library_words
from imgpar.core.errors import DamagedError, LimitError, MissingExtraError
from imgpar.core.install_hint import pip
from imgpar.inputs.archives import too_much

_CHUNK = 1 << 20
_ZSTD = ("compression.zstd", "backports.zstd")
"""Modules that read Zstandard: of Python since 3.14, and of the extra."""


def zstd() -> ModuleType:
    """The module that reads Zstandard. Raises MissingExtraError."""
    for name in _ZSTD:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    fix = f"Install what reads it: {pip('imgpar[archives]')}"
    raise MissingExtraError("It is compressed with Zstandard, which Python reads since 3.14.", fix=fix)


def zstd_errors() -> tuple[type[Exception], ...]:
    """What the modules for Zstandard raise for damaged data, of those that are imported."""
    return tuple(sys.modules[name].ZstdError for name in _ZSTD if name in sys.modules)


class Unpacked(io.RawIOBase):
    """What is in a compressed file, from its begin to its end.

    Args:
        path: of the file.
        method: "gz", "bz2", "xz" or "zst".

    Raises:
        MissingExtraError: there is no package for the method.
        OSError: the file cannot be opened.
        DamagedError: from `read`; the data are damaged, or cut off.
        LimitError: from `read`; it unpacks to more than pictures do.
    """

    def __init__(self, path: str, method: str) -> None:
        module: Any = zstd() if method == "zst" else None
        self._raw = open(path, "rb")  # noqa: SIM115
        self._size, self._read = os.fstat(self._raw.fileno()).st_size, 0
        if method == "gz":
            self._file: IO[bytes] = cast(IO[bytes], gzip.GzipFile(fileobj=self._raw))
        elif method == "bz2":
            self._file = cast(IO[bytes], bz2.BZ2File(self._raw))
        elif method == "xz":
            self._file = cast(IO[bytes], lzma.LZMAFile(self._raw))  # noqa: SIM115
        else:
            self._file = module.ZstdFile(self._raw)

    def readable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes that were read."""
        return self._read

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Read on to a place, or to the end where that comes first."""
        if whence != os.SEEK_SET or offset < self._read:
            raise io.UnsupportedOperation("it is read in order")
        while self._read < offset and self.read(min(offset - self._read, _CHUNK)):
            pass
        return self._read

    def readinto(self, buffer: Any) -> int:
        """As of any file."""
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        damage: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, lzma.LZMAError, *zstd_errors())
        try:
            data = self._file.read(size)
        except damage as error:
            words = library_words(error, "the data cannot be unpacked")
            raise DamagedError(f"It is damaged after {self._read:,} unpacked bytes: {words}.") from None
        self._read += len(data)
        if why := too_much(self._read, self._size):
            raise LimitError(why)
        return data

    def close(self) -> None:
        """End it."""
        if not self.closed:
            self._file.close()
            self._raw.close()
        super().close()
