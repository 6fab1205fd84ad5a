"""Resolution in dpi, from a field of the format or from EXIF."""

from __future__ import annotations

import struct

from imgpar.core.spec import Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.registry import Format

_ACROSS, _DOWN, _UNIT = 0x011A, 0x011B, 0x0128
_RATIONAL, _SHORT = 5, 3
_INCH, _CENTIMETRE = 2, 3
_UNKNOWN = (72.0, 72.0)
"""Default of EXIF for an unknown resolution; losing it is no loss."""
_EMPTY = b"II*\0" + struct.pack("<IHI", 8, 0, 0)
"""EXIF with an empty directory."""


def density_of(metadata: Metadata) -> tuple[float, float] | None:
    """Horizontal and vertical dpi from the format, else from EXIF.

    >>> density_of(Metadata(dpi=(300.0, 300.0)))
    (300.0, 300.0)
    """
    return metadata.dpi or _in_exif(metadata.exif)


def fit_density(metadata: Metadata, fmt: Format, what: str) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata with the density where the format stores it; "density" as a loss where it cannot.

    `what` is what was stripped: removed EXIF is not created again.
    """
    dpi = density_of(metadata)
    if dpi is None or fmt.density:
        return metadata if dpi == metadata.dpi else metadata._replace(dpi=dpi), ()
    if fmt.exif and _in_exif(metadata.exif) is None and dpi != _UNKNOWN and what not in ("exif", "all"):
        return metadata._replace(exif=_with_density(metadata.exif, dpi)), ()
    return metadata, () if fmt.exif or dpi == _UNKNOWN else ("density",)


def turn_density(metadata: Metadata) -> Metadata:
    """The metadata of a picture rotated by 90°: densities are swapped.

    >>> turn_density(Metadata(dpi=(204.0, 98.0))).dpi
    (98.0, 204.0)
    """
    block = bytearray(metadata.exif)
    main = tiff.first_ifd(block) if block else None
    across, down = (main.entries.get(tag) if main else None for tag in (_ACROSS, _DOWN))
    if across and down and across.kind == down.kind == _RATIONAL:
        first, second = (slice(entry.value_at, entry.value_at + 8) for entry in (across, down))
        block[first], block[second] = block[second], block[first]
    dpi, pages = metadata.dpi[::-1] if metadata.dpi else None, tuple(map(turn_density, metadata.pages))
    return metadata._replace(exif=bytes(block), dpi=dpi, pages=pages)


def _in_exif(block: bytes) -> tuple[float, float] | None:
    main = tiff.first_ifd(block) if block else None
    unit = tiff.get_number(block, main, _UNIT)
    scale = {None: 1.0, _INCH: 1.0, _CENTIMETRE: 2.54}.get(unit)
    found = []
    for tag in (_ACROSS, _DOWN):
        entry = main.entries.get(tag) if main else None
        if entry is None or entry.kind != _RATIONAL or entry.number != 1 or scale is None:
            return None
        over, below = struct.unpack_from(tiff.byte_order(block) + "II", block, entry.value_at)
        found.append(over / below * scale if below else 0.0)
    return (found[0], found[1]) if min(found) > 0 else None


def _with_density(block: bytes, dpi: tuple[float, float]) -> bytes:
    """EXIF with a new first directory at its end; no value moves."""
    block = block or _EMPTY
    main = tiff.first_ifd(block)
    if main is None:
        return block
    order = tiff.byte_order(block)
    entries = {entry.tag: block[entry.at : entry.at + 12] for entry in main.entries.values()}
    at = len(block) + len(block) % 2
    for tag, place in ((_ACROSS, at), (_DOWN, at + 8)):
        entries[tag] = struct.pack(order + "HHII", tag, _RATIONAL, 1, place)
    entries[_UNIT] = struct.pack(order + "HHIH2x", _UNIT, _SHORT, 1, _INCH)
    values = b"".join(struct.pack(order + "II", round(value * 1000), 1000) for value in dpi)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    link = block[main.next_at : main.next_at + 4].ljust(4, b"\0")
    whole = bytearray(block.ljust(at, b"\0") + values + directory + link)
    struct.pack_into(order + "I", whole, 4, at + 16)
    return bytes(whole)
