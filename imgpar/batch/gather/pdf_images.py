"""The entries and bytes of a picture in a PDF, taken over from a JPEG, a PNG or a TIFF in group 4."""

from __future__ import annotations

import struct
from typing import NamedTuple

from imgpar.core.errors import EncodeError
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.base import detail_of
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.formats.metadata import exif
from imgpar.formats.png.chunks import SIGNATURE
from imgpar.formats.tlv import PNG_CHUNKS, walk

Buffer = bytes | bytearray | memoryview

_WIDTH, _HEIGHT, _STRIP, _LENGTH = 256, 257, 273, 279
_PALETTE = 3
_COLOURS = {0: ("/DeviceGray", 1), 2: ("/DeviceRGB", 3), _PALETTE: ("", 1)}
"""Colour space and samples per pixel, by the colour type of a PNG."""


class PdfImage(NamedTuple):
    """A picture as an object of a PDF."""

    entries: str
    """Of its dictionary, without the length."""
    data: Buffer
    """As it is stored."""


def pdf_image_of(page: Buffer, limits: Limits) -> PdfImage:
    """The object of a page.

    Args:
        page: a JPEG; a PNG by `png.writer`, without alpha; or a TIFF in group 4 by `tiff.writer`.
        limits: of the picture.

    Raises:
        ItemError: it is none of them.
    """
    view = memoryview(page)
    if bytes(view[:8]) == SIGNATURE:
        return _of_png(view)
    return _of_group4(view) if exif.byte_order(view) else _of_jpeg(view, limits)


def _of_jpeg(jpeg: memoryview, limits: Limits) -> PdfImage:
    header = codec.read_header(jpeg, "page.jpg", limits)
    detail = detail_of(header, JpegDetail)
    colours = {1: "Gray", 3: "RGB", 4: "CMYK"}[detail.frame.components]
    plain = "" if detail.ycc or colours != "RGB" else "/DecodeParms <</ColorTransform 0>> "
    entries = _entries(*header.spec.size, f"/Device{colours}", 8)
    return PdfImage(f"{entries}/Filter /DCTDecode {plain}", jpeg)


def _of_png(png: memoryview) -> PdfImage:
    """PDF has the filters of PNG, so the rows stay as they are compressed."""
    chunks = [chunk[:2] for chunk in walk(png, PNG_CHUNKS)]
    width, height, bits, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if kind not in _COLOURS or interlaced:
        raise EncodeError("The page could not be encoded.")
    space, samples = _COLOURS[kind]
    if kind == _PALETTE:
        palette = next(bytes(body) for name, body in chunks if name == b"PLTE")
        space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    rows = f"/Predictor 15 /Colors {samples} /BitsPerComponent {bits} /Columns {width}"
    entries = _entries(width, height, space, bits)
    data = b"".join(body for name, body in chunks if name == b"IDAT")
    return PdfImage(f"{entries}/Filter /FlateDecode /DecodeParms <<{rows}>> ", data)


def _of_group4(tiff: memoryview) -> PdfImage:
    found = exif.leading_ifd(tiff)
    if found is None:
        raise EncodeError("The page could not be encoded.")
    places = (found.entries[tag].value_at for tag in (_WIDTH, _HEIGHT, _STRIP, _LENGTH))
    width, height, at, length = (exif.unpack(tiff, "I", place) for place in places)
    rows = f"/K -1 /Columns {width} /Rows {height}"
    entries = _entries(width, height, "/DeviceGray", 1)
    return PdfImage(f"{entries}/Filter /CCITTFaxDecode /DecodeParms <<{rows}>> ", tiff[at : at + length])


def _entries(width: int, height: int, space: str, bits: int) -> str:
    return (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace {space} "
        f"/BitsPerComponent {bits} "
    )
