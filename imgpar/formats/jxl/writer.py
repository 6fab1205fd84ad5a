"""JPEG XL, written through imagecodecs; the boxes around the codestream are built here."""

from __future__ import annotations

from collections.abc import Sequence

from imgpar.core.spec import Frame, Metadata
from imgpar.formats import quality
from imgpar.formats.base import Encoded, require
from imgpar.formats.jxl.header import (
    CONTAINER,
    jxl_boxes,
)
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import Format
from imgpar.formats.tlv import build_box

_DEFAULT_EFFORT = 4
"""Effort 7, libjxl's default, takes three times as long for files 5 % smaller."""


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:
    """Encode one frame, with EXIF and XMP in boxes.

    Args:
        frames: H×W×C arrays of a spec that the format stores; not modified.
        fmt: the record of the format.
        metadata: of the picture.
        options: settings of the encoder.

    Raises:
        EncodeError: the format cannot hold the frames, or the encoder failed.
    """
    effort = _DEFAULT_EFFORT if options.effort is None else min(max(options.effort, 1), 9)
    lossless = options.lossless
    stream = require(fmt).jpegxl_encode(
        frames[0].array,
        lossless=lossless,
        distance=None if lossless else _distance(quality.encoder_setting("jxl", options.quality)),
        effort=effort,
        usecontainer=False,
        numthreads=1,
    )
    codestream = next(body for kind, body in jxl_boxes(stream) if kind == b"jxlc")
    parts = [CONTAINER, build_box(b"ftyp", b"jxl \0\0\0\0jxl ")]
    if metadata.exif:
        parts.append(build_box(b"Exif", bytes(4) + metadata.exif))
    if metadata.xmp:
        parts.append(build_box(b"xml ", metadata.xmp))
    return Encoded(b"".join((*parts, build_box(b"jxlc", bytes(codestream)))))


def _distance(number: int) -> float:
    """libjxl's relation between JPEG quality and distance (in just noticeable differences).

    >>> _distance(90)
    1.0
    """
    if number >= 30:
        return round(0.1 + (100 - number) * 0.09, 3)
    return 53 / 3000 * number**2 - 23 / 20 * number + 25
