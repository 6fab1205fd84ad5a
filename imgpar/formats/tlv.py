"""Type-length-value structures (boxes, chunks, resources, segments), found without copying.

One function per structure reads a header; one loop compares the lengths with what is there. Damage is not an
error here, callers decide:

- Nothing outside of the data is returned.
- An element that ends behind the data is the last one: its body is what is there, `complete` is False.
- So is one with a length smaller than its header; it has no body.
- The walk ends before a header that is cut off or foreign.
- Every step is at least a header long, so every walk ends.
- No element is entered. Callers walk the body of one, and decide how deep.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

Buffer = bytes | bytearray | memoryview


class Head(NamedTuple):
    """A header; the lengths are those it declares."""

    kind: bytes
    size: int
    """Bytes of the header."""
    body: int
    """Bytes of the body; less than 0 is damage."""
    tail: int = 0
    """Bytes of checksum or padding behind the body."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A kind of elements that follow each other."""

    head: Callable[[Buffer, int, int], Head | None]
    """Read the header at an offset of a buffer, given the number of bytes from there to the end of the data;
    None where there is none. The buffer may end earlier, but not within a header."""
    first: int = 0
    """Offset of the first element."""
    last: bytes = b""
    """Type of the element that ends the walk."""


class Place(NamedTuple):
    """An element as offsets, at most the length of the data."""

    kind: bytes
    at: int
    """Of its header."""
    begin: int
    """Of its body."""
    stop: int
    """Behind its body."""
    end: int
    """Behind checksum or padding."""
    complete: bool
    """Whether the data contain all of it."""


class Element(NamedTuple):
    """An element as views, which share the memory of the data."""

    kind: bytes
    body: memoryview
    whole: memoryview
    """With header, and checksum or padding."""
    complete: bool
    """Whether the data contain all of it."""


def build_box(kind: bytes, body: Buffer) -> bytes:
    """A box of `BOXES`, of less than 4 GiB."""
    return b"".join((struct.pack(">I", len(body) + 8), kind, body))


def walk(data: Buffer, structure: Structure) -> Iterator[Element]:
    """The elements of a buffer."""
    view = memoryview(data)
    for kind, at, begin, stop, end, complete in _steps(structure.head, view, len(view), structure):
        yield Element(kind, view[begin:stop], view[at:end], complete)


def places(data: Buffer, structure: Structure) -> Iterator[Place]:
    """The elements of a buffer, as offsets."""
    return map(Place._make, _steps(structure.head, data, len(data), structure))


def places_in_file(file: BinaryIO, structure: Structure) -> Iterator[Place]:
    """The elements of a file, of which only headers are read, of at most 16 bytes. The position of the file
    may change between the steps."""

    def head(_: Buffer, at: int, left: int) -> Head | None:
        file.seek(at)
        block = file.read(_FIXED_HEAD)
        # A file may become shorter while it is read.
        return structure.head(block, 0, left if len(block) == _FIXED_HEAD else len(block))

    return map(Place._make, _steps(head, b"", file.seek(0, 2), structure))


def _steps(
    head: Callable[[Buffer, int, int], Head | None], data: Buffer, length: int, structure: Structure
) -> Iterator[tuple[bytes, int, int, int, int, bool]]:
    """The fields of `Place`, of every element."""
    at, last = structure.first, structure.last
    while at < length and (found := head(data, at, length - at)) is not None:
        kind, size, body, tail = found
        begin = at + size
        if body < 0:
            yield kind, at, begin, begin, begin, False
            return
        stop = begin + body
        end = stop + tail
        if end > length:
            yield kind, at, begin, min(stop, length), length, False
            return
        yield kind, at, begin, stop, end, True
        if kind == last:
            return
        at = end


_FIXED_HEAD = 16
"""Bytes of the longest header of boxes and chunks."""


def _box(data: Buffer, at: int, left: int) -> Head | None:
    """Length, type (ISO/IEC 14496-12, 4.2). The length includes the header; 1 means that a length of 64 bits
    follows, 0 that the box extends to the end. The 16 bytes of a UUID belong to the body."""
    if left < 8:
        return None
    length, kind = struct.unpack_from(">I4s", data, at)
    size = 8
    if length == 1:
        if left < 16:
            return None
        (length,) = struct.unpack_from(">Q", data, at + 8)
        size = 16
    return Head(kind, size, (length or left) - size)


