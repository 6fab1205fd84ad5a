"""Header, EXIF, profile and XMP of a picture are read once, however many decisions depend on them."""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import unwrap
from typing import Any

import pytest
from codec_pictures import LIMITS, WRITABLE, picture, written
from test_metadata import everything

from imgpar import Pipeline
from imgpar.batch.picture import outputs, programs, reuse, stages
from imgpar.batch.picture.header_transfer import pack_header, unpack_header
from imgpar.core.spec import Header
from imgpar.formats import codec
from imgpar.formats.jpeg.header import parse_segments
from imgpar.formats.metadata import iptc
from imgpar.formats.metadata.exif import first_ifd, leading_ifd
from imgpar.formats.metadata.location import exif_without_places, xmp_without_places
from imgpar.formats.options import EncodeOptions
from imgpar.pixels.colour.icc_header import profile_space

SOURCES = [name for name in WRITABLE if name in ("jpeg", "png", "webp", "avif", "heic", "tiff", "jxl", "jp2")]
COUNTED: tuple[Callable[..., Any], ...] = (
    codec.read_header, parse_segments, leading_ifd, profile_space, xmp_without_places, exif_without_places,
)  # fmt: skip


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How often each function ran on something, not counting results that were kept."""
    codes = {unwrap(function).__code__: function.__name__ for function in COUNTED}
    found = Counter[str]()

    def count(frame: Any, event: str, _: object) -> None:
        if event == "call" and (name := codes.get(frame.f_code)) and len(next(iter(frame.f_locals.values()))):
            found[name] += 1

    sys.setprofile(count)
    try:
        yield found
    finally:
        sys.setprofile(None)


def source(name: str) -> bytes:
    """A picture with EXIF, a profile and XMP, as far as the format holds them."""
    return written(picture("RGB" if name in ("heic", "jxl", "jp2") else "RGBX"), name, everything())


def encode(data: bytes, name: str, **options: object) -> Counter[str]:
    """Make one output, resized; returns how often things were read."""
    pipe = Pipeline().resize("20")
    pipe.encode(source("jpeg"), to=name, **options)  # what is imported and cached at the first picture
    with counted() as found:
        pipe.encode(data, to=name, **options)
    return found


def header_of(data: bytes) -> Header:
    return codec.read_header(data, "", LIMITS)


@pytest.mark.parametrize("name", WRITABLE)
def test_an_output_of_any_format(name: str) -> None:
    found = encode(source("jpeg"), name)
    assert found["read_header"] == found["parse_segments"] == found["leading_ifd"] == 1
    assert found["profile_space"] == 1
    assert found["xmp_without_places"] <= 1


@pytest.mark.parametrize("name", SOURCES)
def test_an_input_of_any_format(name: str) -> None:
    data = source(name)
    found = encode(data, "jpeg")
    assert found["read_header"] == 1
    assert found["leading_ifd"] == bool(header_of(data).metadata.exif)
    assert found["profile_space"] <= 1


@pytest.mark.parametrize("name", WRITABLE)
def test_locations_are_searched_once(name: str) -> None:
    found = encode(source("jpeg"), name, strip="gps")
    assert found["leading_ifd"] == found["xmp_without_places"] == 1


def test_a_copy() -> None:
    data = source("jpeg")
    with counted() as found:
        assert Pipeline().encode(data, to="jpeg") == data
    assert found["read_header"] == found["parse_segments"] == found["leading_ifd"] == 1


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "tiff"])
def test_a_copy_without_locations(name: str) -> None:
    """A TIFF is edited by its own directories, which hold more than EXIF."""
    data = source(name)
    with counted() as found:
        edited = Pipeline().encode(data, to=name, strip="gps")
    assert edited != data
    assert found["read_header"] == 1
    assert found["parse_segments"] == (name == "jpeg")
    assert found["leading_ifd"] == found["xmp_without_places"] == 1


@pytest.mark.parametrize("paths", [False, True])
def test_one_pass_finds_the_records_and_the_paths_of_a_jpeg(paths: bool) -> None:
    blocks = iptc.wrap(b"\x1c\x02\x78\0\x02Hi") + iptc.wrap(b"the second")
    if paths:
        blocks += struct.pack(">4sHHI", b"8BIM", 2000, 0, 0)
    assert iptc.iptc_and_paths(blocks) == (iptc.find_iptc(blocks), iptc.has_paths(blocks))
    assert iptc.iptc_and_paths(blocks) == (b"\x1c\x02\x78\0\x02Hi", paths)


def test_several_outputs() -> None:
    """Outputs share what was found in the blocks of the input."""
    header = header_of(source("jpeg"))
    program = programs.compile_program(header, (), LIMITS)
    frames = stages.own_frames(program.header.spec, 1)
    options = EncodeOptions(strip="gps")
    with counted() as found:
        for name in ("jpeg", "png", "webp"):
            outputs.make(frames, program.header, name, options, (), reuse.SourceBytes(), "a.jpg")
    assert found["leading_ifd"] == 0
    assert found["xmp_without_places"] == found["exif_without_places"] == 1


def test_the_worker_of_another_stage_reads_it_once_more() -> None:
    header = unpack_header(pack_header(header_of(source("jpeg"))))
    with counted() as found:
        first_ifd(header.metadata.exif)
        frames, same = stages.own_frames(header.spec, 1), reuse.SourceBytes()
        outputs.make(frames, header, "webp", EncodeOptions(), (), same, "a.jpg")
    assert found["leading_ifd"] == found["profile_space"] == 1
    assert found["read_header"] == 0
