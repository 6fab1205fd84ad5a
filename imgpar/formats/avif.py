"""AVIF: 8 bits through Pillow; 10 and 12 bits, and lossless, through OpenCV.

Pillow reduces everything to 8 bits and writes only those; OpenCV's encoder can keep RGB. Both return pixels
in stored orientation, and Pillow returns the rotation of the container as EXIF orientation.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import cv2
import numpy as np

from imgpar.core.blocks import Exif
from imgpar.core.errors import DamagedError, EncodeError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Metadata
from imgpar.formats import quality
from imgpar.formats.backends import imagecodecs, opencv, pillow
from imgpar.formats.base import Encoded, detail_of, durations_of
from imgpar.formats.jpeg import gain_map
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.metadata.box_times import without_times
from imgpar.formats.metadata.exif_draft import Draft
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.pixels.colour.cicp import cicp_colours, container_cicp, into_container
from imgpar.pixels.layouts import convert_layout, fits, to_bits

_HEAD = 65536
_DEFAULT_EFFORT = 3
"""Speed 7 takes 60 % of the time of speed 6 for files 2 % larger."""
_DEPTH = 10
"""Bit depth for 16-bit input: every AVIF decoder supports 10 bits, but not all support 12."""


class AvifDetail(NamedTuple):
    """What is known of an AVIF besides its header."""

    mode: str
    """Pillow's mode of the image."""
    bits: int = 8
    """Per channel: 8, 10 or 12."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"mode": self.mode, **({"bits": self.bits} if self.bits > 8 else {})}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Header from Pillow. Durations of a sequence are known to its decoder only, so that is run once."""
    header = pillow.read_header(data, fmt, limits)
    head = bytes(data[:_HEAD])
    header = _deep(_coloured(header, head), head)
    if gain_map.has_gain_map_item(head):
        header = header._replace(lost=(*header.lost, "gain map"))
    if not 1 < header.frames <= limits.max_frames:
        return header
    durations = []
    with pillow.settings(), pillow.open_image(data, fmt) as image:
        for number in range(header.frames):
            image.seek(number)
            image.load()
            durations.append(int(image.info["duration"]))
    return header._replace(metadata=header.metadata._replace(durations=tuple(durations)))


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frames; 10 and 12 bits are scaled to 16.

    Args:
        data: the whole file.
        header: from `read_header`.
        frames: arrays to fill, H×W×C of `header.spec`; owned by the caller.
        accept_damaged: whether to keep what can be read of a damaged file.

    Returns:
        Remarks of the decoder.

    Raises:
        ItemError: it cannot be decoded.
    """
    if header.spec.dtype != "uint16":
        return pillow.decode(data, header, frames, accept_damaged=accept_damaged)
    bits = detail_of(header, AvifDetail).bits
    try:
        pixels = opencv.decode(data, header.spec, "AVIF")
    except DamagedError:  # OpenCV rejects some intact files
        pixels = imagecodecs.decode("avif", data, "AVIF")
    np.copyto(frames[0].array, imagecodecs.stretched(pixels, bits, "uint16"))
    return ()


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode one frame or a sequence, on one thread; 16 bits are stored as 10, losslessly as 12.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    effort = _DEFAULT_EFFORT if options.effort is None else options.effort
    lost: tuple[str, ...] = ()
    if frames[0].spec.dtype == "uint16" and (len(frames) > 1 or fits(frames[0].array, 8)):
        if not all(fits(frame.array, 8) for frame in frames):
            lost = ("depth",)
        frames = [_narrow(frame) for frame in frames]
    if options.lossless or frames[0].spec.dtype == "uint16":
        encoded = _encode_exact(frames, metadata, options, effort)
    else:
        encoded = _encode_usual(frames, metadata, options, effort)
    data = bytes(encoded.data)
    if len(frames) > 1:
        data = without_times(data)
    return encoded._replace(
        data=into_container(data, metadata.cicp) if metadata.cicp else data,
        lost=(*lost, *encoded.lost),
    )


def _coloured(header: Header, head: bytes) -> Header:
    """The header with the colours of the code points, where there is no profile."""
    points = container_cicp(head)
    if header.metadata.icc or points is None:
        return header
    found = cicp_colours(*points, grey=header.spec.grey)
    if found.note:
        return header._replace(notes=(*header.notes, found.note), lost=(*header.lost, "gamut"))
    return header._replace(metadata=header.metadata._replace(icc=found.icc, cicp=found.cicp))


def _deep(header: Header, head: bytes) -> Header:
    """Read the bit depth, which Pillow hides, from the third byte of av1C: bit 6 is 10 bits, bit 5 12, bit 4
    grey."""
    mode, at = detail_of(header, pillow.PillowDetail).mode, head.find(b"av1C")
    if not 0 <= at < len(head) - 7 or not head[at + 6] & 0x40:
        return header._replace(detail=AvifDetail(mode))
    bits, grey = (12 if head[at + 6] & 0x20 else 10), bool(head[at + 6] & 0x10)
    detail = AvifDetail(mode, bits)
    if header.frames > 1 or (grey and header.spec.alpha):
        return header._replace(lost=(*header.lost, "depth"), detail=detail)
    layout = "L" if grey else "RGBA" if header.spec.alpha else "RGB"
    return header._replace(spec=header.spec.converted(layout, "uint16"), detail=detail)  # type: ignore[arg-type]


def _narrow(frame: Frame) -> Frame:
    spec = frame.spec.converted(frame.spec.layout, "uint8")
    result = Frame(spec, np.empty(spec.shape, np.uint8))
    convert_layout(frame, result)
    return result


def _encode_usual(
    frames: Sequence[Frame], metadata: Metadata, options: EncodeOptions, effort: int
) -> Encoded:
    images = [pillow.image_of(frame) for frame in frames]
    if images[0].mode == "RGBX":
        images = [image.convert("RGB") for image in images]
    parameters: dict[str, object] = {
        "quality": quality.encoder_setting("avif", options.quality),
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
    counted = len(images) > 1 and metadata.loop != 0
    return Encoded(sink.getvalue(), ("loop count",) if counted else ())


def _without_orientation(exif: Exif) -> Exif:
    """Pillow rewrites EXIF if it has an orientation, which breaks maker notes."""
    draft = Draft(exif)
    draft.drop_entry(tiff.ORIENTATION)
    return draft.finished()


def _encode_exact(
    frames: Sequence[Frame], metadata: Metadata, options: EncodeOptions, effort: int
) -> Encoded:
    """Encode one frame with OpenCV: lossless, or with more than 8 bits."""
    if len(frames) > 1:
        raise EncodeError("AVIF animations cannot be lossless here.", fix="Choose webp or png.")
    frame, bits = frames[0], 8
    lost: tuple[str, ...] = ()
    if frame.spec.dtype == "uint16":
        bits = 12 if options.lossless and not fits(frame.array, _DEPTH) else _DEPTH
        if not fits(frame.array, bits):
            lost = ("depth",)
        frame = Frame(frame.spec, to_bits(frame.array, bits))
    number = 100 if options.lossless else min(quality.encoder_setting("avif", options.quality), 99)
    parameters = [cv2.IMWRITE_AVIF_QUALITY, number, cv2.IMWRITE_AVIF_SPEED, min(10 - effort, 9)]
    blocks = {"exif": metadata.exif, "xmp": metadata.xmp, "icc": metadata.icc}
    data, left = opencv.encode_with(frame, "avif", [*parameters, cv2.IMWRITE_AVIF_DEPTH, bits], blocks)
    halved = not options.lossless and not frame.spec.grey and quality.chroma(options) != "420"
    notes = (f"AVIF of {bits} bits is written with 4:2:0",) if halved else ()
    return Encoded(data, (*lost, *left), notes)
