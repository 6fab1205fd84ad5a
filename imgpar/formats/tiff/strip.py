"""Removes metadata from a TIFF without touching pixels, on every page. No value moves: all offsets remain
valid.

Entries are removed from their directories; the bytes of their values, and of directories to which they point,
are zeroed, unless a kept value overlaps.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from imgpar.core.blocks import Xmp
from imgpar.formats.metadata import exif, iptc, location
from imgpar.formats.metadata.policy import strip_xmp

_XMP, _IPTC, _PHOTOSHOP, _SUB_IFDS = 700, 33723, 34377, 330
_DNG = 50706
_TEXTS = frozenset((269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 18246, *range(40091, 40096)))
_DIRECTORIES = frozenset((exif.EXIF_IFD, exif.GPS_IFD, exif.INTEROP_IFD))
_OF_PIXELS = frozenset((
    *range(254, 267), 273, 274, *range(277, 285), *range(290, 294), 296, 297, 300, 301, *range(317, 348),
    *range(400, 406), *range(433, 436), *range(512, 522), *range(529, 533), 559, *range(32995, 32999),
    *range(34016, 34030), 34675, 37439, 50674,
))  # fmt: skip
"""Tags needed to decode and display pixels: coding, colours, density."""
_DATA = ((273, 279), (324, 325), (513, 514))
"""Tags with the offsets and lengths of pixel data."""
_BLOCKS = {"exif": (0x0422, 0x0423), "xmp": (0x0424,), "gps": (0x0422, 0x0423, 0x0424)}
"""Photoshop resources that repeat the removed metadata."""
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MOST = 100_000


class Entry(NamedTuple):
    """One tag: offsets of the entry and of its values, and the bytes of these."""

    tag: int
    kind: int
    number: int
    at: int
    value_at: int
    nbytes: int


class Shape(NamedTuple):
    """Structure of directories: classic TIFF, or BigTIFF with 64-bit numbers."""

    order: str
    big: bool

    @property
    def step(self) -> int:
        """Bytes of an entry."""
        return 20 if self.big else 12

    def pack(self, code: str) -> str:
        """struct format of an entry count (`n`), or of an offset (`o`)."""
        return self.order + {"n": "HQ", "o": "IQ"}[code][self.big]


class Directory(NamedTuple):
    """A directory (IFD): its offset, its entries, and the position of the offset of the next one."""

    at: int
    entries: tuple[Entry, ...]
    next_at: int


def strip_tiff(data: bytes, what: str) -> bytes | None:
    """The file without `gps`, `exif`, `xmp` or `all`; None where its directories cannot be parsed."""
    try:
        return _stripped(data, what)
    except (struct.error, KeyError, ValueError):
        return None


def _stripped(data: bytes, what: str) -> bytes | None:
    shape = shape_of(data)
    found = list(_directories(data, shape))
    if any(entry.tag == _DNG for directory in found for entry in directory.entries):
        return None  # a camera raw with another suffix: its pixels need more than these tags
    out = bytearray(data)
    kept = {directory.at: [e for e in directory.entries if not _goes(e.tag, what)] for directory in found}
    seen = {directory.at for directory in found}
    for directory in found:
        for entry in directory.entries:
            if _goes(entry.tag, what):
                _clear(data, out, shape, entry, seen)
    for directory in found:
        for at, nbytes in _places(data, shape, kept[directory.at]):
            out[at : at + nbytes] = data[at : at + nbytes]
    for directory in found:
        _rebuild(data, out, shape, directory, kept[directory.at], what)
    if what == "gps" and not shape.big:
        location.clear_maker_note(out, exif.leading_ifd(out))
    return bytes(out)


def _goes(tag: int, what: str) -> bool:
    if what == "all":
        return tag not in _OF_PIXELS
    if what == "exif":
        return tag in _TEXTS or tag in _DIRECTORIES
    return tag == (_XMP if what == "xmp" else exif.GPS_IFD)


def shape_of(data: bytes) -> Shape:
    """Byte order and size of numbers; raises KeyError or struct.error where it is no TIFF."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    return Shape(order, struct.unpack_from(order + "H", data, 2)[0] == 43)


def _directories(data: bytes, shape: Shape) -> Iterator[Directory]:
    """All pages, and their sub-IFDs (tag 330)."""
    (first,) = struct.unpack_from(shape.pack("o"), data, 8 if shape.big else 4)
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < _MOST:
        at = waiting.pop()
        if not at or at in seen:
            continue
        seen.add(at)
        directory = read_directory(data, shape, at)
        yield directory
        waiting.append(struct.unpack_from(shape.pack("o"), data, directory.next_at)[0])
        for entry in directory.entries:
            if entry.tag == _SUB_IFDS:
                waiting += _numbers(data, shape, entry)


