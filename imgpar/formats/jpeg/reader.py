"""JPEG reader and writer: libjpeg-turbo through simplejpeg, Pillow for unsupported kinds.

Decoding and encoding use four bytes per pixel (RGBX) in place. Scaled decoding uses 1/2, 1/4 and 1/8 only:
the other eighths have no SIMD code and cost more than they save.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache

import numpy as np

from imgpar.core.errors import EncodeError, UnsupportedError, library_words
from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Layout, Metadata, Spec
from imgpar.formats import quality
from imgpar.formats.backends import imagecodecs
from imgpar.formats.base import Encoded, damaged
from imgpar.formats.jpeg import gain_map, motion_photo, turbo
from imgpar.formats.jpeg.header import (
    EXIF,
    ICC,
    JPEG_LS,
    SEGMENT,
    FrameHeader,
    bare,
    parse_segments,
)
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata import iptc, xmp
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.pixels import layouts
from imgpar.pixels.colour.icc_header import profile_space

_SAMPLINGS = ("420", "422", "444", "440", "411")
_PILLOW_SAMPLINGS = {"444": 0, "422": 1, "420": 2}
_UNREAD = (3, 5, 6, 7, 11, 13, 14, 15, JPEG_LS)
"""Lossless and hierarchical coding, by the low nibble of the frame marker, and JPEG-LS."""
_SECOND = (0, 1, 2, 3, JPEG_LS)
"""Coding that imagecodecs supports with any bit depth: baseline, extended, progressive and lossless."""
_HARMLESS = (
    "bad icc marker",
    "extraneous bytes before marker",
    "unknown jfif revision",
    "unknown adobe color transform",
)
"""Decoder warnings that do not affect pixels: cameras and old editors write such files."""


MARGIN = 1.5
"""Minimum size of a scaled decode relative to the result. Photos resized to 640 pixels come within 47 dB of
an exact resize at 1.5, 49 dB at 2, 45 dB at 1; only these scales have SIMD code in libjpeg-turbo."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:  # noqa: ARG001
    """Parse the segments; no pixel is decoded."""
    info = parse_segments(data)
    frame = info.frame
    unusual = frame.bits != 8 or frame.process in _UNREAD
    if unusual:
        _check_rare(frame)
    layout: Layout = "L" if frame.components == 1 else "RGB" if unusual else "RGBX"
    exif, lost, notes = info.exif, list(info.lost), list(info.notes)
    if exif and not tiff.is_sound(exif):
        exif = b""
        lost.append("exif")
        notes.append("EXIF data are broken and were left out")
    icc = info.icc
    if frame.components == 4:
        from imgpar.pixels.colour import to_srgb as colour

        icc = b""  # The picture is converted to sRGB when it is decoded.
        notes.append(colour.conversion_note("CMYK", info.icc))
    elif icc and profile_space(icc) not in ("RGB", "GRAY"):
        icc = b""
        lost.append("icc")
        notes.append("the colour profile is broken or for other colours, taken as sRGB")
    metadata = Metadata(icc=icc, exif=exif, xmp=info.xmp, comment=info.comment, iptc=info.iptc, dpi=info.dpi)
    if info.indexed or (info.xmp and gain_map.is_promised(info.xmp)):
        found, more, remarks = gain_map.look(data, info.xmp)
        metadata = metadata._replace(
            gain_map=found, xmp=info.xmp if found else gain_map.without_promise(info.xmp)
        )
        lost += more
        notes += remarks
    if metadata.xmp and motion_photo.has_clip(metadata.xmp):
        metadata = metadata._replace(xmp=motion_photo.without_clip(metadata.xmp))
        lost.append(motion_photo.CLIP)
    elif motion_photo.has_trailer(data):
        lost.append(motion_photo.CLIP)
    return Header(
        format=fmt.name,
        spec=Spec(frame.width, frame.height, layout, "uint8" if frame.bits <= 8 else "uint16"),
        orientation=tiff.get_orientation(exif) if exif else 1,
        metadata=metadata,
        lost=tuple(lost),
        notes=tuple(notes),
        detail={
            "subsampling": frame.subsampling,
            "progressive": frame.process in (2, 10),
            "bits": frame.bits,
            "quality": info.quality,
            "components": frame.components,
            "reader": "rare" if unusual else _reader(frame),
            "codec": "jpegls" if frame.process == JPEG_LS else "jpeg8",
            "ycc": info.in_ycc,
            "scale": 1,
            "whole": (frame.width, frame.height),
        },
    )


def _check_rare(frame: FrameHeader) -> None:
    """Raise an error for a JPEG that the second decoder does not read either."""
    words = f"{frame.bits} bits, process {frame.process}, {frame.components} components"
    if frame.process not in _SECOND or frame.components not in (1, 3) or not 2 <= frame.bits <= 16:
        raise UnsupportedError(f"It is a rare JPEG ({words}) that no decoder here reads.")
    if not imagecodecs.imagecodecs_available():
        raise imagecodecs.missing_imagecodecs(f"This rare kind of JPEG ({words})")


