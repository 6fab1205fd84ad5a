"""JPEG reader and writer: libjpeg-turbo through simplejpeg, Pillow for unsupported kinds.

Decoding and encoding use four bytes per pixel (RGBX) in place. Scaled decoding uses 1/2, 1/4 and 1/8 only:
the other eighths have no SIMD code and cost more than they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np

from imgpar.core.blocks import Exif, Icc
from imgpar.core.error_messages import library_words
from imgpar.core.errors import UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Coding, Frame, Header, Layout, Metadata, Spec
from imgpar.core.threads import available, each
from imgpar.formats.backends import imagecodecs
from imgpar.formats.base import damaged, detail_of
from imgpar.formats.jpeg import gain_map, motion_photo, strips, turbo
from imgpar.formats.jpeg.common import has_simplejpeg, lower, planes
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.formats.jpeg.header import (
    JPEG_LS,
    FrameHeader,
    bare,
    parse_segments,
)
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.registry import Format
from imgpar.pixels import layouts
from imgpar.pixels.colour.icc_header import profile_space

_SECOND = (0, 1, 2, 3, JPEG_LS)
"""Coding that imagecodecs supports with any bit depth: baseline, extended, progressive and lossless."""
_HARMLESS = (
    "bad icc marker",
    "extraneous bytes before marker",
    "unknown jfif revision",
    "unknown adobe color transform",
)
"""Decoder warnings that do not affect pixels: cameras and old editors write such files."""


MARGINS = {8: 2.0, 4: 1.5, 2: 1.5}
"""Minimum size of a decode at 1/scale relative to the result; only these scales have SIMD code in
libjpeg-turbo. At its margin each comes within 49, 47 and 50 dB of an exact resize of a photo. A decode at 1/8
is the mean of each block: 1.5 would leave 46 dB, and 1/4 takes a quarter more time."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:  # noqa: ARG001
    """Parse the segments; no pixel is decoded."""
    info = parse_segments(data)
    frame = info.frame
    detail = JpegDetail(frame, info.in_ycc)
    if rare := detail.rare:
        _check_rare(frame)
    layout: Layout = "L" if frame.components == 1 else "RGB" if rare else "RGBX"
    exif, lost, notes = info.exif, list(info.lost), list(info.notes)
    if exif and not tiff.is_sound(exif):
        exif = Exif()
        lost.append("exif")
        notes.append("EXIF data are broken and were left out")
    icc = info.icc
    if frame.components == 4:
        from imgpar.pixels.colour import to_srgb as colour

        icc = Icc()  # The picture is converted to sRGB when it is decoded.
        notes.append(colour.conversion_note("CMYK", info.icc))
    elif icc and profile_space(icc) not in ("RGB", "GRAY"):
        icc = Icc()
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
        coding=_coding(info.quality),
        detail=detail,
    )


@lru_cache(maxsize=128)  # made for every picture
def _coding(quality: int) -> Coding:
    return Coding(quality=quality)


def _check_rare(frame: FrameHeader) -> None:
    """Raise an error for a JPEG that the second decoder does not read either."""
    words = f"{frame.bits} bits, process {frame.process}, {frame.components} components"
    if frame.process not in _SECOND or frame.components not in (1, 3) or not 2 <= frame.bits <= 16:
        raise UnsupportedError(f"It is a rare JPEG ({words}) that no decoder here reads.")
    if not imagecodecs.imagecodecs_available():
        raise imagecodecs.missing_imagecodecs(f"This rare kind of JPEG ({words})")


def scale_for(spec: Spec, width: int, height: int) -> int:
    """The largest of 8, 4, 2, 1 by which a decode may be smaller, with as many times the requested pixels in
    each direction as `MARGINS` asks for."""
    for scale, margin in MARGINS.items():
        across, down = -(-spec.width // scale), -(-spec.height // scale)
        if across >= margin * width and down >= margin * height:
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
    detail = detail_of(header, JpegDetail)
    if detail.rare:
        if not accept_damaged and bytes(data[-1 << 16 :]).rfind(b"\xff\xd9") < 0:
            raise damaged("JPEG", "it ends before its end marker")  # this decoder does not report it
        found = imagecodecs.decode(detail.codec, data, "JPEG")
        np.copyto(frames[0].array, imagecodecs.stretched(found, detail.frame.bits, header.spec.dtype))
        return ()
    if detail.reader == "pillow" or not has_simplejpeg():
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
    return (f"decoder warning: {complaint}",) if harmless else ()  # `codec.decode` says what is damaged


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
        sampling, stored = frame.spec.layout[3:], detail_of(header, JpegDetail).frame
        whole = (stored.width, stored.height)
        if not (available() > 1 and _decode_strips(bytes(data), header, frame)):
            turbo.decode_planes(data, planes(frame), whole, frame.spec.size, sampling)
    except ValueError:
        colours = header._replace(spec=header.spec.converted("RGBX"))
        rgb = Frame(colours.spec, np.zeros(colours.spec.shape, np.uint8))
        notes = decode(data, colours, [rgb], accept_damaged=accept_damaged)
        layouts.convert_layout(rgb, frame)
        return notes
    return ()


def _decode_strips(data: bytes, header: Header, frame: Frame) -> bool:
    """Fill planes by several threads; False where that is not possible, or any of them meets damage."""
    stored = detail_of(header, JpegDetail).frame
    found = strips.cut(data, stored, available())
    sampling, addresses = frame.spec.layout[3:], planes(frame)

    def decode_strip(strip: strips.Strip) -> None:
        size = (frame.spec.width, -(-strip.rows // header.scale))
        above = strip.top // header.scale
        turbo.decode_planes(
            strip.data, lower(addresses, above, sampling), (stored.width, strip.rows), size, sampling
        )

    try:
        each(decode_strip, found)
    except ValueError:  # reading the whole will tell what is wrong
        return False
    return bool(found)
