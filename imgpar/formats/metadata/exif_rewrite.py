"""New tags in EXIF: directories are written anew behind everything else, so no value moves and offsets inside
maker notes remain valid. Works on a classic TIFF file too, as EXIF is one."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from imgpar.formats.metadata import exif as tiff

ASCII, LONG, UNDEFINED = 2, 4, 7
NewTag = tuple[int, int, bytes]
"""Type, number of values, and their bytes in the byte order of the block."""
Changes = Mapping[int, NewTag | None]
"""By tag; None removes it."""
EMPTY = b"II*\0" + struct.pack("<IHI", 8, 0, 0)
"""EXIF with an empty directory."""


def ascii_tag(text: str) -> NewTag:
    """A text; in UTF-8, as the MWG requires and all readers expect."""
    body = text.encode() + b"\0"
    return ASCII, len(body), body


def with_tags(
    block: bytes,
    main: Changes,
    exif: Changes | None = None,
    gps: Changes | None = None,
    *,
    new_gps: bool = False,
) -> bytes:
    """EXIF with changed tags; the old values of changed tags are zeroed.

    Args:
        block: with a first directory that can be parsed, or empty.
        main: changes of the first directory.
        exif: changes of the directory with exposure and dates.
        gps: changes of the directory with the position.
        new_gps: whether the old directory with the position is removed first.

    Returns:
        The block; the same one where nothing changes. Empty where its directory cannot be parsed.
    """
    data = bytearray(block or EMPTY)
    order = tiff.byte_order(data)
    changes = dict(main)
    for tag, below in ((tiff.EXIF_IFD, exif), (tiff.GPS_IFD, gps)):
        if not below:
            continue
        old = tiff.sub_ifd(data, tiff.leading_ifd(data), tag)
        if old is not None and new_gps and tag == tiff.GPS_IFD:
            below = {**dict.fromkeys(old.entries), **below}
        if old is None and not any(below.values()):
            continue
        if old is None and tag == tiff.EXIF_IFD:
            below = {0x9000: (UNDEFINED, 4, b"0232"), **below}
        at = _append(data, order, old, below)
        changes[tag] = (LONG, 1, struct.pack(order + "I", at)) if at else None
    first = tiff.leading_ifd(data)
    if first is None:
        return b""
    if not any(value or tag in first.entries for tag, value in changes.items()):
        return bytes(data) if block else b""
    at = _append(data, order, first, changes, keep_empty=True)
    struct.pack_into(order + "I", data, 4, at)
    return bytes(data)


def _append(
    data: bytearray, order: str, old: tiff.Ifd | None, changes: Changes, *, keep_empty: bool = False
) -> int:
    """Append a directory with the old entries and the changes; returns its offset, 0 where it has no entry.

    The old directory is zeroed, as are the values that it alone had.
    """
    entries = dict(old.entries) if old else {}
    link = bytes(data[old.next_at : old.next_at + 4]).ljust(4, b"\0") if old else bytes(4)
    raw = {tag: bytes(data[entry.at : entry.at + 12]) for tag, entry in entries.items() if tag not in changes}
    gone = [entry for tag, entry in entries.items() if tag in changes]
    kept = [
        (entry.value_at, entry.value_at + entry.nbytes)
        for tag, entry in entries.items()
        if tag not in changes
    ]
    for entry in gone:
        _clear(data, entry.value_at, entry.value_at + entry.nbytes, kept)
    if old is not None:
        far = [span for span, entry in zip(kept, _kept(entries, changes), strict=True) if entry.nbytes > 4]
        _clear(data, old.at, old.next_at + 4, far)
    for tag, value in changes.items():
        if value is None:
            continue
        kind, number, body = value
        if len(body) > 4:
            data += bytes(len(data) % 2)
            place = struct.pack(order + "I", len(data))
            data += body
        else:
            place = body.ljust(4, b"\0")
        raw[tag] = struct.pack(order + "HHI", tag, kind, number) + place
    if not raw and not keep_empty:
        return 0
    data += bytes(len(data) % 2)
    at = len(data)
    data += struct.pack(order + "H", len(raw)) + b"".join(raw[tag] for tag in sorted(raw)) + link
    return at


def _kept(entries: Mapping[int, tiff.Entry], changes: Changes) -> list[tiff.Entry]:
    return [entry for tag, entry in entries.items() if tag not in changes]


def _clear(data: bytearray, start: int, end: int, kept: list[tuple[int, int]]) -> None:
    """Zero a range, unless it overlaps one that is kept, or the header."""
    end = min(end, len(data))
    if start >= 8 and not any(begin < end and start < stop for begin, stop in kept):
        data[start:end] = bytes(max(0, end - start))
