"""Metadata of outputs: adjusted to the new picture, reduced on request, reported where a format cannot hold
it."""

from __future__ import annotations

import re

from imgpar.core.blocks import Exif, Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata import iptc, location
from imgpar.formats.metadata.exif_draft import Draft
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

    >>> strip(Metadata(xmp=Xmp(b"<x/>"), comment=b"hello"), "xmp").comment
    b'hello'
    """
    if what not in ("gps", "exif", "xmp", "all"):
        return metadata
    metadata = metadata._replace(
        exif=strip_exif(metadata.exif, what),
        xmp=strip_xmp(metadata.xmp, what),
    )
    if what == "all":
        return metadata._replace(comment=b"", iptc=b"", text=())
    if what == "gps":
        return metadata._replace(iptc=iptc.iptc_without_places(metadata.iptc))
    return metadata


def strip_exif(exif: Exif, what: str) -> Exif:
    """EXIF without `gps`; empty for `exif` and `all`."""
    if what in ("exif", "all"):
        return Exif()
    return location.exif_without_places(exif) if what == "gps" else exif


def strip_xmp(xmp: Xmp, what: str) -> Xmp:
    """XMP without `gps`; empty for `xmp` and `all`."""
    if what in ("xmp", "all"):
        return Xmp()
    return location.xmp_without_places(xmp) if what == "gps" else xmp


def strip_block(kind: str, block: bytes, what: str, known: Metadata) -> bytes:
    """What is left of a block in a file.

    Args:
        kind: `exif` or `xmp`.
        block: its bytes.
        what: `gps`, `exif`, `xmp` or `all`.
        known: metadata of the file: a block that was parsed is not parsed again.
    """
    if kind == "exif":
        return strip_exif(known.exif.same(block), what)
    return strip_xmp(known.xmp.same(block), what)


def removed(metadata: Metadata, what: str) -> tuple[str, ...]:
    """The kinds of metadata that `strip` removes: requested, so no loss, but reported as a note.

    >>> packet = Xmp(b'<rdf:Description exif:GPSLatitude="48,12N"/>')
    >>> removed(Metadata(xmp=packet, comment=b"hello"), "gps")
    ('gps',)
    """
    left = strip(metadata, what)
    changed = tuple(kind for kind in _KINDS if getattr(left, kind) != getattr(metadata, kind))
    return ("gps",) if changed and what == "gps" else changed


def describe_lost(metadata: Metadata, fmt: Format) -> tuple[str, ...]:
    """The present kinds of metadata that the format cannot hold.

    >>> from imgpar.formats.registry import find_format
    >>> describe_lost(Metadata(exif=Exif(b"II*"), iptc=b"records"), find_format("gif"))
    ('exif', 'iptc')
    """
    kinds = ("icc", *_KINDS, "gain_map")
    missing = [kind for kind in kinds if getattr(metadata, kind) and not getattr(fmt, kind)]
    gone = {kind: getattr(metadata, kind) for kind in ("exif", "xmp") if kind in missing}
    if gone and removed(Metadata(**gone), "gps"):
        missing.append("gps")
    return tuple(kind.replace("_", " ") for kind in missing)


def _bake_exif(block: Exif, width: int, height: int) -> Exif:
    if not block or not tiff.is_sound(block):
        return Exif()
    draft = Draft(block)
    main, detail = draft.main, draft.sub_ifd(tiff.EXIF_IFD)
    draft.set_number(main, tiff.ORIENTATION, 1)
    for ifd, across, down in ((main, tiff.WIDTH, tiff.HEIGHT), (detail, tiff.PIXEL_WIDTH, tiff.PIXEL_HEIGHT)):
        draft.set_number(ifd, across, width)
        draft.set_number(ifd, down, height)
    draft.drop_thumbnail()
    return draft.finished()


def _bake_xmp(xmp: Xmp, width: int, height: int) -> Xmp:
    values = {
        b"tiff:Orientation": 1,
        b"tiff:ImageWidth": width,
        b"tiff:ImageLength": height,
        b"exif:PixelXDimension": width,
        b"exif:PixelYDimension": height,
    }
    made: bytes = xmp
    for name, value in values.items():
        if name in made:
            made = re.sub(rb"(" + name + rb"\s*(?:=\s*[\"']|>\s*))\d+", rb"\g<1>%d" % value, made)
    return xmp if made == xmp else Xmp(made)
