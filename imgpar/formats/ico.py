"""ICO, written: one picture in several sizes. Sizes below 256 are bitmaps, which every reader supports; 256
is a PNG.

    header (6 bytes) | an entry (16 bytes) per size | bitmap or PNG of each size

A bitmap has 32 bits per pixel (BGRA, bottom row first) and a mask of one bit per pixel, whose rows are
multiples of four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imgpar.core.errors import EncodeError
from imgpar.core.spec import Frame, Metadata, Spec
from imgpar.formats.base import Encoded
from imgpar.formats.option_values import LARGEST_ICON, USUAL_ICONS
from imgpar.formats.options import EncodeOptions
from imgpar.formats.png import writer as png
from imgpar.formats.registry import FORMATS, Format
from imgpar.pixels.resampling import resample

_HEAD, _ENTRY = struct.Struct("<HHH"), struct.Struct("<BBBBHHII")
_INFO = struct.Struct("<IiiHHIIiiII")
_BITS = 32


def encode(frames: Sequence[Frame], fmt: Format, metadata: Metadata, options: EncodeOptions) -> Encoded:  # noqa: ARG001
    """Encode the first frame in several sizes: squares, in which other shapes are centred on transparency.
    It is never enlarged.

    Args:
        frames: H×W×4 uint8 RGBA; not modified.
        fmt: the record of the format.
        metadata: of the picture; none is written.
        options: settings of the encoder; `icon_sizes` are the sizes, 16, 32, 48 and 256 without it.

    Raises:
        EncodeError: the encoder failed.
    """
    frame = frames[0]
    side = max(frame.spec.size)
    sizes = options.icon_sizes.sizes if options.icon_sizes else USUAL_ICONS
    fitting = [size for size in sizes if size <= side]
    left = [size for size in sizes if size > side and options.icon_sizes]
    fitting = fitting or [min(side, LARGEST_ICON)]
    notes = (f"sizes above {side} pixels are left out: it is not enlarged",) if left else ()
    made = [_square(frame, size) for size in fitting]
    spec = Spec(fitting[-1], fitting[-1], "RGBA")
    return Encoded(pack_icons(made, options), notes=notes, spec=spec)


def pack_icons(frames: Sequence[Frame], options: EncodeOptions) -> bytes:
    """An ICO of pictures with a size each.

    Args:
        frames: H×W×4 uint8 RGBA, of up to 256 × 256 pixels; not modified.
        options: `effort` of PNG.

    Raises:
        EncodeError: a picture is larger.
    """
    bodies = []
    for frame in frames:
        width, height = frame.spec.size
        if max(width, height) > LARGEST_ICON:
            raise EncodeError(f"It is {width}×{height}, but icons are up to 256 × 256.", fix="Scale it.")
        bodies.append(_png(frame, options) if max(width, height) == LARGEST_ICON else _bitmap(frame))
    at = _HEAD.size + _ENTRY.size * len(frames)
    out = bytearray(_HEAD.pack(0, 1, len(frames)))
    for frame, body in zip(frames, bodies, strict=True):
        width, height = frame.spec.size
        out += _ENTRY.pack(width % 256, height % 256, 0, 0, 1, _BITS, len(body), at)
        at += len(body)
    return bytes(out + b"".join(bodies))


def _png(frame: Frame, options: EncodeOptions) -> bytes:
    plain = replace(EncodeOptions(), effort=options.effort)
    return bytes(png.encode([frame], FORMATS["png"], Metadata(), plain).data)


def _bitmap(frame: Frame) -> bytes:
    width, height = frame.spec.size
    pixels = frame.array[::-1, :, [2, 1, 0, 3]].tobytes()
    clear = frame.array[::-1, :, 3] == 0
    padded = np.zeros((height, -(-width // 32) * 32), bool)
    padded[:, :width] = clear
    mask = np.packbits(padded, axis=1).tobytes()
    return _INFO.pack(_INFO.size, width, 2 * height, 1, _BITS, 0, len(pixels), 0, 0, 0, 0) + pixels + mask


def _square(frame: Frame, size: int) -> Frame:
    """The picture scaled into a transparent square."""
    width, height = frame.spec.size
    scale = size / max(width, height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = Frame(Spec(size, size, "RGBA"), np.zeros((size, size, 4), np.uint8))
    x, y = (size - inner[0]) // 2, (size - inner[1]) // 2
    place = square.array[y : y + inner[1], x : x + inner[0]]
    small = Frame(Spec(*inner, "RGBA"), np.empty((inner[1], inner[0], 4), np.uint8))
    resample(frame, small)
    place[...] = small.array
    return square
