"""PNG, written: filtered here, compressed by libdeflate; animations of 8 bits through Pillow.

Measured on 21 wallpapers scaled to 1280 (CPU ms for a megapixel, MB together): level 1 22, 12.3; 4 29, 11.4;
6 46, 10.9; 9 299, 10.1; 10 652, 9.4. OpenCV, which uses libpng and zlib, takes 37 and 13.9 with its level 1,
55 and 12.7 with 3, 132 and 10.9 with 6. The default is 4.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

import cv2
from PIL import Image

from imgpar.core.spec import Frame, Metadata
from imgpar.formats.backends import pillow
from imgpar.formats.base import Encoded, durations_of
from imgpar.formats.deflating import zlib_stream
from imgpar.formats.options import EncodeOptions
from imgpar.formats.png import animation as apng
from imgpar.formats.png import packed as png_few
from imgpar.formats.png import raw_profiles
from imgpar.formats.png.chunks import SIGNATURE, build_chunk
from imgpar.formats.png.filtered import filtered
from imgpar.formats.registry import Format
from imgpar.formats.tlv import PNG_CHUNKS, walk
from imgpar.pixels.colour.icc_header import profile_space
from imgpar.pixels.palette import FEW_LEVEL

_LEVELS = (1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
"""Deflate level for each effort."""
_COLOUR_TYPES = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}
_LONGEST = 1 << 30
"""Bytes of a chunk with pixels; a chunk can hold less than 2 GiB."""
_DEFAULT_EFFORT = 4
_IHDR_END = 33


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode one frame as PNG, several as an animated one.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    level = _LEVELS[_DEFAULT_EFFORT if options.effort is None else options.effort]
    stream = _encode_few(frames, metadata, options) if options.few_colours else b""
    if not stream:
        single = len(frames) == 1
        stream = _encode_still(frames[0], level) if single else _encode_animation(frames, metadata, level)
    return Encoded(stream[:_IHDR_END] + _metadata_chunks(metadata) + stream[_IHDR_END:])


def _encode_few(frames: Sequence[Frame], metadata: Metadata, options: EncodeOptions) -> bytes:
    """Encode pictures of few colours; empty where they have more."""
    level = FEW_LEVEL if options.effort is None else _LEVELS[options.effort]
    grey_profile = profile_space(metadata.icc) == "GRAY"
    if len(frames) > 1:
        images = png_few.images(list(frames), grey_profile=grey_profile)
        return _saved(images, metadata, level) if images else b""
    found = png_few.chunks(frames[0], level, grey_profile=grey_profile)
    return SIGNATURE + b"".join(build_chunk(kind, body) for kind, body in found) if found else b""


def _encode_still(frame: Frame, level: int) -> bytes:
    layout, pixels = frame.spec.layout, frame.array
    if layout == "RGBX":
        layout, pixels = "RGB", cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)
    bits = 16 if frame.spec.dtype == "uint16" else 8
    head = struct.pack(">IIBBBBB", *frame.spec.size, bits, _COLOUR_TYPES[layout], 0, 0, 0)
    stream = memoryview(zlib_stream(filtered(pixels), level))
    parts = (stream[start : start + _LONGEST] for start in range(0, len(stream), _LONGEST))
    pixel_chunks = (build_chunk(b"IDAT", part) for part in parts)
    return b"".join((SIGNATURE, build_chunk(b"IHDR", head), *pixel_chunks, build_chunk(b"IEND", b"")))


def _encode_animation(frames: Sequence[Frame], metadata: Metadata, level: int) -> bytes:
    if frames[0].spec.dtype != "uint8":
        durations = durations_of(metadata, len(frames))
        stills = [[chunk[:2] for chunk in walk(_encode_still(frame, level), PNG_CHUNKS)] for frame in frames]
        chunks = apng.assembled(stills, durations, metadata.loop)
        return b"".join((SIGNATURE, *(build_chunk(kind, bytes(body)) for kind, body in chunks)))
    images = [pillow.image_of(frame) for frame in frames]
    if images[0].mode == "RGBX":
        images = [image.convert("RGB") for image in images]
    return _saved(images, metadata, min(level, 3))


def _saved(images: list[Image.Image], metadata: Metadata, level: int) -> bytes:
    """An animation written by Pillow: of each frame, the region that differs from the previous one."""
    sink, info = BytesIO(), images[0].info
    transparency = {"transparency": info["transparency"]} if "transparency" in info else {}
    images[0].save(
        sink, "PNG", save_all=True, append_images=images[1:], loop=metadata.loop, compress_level=level,
        duration=durations_of(metadata, len(images)), **transparency,
    )  # fmt: skip
    return sink.getvalue()


def _metadata_chunks(metadata: Metadata) -> bytes:
    """The chunks between IHDR and the pixels."""
    parts = []
    if metadata.cicp:
        parts.append(build_chunk(b"cICP", bytes((*metadata.cicp, 0, 1))))
    if metadata.icc:
        parts.append(build_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi:
        x, y = (round(value / 0.0254) for value in metadata.dpi)
        parts.append(build_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if metadata.exif:
        parts.append(build_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        parts.append(build_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    if metadata.comment:
        text = metadata.comment.decode("utf-8", "replace").replace("\0", " ")
        parts.append(build_chunk(b"iTXt", b"Comment\0\0\0\0\0" + text.encode()))
    if metadata.iptc:
        parts.append(build_chunk(b"zTXt", raw_profiles.iptc_body(metadata.iptc)))
    parts += [build_chunk(kind, body) for kind, body in metadata.text]
    return b"".join(parts)
