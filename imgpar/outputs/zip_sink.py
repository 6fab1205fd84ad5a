"""A ZIP archive as OUT. Outputs are stored without compression, and what is kept is copied as it is."""

from __future__ import annotations

import struct
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Set
from typing import IO

from imgpar.core.digest import stream_digest
from imgpar.core.errors import CommitError, OutputError
from imgpar.core.job import Facts, OutputFile
from imgpar.inputs.zip_directory import UNICODE_NAME, name_of
from imgpar.outputs.archive_sink import BLOCK, ArchiveSink, Before, FileRange, WholeMember

UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError)
"""What zipfile raises for archives that are damaged, or made to look so."""
_FIRST, _LAST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""The times that an archive can hold."""
_LOCAL = struct.Struct("<4s2xHHHHLLLHH")
"""Header of a member: signature, flags, method, time, date, CRC, both sizes, lengths of name and extra."""
_SIGNATURE = b"PK\3\4"
_WITH_DESCRIPTOR, _UTF8 = 8, 0x800
"""Flags of a member: checksum and sizes follow its data; its name is UTF-8."""
_CHECKED_BY_TIME = _WITH_DESCRIPTOR | 1
"""Flags of an encrypted member whose password is compared with its time: the checksum is not known yet."""
_ZIP64, _UNIX_TIME = 1, 0x5455
"""Extra fields: sizes of 64 bits; a time in seconds since 1970, where the header has only the local one."""
_TIMES_AND_OWNERS = {_UNIX_TIME, 0x000A, 0x5855, 0x7855, 0x7875}
"""Extra fields of different systems that differ between equal files."""
_SHORT = 0xFFFFFFFF
LONGEST_NAME = 65_535


class ZipSink(ArchiveSink):
    """Outputs in a ZIP archive."""

    title = "ZIP archive"

    def _before(self) -> _ZipBefore:
        try:
            return _ZipBefore(zipfile.ZipFile(self.root))
        except UNREADABLE as error:
            raise self._unreadable(error) from None

    def _added(self, target: IO[bytes], at: int, name: str, file: str, made: OutputFile) -> WholeMember:
        if any("\ud800" <= sign <= "\udfff" for sign in name):
            raise CommitError("Its name is not Unicode, as those in a ZIP archive are.", fix="Rename it.")
        if len(name.encode()) > LONGEST_NAME:
            raise CommitError("Its name is longer than one in a ZIP archive can be.", fix="Shorten it.")
        with open(file, "rb") as source:
            block = source.read(BLOCK)
            crc, size = zlib.crc32(block), len(block)
            if size == BLOCK:
                while more := source.read(BLOCK):
                    crc, size = zlib.crc32(more, crc), size + len(more)
            info = self._info(name, size, crc, self._time(made.mtime_ns))
            head = info.FileHeader()
            if size < BLOCK:
                target.write(head + block)
            else:
                target.write(head)
                if not FileRange(source, 0, size).copy(target):
                    raise CommitError("It was changed while it was stored.", fix="Run again.")
        data = at + len(head)
        return WholeMember(at, data, size, data + size, _modified(info), crc)

    def _scan(self, file: IO[bytes], end: int) -> Iterator[tuple[str, WholeMember]]:
        at = 0
        while found := _member_at(file, at):
            name, member = found
            if member.end > end:
                return
            yield name, member
            at = member.end

    def _writer(self, target: IO[bytes], before: Before | None) -> _ZipWriter:
        assert before is None or isinstance(before, _ZipBefore)
        return _ZipWriter(self, target, before)

    def _info(self, name: str, size: int, crc: int, mtime_ns: int) -> zipfile.ZipInfo:
        """The directory entry of a stored member."""
        seconds = mtime_ns // 10**9
        when = (time.gmtime if self.deterministic else time.localtime)(seconds)[:6]
        info = zipfile.ZipInfo(name, min(max(when, _FIRST), _LAST))
        if not self.deterministic and -(1 << 31) <= seconds < 1 << 31:
            info.extra = struct.pack("<HHBl", _UNIX_TIME, 5, 1, seconds)
        info.create_system, info.external_attr = 3, 0o100644 << 16
        info.file_size = info.compress_size = size
        info.CRC = crc
        return info


class _ZipBefore:
    """The archive that is replaced. Names are those that it has as an input."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.infos = {info.filename: info for info in map(_with_its_name, archive.infolist())}

    def names(self) -> Iterable[str]:
        return self.infos

    def find(self, name: str) -> Facts | None:
        info = self.infos.get(name)
        return Facts(info.file_size, _modified(info), 0, info.CRC) if info else None

    def digest(self, name: str) -> str:
        try:
            with self.archive.open(self.infos[name]) as file:
                return stream_digest(file)
        except UNREADABLE as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        self.archive.close()


