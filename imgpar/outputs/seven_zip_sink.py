"""A 7z archive as OUT.

The directory of a 7z archive is at its end and its members cannot be found without it, so the unfinished
archive is a plain tar, from which py7zr writes the 7z when the run ends. Members are stored without
compression, as in a ZIP archive.
"""

from __future__ import annotations

import os
import tarfile
from typing import IO, Any, cast

from imgpar.core.errors import CommitError, OutputError, UsageError
from imgpar.core.install_hint import pip
from imgpar.core.job import OutputFile
from imgpar.core.tempfiles import temporary
from imgpar.outputs.archive_sink import Before, FileRange, WholeMember, Writer
from imgpar.outputs.packed_tar_sink import plain_tar
from imgpar.outputs.tar_sink import TarBefore, TarSink, mtime_of

_FILETIME = 116_444_736_000_000_000
"""1970 in units of 100 ns since 1601, in which 7z has its times."""


class SevenZipSink(TarSink):
    """Outputs in a 7z archive."""

    title = "7z archive"
    direct = False

    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            import py7zr  # noqa: F401 - told before the run
        except ImportError:
            raise UsageError(
                "7z archives need a package that is not installed.",
                fix=f"Install it: {pip('imgpar[archives]')}",
            ) from None

    def _added(self, target: IO[bytes], at: int, name: str, file: str, made: OutputFile) -> WholeMember:
        if any("\ud800" <= sign <= "\udfff" for sign in name):
            raise CommitError("Its name is not Unicode, as those in a 7z archive are.", fix="Rename it.")
        return super()._added(target, at, name, file, made)

    def _before(self) -> Before:
        from py7zr.exceptions import ArchiveError

        return plain_tar(self, self._unpack, ArchiveError, RuntimeError)

    def _unpack(self, target: IO[bytes]) -> None:
        import py7zr

        with open(self.root, "rb") as file, py7zr.SevenZipFile(file) as archive:
            infos = archive.list()
            if any(info.is_symlink for info in infos):
                raise OutputError(f"{self.root} holds links, which would be lost.", fix="Choose another OUT.")
            with tarfile.open(fileobj=target, mode="w:", format=tarfile.PAX_FORMAT) as tar:
                for info in infos:
                    if info.is_directory or not info.uncompressed:
                        tar.addfile(_header(info))
                archive.extractall(factory=_into(tar, infos))  # noqa: S202 - into the tar

    def _writer(self, target: IO[bytes], before: Before | None) -> Writer:
        assert before is None or isinstance(before, TarBefore)
        return _SevenZipWriter(self, target, before)


class _SevenZipWriter:
    """Writes members with py7zr."""

    def __init__(self, sink: SevenZipSink, target: IO[bytes], before: TarBefore | None) -> None:
        import py7zr

        self._sink, self._before = sink, before
        self._new = py7zr.SevenZipFile(target, "w", filters=[{"id": py7zr.FILTER_COPY}])

    def placed(self, name: str, member: WholeMember) -> None:
        raise NotImplementedError  # nothing is: the unfinished archive is a tar

    def add(self, name: str, member: WholeMember, source: IO[bytes]) -> None:
        self._write(name, FileRange(source, member.data, member.size), self._sink._time(member.mtime_ns))

    def keep(self, name: str) -> None:
        assert self._before
        assert self._before.tar
        info = self._before.info(name)
        content = self._before.tar.extractfile(info)
        if info.isdir():
            with temporary() as folder:
                os.chmod(folder, 0o755)  # noqa: S103 - of the member
                self._new.write(folder, name)
        elif content:
            source = content.raw.fileobj  # type: ignore[attr-defined]
            part = FileRange(source, info.offset_data, info.size)
            self._write(name, part, self._sink._time(mtime_of(info)))

    def close(self) -> None:
        self._new.close()

    def _write(self, name: str, content: FileRange, mtime_ns: int) -> None:
        self._new.writef(cast(IO[bytes], content), name)
        entry = self._new.header.files_info.files[-1]  # `writef` takes no time
        when = type(entry["lastwritetime"])(mtime_ns // 100 + _FILETIME)
        entry["creationtime"] = entry["lastwritetime"] = entry["lastaccesstime"] = when


def _header(info: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(info.filename)
    found.type = tarfile.DIRTYPE if info.is_directory else tarfile.REGTYPE
    found.mode = 0o755 if info.is_directory else 0o644
    found.size = info.uncompressed if not info.is_directory else 0
    found.mtime = int(info.creationtime.timestamp()) if info.creationtime else 0
    return found


def _into(tar: tarfile.TarFile, infos: list[Any]) -> Any:
    """A factory for py7zr, which unpacks one member after the other: each goes into the tar."""
    from py7zr.io import Py7zIO, WriterFactory

    waiting = iter([info for info in infos if not info.is_directory and info.uncompressed])
    fileobj: Any = tar.fileobj

    class Content(Py7zIO):
        """One member."""

        def __init__(self) -> None:
            self._written = 0

        def write(self, data: bytes | bytearray) -> int:
            if not self._written:
                head = _header(next(waiting)).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
                fileobj.write(head)
                tar.offset += len(head)
            fileobj.write(data)
            self._written += len(data)
            return len(data)

        def close(self) -> None:
            rest = -self._written % tarfile.BLOCKSIZE
            fileobj.write(bytes(rest))
            tar.offset += self._written + rest

        def read(self, _size: int | None = None) -> bytes:
            return b""

        def seek(self, _offset: int, _whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            """Nothing is held back."""

        def size(self) -> int:
            return self._written

    class Contents(WriterFactory):
        """The members."""

        def create(self, _filename: str) -> Py7zIO:
            return Content()

    return Contents()
