"""JPEG, written: libjpeg-turbo through simplejpeg, Pillow for what that does not write."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Metadata
from imgpar.formats import quality
from imgpar.formats.base import Encoded
from imgpar.formats.jpeg import gain_map, turbo
from imgpar.formats.jpeg.common import has_simplejpeg, planes
from imgpar.formats.jpeg.header import (
    EXIF,
    ICC,
    SEGMENT,
)
from imgpar.formats.metadata import iptc, xmp
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format

_PILLOW_SAMPLINGS = {"444": 0, "422": 1, "420": 2}


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode one frame as a JPEG with its metadata, baseline by default.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    if options.lossless:
        raise EncodeError("JPEG has no lossless mode.", fix="Choose png, webp, avif or tiff.")
    frame = frames[0]
    if max(frame.spec.size) > 65500:
        raise EncodeError(
            f"JPEG holds at most 65500 pixels a side, this is {frame.spec.width}×{frame.spec.height}.",
            fix="Choose png or tiff, or resize it.",
        )
    number = quality.encoder_setting("jpeg", options.quality)
    sampling = quality.chroma(options)
    data: bytes | memoryview
    if frame.spec.planar:
        data = turbo.encode_planes(planes(frame), frame.spec.size, frame.spec.layout[3:], number)
    elif has_simplejpeg() and not options.progressive:
        import simplejpeg

        space = "GRAY" if frame.spec.layout == "L" else frame.spec.layout
        data = simplejpeg.encode_jpeg(frame.array, number, space, "Gray" if space == "GRAY" else sampling)
    else:
        from imgpar.formats.backends import pillow

        data = pillow.save(
            frame,
            "JPEG",
            quality=number,
            subsampling=_PILLOW_SAMPLINGS[sampling],
            progressive=options.progressive,
        )
    before, lost = _segments(metadata)
    whole = b"".join((data[:2], *before, _without_jfif(data)))
    if metadata.gain_map:
        both = gain_map.attached(whole, metadata.gain_map)
        whole, lost = (both, lost) if both else (whole, (*lost, "gain map"))
    return Encoded(whole, lost=lost)


def _segments(metadata: Metadata) -> tuple[list[bytes], tuple[str, ...]]:
    """The segments before the picture, and what does not fit into them."""
    parts, lost = [_jfif(metadata.dpi)], []
    if metadata.bare:
        return parts, ()
    if len(EXIF) + len(metadata.exif) > SEGMENT:
        lost.append("exif")
    elif metadata.exif:
        parts.append(_segment(0xE1, EXIF + metadata.exif))
    described = xmp.segments(metadata.xmp, SEGMENT)
    parts += [_segment(0xE1, body) for body in described]
    if metadata.xmp and not described:
        lost.append("xmp")
    room = SEGMENT - len(ICC) - 2
    count = -(-len(metadata.icc) // room)
    if count > 255:
        lost.append("icc")
    else:
        for number in range(count):
            piece = metadata.icc[number * room : (number + 1) * room]
            parts.append(_segment(0xE2, ICC + bytes((number + 1, count)) + piece))
    block = iptc.PHOTOSHOP + iptc.wrap(metadata.iptc)
    if len(block) > SEGMENT:
        lost.append("iptc")
    elif metadata.iptc:
        parts.append(_segment(0xED, block))
    if metadata.comment:
        parts.append(_segment(0xFE, metadata.comment[:SEGMENT]))
    return parts, tuple(lost)


@lru_cache(maxsize=16)
def _jfif(dpi: tuple[float, float] | None) -> bytes:
    x, y = (max(1, min(round(value), 65535)) for value in dpi or (1, 1))
    return _segment(0xE0, b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, 1 if dpi else 0, x, y, 0, 0))


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _without_jfif(data: bytes | memoryview) -> memoryview:
    """The encoder's stream behind SOI and its own JFIF segment."""
    view = memoryview(data)[2:]
    return view[2 + int.from_bytes(view[2:4], "big") :] if bytes(view[:2]) == b"\xff\xe0" else view
