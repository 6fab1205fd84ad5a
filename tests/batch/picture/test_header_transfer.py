"""A header that travels from the worker that decodes to the ones that transform and encode."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from codec_pictures import LIMITS, picture, saved, written
from PIL import Image

from imgpar.batch.picture.header_transfer import pack_header, unpack_header
from imgpar.core.errors import TransformError
from imgpar.core.limits import Secret
from imgpar.core.spec import Coding, Header, Spec
from imgpar.formats.base import detail_of
from imgpar.formats.codec import read_header, shrink
from imgpar.formats.jpeg.detail import JpegDetail
from imgpar.formats.jpeg.header import FrameHeader
from imgpar.formats.pdf import PdfDetail
from imgpar.runtime.serialization import pack


def tiff(count: int, **options: object) -> bytes:
    """A file of that many pages."""
    sink = io.BytesIO()
    pages = [Image.new("1", (9, 9), number % 2) for number in range(count)]
    pages[0].save(sink, "TIFF", save_all=True, append_images=pages[1:], **options)
    return sink.getvalue()


def test_the_header_of_a_jpeg_arrives_whole() -> None:
    header = shrink(read_header(written(picture("RGB"), "jpeg"), "a.jpg", LIMITS), 16, 12)
    assert header.scale > 1
    assert unpack_header(pack_header(header)) == header


def test_its_detail_keeps_its_type() -> None:
    header = unpack_header(pack_header(read_header(written(picture("RGB"), "jpeg"), "a.jpg", LIMITS)))
    assert isinstance(header.detail, JpegDetail)
    assert isinstance(header.detail.frame, FrameHeader)


def test_pages_and_coding_arrive() -> None:
    header = unpack_header(pack_header(read_header(tiff(3, compression="group4"), "a.tif", LIMITS)))
    assert (header.pages, header.coding) == ((1, 2, 3), Coding(few_colours=True, packing="g4"))


def test_a_turned_page_is_known_to_be_turned() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = saved(Image.new("L", (9, 5)), "TIFF", exif=exif)
    assert unpack_header(pack_header(read_header(data, "a.tif", LIMITS))).turned


def test_the_numbers_of_the_pages_stay_behind() -> None:
    header = read_header(tiff(90), "a.tif", LIMITS)
    assert header.numbers == tuple(range(90))
    assert unpack_header(pack_header(header)).numbers == ()


def test_a_password_stays_behind() -> None:
    sink = io.BytesIO()
    Image.new("L", (9, 9)).save(sink, "PDF")
    header = read_header(sink.getvalue(), "a.pdf", replace(LIMITS, password=Secret("hunter2")))
    assert detail_of(header, PdfDetail).password == Secret("hunter2")
    assert b"hunter2" not in pack_header(header)


def test_another_type_in_the_place_of_the_detail_is_refused() -> None:
    header = Header("jpeg", Spec(4, 3))
    with pytest.raises(TransformError, match="cannot be read"):
        unpack_header(pack((header, {"reader": "simplejpeg"})))
