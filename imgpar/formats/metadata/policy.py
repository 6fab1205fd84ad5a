"""Metadata of outputs: adjusted to the new picture, reduced on request, reported where a format cannot hold
it."""

from __future__ import annotations

import re

from imgpar.core.spec import Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata import iptc, location
from imgpar.formats.registry import Format

_KINDS = ("exif", "xmp", "comment", "iptc", "text")


def bake(metadata: Metadata, width: int, height: int) -> Metadata:
    """The metadata of an upright picture of this size.

    EXIF and XMP get orientation 1 and the new size; the thumbnail of the old picture is removed. All else is
    kept byte for byte. EXIF that cannot be parsed is dropped: viewers could apply its orientation a second
    time.
    """
    if not (metadata.exif or metadata.xmp):
        return metadata
    return metadata._replace(
        exif=_bake_exif(metadata.exif, width, height), xmp=_bake_xmp(metadata.xmp, width, height)
    )


def strip(metadata: Metadata, what: str) -> Metadata:
    """Remove `gps`, `exif`, `xmp` or `all`; the colour profile and the timing of an animation are always
    kept.

    >>> strip(Metadata(icc=b"profile", exif=b"II*", comment=b"hello"), "all") == Metadata(icc=b"profile")
    True
    """
    if what == "all":
        return metadata._replace(exif=b"", xmp=b"", comment=b"", iptc=b"", text=())
    if what == "exif":
        return metadata._replace(exif=b"")
    if what == "xmp":
        return metadata._replace(xmp=b"")
    if what == "gps":
        block = bytearray(metadata.exif)
        if block:
            tiff.drop_ifd(block, tiff.GPS_IFD)
            location.clear_maker_note(block)
        xmp, records = location.xmp_without_places(metadata.xmp), iptc.iptc_without_places(metadata.iptc)
        return metadata._replace(exif=bytes(block), xmp=xmp, iptc=records)
    return metadata


def removed(metadata: Metadata, what: str) -> tuple[str, ...]:
    """The kinds of metadata that `strip` removes: requested, so no loss, but reported as a note.

    >>> removed(Metadata(xmp=b'<rdf:Description exif:GPSLatitude="48,12N"/>', comment=b"hello"), "gps")
    ('gps',)
    """
    left = strip(metadata, what)
    changed = tuple(kind for kind in _KINDS if getattr(left, kind) != getattr(metadata, kind))
    return ("gps",) if changed and what == "gps" else changed


def describe_lost(metadata: Metadata, fmt: Format) -> tuple[str, ...]:
    """The present kinds of metadata that the format cannot hold.

    >>> from imgpar.formats.registry import find_format
    >>> describe_lost(Metadata(icc=b"profile", exif=b"II*"), find_format("gif"))
    ('icc', 'exif')
    """
    kinds = ("icc", *_KINDS, "gain_map")
    missing = [kind for kind in kinds if getattr(metadata, kind) and not getattr(fmt, kind)]
    gone = {kind: getattr(metadata, kind) for kind in ("exif", "xmp") if kind in missing}
    if gone and removed(Metadata(**gone), "gps"):
        missing.append("gps")
    return tuple(kind.replace("_", " ") for kind in missing)


def _bake_exif(block: bytes, width: int, height: int) -> bytes:
    if not block or not tiff.is_sound(block):
        return b""
    patched = bytearray(block)
    main = tiff.first_ifd(patched)
    detail = tiff.sub_ifd(patched, main, tiff.EXIF_IFD)
    tiff.set_number(patched, main, tiff.ORIENTATION, 1)
    for ifd, across, down in ((main, tiff.WIDTH, tiff.HEIGHT), (detail, tiff.PIXEL_WIDTH, tiff.PIXEL_HEIGHT)):
        tiff.set_number(patched, ifd, across, width)
        tiff.set_number(patched, ifd, down, height)
    tiff.drop_thumbnail(patched)
    return bytes(patched)


def _bake_xmp(xmp: bytes, width: int, height: int) -> bytes:
    values = {
        b"tiff:Orientation": 1,
        b"tiff:ImageWidth": width,
        b"tiff:ImageLength": height,
        b"exif:PixelXDimension": width,
        b"exif:PixelYDimension": height,
    }
    for name, value in values.items():
        if name in xmp:
            xmp = re.sub(rb"(" + name + rb"\s*(?:=\s*[\"']|>\s*))\d+", rb"\g<1>%d" % value, xmp)
    return xmp
