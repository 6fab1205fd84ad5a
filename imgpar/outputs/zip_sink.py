"""A ZIP archive as OUT.

    out.zip                  replaced when the run ends, if anything was published
    .imgpar-RANDOM.tmp       the new archive, beside it: the new outputs, then what is kept of the old one

Outputs are stored without compression, and what is kept is copied as it is.
"""

from __future__ import annotations

import os
import shutil
import struct
import time
import zipfile

from imgpar.core.digest import LOCAL, stream_digest
from imgpar.core.errors import OutputError
from imgpar.core.fs import Half, sweep_temporary_files, temporary_path
from imgpar.core.job import Facts, OutputFile
from imgpar.inputs.zip_source import UNREADABLE, modified

BLOCK = 1 << 20
_FIRST, _LAST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""The times that an archive can hold."""
_WITH_DESCRIPTOR = 8
"""Flag of an entry whose checksum and sizes follow its data."""


class ZipSink:
    """Outputs in an archive."""

    waits = False

    def __init__(self, path: str) -> None:
        self.root = path
        self._old: zipfile.ZipFile | None = None
        self._new: zipfile.ZipFile | None = None
        self._half: Half | None = None
        self._seen: Facts | None = None
        """The old archive when it was opened."""

    def find(self, path: str) -> Facts | None:
        """As `Sink.find`; the checksum stands for the inode."""
        _, info = self._entry(path)
        return Facts(info.file_size, modified(info), 0, info.CRC) if info else None

    def digest(self, path: str) -> str:
        """As `Sink.digest`."""
        archive, info = self._entry(path)
        if archive is None or info is None:
            raise FileNotFoundError(path)
        try:
            with archive.open(info) as file:
                return stream_digest(file)
        except UNREADABLE as error:
            raise OSError(str(error)) from None

    def publish(self, path: str, file: str, made: OutputFile, /) -> None:
        """As `Sink.publish`: added to the new archive."""
        new = self._new or self._begin()
        when = min(max(time.localtime(made.mtime_ns / 10**9)[:6], _FIRST), _LAST)
        info = zipfile.ZipInfo(self._name(path), when)
        info.external_attr, info.file_size = 0o100644 << 16, made.bytes
        end, count = new.start_dir, len(new.filelist)
        try:
            with open(file, "rb") as source, new.open(info, "w") as target:
                shutil.copyfileobj(source, target, BLOCK)
        except BaseException:
            new.start_dir = end
            del new.filelist[count:]
            new.NameToInfo.pop(info.filename, None)
            raise

    def close(self) -> None:
        """As `Sink.close`: the new archive takes the place of the old one."""
        old, new, half = self._old, self._new, self._half
        self._old = self._new = self._half = None
        try:
            if new and half:
                with half, new:
                    for info in old.infolist() if old else ():
                        if old and info.filename not in new.NameToInfo:
                            _copy(old, info, new)
                    new.close()
                    os.fsync(half.handle)
                    if LOCAL.find(self.root) != self._seen:
                        raise OutputError(f"{self.root} was changed during the run; it was left alone.")
                    if old:
                        shutil.copymode(self.root, half.path)
                    half.name(self.root)
        finally:
            if old:
                old.close()

    def _begin(self) -> zipfile.ZipFile:
        folder = os.path.dirname(self.root)
        os.makedirs(folder, exist_ok=True)
        sweep_temporary_files(folder)
        self._open_old()
        self._half = Half(temporary_path(self.root), 0o666)
        self._half.share()
        self._new = zipfile.ZipFile(self._half.path, "w")
        return self._new

    def _open_old(self) -> zipfile.ZipFile | None:
        if self._old is None and self._new is None:
            self._seen = LOCAL.find(self.root)
            try:
                self._old = zipfile.ZipFile(self.root) if self._seen else None
            except UNREADABLE as error:
                raise OutputError(
                    f"{self.root} cannot be read as a ZIP archive: {error}.", fix="Choose another OUT."
                ) from None
        return self._old

    def _entry(self, path: str) -> tuple[zipfile.ZipFile | None, zipfile.ZipInfo | None]:
        name = self._name(path)
        for archive in (self._new, self._open_old()):
            if archive and name in archive.NameToInfo:
                return archive, archive.NameToInfo[name]
        return None, None

    def _name(self, path: str) -> str:
        return path[len(self.root) + 1 :].replace(os.sep, "/")


def _copy(old: zipfile.ZipFile, info: zipfile.ZipInfo, new: zipfile.ZipFile) -> None:
    """Copy one entry without unpacking it."""
    source, target, left = old.fp, new.fp, info.compress_size
    assert source
    assert target
    source.seek(info.header_offset)
    source.seek(sum(struct.unpack("<26xHH", source.read(30))), os.SEEK_CUR)  # past name and extra field
    target.seek(new.start_dir)
    info.header_offset = target.tell()
    target.write(info.FileHeader())
    while left:
        block = source.read(min(left, BLOCK))
        if not block:
            raise OutputError(f"{old.filename} is damaged; it was left alone.", fix="Choose another OUT.")
        left -= target.write(block)
    if info.flag_bits & _WITH_DESCRIPTOR:
        facts = (min(fact, 0xFFFFFFFF) for fact in (info.CRC, info.compress_size, info.file_size))
        target.write(struct.pack("<4s3L", b"PK\7\10", *facts))
    new.start_dir = target.tell()
    new.filelist.append(info)
    new.NameToInfo[info.filename] = info
