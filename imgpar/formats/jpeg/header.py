"""Segments of a JPEG before its scans: size, coding and metadata.

Works on any bytes: a damaged segment is skipped where that is safe, everything else is a DamagedError.
Nothing is decoded, so a header costs microseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from imgpar.core.blocks import Exif, Icc, Xmp
from imgpar.core.errors import DamagedError
from imgpar.formats import tlv
from imgpar.formats.base import unclear
from imgpar.formats.metadata import iptc, xmp
from imgpar.formats.metadata.xmp import XMP, XMP_EXTENSION

EXIF = b"Exif\0\0"
ICC = b"ICC_PROFILE\0"
MPF = b"MPF\0"

SOI, EOI, SOS, COM, APP0, APP14, DQT = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEE, 0xDB
Segment = tuple[int, bytes]
"""Marker and body."""
SEGMENT = 65533
"""Maximum bytes of a segment body."""
_DISPENSABLE = (EXIF, XMP, ICC, b"Ducky", b"FPXR", b"urn:iso:std:iso:ts:21496")
"""Segments that are not needed, or were read before."""
_UNCARRIED = ((b"JP", "content credentials"), (b"FLIR\0", "thermal picture"))
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
JPEG_LS = 55
"""Process of ISO/IEC 14495, whose marker is outside of the usual range."""
_SAMPLINGS = {(2, 2): "420", (2, 1): "422", (1, 1): "444", (1, 2): "440", (4, 1): "411"}


class FrameHeader(NamedTuple):
    """Frame header (SOF). `process` is the low nibble of its marker: 0 and 1 sequential, 2 progressive, 3
    lossless, 9 and above arithmetic."""

    width: int
    height: int
    bits: int
    process: int
    components: int
    """1 for grey, 3 for colour, 4 for CMYK and YCCK."""
    sampling: tuple[tuple[int, int], ...]
    """Horizontal and vertical sampling factor of each component."""
    subsampling: str
    """Usual name of the chroma subsampling: 420, 422, 444, grey, or the factors."""
    identifiers: bytes
    """Component ids."""


_NOT_YET = FrameHeader(0, 0, 8, 0, 0, (), "", b"")


@dataclass(slots=True)
class JpegHeader:
    """Parsed segments."""

    frame: FrameHeader = _NOT_YET
    adobe_transform: int | None = None
    exif: Exif = Exif()
    xmp: Xmp = Xmp()
    icc: Icc = Icc()
    comment: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    indexed: bool = False
    """Whether there is an MPF index of further pictures."""
    pieces: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    """Extended XMP: by name, pieces by offset."""
    quality: int = 0
    """libjpeg quality with the closest luma table; 0 where there is no table."""
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def in_ycc(self) -> bool:
        """Whether it is YCbCr."""
        three = self.frame.components == 3
        return three and self.frame.identifiers != b"RGB" and self.adobe_transform in (None, 1)


def parse_segments(data: bytes | memoryview) -> JpegHeader:
    """Parse the segments up to the first scan. Raises DamagedError without a valid frame header."""
    header = JpegHeader()
    icc: dict[int, bytes] = {}
    for marker, _, body in tlv.segments(data, SOS):
        if marker in _FRAME_HEADERS and not header.frame.width:
            header.frame = _frame_header(marker, bytes(body))
        elif marker == DQT and not header.quality:
            header.quality = _quality(bytes(body))
        elif marker == COM:
            header.comment = header.comment or bytes(body)
        elif APP0 <= marker <= APP0 + 15:
            _read_application(header, icc, marker - APP0, bytes(body))
    if not header.frame.width:
        raise DamagedError(
            "This JPEG has no usable frame header: it is truncated or corrupt before its size is given."
        )
    if icc:
        count = max(icc)
        if sorted(icc) == list(range(1, count + 1)):
            header.icc = Icc(b"".join(icc[number] for number in sorted(icc)))
        else:
            header.lost.append("icc")
            header.notes.append("parts of the colour profile are missing, taken as sRGB")
    if header.pieces:
        _join_xmp(header)
    return header


def split_head(data: bytes) -> tuple[list[Segment], int]:
    """The segments before the first scan, and the offset of its marker; 0 where there is none."""
    found = tlv.adjacent_segments(data, SOS)
    at = found.pop().at if found and found[-1].marker == SOS else 0
    return [(segment.marker, bytes(segment.body)) for segment in found], at


def join_head(segments: Iterable[Segment]) -> bytes:
    """Start of a JPEG: SOI and these segments."""
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    )


def bare(data: bytes | memoryview) -> bytes:
    """Tables, frame header and scans only. For files with segments before the scan of which decoders
    complain, although pixels do not depend on them; complaints about the rest remain."""
    view, kept, scans = memoryview(data), list[Segment](), 0
    for marker, at, body in tlv.segments(view, SOS):
        scans = at if marker == SOS else scans
        adobe = marker == APP0 + 14 and len(body) >= 12 and body[11] < 3
        if marker != SOS and (adobe or not (marker == COM or APP0 <= marker <= APP0 + 15)):
            kept.append((marker, bytes(body)))
    return join_head(kept) + bytes(view[scans:]) if scans else bytes(view)


@lru_cache(maxsize=64)  # pictures of one camera are alike
def _frame_header(marker: int, body: bytes) -> FrameHeader:
    if len(body) < 6:
        return _NOT_YET
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    factors = tuple(
        (body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, min(len(body) - 2, 3 + 3 * count) + 1, 3)
    )
    if not width or not height:
        raise DamagedError(f"This JPEG has the invalid size {width}×{height}.")
    if (
        len(factors) != count
        or count not in (1, 2, 3, 4)
        or any(not 1 <= f <= 4 for pair in factors for f in pair)
    ):
        raise unclear("JPEG", f"it has {count} colour components in an unknown arrangement")
    identifiers = body[6 : 6 + 3 * count : 3]
    process = JPEG_LS if marker == 0xF7 else marker & 15
    return FrameHeader(width, height, bits, process, count, factors, _subsampling(factors), identifiers)


def _subsampling(factors: tuple[tuple[int, int], ...]) -> str:
    if len(factors) == 1:
        return "grey"
    if all(pair == (1, 1) for pair in factors[1:]):
        return _SAMPLINGS.get(factors[0], str(factors[0]))
    return "/".join(f"{h}x{v}" for h, v in factors)


@lru_cache(maxsize=64)
def _quality(tables: bytes) -> int:
    """libjpeg scales one table (ITU-T T.81, K.1) with a sum of 3,688; the scale follows from the sum."""
    if len(tables) < 65 or tables[0] != 0:
        return 0
    percent = 100 * sum(tables[1:65]) / 3688
    return round(min(max(5000 / percent if percent > 100 else (200 - percent) / 2, 1), 100))


def _read_application(header: JpegHeader, icc: dict[int, bytes], number: int, body: bytes) -> None:
    if number == 0 and body[:5] == b"JFIF\0" and len(body) >= 12:
        unit, x, y = struct.unpack_from(">BHH", body, 7)
        if unit in (1, 2) and x and y:
            header.dpi = (float(x), float(y)) if unit == 1 else (x * 2.54, y * 2.54)
    elif number == 1 and body.startswith(EXIF):
        header.exif = header.exif or Exif(memoryview(body)[len(EXIF) :])
    elif number == 1 and body.startswith(XMP):
        header.xmp = header.xmp or Xmp(memoryview(body)[len(XMP) :])
    elif number == 1 and body.startswith(XMP_EXTENSION) and len(body) > len(XMP_EXTENSION) + 40:
        name, start = (
            body[len(XMP_EXTENSION) :][:32],
            int.from_bytes(body[len(XMP_EXTENSION) + 36 :][:4], "big"),
        )
        header.pieces.setdefault(name, {})[start] = body[len(XMP_EXTENSION) + 40 :]
    elif number == 2 and body.startswith(ICC) and len(body) > len(ICC) + 2:
        icc.setdefault(body[len(ICC)], body[len(ICC) + 2 :])
    elif number == 2 and body.startswith(MPF):
        header.indexed = True
    elif number == 13 and body.startswith(iptc.PHOTOSHOP):
        records, paths = iptc.iptc_and_paths(body[len(iptc.PHOTOSHOP) :])
        header.iptc = header.iptc or records
        if paths:
            header.lost.append("paths")
    elif number == 14 and body.startswith(b"Adobe") and len(body) >= 12:
        header.adobe_transform = body[11]
    elif not body.startswith(_DISPENSABLE) and number not in (0, 13, 14):
        what = next((name for head, name in _UNCARRIED if body.startswith(head)), "camera segments")
        if what not in header.lost:
            header.lost.append(what)


def _join_xmp(header: JpegHeader) -> None:
    """Join both parts of the XMP to one packet."""
    pieces = header.pieces.get(xmp.extension_name(header.xmp), {})
    second = b"".join(pieces[start] for start in sorted(pieces))
    whole = xmp.digest(second)
    packet = xmp.joined(header.xmp, second) if whole == xmp.extension_name(header.xmp).upper() else b""
    header.xmp = Xmp(packet) if packet else header.xmp
    if not packet:
        header.lost.append("extended xmp")
