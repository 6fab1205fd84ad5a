"""JPEG 2000 reader: Pillow, and OpenCV for colour of more than 8 bits, which Pillow reduces to 8."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from imgpar.core.blocks import Xmp
from imgpar.core.errors import UnsupportedError
from imgpar.core.limits import Limits
from imgpar.core.spec import Fact, Frame, Header, Layout
from imgpar.formats.backends import imagecodecs, opencv, pillow
from imgpar.formats.base import detail_of
from imgpar.formats.jp2 import boxes
from imgpar.formats.metadata import exif as tiff
from imgpar.formats.registry import Format
from imgpar.pixels.colour.icc_header import rgb_or_grey

_SIZ = b"\xff\x4f\xff\x51"
"""SOC and SIZ markers at the start of the codestream."""
_LAYOUTS: dict[int, Layout] = {3: "RGB", 4: "RGBA"}
_COLUMNS: dict[int, Layout] = {1: "L", **_LAYOUTS}
"""Palette columns, which Pillow and OpenCV ignore."""


class Jp2Detail(NamedTuple):
    """What is known of a JPEG 2000 besides its header."""

    mode: str
    """Pillow's mode of the image."""
    kind: Literal["usual", "palette", "pair", "few", "deep"] = "usual"
    """How it is decoded: by Pillow; as the colours of its palette; grey and alpha of more than 8 bits; less
    than 8 bits, which Pillow does not scale; colour of more than 8 bits."""
    bits: int = 0
    """Per channel, for the last three."""

    def facts(self, _: Header) -> dict[str, Fact]:
        """The properties for `imgpar info`."""
        own: dict[str, dict[str, Fact]] = {
            "palette": {"palette": True},
            "pair": {"bits": self.bits, "pair": True},
            "few": {"few": self.bits},
            "deep": {"bits": self.bits, "deep": True},
        }
        return {"mode": self.mode, **own.get(self.kind, {})}


def read_header(data: bytes | memoryview, fmt: Format, limits: Limits) -> Header:
    """Header from Pillow, with the bit depth that it hides."""
    header = _described(pillow.read_header(data, fmt, limits), data)
    mode, columns = detail_of(header, pillow.PillowDetail).mode, boxes.palette(data)
    if columns in _COLUMNS:
        spec = header.spec.converted(_COLUMNS[columns], "uint8")
        return header._replace(spec=spec, detail=Jp2Detail(mode, "palette"))
    bits = _depths(bytes(data[:65536]))
    if header.spec.layout == "LA" and bits and max(bits) > 8:
        # Pillow wraps the highest values of 16 bits to 0, OpenCV rejects two channels.
        if len(set(bits)) > 1:
            raise UnsupportedError("This JPEG 2000 has channels of different depths.")
        spec = header.spec.converted("LA", "uint16")
        return header._replace(spec=spec, detail=Jp2Detail(mode, "pair", bits[0]))
    if len(set(bits)) == 1 and bits[0] < 8:
        return header._replace(detail=Jp2Detail(mode, "few", bits[0]))
    layout = _LAYOUTS.get(len(bits))
    deep = len(set(bits)) == 1 and layout is not None and 8 < bits[0] <= 16
    if deep and layout is not None and mode in ("RGB", "RGBA"):
        spec = header.spec.converted(layout, "uint16")
        return header._replace(spec=spec, detail=Jp2Detail(mode, "deep", bits[0]))
    return header._replace(detail=Jp2Detail(mode))


def decode(
    data: bytes | memoryview, header: Header, frames: Sequence[Frame], *, accept_damaged: bool = False
) -> tuple[str, ...]:
    """Fill the frame; 10 and 12 bits are scaled to 16.

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
    _, kind, bits = detail_of(header, Jp2Detail)
    if kind == "palette":
        np.copyto(frames[0].array, imagecodecs.decode("jpeg2k", data, "JPEG 2000").astype(np.uint8))
        return ()
    if kind == "pair":
        pair = imagecodecs.decode("jpeg2k", data, "JPEG 2000")
        np.copyto(frames[0].array, imagecodecs.stretched(pair, bits, "uint16"))
        return ()
    if kind != "deep":
        notes = pillow.decode(data, header, frames, accept_damaged=accept_damaged)
        if kind == "few":
            # Pillow left-aligns the bits, so white would be grey.
            _fill_range(header.spec.layout, frames[0].array, bits)
        return notes
    pixels = opencv.decode(data, header.spec, "JPEG 2000")
    peak = (1 << bits) - 1
    if peak < 65535:
        pixels = np.rint(pixels * (65535 / peak))
    np.copyto(frames[0].array, pixels, casting="unsafe")
    return ()


def _described(header: Header, data: bytes | memoryview) -> Header:
    """The header with the metadata of the boxes, which Pillow ignores."""
    found = boxes.read_metadata_boxes(data)
    stored = found.get("exif", b"")
    exif = tiff.sound_exif(stored)
    metadata = header.metadata._replace(
        exif=exif,
        icc=rgb_or_grey(found.get("icc", b"")),
        xmp=Xmp(found.get("xmp", b"")),
        iptc=found.get("iptc", b""),
        comment=boxes.comment_of(header.metadata.comment),
    )
    orientation = tiff.get_orientation(exif)
    lost = (*header.lost, "exif") if stored and not exif else header.lost
    return header._replace(metadata=metadata, orientation=orientation, lost=lost)


def _fill_range(layout: str, array: np.ndarray[Any, Any], bits: int) -> None:
    """Scale left-aligned values of 8 bits to the full range, in place."""
    table = imagecodecs.stretched(np.arange(256) >> (8 - bits), bits, "uint8")
    channels = array[..., :3] if layout == "RGBX" else array
    channels[...] = table[channels]


def _depths(head: bytes) -> list[int]:
    """Bits of every component; empty where the codestream begins too late in the file."""
    at = head.find(_SIZ)
    if at < 0 or len(head) < at + 42:
        return []
    (count,) = struct.unpack_from(">H", head, at + 40)
    sizes = head[at + 42 : at + 42 + 3 * count : 3]
    return [(size & 0x7F) + 1 for size in sizes]
