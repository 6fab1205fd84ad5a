"""Photoshop files: Pillow flattens the picture, the resources beside it are read here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

from imgpar.codecs import exif as tiff
from imgpar.codecs import iptc, pillow
from imgpar.codecs.formats import Format
from imgpar.model import Frame, Header, Limits

_DENSITY, _EXIF, _XMP = 1005, 1058, 1060
_HEAD = 26


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Pillow's view, with the metadata. The pixels stand upright, whatever EXIF says."""
    header = pillow.read_header(data, fmt, limits)
    found = _resources(data)
    exif = found.get(_EXIF, b"")
    metadata = replace(
        header.metadata,
        exif=exif if exif and tiff.is_sound(exif) else b"",
        xmp=found.get(_XMP, b""),
        iptc=found.get(iptc.RESOURCE, b""),
        dpi=_density(found.get(_DENSITY, b"")),
    )
    return replace(header, orientation=1, metadata=metadata)


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the one frame."""
    return pillow.decode(data, header, frames, accept_damaged=accept_damaged)


def _resources(data: bytes | memoryview) -> dict[int, bytes]:
    """The resources by number; they follow the head and the palette."""
    (palette,) = struct.unpack_from(">I", data, _HEAD)
    at = _HEAD + 4 + palette
    (length,) = struct.unpack_from(">I", data, at)
    return {number: block for number, block, _ in iptc.resources(bytes(data[at + 4 : at + 4 + length]))}


def _density(block: bytes) -> tuple[float, float] | None:
    """Dots per inch, fixed point with 16 bits behind it."""
    if len(block) < 12:
        return None
    across, down = struct.unpack_from(">I4xI", block)
    return (across / 65536, down / 65536) if min(across, down) >= 65536 else None
