"""EXIF as a small TIFF file: its directories. Edits are in `exif_draft`."""

from __future__ import annotations

import struct
from typing import NamedTuple

from imgpar.core.blocks import Exif, memoized

ORIENTATION, WIDTH, HEIGHT = 0x0112, 0x0100, 0x0101
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
PIXEL_WIDTH, PIXEL_HEIGHT = 0xA002, 0xA003
THUMBNAIL_AT, THUMBNAIL_LENGTH = 0x0201, 0x0202

SHORT, RATIONAL = 3, 5
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
"""Integer types as struct codes; some writers use other types than the standard requires."""


class Entry(NamedTuple):
    """One tag: offsets of its 12 bytes and of its values."""

    tag: int
    kind: int
    number: int
    at: int
    value_at: int

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return _VALUE_BYTES.get(self.kind, 1) * self.number

    def moved(self, at: int) -> Entry:
        """The entry at another offset. Values of up to 4 bytes are in the entry and move with it."""
        return self._replace(at=at, value_at=at + 8 if self.nbytes <= 4 else self.value_at)


class Ifd(NamedTuple):
    """A directory (IFD): its entries, its offset, and the position of the offset of the next one."""

    at: int
    entries: dict[int, Entry]
    next_at: int


def byte_order(exif: bytes | bytearray | memoryview) -> str:
    """`<` or `>` for struct, or an empty string where this is not EXIF."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(exif[:4]), "")


def is_sound(exif: Exif) -> bool:
    """Whether the first IFD can be parsed, so that the orientation is known."""
    return first_ifd(exif) is not None


def sound_exif(data: bytes) -> Exif:
    """The block in a file, if it `is_sound`; empty otherwise."""
    exif = Exif(data)
    return exif if is_sound(exif) else Exif()


@memoized
def first_ifd(exif: Exif) -> Ifd | None:
    """The main IFD, with camera, date and orientation."""
    return leading_ifd(exif)


def leading_ifd(data: bytes | bytearray | memoryview) -> Ifd | None:
    """The IFD to which the header of any TIFF structure points."""
    if len(data) < 8:
        return None
    return read_ifd(data, unpack(data, "I", 4))


def read_ifd(exif: bytes | bytearray | memoryview, at: int) -> Ifd | None:
    """The IFD at an offset; None where it lies outside of the block. Invalid entries are skipped."""
    order = byte_order(exif)
    if not order or at < 8 or at + 2 > len(exif):
        return None
    count = unpack(exif, "H", at)
    next_at = at + 2 + 12 * count
    if next_at > len(exif):
        return None
    entries: dict[int, Entry] = {}
    for place in range(at + 2, next_at, 12):
        tag, kind, number, pointer = struct.unpack_from(order + "HHII", exif, place)
        nbytes = _VALUE_BYTES.get(kind, 0) * number
        value_at = pointer if nbytes > 4 else place + 8
        if kind in _VALUE_BYTES and value_at + nbytes <= len(exif):
            entries.setdefault(tag, Entry(tag, kind, number, place, value_at))
    return Ifd(at, entries, next_at)


def sub_ifd(exif: bytes | bytearray, ifd: Ifd | None, tag: int) -> Ifd | None:
    """The IFD to which a tag of another one points."""
    number = get_number(exif, ifd, tag)
    return None if number is None else read_ifd(exif, number)


def get_number(exif: bytes | bytearray | memoryview, ifd: Ifd | None, tag: int) -> int | None:
    """The value of a tag with a single integer."""
    entry = ifd.entries.get(tag) if ifd else None
    if entry is None or entry.number != 1 or entry.kind not in WHOLE:
        return None
    return unpack(exif, WHOLE[entry.kind], entry.value_at)


def get_numbers(exif: bytes | bytearray | memoryview, ifd: Ifd | None, tag: int) -> list[int]:
    """All values of a tag of integers."""
    entry = ifd.entries.get(tag) if ifd else None
    if entry is None or entry.kind not in WHOLE:
        return []
    code = WHOLE[entry.kind]
    return list(struct.unpack_from(f"{byte_order(exif) or '<'}{entry.number}{code}", exif, entry.value_at))


def get_orientation(exif: Exif) -> int:
    """1 to 8; 1 where it is missing or invalid."""
    value = get_number(exif, first_ifd(exif), ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def unpack(exif: bytes | bytearray | memoryview, code: str, at: int) -> int:
    """The number at an offset.

    Args:
        exif: the block, whose byte order is used.
        code: of the number, for struct.
        at: offset in bytes.
    """
    return int(struct.unpack_from((byte_order(exif) or "<") + code, exif, at)[0])
