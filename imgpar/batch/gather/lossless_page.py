"""Pages of a PDF that keep every pixel: a TIFF in group 4 for black and white, or a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imgpar.batch.picture import stages
from imgpar.core.spec import Frame, Header
from imgpar.formats.metadata import exif
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS
from imgpar.formats.tiff.compression import GROUP4, chosen
from imgpar.ops import Operation
from imgpar.pixels.palette import greys, indexed

_COMPRESSION = 259
_LOSSY = (6, 7, 33003, 33005, 34712, 50001, 50002)
"""Compressions of a TIFF that may lose something: JPEG, JPEG 2000, WebP, JPEG XL."""


def is_exact(data: bytes, header: Header) -> bool:
    """Whether a file stores its pixels without loss, and PDF can hold them: 8 bits at most."""
    if header.spec.dtype != "uint8":
        return False
    if header.format == "tiff":
        found = exif.leading_ifd(data)
        entry = found.entries.get(_COMPRESSION) if found else None
        return entry is None or exif.unpack(data, "H", entry.value_at) not in _LOSSY
    fmt = FORMATS[header.format]
    return header.coding.lossless or (fmt.lossless == "always" and "lossless" in fmt.takes)


def has_few_colours(frame: Frame, header: Header, operations: Sequence[Operation]) -> bool:
    """Whether a picture comes from few colours and still has at most 256, or grey of less than 8 bits."""
    if not (header.coding.few_colours or any(operation.few_colours for operation in operations)):
        return False
    return bool(greys(frame) or (not frame.spec.grey and indexed(frame)))


def lossless_page(frame: Frame, options: EncodeOptions, *, few_colours: bool) -> stages.EncodedOutput:
    """Encode a page.

    Args:
        frame: without alpha, of 8 bits, in sRGB; not modified.
        options: the effort, for pages that are no black and white.
        few_colours: whether it may have few colours.

    Raises:
        EncodeError: it cannot be encoded.
    """
    plain = EncodeOptions(effort=options.effort, few_colours=few_colours)
    pages = [stages.encode([frame], Header("png", frame.spec), "png", plain)]
    if few_colours and (found := greys(frame)) and found.bits == 1 and chosen("g4", 1) == GROUP4:
        pages.append(stages.encode([frame], Header("tiff", frame.spec), "tiff", replace(plain, packing="g4")))
    return min(pages, key=lambda page: len(page.data))  # group 4 enlarges halftones