def read_directory(data: bytes, shape: Shape, at: int) -> Directory:
    """The directory at an offset; raises struct.error or ValueError where it lies outside of the file."""
    (count,) = struct.unpack_from(shape.pack("n"), data, at)
    begin = at + struct.calcsize(shape.pack("n"))
    next_at = begin + count * shape.step
    if next_at > len(data):
        raise ValueError("the directory lies outside of the file")
    entries = []
    for place in range(begin, next_at, shape.step):
        tag, kind = struct.unpack_from(shape.order + "HH", data, place)
        (number,) = struct.unpack_from(shape.pack("o"), data, place + 4)
        value_at = place + 4 + struct.calcsize(shape.pack("o"))
        nbytes = _SIZES.get(kind, 1) * number
        if nbytes > struct.calcsize(shape.pack("o")):
            (value_at,) = struct.unpack_from(shape.pack("o"), data, value_at)
        entries.append(Entry(tag, kind, number, place, value_at, nbytes))
    return Directory(at, tuple(entries), next_at)


def _numbers(data: bytes, shape: Shape, entry: Entry) -> list[int]:
    code = _CODES[entry.kind]
    return list(struct.unpack_from(f"{shape.order}{entry.number}{code}", data, entry.value_at))


def _clear(data: bytes, out: bytearray, shape: Shape, entry: Entry, seen: set[int]) -> None:
    """Zero the values of an entry, and the directory to which it points, unless that was `seen`."""
    if entry.tag in _DIRECTORIES and entry.number == 1 and entry.kind in _CODES:
        (at,) = _numbers(data, shape, entry)
        if 8 <= at < len(data) and at not in seen:
            seen.add(at)
            below = read_directory(data, shape, at)
            for inner in below.entries:
                _clear(data, out, shape, inner, seen)
            out[at : below.next_at] = bytes(below.next_at - at)
    if entry.value_at + entry.nbytes <= len(out):
        out[entry.value_at : entry.value_at + entry.nbytes] = bytes(entry.nbytes)


def _places(data: bytes, shape: Shape, entries: list[Entry]) -> Iterator[tuple[int, int]]:
    """Ranges of kept values, and of the pixels."""
    by_tag = {entry.tag: entry for entry in entries}
    for entry in entries:
        yield entry.value_at, min(entry.nbytes, max(len(data) - entry.value_at, 0))
    for where, lengths in _DATA:
        if where in by_tag and lengths in by_tag:
            yield from zip(
                _numbers(data, shape, by_tag[where]), _numbers(data, shape, by_tag[lengths]), strict=False
            )


def _rebuild(
    data: bytes, out: bytearray, shape: Shape, directory: Directory, kept: list[Entry], what: str
) -> None:
    """The directory with the kept entries, compacted, and with reduced content.

    Args:
        data: the original file.
        out: the new file, modified in place.
        shape: structure of directories.
        directory: to rebuild.
        kept: its remaining entries.
        what: `gps`, `exif`, `xmp` or `all`.
    """
    offset = struct.calcsize(shape.pack("o"))
    end = directory.next_at + offset
    parts = [struct.pack(shape.pack("n"), len(kept))]
    for entry in kept:
        raw = data[entry.at : entry.at + shape.step]
        value = data[entry.value_at : entry.value_at + entry.nbytes]
        left = _thinned(entry.tag, value, what)
        if left != value:
            out[entry.value_at : entry.value_at + entry.nbytes] = left.ljust(entry.nbytes, b"\0")
            raw = bytes(out[entry.at : entry.at + shape.step])
            if entry.tag == _PHOTOSHOP:  # its resources are delimited by its length
                raw = raw[:4] + struct.pack(shape.pack("o"), max(len(left), offset + 1)) + raw[4 + offset :]
        parts.append(raw)
    parts.append(data[directory.next_at : end])
    out[directory.at : end] = b"".join(parts).ljust(end - directory.at, b"\0")


def _thinned(tag: int, value: bytes, what: str) -> bytes:
    """The reduced content of a block."""
    if tag == _XMP and what == "gps":
        return strip_xmp(Xmp(value), what).ljust(len(value), b" ")
    if tag == _IPTC and what == "gps":
        return iptc.iptc_without_places(value)
    if tag == _PHOTOSHOP and what in _BLOCKS:
        return b"".join(_resource(number, body, whole, what) for number, body, whole in iptc.resources(value))
    return value


def _resource(number: int, body: bytes, whole: bytes, what: str) -> bytes:
    if number in _BLOCKS[what]:
        return b""
    return iptc.wrap(iptc.iptc_without_places(body)) if number == iptc.RESOURCE and what == "gps" else whole
