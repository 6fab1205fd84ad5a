"""AVIF through Pillow; lossless through OpenCV, whose encoder can keep RGB as it is.

Pillow gives the pixels as they are stored and the container's rotation as EXIF orientation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import cv2

from imgpar.codecs import exif as tiff
from imgpar.codecs import opencv, pillow, quality
from imgpar.codecs.base import Encoded, durations_of
from imgpar.codecs.formats import Format
from imgpar.codecs.options import EncodeOptions
from imgpar.errors import EncodeError
from imgpar.model import Frame, Header, Limits, Metadata

decode = pillow.decode

_HEAD = 16384
_DEFAULT_EFFORT = 3
"""Speed 7 takes 60 % of the time of speed 6 for files 2 % larger."""


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Pillow's view. The times of a sequence are known to its decoder only, so that is run once."""
    header = pillow.read_header(data, fmt, limits)
    if _is_deep(bytes(data[:_HEAD])):
        header = replace(header, lost=(*header.lost, "depth"), detail={**header.detail, "bits": 10})
    if not 1 < header.frames <= limits.max_frames:
        return header
    durations = []
    with pillow.settings(), pillow.open_image(data, fmt) as image:
        for number in range(header.frames):
            image.seek(number)
            image.load()
            durations.append(int(image.info["duration"]))
    return replace(header, metadata=replace(header.metadata, durations=tuple(durations)))


def _is_deep(head: bytes) -> bool:
    """Whether the picture has 10 or 12 bits, of which Pillow keeps 8: bit 6 of the third byte of av1C."""
    at = head.find(b"av1C")
    return 0 <= at < len(head) - 7 and bool(head[at + 6] & 0x40)


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """One frame or a sequence, on one thread."""
    effort = _DEFAULT_EFFORT if options.effort is None else options.effort
    if options.lossless:
        return _encode_lossless(frames, metadata, effort)
    images = [pillow.image_of(frame) for frame in frames]
    if images[0].mode == "RGBX":
        images = [image.convert("RGB") for image in images]
    number = quality.encoder_setting("avif", options.quality)
    parameters: dict[str, object] = {
        "quality": number,
        "speed": 10 - effort,
        "max_threads": 1,
        "icc_profile": metadata.icc,
        "exif": _without_orientation(metadata.exif),
        "xmp": metadata.xmp,
    }
    if images[0].mode != "L":
        parameters["subsampling"] = ":".join(quality.chroma(options))
    if len(images) > 1:
        parameters |= {"save_all": True, "append_images": images[1:]}
        parameters["duration"] = durations_of(metadata, len(images))
    sink = BytesIO()
    images[0].save(sink, "AVIF", **parameters)
    plays_once = len(images) > 1 and metadata.loop != 0
    return Encoded(sink.getvalue(), notes=("AVIF animations play for ever",) * plays_once)


def _without_orientation(block: bytes) -> bytes:
    """Pillow writes EXIF anew when it finds an orientation in it, which breaks maker notes."""
    exif = bytearray(block)
    tiff.drop_entry(exif, tiff.ORIENTATION)
    return bytes(exif)


def _encode_lossless(frames: Sequence[Frame], metadata: Metadata, effort: int) -> Encoded:
    if len(frames) > 1:
        raise EncodeError("AVIF animations cannot be lossless here.", fix="Choose webp or png.")
    parameters = (cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_SPEED, min(10 - effort, 9))
    data = opencv.encode(frames[0], "avif", parameters)
    lost = tuple(kind for kind in ("icc", "exif", "xmp") if getattr(metadata, kind))
    return Encoded(data, lost=lost)
