"""Radiance HDR through OpenCV: linear float RGB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from imgpar.core.errors import UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Spec
from imgpar.formats.backends import opencv
from imgpar.formats.base import check_size, damaged, detail_of
from imgpar.formats.registry import Format
from imgpar.pixels.colour import tone

_SIZE = re.compile(rb"\n([-+][XY])[ \t]+(\d{1,9})[ \t]+([-+][XY])[ \t]+(\d{1,9})[ \t]*\r?\n")
_XYZ = re.compile(rb"\nFORMAT[ \t]*=[ \t]*32-bit_rle_xyze")
_HEAD = 65536
_ORIENTATIONS = {
    b"-Y+X": 1, b"-Y-X": 2, b"+Y-X": 3, b"+Y+X": 4, b"+X-Y": 5, b"-X-Y": 6, b"-X+Y": 7, b"+X+Y": 8,
}  # fmt: skip
"""Order of rows and pixels as EXIF orientation; the first axis is that of the rows."""


class RadianceDetail(NamedTuple):
    """What is known of a Radiance HDR besides its header."""

    at: int
    """Offset of the pixels."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        return {"at": self.at}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """The size and the order of rows, from the resolution line at the end of the header."""
    found = _SIZE.search(bytes(data[:_HEAD]))
    orientation = _ORIENTATIONS.get(found[1] + found[3]) if found else None
    if found is None or orientation is None:
        raise damaged(fmt.title, "its header has no size", hopeless=True)
    if _XYZ.search(bytes(data[: found.start() + 1])):
        raise UnsupportedError("This Radiance HDR has colours in CIE XYZ, which imgpar does not read.")
    height, width = int(found[2]), int(found[4])
    check_size(width, height, limits)
    return Header(
        fmt.name,
        Spec(width, height, "RGB", "float32"),
        orientation=orientation,
        notes=(tone.NOTE,),
        detail=RadianceDetail(found.end()),
    )


def decode(
    data: bytes | memoryview,
    header: Header,
    frames: Sequence[Frame],
    *,
    accept_damaged: bool = False,  # noqa: ARG001 - OpenCV reads all or nothing
) -> tuple[str, ...]:
    """Fill the frame.

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
    # OpenCV supports one row order, one space between words, and requires a FORMAT line.
    start = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {header.spec.height} +X {header.spec.width}\n".encode()
    whole = start + bytes(data[detail_of(header, RadianceDetail).at :])
    tone.to_display(opencv.decode(whole, header.spec, "Radiance HDR"), frames[0].array)
    return ()
