"""A copy with the parts that `outline` names, and zeros elsewhere, has the header of the file."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.outline import outline


def noise(size: tuple[int, int] = (1600, 1200), mode: str = "RGB") -> Image.Image:
    shape = (*size[::-1], len(mode)) if len(mode) > 1 else size[::-1]
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8), mode)


def saved(kind: str, image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_gaps(data: bytes) -> tuple[bytes, int]:
    parts = outline(io.BytesIO(data), len(data))
    if parts is None:
        return data, len(data)
    copy = bytearray(len(data))
    for start, stop in parts:
        copy[start:stop] = data[start:stop]
    return bytes(copy), sum(stop - start for start, stop in parts)


def exif() -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "Camera"
    return tags.tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": exif(), "comment": b"c" * 60_000}])
def test_a_jpeg_without_its_scans(options: dict[str, object]) -> None:
    data = saved("JPEG", noise(), quality=95, **options)
    copy, kept = with_gaps(data)
    assert codec.read_header(copy, "a.jpg", Limits()) == codec.read_header(data, "a.jpg", Limits())
    assert kept < len(data) / 10


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 100}, {"exif": exif()}])
def test_a_webp_without_its_pixels(options: dict[str, object]) -> None:
    data = saved("WEBP", noise(mode="RGBA"), method=0, **options)
    copy, kept = with_gaps(data)
    assert codec.read_header(copy, "a.webp", Limits()) == codec.read_header(data, "a.webp", Limits())
    assert kept < len(data) / 10


def test_a_png_with_one_large_chunk_of_pixels() -> None:
    data = saved("PNG", noise(), exif=exif(), compress_level=1)
    at = data.index(b"IDAT") - 4
    pixels, rest = bytearray(), at
    while data[rest + 4 : rest + 8] == b"IDAT":
        length = int.from_bytes(data[rest : rest + 4], "big")
        pixels += data[rest + 8 : rest + 8 + length]
        rest += 12 + length
    chunk = b"IDAT" + pixels
    whole = len(pixels).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    data = data[:at] + whole + data[rest:]
    copy, kept = with_gaps(data)
    assert codec.read_header(copy, "a.png", Limits()) == codec.read_header(data, "a.png", Limits())
    assert kept < len(data) / 10


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_all_of_a_file_whose_header_may_lie_anywhere(kind: str) -> None:
    data = saved(kind, noise((600, 400)))
    assert outline(io.BytesIO(data), len(data)) is None


def test_all_of_a_jpeg_with_more_pictures_or_a_trailer() -> None:
    data = saved("JPEG", noise(), quality=95)
    mpf = b"\xff\xe2" + (2 + 8).to_bytes(2, "big") + b"MPF\0    "
    for changed in (data[:2] + mpf + data[2:], data + b"SEFT"):
        assert outline(io.BytesIO(changed), len(changed)) is None
