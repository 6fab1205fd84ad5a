"""Metadata taken out of files whose pixels are not touched: GIF, JPEG XL, JPEG 2000, BMP."""

from __future__ import annotations

import io

import numpy as np
import pytest
from codec_pictures import picture, saved, written
from PIL import Image

from imgpar.batch.picture.outputs import convert_bytes
from imgpar.core.blocks import Exif, Xmp
from imgpar.core.limits import Limits
from imgpar.core.spec import Metadata
from imgpar.formats import codec
from imgpar.formats.metadata.strip import strip_file
from imgpar.formats.options import EncodeOptions
from imgpar.formats.registry import FORMATS, find_format

TEXT, PLACE = b"somebody wrote this", b"48,12N"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r exif:GPSLatitude="48,12N" dc:title="Sky"/></x:xmpmeta>'
XMP_BLOCK = b"\x21\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0"


def run(data: bytes, name: str, what: str) -> bytes:
    encoded = convert_bytes(
        data, f"a.{name}", (), find_format(name).name, EncodeOptions(strip=what), Limits()
    )
    return bytes(encoded.data)


def gif() -> bytes:
    frames = [Image.fromarray(np.full((20, 30), shade, np.uint8)) for shade in (10, 200)]
    sink = io.BytesIO()
    frames[0].save(
        sink, "GIF", save_all=True, append_images=frames[1:], comment=TEXT, duration=70, interlace=0
    )
    data = sink.getvalue()
    at = 13 + (3 << (data[10] & 7) + 1)
    return data[:at] + XMP_BLOCK + data[at:]


def test_strip_keeps_the_frames_of_a_gif() -> None:
    source = gif()
    made = run(source, "gif", "all")
    comment = bytes((0x21, 0xFE, len(TEXT))) + TEXT + b"\0"
    assert comment in source
    assert made == source.replace(XMP_BLOCK, b"").replace(comment, b"")


def test_strip_of_a_gif_without_an_end_writes_it_anew() -> None:
    assert strip_file(gif()[:-1], "gif", "all") is None


def test_strip_keeps_every_byte_of_a_bmp() -> None:
    source = saved(Image.new("P", (9, 7), 3), "BMP")
    assert run(source, "bmp", "all") == source


def test_strip_gps_keeps_the_rest_of_the_xmp_of_a_gif() -> None:
    made = run(gif(), "gif", "gps")
    assert PLACE not in made
    assert b'dc:title="Sky"' in made
    assert codec.read_header(made, "a.gif", Limits()).frames == 2


@pytest.mark.parametrize("name", ["jp2", "jxl", "avif", "heic", "webp", "png", "jpeg"])
def test_strip_gps_keeps_the_rest_of_the_xmp(name: str) -> None:
    if not FORMATS[name].installed:
        pytest.skip(f"{name} is not there")
    made = run(written(picture("RGB"), name, Metadata(xmp=Xmp(XMP))), name, "gps")
    left = codec.read_header(made, f"a.{name}", Limits()).metadata.xmp
    assert PLACE not in left
    assert b'dc:title="Sky"' in left


@pytest.mark.parametrize("name", ["jp2", "jxl"])
def test_strip_keeps_the_codestream(name: str) -> None:
    if not FORMATS[name].installed:
        pytest.skip(f"{name} is not there")
    exif = saved(Image.new("L", (2, 2)), "TIFF")
    plain = written(picture("RGB"), name, quality=60)
    source = written(picture("RGB"), name, Metadata(xmp=Xmp(XMP), exif=Exif(exif)), quality=60)
    made = run(source, name, "all")
    assert XMP not in made
    stream = plain[plain.index(b"jp2c" if name == "jp2" else b"\xff\x0a") :][8:]
    assert stream in made


def test_strip_all_takes_the_comment_of_a_jpeg_2000() -> None:
    source = written(picture("RGB"), "jp2", Metadata(comment=TEXT), quality=60)
    assert TEXT in source
    made = run(source, "jp2", "all")
    assert TEXT not in made
    pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in (source, made)]
    assert (pixels[0] == pixels[1]).all()