def _jxl_box(data: Buffer, at: int, left: int) -> Head | None:
    """A box of JPEG XL. libjxl has written 64-bit lengths before the type, where ISO has them behind it: the
    plausible length is used."""
    found = _box(data, at, left)
    if found is None or found.size == 8 or 0 <= found.body <= left - 16:
        return found
    length, kind = struct.unpack_from(">Q4s", data, at + 4)
    return Head(kind, 16, length - 16)


def _riff_chunk(data: Buffer, at: int, left: int) -> Head | None:
    """Type, length; padded to even lengths."""
    if left < 8:
        return None
    kind, length = struct.unpack_from("<4sI", data, at)
    return Head(kind, 8, length, length % 2)


def _png_chunk(data: Buffer, at: int, left: int) -> Head | None:
    """Length, type; a checksum follows (PNG specification, 5.3)."""
    if left < 12:
        return None
    length, kind = struct.unpack_from(">I4s", data, at)
    return Head(kind, 8, length, 4)


def _resource(data: Buffer, at: int, left: int) -> Head | None:
    """ "8BIM", number, name, length; padded to even lengths. The type is the number."""
    if left < 12 or bytes(data[at : at + 4]) != b"8BIM":
        return None
    # The name is a Pascal string, padded to an even length with its count.
    size = 6 + (data[at + 6] // 2 + 1) * 2 + 4
    if left < size:
        return None
    (length,) = struct.unpack_from(">I", data, at + size - 4)
    return Head(bytes(data[at + 4 : at + 6]), size, length, length % 2)


def _dataset(data: Buffer, at: int, left: int) -> Head | None:
    """1C, record, dataset, length (IPTC IIM, 1.5). The type is record and dataset."""
    if left < 5 or data[at] != 0x1C:
        return None
    (length,) = struct.unpack_from(">H", data, at + 3)
    size = 5
    if length & 0x8000:
        # An extended dataset: the low bits count the bytes of the actual length.
        size += length & 0x7FFF
        if left < size:
            return None
        length = int.from_bytes(data[at + 5 : at + size], "big")
    return Head(bytes(data[at + 1 : at + 3]), size, length)


BOXES = Structure(_box)
"""ISO base media files: MP4, MOV, HEIC, AVIF; JPEG 2000."""
JXL_BOXES = Structure(_jxl_box)
RIFF_CHUNKS = Structure(_riff_chunk, first=12)
"""Chunks inside of the RIFF chunk of a whole file: WebP, AVI."""
PNG_CHUNKS = Structure(_png_chunk, first=8, last=b"IEND")
PHOTOSHOP_RESOURCES = Structure(_resource)
IPTC_DATASETS = Structure(_dataset)


class Segment(NamedTuple):
    """A segment of a JPEG or of the main header of a JPEG 2000 codestream."""

    marker: int
    """The byte behind FF."""
    at: int
    """Offset of the marker."""
    body: memoryview

    @property
    def end(self) -> int:
        """Offset behind the body."""
        return self.at + 4 + len(self.body)


def segments(data: Buffer, last: int) -> Iterator[Segment]:
    """The segments behind the first marker (ITU-T T.81, B.1.1; T.800, A.1). They are no elements: some of the
    markers have no length, and other bytes may lie between them.

    A damaged segment, or the end of the picture, ends the walk.

    Args:
        data: the whole stream.
        last: marker of the segment that ends the walk.
    """
    view, at, end = memoryview(data), 2, len(data)
    while at + 4 <= end:
        if view[at] != 0xFF:
            # Cameras leave bytes between segments; as in decoders, the next marker is searched.
            found = bytes(view[at : at + _SEARCHED]).find(b"\xff")
            if found < 0:
                return
            at += found
            continue
        marker = view[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker == _END_OF_PICTURE:
            return
        else:
            length = int.from_bytes(view[at + 2 : at + 4], "big")
            if length < 2 or at + 2 + length > end:
                return
            yield Segment(marker, at, view[at + 4 : at + 2 + length])
            at += 2 + length
            if marker == last:
                return


def adjacent_segments(data: Buffer, last: int) -> list[Segment]:
    """The segments up to and including `last`, as long as only fill bytes lie between them: what can be
    rewritten without loss."""
    found, end = list[Segment](), 2
    for segment in segments(data, last):
        if bytes(data[end : segment.at]).strip(b"\xff"):
            break
        found.append(segment)
        end = segment.end
    return found


_STANDALONE = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
"""Markers without a length, and the byte behind an FF that is no marker."""
_END_OF_PICTURE = 0xD9
_SEARCHED = 65536
"""Bytes behind a segment in which the next one is searched."""
