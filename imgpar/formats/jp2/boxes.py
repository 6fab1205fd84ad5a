"""Boxes of a JPEG 2000 file around its codestream: profile, density, EXIF, XMP and IPTC.

jP, ftyp, jp2h (ihdr, colr, res …), jp2c, uuid …          EXIF, XMP and IPTC have a UUID box each
"""

from __future__ import annotations

import struct

from imgpar.core.spec import Metadata
from imgpar.formats.jpeg.header import EXIF
from imgpar.formats.tlv import BOXES, build_box, walk

UUIDS = {
    "exif": (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e")),
    "xmp": (bytes.fromhex("be7acfcb97a942e89c71999491e3afac"),),
    "iptc": (
        bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"),
        bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"),
    ),
}
"""By kind of metadata; the first is the one that is written."""
_PROFILE = 2
"""Method of a colour box that contains an ICC profile."""
_PROGRAMS = (b"Created by ", b"Kakadu", b"Creator:")
"""Prefixes of comments with the name of the writing program only."""
_METRE = 0.0254


def read_metadata_boxes(data: bytes | memoryview) -> dict[str, bytes]:
    """`icc`, `exif`, `xmp` and `iptc`, where present."""
    found: dict[str, bytes] = {}
    for box in walk(data, BOXES):
        if box.kind == b"jp2h":
            for inner in walk(box.body, BOXES):
                if inner.kind == b"colr" and len(inner.body) > 3 and inner.body[0] == _PROFILE:
                    found.setdefault("icc", bytes(inner.body[3:]))
        elif box.kind == b"uuid":
            name = next((name for name, uuids in UUIDS.items() if bytes(box.body[:16]) in uuids), "")
            if name:
                found.setdefault(name, bytes(box.body[16:]))
    if "exif" in found:
        found["exif"] = found["exif"].removeprefix(EXIF)
    return found


def palette(data: bytes | memoryview) -> int:
    """Number of palette columns, which are the channels of the picture. 0 without a palette, or with entries
    of more than 8 bits."""
    for box in walk(data, BOXES):
        for inner in walk(box.body, BOXES) if box.kind == b"jp2h" else ():
            if inner.kind == b"pclr" and len(inner.body) > 3:
                columns = inner.body[2]
                deep = any((depth & 0x7F) + 1 > 8 for depth in inner.body[3 : 3 + columns])
                return 0 if deep else columns
    return 0


def comment_of(text: bytes) -> bytes:
    """The comment, unless it only names the writing program.

    >>> comment_of(b"Created by OpenJPEG version 2.5.4"), comment_of(b"hello")
    (b'', b'hello')
    """
    return b"" if text.startswith(_PROGRAMS) else text


def with_metadata_boxes(stream: bytes, metadata: Metadata) -> bytes:
    """Add metadata to a file without."""
    parts = [
        build_box(box.kind, _header(box.body, metadata) if box.kind == b"jp2h" else box.body)
        for box in walk(stream, BOXES)
    ]
    # Behind the codestream: Pillow reads comments only where that follows the header directly.
    for name, uuids in UUIDS.items():
        block = getattr(metadata, name)
        parts += [build_box(b"uuid", uuids[0] + block)] if block else []
    return b"".join(parts)


def _header(body: memoryview, metadata: Metadata) -> bytes:
    parts = []
    for box in walk(body, BOXES):
        if box.kind == b"colr" and metadata.icc:
            parts.append(build_box(box.kind, bytes((_PROFILE, 0, 0)) + metadata.icc))
        else:
            parts.append(build_box(box.kind, box.body))
    if metadata.dpi:
        parts.append(density_box(metadata.dpi))
    return b"".join(parts)


def density_box(dpi: tuple[float, float]) -> bytes:
    """The box with the density of the capture: dots per metre as numerator, denominator and power of ten."""
    across, down = (value / _METRE for value in dpi)
    return build_box(b"res ", build_box(b"resc", _fraction(down, across)))


def _fraction(down: float, across: float) -> bytes:
    """Both as 16-bit fractions."""
    numbers = list[int]()
    for value in (down, across):
        below = next((below for below in (100, 10) if value * below < 0xFFFF), 1)
        numbers += [min(round(value * below), 0xFFFF), below]
    return struct.pack(">4Hbb", *numbers, 0, 0)
