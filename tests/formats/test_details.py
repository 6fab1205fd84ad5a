"""What each format knows of a file besides the common fields of the header, as `imgpar info` shows it."""

from __future__ import annotations

import io
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from codec_pictures import LIMITS, picture, saved, written
from PIL import Image

from imgpar.core.spec import Fact, Header
from imgpar.formats.base import detail_of
from imgpar.formats.codec import read_header
from imgpar.formats.png.detail import PngDetail

RGB = Image.fromarray(picture("RGB").array)
DEEP = picture("RGB", "uint16").array


def turned(mode: str = "RGB") -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    return saved(RGB.convert(mode), "TIFF", exif=exif, compression="tiff_lzw")


def animation(name: str) -> bytes:
    sink = io.BytesIO()
    RGB.save(sink, name, save_all=True, append_images=[RGB.rotate(90), RGB.rotate(180)], duration=50)
    return sink.getvalue()


class Known(NamedTuple):
    """A file, and what `imgpar info` shows of it."""

    data: bytes
    facts: dict[str, Fact]


FILES = {
    "jpeg": Known(
        saved(RGB, "JPEG", quality=90, subsampling="4:2:2"),
        {"subsampling": "422", "progressive": False, "bits": 8, "quality": 90, "components": 3,
         "reader": "simplejpeg", "codec": "jpeg8", "ycc": True, "scale": 1},
    ),
    "jpeg of inks": Known(
        saved(RGB.convert("CMYK"), "JPEG", quality=90),
        {"subsampling": "444", "progressive": False, "bits": 8, "quality": 90, "components": 4,
         "reader": "pillow", "codec": "jpeg8", "ycc": False, "scale": 1},
    ),
    "png": Known(saved(RGB, "PNG"), {"mode": "RGB", "bits": 8}),
    "png of a palette": Known(saved(RGB.quantize(4), "PNG"), {"mode": "P", "bits": 2}),
    "png of 16 bits": Known(cv2.imencode(".png", DEEP)[1].tobytes(), {"mode": "RGB", "bits": 16}),
    "animated png": Known(animation("PNG"), {"mode": "RGB", "bits": 8, "animated": False}),
    "gif": Known(saved(RGB, "GIF"), {"complete": True}),
    "truncated gif": Known(saved(RGB, "GIF")[:-1], {"complete": False}),
    "webp": Known(saved(RGB, "WEBP", lossless=True), {"mode": "RGB", "lossless": True}),
    "animated webp": Known(
        animation("WEBP"), {"mode": "RGB", "lossless": False, "open_canvas": False}
    ),
    "avif": Known(written(picture("RGB"), "avif"), {"mode": "RGB"}),
    "avif of 16 bits": Known(written(picture("RGB", "uint16"), "avif"), {"mode": "RGB", "bits": 10}),
    "tiff": Known(turned(), {"mode": "RGB", "turned": True, "packing": "lzw"}),
    "tiff of 16 bits": Known(cv2.imencode(".tiff", DEEP)[1].tobytes(), {"packing": "lzw"}),
    "jp2": Known(saved(RGB, "JPEG2000"), {"mode": "RGB"}),
    "jp2 of 16 bits": Known(
        cv2.imencode(".jp2", DEEP)[1].tobytes(), {"mode": "RGB", "bits": 16, "deep": True}
    ),
    "bmp": Known(saved(RGB, "BMP"), {"mode": "RGB"}),
    "pnm of 16 bits": Known(cv2.imencode(".ppm", DEEP)[1].tobytes(), {}),
    "pdf": Known(saved(RGB, "PDF"), {"density": 150.0}),
    "hdr": Known(cv2.imencode(".hdr", np.ones((4, 4, 3), np.float32))[1].tobytes(), {"at": 45}),
}  # fmt: skip


def header_of(data: bytes) -> Header:
    if data.startswith(b"%PDF"):
        pytest.importorskip("pypdfium2")
    return read_header(data, "", LIMITS)


@pytest.mark.parametrize("name", FILES)
def test_what_is_shown_of_a_file(name: str) -> None:
    header = header_of(FILES[name].data)
    assert header.detail is not None
    assert header.detail.facts(header) == FILES[name].facts


@pytest.mark.parametrize("name", FILES)
def test_a_header_can_be_hashed(name: str) -> None:
    header = header_of(FILES[name].data)
    assert hash(header) == hash(header_of(FILES[name].data))


def test_what_has_another_type_is_no_detail_of_the_format() -> None:
    with pytest.raises(AssertionError, match="jpeg has JpegDetail"):
        detail_of(header_of(FILES["jpeg"].data), PngDetail)
