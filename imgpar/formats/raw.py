"""Camera raw through LibRaw (rawpy): developed with the camera's white balance, 16 bits, sRGB."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np

from imgpar.core.blocks import Exif
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Metadata, Spec
from imgpar.formats.base import check_size, damaged, require
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.registry import FORMATS, Format
from imgpar.formats.tiff.reader import description_as_exif

_ORIENTATIONS = {3: 3, 5: 8, 6: 6}
"""LibRaw's orientation code → EXIF orientation."""
MAX_PIXELS_PER_BYTE = 16
"""Pixels per byte: even a black frame takes more."""
_SUB_IFDS = 330
_PIXELS = ((273, 279), (324, 325))
"""Tags with the offsets and lengths of strips and of tiles."""


class RawDetail(NamedTuple):
    """What is known of a camera raw besides its header."""

    flip: int
    """LibRaw's code of the orientation."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"flip": self.flip}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Size and orientation; the sensor data are not unpacked."""
    rawpy = require(fmt)
    with rawpy.RawPy() as raw:
        raw.open_buffer(BytesIO(data))
        sizes = raw.sizes
        width, height = sizes.iwidth, sizes.iheight
        check_size(width, height, limits)
        if 8 * len(data) * MAX_PIXELS_PER_BYTE < sizes.raw_width * sizes.raw_height:
            words = f"it holds no pixels: {len(data):,} bytes are too few for {width}×{height}"
            raise damaged("camera raw", words, hopeless=True)
        exif = description_as_exif(data) if tiff.byte_order(bytes(data[:4])) else Exif()
        return Header(
            format=fmt.name,
            spec=Spec(width, height, "RGB", "uint16"),
            orientation=_ORIENTATIONS.get(sizes.flip, 1),
            metadata=Metadata(exif=exif),
            lost=() if exif else ("exif",),
            notes=("developed with the white balance of the camera",),
            detail=RawDetail(sizes.flip),
        )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,
) -> tuple[str, ...]:
    """Fill the frame in sensor orientation, not yet upright.

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
    complaint = _missing(bytes(data))
    if complaint and not accept_damaged:
        raise damaged("camera raw", complaint)
    with require(FORMATS[header.format]).RawPy() as raw:
        raw.open_buffer(BytesIO(data))
        pixels = raw.postprocess(use_camera_wb=True, output_bps=16, user_flip=0)
    frame = frames[0]
    if pixels.shape != frame.spec.shape:
        raise damaged("camera raw", f"it was developed to {pixels.shape[1]}×{pixels.shape[0]} pixels")
    np.copyto(frame.array, pixels)
    return ()  # `codec.decode` says what is damaged


def _missing(data: bytes) -> str:
    """What is truncated, for files with a TIFF structure: LibRaw fills it with black silently."""
    reach, seen = 0, set[int]()
    main = tiff.leading_ifd(data)
    waiting = [main.at] if main else []
    while waiting:
        at = waiting.pop()
        ifd = tiff.read_ifd(data, at)
        if ifd is None or at in seen:
            continue
        seen.add(at)
        waiting += tiff.get_numbers(data, ifd, _SUB_IFDS)
        for offsets, lengths in _PIXELS:
            ends = zip(
                tiff.get_numbers(data, ifd, offsets), tiff.get_numbers(data, ifd, lengths), strict=False
            )
            reach = max([reach, *(start + length for start, length in ends)])
    return f"its pixels should reach byte {reach:,}, it has {len(data):,}" if reach > len(data) else ""
