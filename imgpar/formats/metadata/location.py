"""Locations in metadata: found in XMP and maker notes, and removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imgpar.core.blocks import Exif, Xmp, memoized, remember
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.exif_draft import Draft
from imgpar.formats.metadata.xml import Span, elements, without

_WORD = re.compile(rb"gps|latitude|longitude|altitude|location|country", re.IGNORECASE)
_NAMES = frozenset((b"city", b"state", b"provincestate", b"sublocation", b"worldregion"))
_NAMESPACES = frozenset((b"cell", b"geo"))
_ATTRIBUTE = re.compile(rb"(?<!\s)\s++([\w-]++:[\w-]++)\s*+=\s*+")
_VALUE = re.compile(rb"\"[^\"]*+\"|'[^']*+'")
_MAKER_NOTE = 0x927C
_PANASONIC = (0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x80)
"""Location, country, state, city, landmark, and the city again."""
_NIKON = (0x39,)
_SAMSUNG = (0x30, 0x31)
"""Name of the location in the local language and in English."""


@memoized
def xmp_without_places(xmp: Xmp) -> Xmp:
    """XMP without coordinates, locations, countries and mobile network cells.

    >>> xmp_without_places(Xmp(b'<rdf:Description exif:GPSLatitude="48,12N" dc:title="Sky"/>'))
    b'<rdf:Description dc:title="Sky"/>'
    """
    left = without(xmp, _attributes(xmp))
    left = without(left, elements(left, _is_place))
    if left == xmp:
        return xmp
    made = Xmp(left)
    remember(made, xmp_without_places, made)
    return made


@memoized
def exif_without_places(exif: Exif) -> Exif:
    """EXIF without its GPS directory, and without the locations in maker notes."""
    draft = Draft(exif)
    draft.drop_ifd(tiff.GPS_IFD)
    clear_maker_note(draft.data, draft.main)
    return draft.finished()


def _is_place(name: bytes) -> bool:
    """Whether a property contains a location."""
    namespace, colon, own = name.lower().partition(b":")
    return bool(colon) and (namespace in _NAMESPACES or own in _NAMES or _WORD.search(own) is not None)


def _attributes(xmp: bytes) -> Iterator[Span]:
    """Location properties written as attributes, with preceding spaces."""
    at = 0
    for found in _ATTRIBUTE.finditer(xmp):
        if found.start() < at or not _is_place(found[1]):
            continue
        if value := _VALUE.match(xmp, found.end()):
            at = value.end()
            yield found.start(), at


def clear_maker_note(exif: bytearray, main: tiff.Ifd | None) -> None:
    """Overwrite the locations in maker notes of Panasonic, Nikon and Samsung; nothing else moves.

    Args:
        exif: the block or TIFF file, modified in place.
        main: its first directory.
    """
    detail = tiff.sub_ifd(exif, main, tiff.EXIF_IFD)
    note = detail.entries.get(_MAKER_NOTE) if detail else None
    if note is None:
        return
    at, end = note.value_at, note.value_at + note.nbytes
    body = bytes(exif[at:end])
    if body.startswith(b"Panasonic\0"):
        _clear(exif, tiff.read_ifd(exif, at + 12), _PANASONIC, 0)
    elif body.startswith(b"Nikon\0\2"):
        _clear(exif, tiff.leading_ifd(body[10:]), _NIKON, at + 10)
    else:
        # Offsets in Samsung's notes have varying bases: the whole note is removed.
        ifd = tiff.read_ifd(exif, at)
        maker = main.entries.get(0x010F) if main else None
        samsung = maker and bytes(exif[maker.value_at : maker.value_at + 7]).lower() == b"samsung"
        if samsung and ifd and not ifd.entries.keys().isdisjoint(_SAMSUNG):
            exif[at:end] = bytes(note.nbytes)


def _clear(exif: bytearray, ifd: tiff.Ifd | None, tags: tuple[int, ...], base: int) -> None:
    for tag in tags:
        entry = ifd.entries.get(tag) if ifd else None
        if entry is not None:
            start = base + entry.value_at
            exif[start : start + entry.nbytes] = bytes(entry.nbytes)
