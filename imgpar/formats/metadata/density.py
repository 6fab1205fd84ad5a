"""Resolution in dpi, from a field of the format or from EXIF."""

from __future__ import annotations

import struct

from imgpar.core.blocks import Exif, memoized, remember
from imgpar.core.spec import Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.exif import (
    RATIONAL,
    RESOLUTION_UNIT,
    SHORT,
    X_RESOLUTION,
    Y_RESOLUTION,
    Entry,
    Ifd,
)
from imgpar.formats.metadata.exif_draft import Draft
from imgpar.formats.registry import Format

_INCH, _CENTIMETRE = 2, 3
_UNKNOWN = (72.0, 72.0)
"""Default of EXIF for an unknown resolution; losing it is no loss."""
_EMPTY = Exif(b"II*\0" + struct.pack("<IHI", 8, 0, 0))
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
    dpi, pages = metadata.dpi[::-1] if metadata.dpi else None, tuple(map(turn_density, metadata.pages))
    return metadata._replace(exif=_turned(metadata.exif), dpi=dpi, pages=pages)


def _turned(exif: Exif) -> Exif:
    """EXIF with both resolutions swapped."""
    main = tiff.first_ifd(exif)
    across, down = (main.entries.get(tag) if main else None for tag in (X_RESOLUTION, Y_RESOLUTION))
    if not (across and down and across.kind == down.kind == RATIONAL):
        return exif
    draft = Draft(exif)
    first, second = (slice(entry.value_at, entry.value_at + 8) for entry in (across, down))
    draft.data[first], draft.data[second] = draft.data[second], draft.data[first]
    return draft.finished()


@memoized
def _in_exif(exif: Exif) -> tuple[float, float] | None:
    main = tiff.first_ifd(exif)
    unit = tiff.get_number(exif, main, RESOLUTION_UNIT)
    scale = {None: 1.0, _INCH: 1.0, _CENTIMETRE: 2.54}.get(unit)
    found = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        entry = main.entries.get(tag) if main else None
        if entry is None or entry.kind != RATIONAL or entry.number != 1 or scale is None:
            return None
        over, below = struct.unpack_from(tiff.byte_order(exif) + "II", exif, entry.value_at)
        found.append(over / below * scale if below else 0.0)
    return (found[0], found[1]) if min(found) > 0 else None


def _with_density(block: Exif, dpi: tuple[float, float]) -> Exif:
    """EXIF with a new first directory at its end; no value moves."""
    stored, block = block, block or _EMPTY
    main = tiff.first_ifd(block)
    if main is None:
        return block
    order, values_at = tiff.byte_order(block), len(block) + len(block) % 2
    raw = {entry.tag: block[entry.at : entry.at + 12] for entry in main.entries.values()}
    for tag, place in ((X_RESOLUTION, values_at), (Y_RESOLUTION, values_at + 8)):
        raw[tag] = struct.pack(order + "HHII", tag, RATIONAL, 1, place)
    raw[RESOLUTION_UNIT] = struct.pack(order + "HHIH2x", RESOLUTION_UNIT, SHORT, 1, _INCH)
    values = b"".join(struct.pack(order + "II", round(value * 1000), 1000) for value in dpi)
    directory = struct.pack(order + "H", len(raw)) + b"".join(raw[tag] for tag in sorted(raw))
    link = block[main.next_at : main.next_at + 4].ljust(4, b"\0")
    whole = bytearray(block.ljust(values_at, b"\0") + values + directory + link)
    struct.pack_into(order + "I", whole, 4, values_at + 16)
    made = Exif(whole)
    if stored:
        remember(made, tiff.first_ifd, _with_resolution(main, values_at))
    return made


def _with_resolution(main: Ifd, values_at: int) -> Ifd:
    """A first directory behind new resolutions at an offset, with the entries of the old one."""
    entries = main.entries | {
        X_RESOLUTION: Entry(X_RESOLUTION, RATIONAL, 1, 0, values_at),
        Y_RESOLUTION: Entry(Y_RESOLUTION, RATIONAL, 1, 0, values_at + 8),
        RESOLUTION_UNIT: Entry(RESOLUTION_UNIT, SHORT, 1, 0, 0),
    }
    at = values_at + 16
    moved = {tag: entries[tag].moved(at + 2 + 12 * place) for place, tag in enumerate(sorted(entries))}
    return Ifd(at, moved, at + 2 + 12 * len(moved))
