"""What the tests of codecs share: small pictures with exact values, written and read in one call."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from imgpar.core.limits import Limits
from imgpar.core.spec import Frame, Header, Metadata, Spec
from imgpar.formats.codec import decode, encode, read_header
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, find_format

LIMITS = Limits()
WRITABLE = [
    name
    for name, record in FORMATS.items()
    if record.writable and record.installed and record.kind == "image"
]
"""Formats that can be written here: some need packages that are not everywhere."""
PEAK = {"uint8": 255, "uint16": 65535, "float32": 1.0}


def picture(
    layout: str = "RGBX", dtype: str = "uint8", width: int = 64, height: int = 48, shift: int = 0
) -> Frame:
    """A smooth picture whose channels, rows and columns all differ."""
    spec = Spec(width, height, layout, dtype)
    y, x = np.mgrid[0:height, 0:width]
    channels = [(x + shift) / (width + shift), y / height, (x + y) / (width + height), 1 - x / width / 2]
    if layout in ("L", "LA"):
        channels = [channels[0], channels[3]]
    values = np.stack(channels[: spec.channels], axis=-1)
    if layout == "RGBX":
        values[..., 3] = 1
    array = values.astype(np.float32) if dtype == "float32" else np.rint(values * PEAK[dtype]).astype(dtype)
    return Frame(spec, np.ascontiguousarray(array))


def written(
    frames: Frame | Sequence[Frame], name: str, metadata: Metadata | None = None, **options: object
) -> bytes:
    frames = [frames] if isinstance(frames, Frame) else frames
    encoded = encode(frames, find_format(name), metadata or Metadata(), EncodeOptions(**options))
    return bytes(encoded.data)


def read(
    data: bytes, name: str = "", header: Header | None = None, **options: bool
) -> tuple[Header, list[np.ndarray]]:
    header = header or read_header(data, name, LIMITS)
    frames = [
        Frame(header.spec, np.full(header.spec.shape, 77, header.spec.dtype)) for _ in range(header.frames)
    ]
    decode(data, header, frames, **options)
    return header, [frame.array for frame in frames]


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, name, **options)
    return sink.getvalue()


def finest(name: str) -> dict[str, object]:
    """The settings with which a format changes pixels least."""
    takes = find_format(name).takes
    if "lossless" in takes and name not in ("avif", "jxl"):
        return {"lossless": True}
    fine = {"quality": 100, "subsampling": "444"}
    return {key: value for key, value in fine.items() if key in takes}
