"""Which parts of a file its header lies in, so that the pixels of one on a server need not be fetched.

A copy with these parts, and zeros in place of the others, has the same header as the file: see
`codec.read_header`. Where that is not certain, the whole file is needed.
"""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from imgpar.formats import tlv
from imgpar.formats.jpeg import gain_map, motion_photo
from imgpar.formats.jpeg.header import SOS, parse_segments
from imgpar.formats.registry import HEAD, sniff

FIRST, LARGEST = 1 << 16, 1 << 22
"""Bytes of a JPEG in which the first scan is looked for, and the most of them."""
WORTH = 1 << 20
"""Bytes of a chunk with pixels that are worth a gap."""
_START = 64
"""Bytes of such a chunk that are kept: codecs repeat the size there."""


class KeptPart(NamedTuple):
    """A range of bytes."""

    start: int
    stop: int


def outline(file: BinaryIO, size: int) -> list[KeptPart] | None:
    """The parts of a file that its header needs; None for all of it.

    Args:
        file: can seek.
        size: of it in bytes.
    """
    file.seek(0)
    found = sniff(file.read(HEAD))
    if found is None or size < 2 * FIRST:
        return None
    if found.name == "jpeg":
        return _of_jpeg(file, size)
    if found.name == "webp":
        return _of_chunks(file, size, tlv.RIFF_CHUNKS, pixels=(b"VP8 ", b"VP8L", b"ALPH"), moves=b"ANMF")
    if found.name == "png":
        return _of_chunks(file, size, tlv.PNG_CHUNKS, pixels=(b"IDAT",), moves=b"acTL")
    return None


def _of_jpeg(file: BinaryIO, size: int) -> list[KeptPart] | None:
    """Up to the first scan, and the end, in which a trailer may lie."""
    count = FIRST
    while count < min(size, LARGEST):
        file.seek(0)
        data = file.read(count)
        scan = next((one for one in tlv.segments(data, SOS) if one.marker == SOS), None)
        if scan is not None:
            file.seek(size - 4)
            info = parse_segments(data)
            more = info.indexed or gain_map.is_promised(info.xmp) or motion_photo.has_clip(info.xmp)
            return (
                None if more or file.read(4) == b"SEFT" else [KeptPart(0, scan.end), KeptPart(size - 4, size)]
            )
        count *= 4
    return None


def _of_chunks(
    file: BinaryIO, size: int, structure: tlv.Structure, *, pixels: tuple[bytes, ...], moves: bytes
) -> list[KeptPart] | None:
    """All chunks but those with pixels; several small ones are not worth it."""
    parts, start = list[KeptPart](), 0
    for place in tlv.places_in_file(file, structure):
        if place.kind == moves or not place.complete:
            return None
        if place.kind in pixels:
            if place.stop - place.begin < WORTH:
                return None
            parts.append(KeptPart(start, min(place.begin + _START, place.stop)))
            start = place.stop
    return [*parts, KeptPart(start, size)] if start else None
