"""The directory of a ZIP archive, one entry at a time: of a million entries none is kept.

    … entries and their data … | directory | [end of a large archive, its locator] | end

The end is looked for from the back, as a comment of any text may follow it. Nothing in it is trusted.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_LARGE_END = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LONGEST_COMMENT = (1 << 16) - 1
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_LARGE, UNICODE_NAME, _UNIX_TIME, _NTFS, AES = 0x0001, 0x7075, 0x5455, 0x000A, 99
UTF8, ENCRYPTED, STRONG = 0x800, 1, 0x40
"""Bits of `ZipMember.flags`."""
_NTFS_EPOCH = 116_444_736_000_000_000
"""1970 in units of 100 ns since 1601."""


class NoZipError(ValueError):
    """It is no ZIP archive, or its directory is damaged."""


class SplitError(NoZipError):
    """Its directory says that it is one part of several."""


class ZipMember(NamedTuple):
    """One entry of the directory."""

    name: str
    """As it is shown."""
    raw: str
    """As `zipfile` decodes it, which compares it with that before the data."""
    size: int
    packed: int
    """Size of the compressed data, in bytes."""
    crc: int
    method: int
    flags: int
    offset: int
    """Of the header before the data, in the file."""
    mtime_ns: int
    mode: int
    """As of `stat`; 0 where the archive was not made on Unix."""


def members(file: IO[bytes]) -> Iterator[ZipMember]:
    """The entries of an archive, in the order of its directory. Raises NoZipError, OSError."""
    start, size, before = _place(file)
    file.seek(start)
    left = size
    while left >= _ENTRY.size:
        head = file.read(_ENTRY.size)
        if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
            raise NoZipError("its directory is damaged")
        found = _ENTRY.unpack(head)
        lengths = found[12:15]
        rest = file.read(sum(lengths))
        left -= len(head) + len(rest)
        if len(rest) < sum(lengths) or left < 0:
            raise NoZipError("its directory is cut off")
        yield _member(found, rest[: lengths[0]], rest[lengths[0] : lengths[0] + lengths[1]], before)


def _place(file: IO[bytes]) -> tuple[int, int, int]:
    """Start and size of the directory, and the bytes before the archive, which its offsets do not count."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _END.size - _LONGEST_COMMENT))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise NoZipError("it has no directory at its end, so it is cut off or no ZIP archive")
    end = length - len(tail) + at
    _, disk, first, _, _, size, offset, _ = _END.unpack_from(tail, at)
    directory_end = end
    file.seek(max(0, end - _LOCATOR.size))
    locator = file.read(_LOCATOR.size)
    if len(locator) == _LOCATOR.size and locator[:4] == b"PK\6\7":
        _, disk, _, disks = _LOCATOR.unpack(locator)
        directory_end = end - _LOCATOR.size - _LARGE_END.size
        file.seek(max(0, directory_end))
        large = file.read(_LARGE_END.size)
        if len(large) < _LARGE_END.size or large[:4] != b"PK\6\6":
            raise NoZipError("its directory is damaged")
        size, offset = _LARGE_END.unpack(large)[8:10]
        first = max(disk, disks - 1)
    if disk not in (0, _FULL_16) or first not in (0, _FULL_16):
        raise SplitError("it is one part of a split archive; join the parts")
    start = directory_end - size
    if start < 0 or start < offset:
        raise NoZipError("its directory is damaged")
    return start, size, start - offset


def _member(found: tuple[int, ...], raw: bytes, extra: bytes, before: int) -> ZipMember:
    flags, method, clock, day, crc, packed, size = found[5:12]
    offset, fields = found[18], _fields(extra)
    if large := fields.get(_LARGE, b""):
        size, packed, offset = _large(large, size, packed, offset)
    by_rule = raw.decode("utf-8" if flags & UTF8 else "cp437", "surrogateescape")
    return ZipMember(
        name_of(raw, fields.get(UNICODE_NAME, b"")),
        by_rule,
        size,
        packed,
        crc,
        method,
        flags,
        offset + before,
        _time(fields, day, clock),
        found[17] >> 16,
    )


def _fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields of an entry by kind; what does not fit is left out."""
    found, at = dict[int, bytes](), 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        found.setdefault(kind, extra[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _large(field: bytes, *values: int) -> list[int]:
    """Sizes and offset with those that do not fit into 32 bits replaced, in their order."""
    found, at = list(values), 0
    for place, value in enumerate(values):
        if value == _FULL_32:
            if at + 8 > len(field):
                raise NoZipError("its directory is damaged")
            (found[place],) = struct.unpack_from("<Q", field, at)
            at += 8
    return found


def name_of(raw: bytes, field: bytes) -> str:
    """The name of an entry. Many tools write UTF-8 and do not say so; what is no UTF-8 is CP437, as the
    description of the format has it, so names in other encodings are wrong but unique.

    Args:
        raw: as it is stored.
        field: the extra field `UNICODE_NAME`, or empty.

    >>> name_of("ü.jpg".encode(), b""), name_of(b"\\x81.jpg", b"")
    ('ü.jpg', 'ü.jpg')
    """
    if len(field) > 5 and field[0] == 1 and int.from_bytes(field[1:5], "little") == zlib.crc32(raw):
        raw = field[5:]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _time(fields: dict[int, bytes], day: int, clock: int) -> int:
    """Modification time in nanoseconds: that of the file system where it is stored, else the local one in
    steps of two seconds; 0 where it is none."""
    ntfs, unix = fields.get(_NTFS, b""), fields.get(_UNIX_TIME, b"")
    if len(ntfs) >= 16 and ntfs[4:6] == b"\1\0":
        return max(0, int.from_bytes(ntfs[8:16], "little") - _NTFS_EPOCH) * 100
    if len(unix) >= 5 and unix[0] & 1:
        return max(0, int.from_bytes(unix[1:5], "little", signed=True)) * 10**9
    local = (day >> 9) + 1980, day >> 5 & 15, day & 31, clock >> 11, clock >> 5 & 63, (clock & 31) * 2
    try:
        return int(time.mktime((*local, 0, 0, -1))) * 10**9
    except (ValueError, OverflowError):
        return 0