def scale_for(spec: Spec, width: int, height: int) -> int:
    """The largest of 8, 4, 2, 1 by which a decode may be smaller with `MARGIN` × the requested pixels in each
    direction."""
    for scale in (8, 4, 2):
        across, down = -(-spec.width // scale), -(-spec.height // scale)
        if across >= MARGIN * width and down >= MARGIN * height:
            return scale
    return 1


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frame, whose spec is that of the header (possibly shrunk).

    Args:
        data: the whole file.
        header: from `read_header`, possibly shrunk.
        frames: one array to fill, H×W×C or planes; owned by the caller.
        accept_damaged: whether to keep what can be read.

    Returns:
        Warnings of the decoder.
    """
    if header.spec.planar:
        return _decode_planes(data, header, frames[0], accept_damaged=accept_damaged)
    if header.detail["reader"] == "rare":
        if not accept_damaged and bytes(data[-1 << 16 :]).rfind(b"\xff\xd9") < 0:
            raise damaged("JPEG", "it ends before its end marker")  # this decoder does not report it
        found = imagecodecs.decode(header.detail["codec"], data, "JPEG")
        np.copyto(frames[0].array, imagecodecs.stretched(found, header.detail["bits"], header.spec.dtype))
        return ()
    if header.detail["reader"] == "pillow" or not _has_simplejpeg():
        from imgpar.formats.backends import pillow

        return pillow.decode_jpeg(data, header, frames[0], accept_damaged=accept_damaged)
    try:
        _decode_fast(data, frames[0], strict=True)
    except ValueError as error:
        complaint = library_words(error)
    else:
        return ()
    harmless = (
        any(words in complaint.lower() for words in _HARMLESS)
        and bytes(data[-1 << 16 :]).find(b"\xff\xd9") >= 0
    )
    if not harmless and not accept_damaged:
        raise damaged("JPEG", complaint)
    if harmless:
        # The decoder warns about data before the pixels even in lenient mode.
        with suppress(ValueError):
            _decode_fast(bare(data), frames[0], strict=True)
            return (f"decoder warning: {complaint}",)
    try:
        _decode_fast(data, frames[0], strict=False)
    except ValueError as error:
        raise damaged("JPEG", library_words(error), hopeless=True) from None
    return (
        (f"decoder warning: {complaint}",)
        if harmless
        else (f"damaged, kept what could be read: {complaint}",)
    )


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
        data = turbo.encode_planes(_planes(frame), frame.spec.size, frame.spec.layout[3:], number)
    elif _has_simplejpeg() and not options.progressive:
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


def _reader(frame: FrameHeader) -> str:
    """simplejpeg decodes Huffman-coded grey and YCbCr in the usual subsamplings; Pillow decodes the rest."""
    plain = frame.components == 1 or (frame.components == 3 and frame.subsampling in _SAMPLINGS)
    return "simplejpeg" if plain and frame.process in (0, 1, 2) else "pillow"


@cache
def _has_simplejpeg() -> bool:
    try:
        import simplejpeg  # noqa: F401
    except ImportError:
        return False
    return True


def _decode_fast(data: bytes | memoryview, frame: Frame, *, strict: bool) -> None:
    import simplejpeg

    spec = frame.spec
    # Requesting exactly the scaled size selects that scale: no smaller one is large enough.
    result = simplejpeg.decode_jpeg(
        data,
        "GRAY" if spec.layout == "L" else spec.layout,
        min_width=spec.width,
        min_height=spec.height,
        buffer=frame.array,
        strict=strict,
    )
    if result.shape[:2] != (spec.height, spec.width):
        raise damaged("JPEG", f"it was decoded to {result.shape[1]}×{result.shape[0]}")
    if not np.shares_memory(result, frame.array):
        np.copyto(frame.array, result)


def _decode_planes(
    data: bytes | memoryview, header: Header, frame: Frame, *, accept_damaged: bool
) -> tuple[str, ...]:
    """Fill planes. Damage is reported, or accepted, by the RGB decoder."""
    try:
        sampling = frame.spec.layout[3:]
        turbo.decode_planes(data, _planes(frame), header.detail["whole"], frame.spec.size, sampling)
    except ValueError:
        colours = header._replace(spec=header.spec.converted("RGBX"))
        whole = Frame(colours.spec, np.zeros(colours.spec.shape, np.uint8))
        notes = decode(data, colours, [whole], accept_damaged=accept_damaged)
        layouts.convert_layout(whole, frame)
        return notes
    return ()


def _planes(frame: Frame) -> turbo.Planes:
    """Addresses and row strides of the planes."""
    (rows, row), (_, colour_row) = frame.spec.rooms
    start = frame.array.ctypes.data
    colour = start + rows * row
    return (start, colour, colour + colour_row // 2), (row, colour_row, colour_row)


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