class _ZipWriter:
    """Writes members and the directory; zipfile writes the latter."""

    def __init__(self, sink: ZipSink, target: IO[bytes], before: _ZipBefore | None) -> None:
        self._sink, self._target, self._before = sink, target, before
        self._end = target.tell()
        self._infos: list[zipfile.ZipInfo] = []

    def placed(self, name: str, member: WholeMember) -> None:
        info = self._sink._info(name, member.size, member.crc, member.mtime_ns)
        self._listed(info, member.start)

    def add(self, name: str, member: WholeMember, source: IO[bytes]) -> None:
        when = self._sink._time(member.mtime_ns)
        info = self._sink._info(name, member.size, member.crc, when)
        self._target.write(info.FileHeader())
        if not FileRange(source, member.data, member.size).copy(self._target):
            raise OutputError(f"{self._sink.root} cannot be written: the temporary file was changed.")
        self._listed(info, self._end)

    def keep(self, name: str) -> None:
        assert self._before
        old, info = self._before.archive, self._before.infos[name]
        assert old.fp
        old.fp.seek(info.header_offset)
        head = old.fp.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != _SIGNATURE:
            raise self._sink._damaged()
        data = info.header_offset + _LOCAL.size + sum(_LOCAL.unpack(head)[-2:])
        if self._sink.deterministic:
            info.extra = _without(_TIMES_AND_OWNERS, info.extra)
            if info.flag_bits & _CHECKED_BY_TIME != _CHECKED_BY_TIME:
                info.date_time = self._sink._info(name, 0, 0, self._sink._time(0)).date_time
        info.extra = _without({_ZIP64}, info.extra)  # the directory's; zipfile writes those that are needed
        self._target.write(info.FileHeader(zip64=_is_large(info)))
        if not FileRange(old.fp, data, info.compress_size).copy(self._target):
            raise self._sink._damaged()
        if info.flag_bits & _WITH_DESCRIPTOR:
            self._target.write(_descriptor(info))
        self._listed(info, self._end)

    def close(self) -> None:
        with zipfile.ZipFile(self._target, "w") as archive:  # begins where the target is
            archive.filelist = self._infos
            archive.comment = self._before.archive.comment if self._before else b""

    def _listed(self, info: zipfile.ZipInfo, start: int) -> None:
        info.header_offset = start
        self._infos.append(info)
        self._end = self._target.tell()


def _member_at(file: IO[bytes], at: int) -> tuple[str, WholeMember] | None:
    """The stored member whose header begins there; None where none does."""
    file.seek(at)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != _SIGNATURE:
        return None
    _, flags, method, clock, date, crc, packed, size, long_name, long_extra = _LOCAL.unpack(head)
    rest = file.read(long_name + long_extra)
    extra = _extra_fields(rest[long_name:])
    if size == packed == _SHORT and len(extra.get(_ZIP64, b"")) >= 16:
        size, packed = struct.unpack("<QQ", extra[_ZIP64][:16])
    if flags & ~_UTF8 or method or size != packed or len(rest) < long_name + long_extra:
        return None
    try:
        name = rest[:long_name].decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        return None
    info = zipfile.ZipInfo(name, _dos_time(date, clock))
    info.extra = rest[long_name:]
    data = at + _LOCAL.size + len(rest)
    return name, WholeMember(at, data, size, data + size, _modified(info), crc)


def _with_its_name(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The entry; zipfile takes UTF-8 for CP437 where no flag says so, as in archives of macOS."""
    if not info.flag_bits & _UTF8 and not info.orig_filename.isascii():
        field = _extra_fields(info.extra).get(UNICODE_NAME, b"")
        info.filename = name_of(info.orig_filename.encode("cp437"), field)
        info.extra = _without({UNICODE_NAME}, info.extra)
    return info


def _is_large(info: zipfile.ZipInfo) -> bool:
    """Whether its sizes have 64 bits, as zipfile decides for the directory."""
    return max(info.file_size, info.compress_size) > zipfile.ZIP64_LIMIT


def _descriptor(info: zipfile.ZipInfo) -> bytes:
    """What follows the data where the header before them has neither checksum nor sizes."""
    form = "<4sLQQ" if _is_large(info) else "<4sLLL"
    return struct.pack(form, b"PK\7\10", info.CRC, info.compress_size, info.file_size)


def _dos_time(date: int, clock: int) -> tuple[int, int, int, int, int, int]:
    return (date >> 9) + 1980, date >> 5 & 15, date & 31, clock >> 11, clock >> 5 & 63, (clock & 31) * 2


def _extra_fields(data: bytes) -> dict[int, bytes]:
    found = dict[int, bytes]()
    while len(data) >= 4:
        kind, size = struct.unpack("<HH", data[:4])
        found[kind] = data[4 : 4 + size]
        data = data[4 + size :]
    return found


def _without(kinds: Set[int], data: bytes) -> bytes:
    """Extra fields without those of some kinds."""
    fields = _extra_fields(data)
    if not kinds & fields.keys():
        return data
    return b"".join(
        struct.pack("<HH", kind, len(field)) + field for kind, field in fields.items() if kind not in kinds
    )


def _modified(info: zipfile.ZipInfo) -> int:
    """Modification time in nanoseconds; 0 where it is none."""
    field = _extra_fields(info.extra).get(_UNIX_TIME, b"")
    if len(field) >= 5 and field[0] & 1:
        return int(struct.unpack("<l", field[1:5])[0]) * 10**9
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1))) * 10**9
    except (ValueError, OverflowError):
        return 0
