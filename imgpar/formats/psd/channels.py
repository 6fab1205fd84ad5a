"""The flattened picture of a Photoshop file by its channels: 16 and 32 bits, and transparency,
which Pillow refuses or leaves out.

OpenCV unpacks the rows: it is told of a TIFF whose strips they are. Where the flattened picture is
transparent, Photoshop has laid it on white; that is taken back. Channels that are no transparency are saved
selections.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.model import Layout, Spec
from imgpar.formats.backends import opencv
from imgpar.formats.base import damaged, unclear
from imgpar.formats.tiff.writer import directory_values, write_directory
from imgpar.pixels.colour import lab, tone

Array = np.ndarray[Any, Any]

_COLOURS = {1: 1, 3: 3, 4: 4, 8: 1, 9: 3}
"""Channels of grey, RGB, CMYK, duotone, which is stored as grey, and Lab."""
_CMYK, _LAB = 4, 9
_FLOAT, _LIGHT = 32, (1, 3)
"""Bits of floats, which are linear light, and the modes that can have them."""
_SHORT, _LONG = 3, 4
_RAW, _PACKED, _PACK_BITS = 0, 1, 32773


class Flat(NamedTuple):
    """What the header says, and where the flattened picture begins."""

    width: int
    height: int
    channels: int
    depth: int
    mode: int
    transparent: bool
    at: int
    large: bool = False
    """PSB, the kind for pictures of more than 30,000 pixels a side: some numbers have twice the bytes."""

    @property
    def colours(self) -> int:
        """Channels that are colours."""
        return _COLOURS[self.mode]

    @property
    def spec(self) -> Spec:
        """What it becomes; CMYK is converted by a profile, for which 8 bits are all there is."""
        grey = self.colours == 1
        layout: Layout = ("LA" if grey else "RGBA") if self.transparent else ("L" if grey else "RGB")
        deep = self.depth == 16 and self.mode != _CMYK
        dtype = "float32" if self.linear else "uint16" if deep else "uint8"
        return Spec(self.width, self.height, layout, dtype)

    @property
    def cmyk(self) -> bool:
        """Whether the colours are inks."""
        return self.mode == _CMYK

    @property
    def linear(self) -> bool:
        """Whether the colours are linear light."""
        return self.depth == _FLOAT

    @property
    def lab(self) -> bool:
        """Whether they are CIE Lab."""
        return self.mode == _LAB


def find_channels(data: bytes | memoryview) -> Flat | None:
    """The facts of a file that is read here; None for what is left to Pillow."""
    channels, height, width, depth, mode = struct.unpack_from(">HIIHH", data, 12)
    at, large = 26, is_large(data)
    transparent = False
    for section in range(3):  # palette, resources, layers
        step = 8 if large and section == 2 else 4
        (length,) = struct.unpack_from(">Q" if step == 8 else ">I", data, at)
        if section == 2 and length >= 6:
            # A negative number of layers says that the next channel is the transparency of the whole.
            transparent = struct.unpack_from(">h", data, at + 2 * step)[0] < 0
        at += step + length
    known = mode in _COLOURS and (depth in (8, 16) or (depth == _FLOAT and mode in _LIGHT))
    if not known or channels < _COLOURS[mode] or min(width, height) < 1:
        return None
    more = channels > _COLOURS[mode]
    needed = depth > 8 or more or mode == _LAB or large
    found = Flat(width, height, channels, depth, mode, transparent and more, at, large)
    return found if needed else None


def is_large(data: bytes | memoryview) -> bool:
    """Whether it is a PSB, by its version."""
    return bytes(data[4:6]) == b"\0\2"


def decode(data: bytes | memoryview, flat: Flat) -> Array:
    """Height × width × channels, as many as the spec has, or four inks as Pillow counts them (and alpha)."""
    planes = _planes(data, flat, flat.colours + flat.transparent)
    pixels = np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    if flat.depth == 16 and flat.cmyk:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if flat.cmyk:
        pixels[..., :4] = 255 - pixels[..., :4]
    else:
        if flat.mode == _LAB:
            peak, step = (65535, 256) if flat.depth == 16 else (255, 1)
            bright, a, b = (pixels[..., at].astype(np.float64) for at in range(3))
            lab.lab_to_srgb(bright * (100 / peak), a / step - 128, b / step - 128, pixels[..., :3])
        if flat.transparent:
            _take_white_away(pixels)
        if flat.linear:
            tone.to_display(pixels[..., : flat.colours], pixels[..., : flat.colours])
    return pixels


def _planes(data: bytes | memoryview, flat: Flat, wanted: int) -> Array:
    item = flat.depth // 8
    (packing,) = struct.unpack_from(">H", data, flat.at)
    rows, row = wanted * flat.height, flat.width * item
    if packing == _RAW:
        offsets = range(flat.at + 2, flat.at + 2 + rows * row, row)
        lengths: Any = [row] * rows
    elif packing == _PACKED:
        count = flat.channels * flat.height
        code, size = ("I", 4) if flat.large else ("H", 2)
        lengths = struct.unpack_from(f">{count}{code}", data, flat.at + 2)[:rows]
        ends = flat.at + 2 + size * count + np.cumsum((0, *lengths))
        offsets = ends[:-1].tolist()
    else:
        raise unclear("Photoshop", f"its pixels are packed in an unknown way ({packing})")
    if offsets[-1] + lengths[-1] > len(data):
        raise damaged("Photoshop", "its pixels end too early", hopeless=True)
    content = {
        256: (_LONG, row), 257: (_LONG, rows), 258: (_SHORT, 8), 262: (_SHORT, 1), 277: (_SHORT, 1),
        259: (_SHORT, _PACK_BITS if packing else 1), 278: (_LONG, 1),
    }  # fmt: skip
    tags = {tag: directory_values("<", kind, value) for tag, (kind, value) in content.items()}
    tags[273] = directory_values("<", _LONG, *offsets)
    tags[279] = directory_values("<", _LONG, *lengths)
    out = bytearray(data)
    out += bytes(len(out) % 2)
    struct.pack_into("<2sHI", out, 0, b"II", 42, len(out))
    write_directory(out, tags, "<")
    found = opencv.decode(memoryview(out), Spec(row, rows, "L"), "Photoshop")
    kind = "f" if flat.linear else "u"
    values = np.ascontiguousarray(found[..., 0]).view(f">{kind}{item}").astype(f"{kind}{item}")
    return values.reshape(wanted, flat.height, flat.width)


def _take_white_away(pixels: Array) -> None:
    """Colours as they were before they were laid on white."""
    peak = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    alpha = pixels[..., -1:].astype(np.float32)
    below = peak - alpha
    colours = (pixels[..., :-1] - below) * peak / np.where(alpha > 0, alpha, 1)
    if peak == 1:
        pixels[..., :-1] = np.where(alpha > 0, colours, peak).clip(0)
    else:
        pixels[..., :-1] = np.rint(np.where(alpha > 0, colours, peak).clip(0, peak))
