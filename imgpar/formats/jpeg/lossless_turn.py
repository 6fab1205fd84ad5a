"""Lossless rotation of a JPEG to upright: DCT blocks are rearranged, nothing is rounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imgpar.core.spec import Metadata
from imgpar.formats.jpeg import turbo
from imgpar.formats.jpeg.header import (
    APP0,
    APP14,
    COM,
    EXIF,
    MPF,
    FrameHeader,
    Segment,
    join_head,
    split_head,
)
from imgpar.formats.metadata import density, iptc
from imgpar.formats.metadata.policy import bake
from imgpar.formats.metadata.xmp import XMP

_JFIF, _THUMBNAIL = b"JFIF\0", b"JFXX\0"


def why_not_lossless(frame: FrameHeader, orientation: int) -> str:
    """Why a JPEG cannot be rotated losslessly; empty where no reason is known.

    It is possible if blocks are complete at the edges that are mirrored.
    """
    if turbo.library() is None:
        return "libturbojpeg is not installed"
    sampling = frame.sampling if frame.components > 1 else ((1, 1),)
    across, down = (8 * max(factors[axis] for factors in sampling) for axis in (0, 1))
    if orientation in (2, 3, 7, 8) and frame.width % across:
        return f"its stored width of {frame.width} is not a multiple of {across}"
    if orientation in (3, 4, 6, 7) and frame.height % down:
        return f"its stored height of {frame.height} is not a multiple of {down}"
    return ""


def turn_jpeg(data: bytes, frame: FrameHeader, orientation: int, known: Metadata) -> bytes:
    """The JPEG upright, with adjusted metadata; further pictures are dropped.

    Args:
        data: the whole file.
        frame: its frame header.
        orientation: 2 to 8, for which `why_not_lossless` returned an empty string.
        known: metadata from its header: what was parsed from a block is not parsed again.

    Raises:
        EncodeError: the library cannot do it.
    """
    stream = turbo.turn_coefficients(data, orientation, progressive=frame.process in (2, 10))
    swaps = orientation > 4
    size = (frame.height, frame.width) if swaps else (frame.width, frame.height)
    segments, _ = split_head(data)
    kept = [
        (marker, made)
        for marker, body in segments
        if marker == COM or APP0 <= marker <= APP0 + 15
        if (made := _adjusted(marker, body, size, known, swaps=swaps))
    ]
    coding, rest = split_head(stream)
    own = {marker for marker, _ in kept} & {APP0, APP14}
    return join_head([*kept, *_without(coding, own)]) + stream[rest:]


def _adjusted(marker: int, body: bytes, size: tuple[int, int], known: Metadata, *, swaps: bool) -> bytes:
    """The segment of the rotated picture; empty for one that would be wrong. `swaps`: width and height change
    places."""
    if marker == APP0 and body.startswith(_JFIF):
        across, down = body[8:10], body[10:12]
        return body[:8] + (down + across if swaps else across + down) + b"\0\0"  # without its thumbnail
    if (marker == APP0 and body.startswith(_THUMBNAIL)) or (marker == APP0 + 2 and body.startswith(MPF)):
        return b""
    if marker == APP0 + 1 and body.startswith(EXIF):
        made = bake(Metadata(exif=known.exif.same(body[len(EXIF) :])), *size)
        block = (density.turn_density(made) if swaps else made).exif
        return EXIF + block if block else b""
    if marker == APP0 + 1 and body.startswith(XMP):
        return XMP + bake(Metadata(xmp=known.xmp.same(body[len(XMP) :])), *size).xmp
    if marker == APP0 + 13 and body.startswith(iptc.PHOTOSHOP):
        return iptc.PHOTOSHOP + iptc.without_thumbnails(body[len(iptc.PHOTOSHOP) :])
    return body


def _without(segments: Sequence[Segment], markers: set[int]) -> Iterator[Segment]:
    return (segment for segment in segments if segment[0] not in markers)
