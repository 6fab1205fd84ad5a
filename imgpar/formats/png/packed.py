"""PNG writer for few colours: grey of 1, 2 and 4 bits, or a palette of up to 256 colours with alpha."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from PIL import Image

from imgpar.core.spec import Frame
from imgpar.formats.deflating import zlib_stream
from imgpar.pixels.palette import Indexed, greys, indexed, packed_rows

Array = np.ndarray[Any, Any]
Chunk = tuple[bytes, bytes]

_GREY, _PALETTE = 0, 3


def chunks(frame: Frame, level: int, *, grey_profile: bool = False) -> list[Chunk] | None:
    """The chunks of a PNG without metadata; None where it has more colours, or would not be smaller.

    Args:
        frame: 8 bits of any layout.
        level: deflate level.
        grey_profile: whether the picture has a grey profile, which is not allowed with a palette.
    """
    if found := greys(frame):
        key = b"" if found.clear is None else struct.pack(">H", found.clear)
        return _file(found.levels, found.bits, _GREY, [(b"tRNS", key)] if key else [], level)
    colours = _palette_of(frame, grey_profile=grey_profile)
    if colours is None:
        return None
    palette_chunks = [(b"PLTE", colours.palette[:, :3].tobytes())]
    if colours.clear:
        palette_chunks.append((b"tRNS", colours.palette[: colours.clear, 3].tobytes()))
    return _file(colours.numbers, colours.bits, _PALETTE, palette_chunks, level)


def images(frames: list[Frame], *, grey_profile: bool = False) -> list[Image.Image] | None:
    """The frames of an animation as images with one palette; None as for `chunks`."""
    spec = frames[0].spec
    array = np.concatenate([frame.array for frame in frames])
    whole = Frame(spec.resized(spec.width, spec.height * len(frames)), array)
    colours = _palette_of(whole, grey_profile=grey_profile)
    if colours is None:
        return None
    made = []
    for numbers in np.split(colours.numbers, len(frames)):
        image = Image.fromarray(numbers)
        image.putpalette(colours.palette[:, :3].tobytes())
        if colours.clear:
            image.info["transparency"] = colours.palette[: colours.clear, 3].tobytes()
        made.append(image)
    return made


def _palette_of(frame: Frame, *, grey_profile: bool) -> Indexed | None:
    if frame.spec.grey and grey_profile:
        return None
    colours = indexed(frame)
    return None if colours is None or (frame.spec.layout == "L" and colours.bits == 8) else colours


def _file(values: Array, bits: int, kind: int, palette_chunks: list[Chunk], level: int) -> list[Chunk]:
    height, width = values.shape
    rows = packed_rows(values, bits)
    lines = np.zeros((height, rows.shape[1] + 1), np.uint8)
    lines[:, 1:] = rows  # unfiltered: neighbouring palette indices are not similar
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return [head, *palette_chunks, (b"IDAT", zlib_stream(lines, level)), (b"IEND", b"")]
