"""Compressed tar archives as OUT.

The unfinished archive is a plain tar, so what a killed run has made is found whole. It is compressed when the
run ends, and until then the outputs take their space twice. An archive that is there is unpacked into a
temporary plain tar first. Pictures are compressed already, so the quick levels are used.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

from imgpar.core.errors import MissingExtraError, UsageError
from imgpar.core.fs import no_room
from imgpar.inputs.compressed import zstd, zstd_errors
from imgpar.outputs.archive_sink import BLOCK, Before, Writer
from imgpar.outputs.tar_sink import UNREADABLE, TarBefore, TarSink, TarWriter

Open = Callable[[IO[bytes], str], IO[bytes]]
"""Opens a compressed file over an open one; mode "rb" or "wb"."""


def _zstd(file: IO[bytes], mode: str) -> IO[bytes]:
    return cast(IO[bytes], zstd().ZstdFile(file, mode))


def _bzip2(file: Any, mode: Any) -> IO[bytes]:
    return cast(IO[bytes], bz2.BZ2File(file, mode))


def _gzip(file: IO[bytes], mode: str) -> IO[bytes]:
    return cast(IO[bytes], gzip.GzipFile("", mode, 1, file, mtime=0))


def _xz(file: IO[bytes], mode: str) -> IO[bytes]:
    return cast(IO[bytes], lzma.LZMAFile(file, mode, preset=0 if mode == "wb" else None))


PACKERS: dict[str, tuple[str, Open]] = {
    "tgz": ("tar.gz", _gzip),
    "gz": ("tar.gz", _gzip),
    "tbz2": ("tar.bz2", _bzip2),
    "bz2": ("tar.bz2", _bzip2),
    "txz": ("tar.xz", _xz),
    "xz": ("tar.xz", _xz),
    "tzst": ("tar.zst", _zstd),
    "zst": ("tar.zst", _zstd),
}
"""Name of the kind and the function that opens it, by the last suffix."""


class PackedTarSink(TarSink):
    """Outputs in a compressed tar; the suffix says how it is compressed."""

    direct = False

    def __init__(self, path: str) -> None:
        super().__init__(path)
        kind, self._open = PACKERS[path.rpartition(".")[2].lower()]
        self.title = f"{kind} archive"
        if self._open is _zstd:
            try:
                zstd()
            except MissingExtraError as error:
                raise UsageError("Zstandard needs a package that is not installed.", fix=error.fix) from None

    def _before(self) -> Before:
        return plain_tar(self, self._unpack)

    def _unpack(self, target: IO[bytes]) -> None:
        with open(self.root, "rb") as file, self._open(file, "rb") as source:
            shutil.copyfileobj(source, target, BLOCK)

    def _writer(self, target: IO[bytes], before: Before | None) -> Writer:
        assert before is None or isinstance(before, TarBefore)
        return _PackedWriter(self, self._open(target, "wb"), before)


class _PackedWriter(TarWriter):
    """Writes through a compressor, which ends with the archive."""

    def __init__(self, sink: TarSink, packer: IO[bytes], before: TarBefore | None) -> None:
        super().__init__(sink, packer, 0, before)

    def close(self) -> None:
        super().close()
        self._target.close()


def plain_tar(sink: TarSink, unpack: Callable[[IO[bytes]], object], *errors: type[Exception]) -> TarBefore:
    """The archive of a sink, as a temporary plain tar.

    Args:
        sink: of the archive.
        unpack: writes the plain tar to a file.
        errors: what it raises where the archive is damaged, besides the usual ones.

    Raises:
        OutputError: it cannot be read.
        DiskFullError: there is no room for temporary files.
    """
    damage: tuple[Any, ...] = (*UNREADABLE, zlib.error, lzma.LZMAError, *zstd_errors(), *errors)
    file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115 - the archive closes it
    try:
        unpack(file)
        file.seek(0)
        return TarBefore(file)
    except damage as error:
        file.close()
        full = no_room(error, tempfile.gettempdir()) if isinstance(error, OSError) else None
        raise full or sink._unreadable(error) from None
    except BaseException:
        file.close()
        raise
