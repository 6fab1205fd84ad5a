"""Resolution in dpi, from a field of the format or from EXIF."""

from __future__ import annotations

import re
import struct

from imgpar.core.blocks import Exif, Xmp, memoized, remember
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
from imgpar.formats.metadata.room import exif_fits
from imgpar.formats.registry import Format

_INCH, _CENTIMETRE = 2, 3
_UNKNOWN = (72.0, 72.0)
"""Default of EXIF for an unknown resolution; losing it is no loss."""
_EQUAL = 0.005
"""Difference of dpi below which densities are equal: formats round them to dots per metre."""
_EMPTY = Exif(b"II*\0" + struct.pack("<IHI", 8, 0, 0))
"""EXIF with an empty directory."""


def density_of(metadata: Metadata) -> tuple[float, float] | None:
    """Horizontal and vertical dpi from the format, else from EXIF.

    >>> density_of(Metadata(dpi=(300.0, 300.0)))
    (300.0, 300.0)
    """
    return metadata.dpi or exif_density(metadata.exif)


def fit_density(
    metadata: Metadata, fmt: Format, what: str, given: float | None = None
) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata with the density where the format stores it; "density" as a loss where it cannot.

    Args:
        metadata: of the picture.
        fmt: of the output.
        what: what was stripped: removed EXIF is not created again for the density of the input.
        given: dots per inch that are asked for; None keeps the density of the input.
    """
    if given:
        before, metadata = metadata.exif, with_density(metadata, given)
        if fmt.density and not exif_fits(metadata.exif, fmt):  # better the density elsewhere than no EXIF
            metadata = metadata._replace(exif=before)
        if fmt.exif and not fmt.density and not metadata.exif:
            return metadata._replace(exif=exif_with_density(metadata.exif, (given, given))), ()
        return metadata, () if fmt.density or fmt.exif else ("density",)
    dpi = density_of(metadata)
    if dpi is None or fmt.density:
        return metadata if dpi == metadata.dpi else metadata._replace(dpi=dpi), ()
    if fmt.exif and exif_density(metadata.exif) is None and dpi != _UNKNOWN and what not in ("exif", "all"):
        return metadata._replace(exif=exif_with_density(metadata.exif, dpi)), ()
    return metadata, () if fmt.exif or dpi == _UNKNOWN else ("density",)


def with_density(metadata: Metadata, dpi: float) -> Metadata:
    """The metadata with another density, also in EXIF and XMP where these are present.

    >>> with_density(Metadata(dpi=(72.0, 72.0)), 300).dpi
    (300, 300)
    """
    exif = exif_with_density(metadata.exif, (dpi, dpi)) if metadata.exif else metadata.exif
    return metadata._replace(dpi=(dpi, dpi), exif=exif, xmp=xmp_with_density(metadata.xmp, dpi))


def xmp_with_density(xmp: Xmp, dpi: float) -> Xmp:
    """XMP with another density in its tiff properties; the same object where it has none."""
    values = {b"[XY]Resolution": b"%d/1000" % round(dpi * 1000), b"ResolutionUnit": b"%d" % _INCH}
    made: bytes = xmp
    if b"Resolution" not in made:
        return xmp
    for name, value in values.items():
        made = re.sub(rb"(tiff:" + name + rb"\s*(?:=\s*[\"']|>\s*))[\d./]+", rb"\g<1>" + value, made)
    return xmp if made == xmp else Xmp(made)


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
def exif_density(exif: Exif) -> tuple[float, float] | None:
    """Horizontal and vertical dpi in EXIF; None without."""
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


def exif_with_density(block: Exif, dpi: tuple[float, float]) -> Exif:
    """EXIF with another density: overwritten where it has one, else with a new first directory at its end. No
    value moves. The same object where nothing changes."""
    found = exif_density(block)
    if found and all(abs(have - want) < _EQUAL for have, want in zip(found, dpi, strict=True)):
        return block
    return _overwritten(block, dpi) or _with_new_directory(block, dpi)


def _overwritten(block: Exif, dpi: tuple[float, float]) -> Exif | None:
    """EXIF with its resolutions overwritten; None where it lacks one of the three tags."""
    main = tiff.first_ifd(block)
    tags = (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)
    found = [main.entries.get(tag) for tag in tags] if main else []
    across, down, unit = found if found else (None, None, None)
    if not (across and down and unit and unit.kind == SHORT and unit.number == 1):
        return None
    if any(entry.kind != RATIONAL or entry.number != 1 for entry in (across, down)):
        return None
    order, draft = tiff.byte_order(block), Draft(block)
    for entry, value in zip((across, down), dpi, strict=True):
        struct.pack_into(order + "II", draft.data, entry.value_at, round(value * 1000), 1000)
    draft.set_number(main, RESOLUTION_UNIT, _INCH)
    return draft.finished()


def _with_new_directory(block: Exif, dpi: tuple[float, float]) -> Exif:
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
