"""Channels of the flattened picture of a Photoshop file: 16 and 32 bits, and alpha, which Pillow rejects or
ignores.

A flattened picture with alpha was composed on white by Photoshop, which is reversed. Channels that are not
alpha are saved selections.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from imgpar.core.spec import Layout, Spec
from imgpar.formats.backends import pillow
from imgpar.formats.base import damaged, unclear
from imgpar.pixels.colour import lab, tone

Array = np.ndarray[Any, Any]

_COLOURS = {1: 1, 3: 3, 4: 4, 8: 1, 9: 3}
"""Channels of grey, RGB, CMYK, duotone, which is stored as grey, and Lab."""
_CMYK, _LAB = 4, 9
_FLOAT, _LIGHT = 32, (1, 3)
"""Bit depth of floats, which are linear light, and the modes that support them."""
_RAW, _PACKED = 0, 1


class Flat(NamedTuple):
    """Parsed header, and offset of the flattened picture."""

    width: int
    height: int
    channels: int
    depth: int
    mode: int
    transparent: bool
    at: int
    large: bool = False
    """PSB, the variant for pictures of more than 30,000 pixels per side, with wider length fields."""

    @property
    def colours(self) -> int:
        """Number of colour channels."""
        return _COLOURS[self.mode]

    @property
    def spec(self) -> Spec:
        """Spec of the result; CMYK is converted with a profile, which supports 8 bits only."""
        grey = self.colours == 1
        layout: Layout = ("LA" if grey else "RGBA") if self.transparent else ("L" if grey else "RGB")
        deep = self.depth == 16 and self.mode != _CMYK
        dtype = "float32" if self.linear else "uint16" if deep else "uint8"
        return Spec(self.width, self.height, layout, dtype)

    @property
    def cmyk(self) -> bool:
        """Whether the colours are CMYK."""
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
    """The header of a file that is decoded here; None for those left to Pillow."""
    channels, height, width, depth, mode = struct.unpack_from(">HIIHH", data, 12)
    at, large = 26, is_large(data)
    transparent = False
    for section in range(3):  # palette, resources, layers
        step = 8 if large and section == 2 else 4
        (length,) = struct.unpack_from(">Q" if step == 8 else ">I", data, at)
        if section == 2 and length >= 6:
            # A negative number of layers marks the next channel as alpha.
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
    """Height × width × channels of the spec, or CMYK in Pillow's polarity (and alpha)."""
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
            _remove_white_matte(pixels)
        if flat.linear:
            tone.to_display(pixels[..., : flat.colours], pixels[..., : flat.colours])
    return pixels


def _planes(data: bytes | memoryview, flat: Flat, wanted: int) -> Array:
    item = flat.depth // 8
    (packing,) = struct.unpack_from(">H", data, flat.at)
    rows, row = wanted * flat.height, flat.width * item
    begin = flat.at + 2
    if packing == _RAW:
        size = rows * row
    elif packing == _PACKED:  # the lengths of all rows come first
        count = flat.channels * flat.height
        code, bytes_of = ("I", 4) if flat.large else ("H", 2)
        size = sum(struct.unpack_from(f">{count}{code}", data, begin)[:rows])
        begin += count * bytes_of
    else:
        raise unclear("Photoshop", f"its pixels have the unknown compression {packing}")
    if begin + size > len(data):
        raise damaged("Photoshop", "its pixels end too early", hopeless=True)
    stored = data[begin : begin + size]
    if packing == _PACKED:
        stored = pillow.from_packbits(stored, row, rows, "Photoshop").tobytes()
    kind = "f" if flat.linear else "u"
    values = np.frombuffer(stored, f">{kind}{item}").astype(f"{kind}{item}")
    return values.reshape(wanted, flat.height, flat.width)


def _remove_white_matte(pixels: Array) -> None:
    """Reverse the composition on white."""
    peak = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    alpha = pixels[..., -1:].astype(np.float32)
    below = peak - alpha
    colours = (pixels[..., :-1] - below) * peak / np.where(alpha > 0, alpha, 1)
    if peak == 1:
        pixels[..., :-1] = np.where(alpha > 0, colours, peak).clip(0)
    else:
        pixels[..., :-1] = np.rint(np.where(alpha > 0, colours, peak).clip(0, peak))
