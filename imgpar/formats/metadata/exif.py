"""EXIF is a small TIFF file. Here it is patched in place: no value moves, so offsets inside maker notes,
which nobody outside the camera's maker can rewrite, stay right.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ORIENTATION, WIDTH, HEIGHT = 0x0112, 0x0100, 0x0101
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
PIXEL_WIDTH, PIXEL_HEIGHT = 0xA002, 0xA003
THUMBNAIL_AT, THUMBNAIL_LENGTH = 0x0201, 0x0202

_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SHORT, _LONG = 3, 4
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
"""Kinds of whole numbers, as struct names them; some writers take another kind than the standard says."""


class _Entry(NamedTuple):
    """One tag: where its 12 bytes stand, and where its values lie."""

    tag: int
    kind: int
    number: int
    at: int
    value_at: int

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return _VALUE_BYTES.get(self.kind, 1) * self.number


class Ifd(NamedTuple):
    """A directory: its entries, where it starts, and where the offset of the next one stands."""

    at: int
    entries: dict[int, _Entry]
    next_at: int


def byte_order(exif: bytes | bytearray | memoryview) -> str:
    """`<` or `>` for struct, or an empty text where this is no EXIF."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(exif[:4]), "")


def is_sound(exif: bytes) -> bool:
    """Whether the first directory can be read, so that the orientation in it can be known."""
    return bool(byte_order(exif)) and first_ifd(exif) is not None


def first_ifd(exif: bytes | bytearray) -> Ifd | None:
    """The main directory, with camera, date and orientation."""
    if len(exif) < 8:
        return None
    return read_ifd(exif, _unpack(exif, "I", 4))


def read_ifd(exif: bytes | bytearray | memoryview, at: int) -> Ifd | None:
    """The directory at an offset; None where it does not lie inside the block. Bad entries are left out."""
    order = byte_order(exif)
    if not order or at < 8 or at + 2 > len(exif):
        return None
    count = _unpack(exif, "H", at)
    next_at = at + 2 + 12 * count
    if next_at > len(exif):
        return None
    entries: dict[int, _Entry] = {}
    for place in range(at + 2, next_at, 12):
        tag, kind, number, pointer = struct.unpack_from(order + "HHII", exif, place)
        nbytes = _VALUE_BYTES.get(kind, 0) * number
        value_at = pointer if nbytes > 4 else place + 8
        if kind in _VALUE_BYTES and value_at + nbytes <= len(exif):
            entries.setdefault(tag, _Entry(tag, kind, number, place, value_at))
    return Ifd(at, entries, next_at)


def sub_ifd(exif: bytes | bytearray, ifd: Ifd | None, tag: int) -> Ifd | None:
    """The directory that a tag of another one points to."""
    number = get_number(exif, ifd, tag)
    return None if number is None else read_ifd(exif, number)


def get_number(exif: bytes | bytearray, ifd: Ifd | None, tag: int) -> int | None:
    """The value of a tag that holds one whole number."""
    entry = ifd.entries.get(tag) if ifd else None
    if entry is None or entry.number != 1 or entry.kind not in _WHOLE:
        return None
    return _unpack(exif, _WHOLE[entry.kind], entry.value_at)


def get_numbers(exif: bytes | bytearray, ifd: Ifd | None, tag: int) -> list[int]:
    """All values of a tag of whole numbers."""
    entry = ifd.entries.get(tag) if ifd else None
    if entry is None or entry.kind not in _WHOLE:
        return []
    code = _WHOLE[entry.kind]
    return list(struct.unpack_from(f"{byte_order(exif) or '<'}{entry.number}{code}", exif, entry.value_at))


def set_number(exif: bytearray, ifd: Ifd | None, tag: int, value: int) -> None:
    """Overwrite a whole number where the tag exists; nothing is added."""
    if ifd is None or get_number(exif, ifd, tag) is None:
        return
    entry = ifd.entries[tag]
    code = _WHOLE[entry.kind]
    bits = 8 * struct.calcsize("=" + code) - code.islower()
    struct.pack_into(byte_order(exif) + code, exif, entry.value_at, min(value, (1 << bits) - 1))


def get_orientation(exif: bytes) -> int:
    """1 to 8; 1 where it is missing or nonsense."""
    value = get_number(exif, first_ifd(exif), ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def drop_thumbnail(exif: bytearray) -> None:
    """Unlink the thumbnail's directory and remove its picture (cut off where it comes last, else zeroed)."""
    main = first_ifd(exif)
    if main is None or main.next_at + 4 > len(exif):
        return
    ifd = read_ifd(exif, _unpack(exif, "I", main.next_at))
    struct.pack_into("4x", exif, main.next_at)
    at, length = get_number(exif, ifd, THUMBNAIL_AT), get_number(exif, ifd, THUMBNAIL_LENGTH)
    if ifd is None or not at or not length or at + length > len(exif) or at <= max(main.next_at, ifd.next_at):
        return
    if any(exif[at + length :]):
        exif[at : at + length] = bytes(length)
    else:
        del exif[at:]


def drop_ifd(exif: bytearray, tag: int) -> None:
    """Remove the tag that points to a directory, the directory, and all its values."""
    main = first_ifd(exif)
    entry = main.entries.get(tag) if main else None
    if main is None or entry is None:
        return
    ifd = sub_ifd(exif, main, tag)
    if ifd is not None:
        for value in ifd.entries.values():
            exif[value.value_at : value.value_at + value.nbytes] = bytes(value.nbytes)
        exif[ifd.at : ifd.next_at] = bytes(ifd.next_at - ifd.at)
    drop_entry(exif, tag)


def drop_entry(exif: bytearray, tag: int) -> None:
    """Remove a tag from the main directory. Later entries and the link move up; no value does."""
    main = first_ifd(exif)
    entry = main.entries.get(tag) if main else None
    if main is None or entry is None:
        return
    end = min(main.next_at + 4, len(exif))
    exif[entry.at : end] = exif[entry.at + 12 : end] + bytes(12)
    struct.pack_into(byte_order(exif) + "H", exif, main.at, _unpack(exif, "H", main.at) - 1)


def _unpack(exif: bytes | bytearray | memoryview, code: str, at: int) -> int:
    return int(struct.unpack_from((byte_order(exif) or "<") + code, exif, at)[0])
