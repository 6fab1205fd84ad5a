"""Everything in metadata that says where a picture was taken: found in XMP and maker notes, and taken out."""

from __future__ import annotations

import re

from imgpar.codecs import exif as tiff

_WORDS = (
    rb"\w*(?:gps|latitude|longitude|altitude|location|country)\w*|city|state|provincestate|sublocation"
    rb"|worldregion"
)
_NAME = rb"(?:cell:\w+|geo:\w+|[\w-]+:(?:" + _WORDS + rb"))"
_PROPERTIES = (
    re.compile(rb"(?<!\s)\s+" + _NAME + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE),
    re.compile(rb"<(" + _NAME + rb")(?:\s[^>]*)?(?:/>|(?<!/)>.*?</\1\s*>)", re.IGNORECASE | re.DOTALL),
)
_MAKER_NOTE = 0x927C
_PANASONIC = (0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x80)
"""Location, country, state, city, landmark, and the city again."""
_NIKON = (0x39,)
_SAMSUNG = (0x30, 0x31)
"""The name of the place in the local language and in English."""


def without_places(xmp: bytes) -> bytes:
    """XMP without coordinates, places, countries and cells of phone networks.

    >>> without_places(b'<rdf:Description exif:GPSLatitude="48,12N" dc:title="Sky"/>')
    b'<rdf:Description dc:title="Sky"/>'
    """
    for pattern in _PROPERTIES:
        xmp = pattern.sub(b"", xmp)
    return xmp


def clear_maker_note(exif: bytearray) -> None:
    """Overwrite the places that Panasonic, Nikon and Samsung note beside the position; nothing else moves."""
    detail = tiff.sub_ifd(exif, tiff.first_ifd(exif), tiff.EXIF_IFD)
    note = detail.entries.get(_MAKER_NOTE) if detail else None
    if note is None:
        return
    at, end = note.value_at, note.value_at + note.nbytes
    body = bytes(exif[at:end])
    if body.startswith(b"Panasonic\0"):
        _clear(exif, tiff.read_ifd(exif, at + 12), _PANASONIC, 0)
    elif body.startswith(b"Nikon\0\2"):
        _clear(exif, tiff.first_ifd(body[10:]), _NIKON, at + 10)
    else:
        # The offsets in Samsung's notes are counted from places that differ: all of the note goes.
        ifd = tiff.read_ifd(exif, at)
        main = tiff.first_ifd(exif)
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
