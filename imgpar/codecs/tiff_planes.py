"""TIFFs that store each channel by itself, with 16 bits or floats: OpenCV reads such pages wrong, and is told
of every channel as a grey picture instead. The strips stay where they are; only a directory is added."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from PIL import TiffImagePlugin

from imgpar.codecs import opencv
from imgpar.codecs.tiff_writer import directory_values, write_directory
from imgpar.errors import DamagedError
from imgpar.model import Spec

_KEPT = (256, 257, 259, 266, 278, 317, 322, 323)
"""Size, compression, order of bits, rows of a strip, predictor, size of a tile."""
_PLACES = ((273, 279), (324, 325))
_SHORT, _LONG = 3, 4


def decode(
    data: bytes | memoryview, tags: TiffImagePlugin.ImageFileDirectory_v2, spec: Spec
) -> np.ndarray[Any, Any]:
    """Pixels in the shape of `spec`, put together from its channels. Raises DamagedError."""
    grey = spec.converted("L")
    planes = [
        opencv.decode(_as_grey(data, tags, number, spec), grey, "TIFF") for number in range(spec.channels)
    ]
    return np.concatenate(planes, axis=-1)


def _as_grey(
    data: bytes | memoryview, tags: TiffImagePlugin.ImageFileDirectory_v2, number: int, spec: Spec
) -> memoryview:
    """The file with a first directory that knows one channel."""
    out = bytearray(data)
    order = ">" if bytes(data[:2]) == b"MM" else "<"
    found = {tag: directory_values(order, _LONG, int(tags[tag])) for tag in _KEPT if tag in tags}
    bits, kind = (16, 1) if spec.dtype == "uint16" else (32, 3)
    for tag, value in ((258, bits), (262, 1), (277, 1), (284, 1), (339, kind)):
        found[tag] = directory_values(order, _SHORT, value)
    for offsets, lengths in _PLACES:
        if offsets in tags:
            count = len(tags[offsets]) // spec.channels
            if not count or len(tags[lengths]) < count * spec.channels:
                raise DamagedError(
                    "This TIFF is truncated or corrupt: it does not say where its channels are."
                )
            part = slice(number * count, (number + 1) * count)
            found[offsets] = directory_values(order, _LONG, *tags[offsets][part])
            found[lengths] = directory_values(order, _LONG, *tags[lengths][part])
    out += bytes(len(out) % 2)
    struct.pack_into(order + "2sHI", out, 0, bytes(data[:2]), 42, len(out))
    write_directory(out, found, order)
    return memoryview(out)
