"""Where nothing changes the pixels, the output is the input, bit for bit; metadata come out of it alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from codec_pictures import LIMITS, picture, read, saved, written
from PIL import Image

import imgpar
from imgpar import Pipeline
from imgpar.core.blocks import Exif, Xmp
from imgpar.core.spec import Metadata
from imgpar.formats.codec import read_header
from imgpar.formats.jpeg.header import parse_segments
from imgpar.formats.metadata.strip import strip_file

EXIF = Image.Exif()
EXIF[271] = "Maker"
EXIF.get_ifd(0x8825)[2] = (48.0, 12.0, 7.0)
EXIF[0x8825] = EXIF.get_ifd(0x8825)
BLOCK = EXIF.tobytes().removeprefix(b"Exif\0\0")
XMP = b'<x:xmpmeta><rdf:Description exif:GPSLatitude="48,12N" dc:title="Sky"/></x:xmpmeta>'
EVERYTHING = Metadata(exif=Exif(BLOCK), xmp=Xmp(XMP), comment=b"hello")


def photo(quality: int = 97, **options: object) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (40, 64, 3), np.uint8)
    return saved(Image.fromarray(noise), "JPEG", quality=quality, **options)


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_a_run_copies_what_it_need_not_change(tmp_path: Path, schedule: str) -> None:
    for name, data in (("a.jpg", photo()), ("b.png", saved(Image.new("P", (9, 9), 3), "PNG"))):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    report = imgpar.convert(tmp_path / "in", tmp_path / "out", schedule=schedule, jobs=1)
    assert report.ok == 2
    for name in ("a.jpg", "b.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "in" / name).read_bytes()


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_a_copy_loses_nothing_but_another_format_does(tmp_path: Path, schedule: str) -> None:
    data = photo()
    caption = b"\xff\xed\x00\x22Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\6\x1c\x02\x78\0\x01A"
    (tmp_path / "a.jpg").write_bytes(data[:2] + caption + data[2:])
    copy = imgpar.convert(tmp_path / "a.jpg", tmp_path / "one", strict=True, schedule=schedule, jobs=1)
    (line,) = copy.items
    assert (line.status, line.lost, line.error) == ("ok", (), "")
    other = imgpar.convert(tmp_path / "a.jpg", tmp_path / "two", to="bmp", schedule=schedule, jobs=1)
    assert "iptc" in next(iter(other.items)).lost


def test_bytes_in_are_bytes_out() -> None:
    data = photo()
    assert Pipeline().encode(data) == data
    assert Pipeline().resize("9999").encode(data) == data


@pytest.mark.parametrize(
    "settings", [{"quality": 85}, {"progressive": True}, {"colour": "p3"}, {"grey": True}]
)
def test_a_setting_is_something_to_do(settings: dict[str, object]) -> None:
    data = photo()
    assert Pipeline().encode(data, **settings) != data


def test_a_damaged_file_is_not_copied_as_a_good_one() -> None:
    data = photo()
    with pytest.raises(imgpar.ItemError):
        Pipeline().encode(data[: len(data) // 2])


def test_a_jpeg_that_is_only_turned_keeps_its_quality() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    data = photo(95, exif=turned)
    result = Pipeline().encode(data)
    assert parse_segments(result).quality == 95
    seen = Image.open(io.BytesIO(result))
    assert seen.size == (40, 64)
    assert seen.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("quality", [30, 50, 75, 85, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_table(quality: int) -> None:
    assert parse_segments(photo(quality)).quality == quality


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("what", ["gps", "exif", "xmp", "all"])
def test_metadata_are_taken_out_without_new_pixels(name: str, what: str) -> None:
    data = written(picture("RGBX"), name, EVERYTHING)
    edited = strip_file(data, name, what)
    assert edited is not None
    (header, (array,)), (_, (before,)) = read(edited), read(data)
    assert (array == before).all()
    metadata = header.metadata
    assert (b"Maker" in metadata.exif) is (what not in ("exif", "all"))
    assert (b"Sky" in metadata.xmp) is (what not in ("xmp", "all"))
    exif = Image.open(io.BytesIO(edited)).getexif()
    assert bool(exif.get_ifd(0x8825)) is (what == "xmp")
    assert (b"48,12N" in edited) is (what == "exif")
    if what == "all":
        assert all(words not in edited for words in (b"Maker", b"Sky", b"hello"))


@pytest.mark.parametrize("name", ["avif", "heic"])
@pytest.mark.parametrize("what", ["gps", "exif", "xmp", "all"])
def test_metadata_in_boxes_are_overwritten_where_they_lie(name: str, what: str) -> None:
    if name == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    data = written(picture("RGB"), name, EVERYTHING)
    edited = Pipeline().encode(data, strip=what)
    assert len(edited) == len(data)
    assert (read(edited)[1][0] == read(data)[1][0]).all()
    with Image.open(io.BytesIO(edited)) as image:
        exif = image.getexif()
        assert exif.get(271) == (None if what in ("exif", "all") else "Maker")
        assert bool(exif.get_ifd(0x8825)) is (what == "xmp")
    assert (b"Sky" in edited) is (what in ("gps", "exif"))
    assert (b"48,12N" in edited) is (what == "exif")


def test_strip_alone_edits_the_file() -> None:
    data = written(picture("RGBX"), "jpeg", EVERYTHING)
    assert Pipeline().encode(data, strip="all") == strip_file(data, "jpeg", "all")


def test_pictures_behind_the_first_go_with_its_metadata() -> None:
    first = photo()
    second = photo(exif=EXIF)
    assert strip_file(first + second, "jpeg", "gps") == first


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_a_file_without_an_end_is_not_edited(name: str) -> None:
    data = written(picture("RGBX"), name, EVERYTHING)
    assert strip_file(data[:-40], name, "all") is None


def test_a_progressive_jpeg_is_edited_up_to_its_last_scan() -> None:
    data = photo(progressive=True, exif=EXIF)
    edited = strip_file(data + b"trailing", "jpeg", "all")
    assert edited is not None
    assert edited.endswith(b"\xff\xd9")
    before, after = (np.asarray(Image.open(io.BytesIO(file))) for file in (data, edited))
    assert (before == after).all()
    assert read_header(edited, "", LIMITS).metadata.exif == b""


def test_grey_on_a_coloured_background_gets_its_colour() -> None:
    image = Image.new("LA", (9, 9), (40, 0))
    image.paste((40, 255), (5, 0, 9, 9))
    made = Pipeline().encode(saved(image, "PNG"), to="bmp", background="#003399")
    with Image.open(io.BytesIO(made)) as found:
        assert (found.getpixel((0, 0)), found.getpixel((8, 8))) == ((0, 0x33, 0x99), (40, 40, 40))


# ----- damage is never copied -----------------------------------------------------------------------

SALVAGED = "What could be read was kept"


def damaged(name: str) -> bytes:
    """A file of which a good part can be read, and whose format is its own target."""
    noise = np.random.default_rng(2).integers(0, 255, (64, 96, 3), np.uint8)
    whole = saved(Image.fromarray(noise), name, **({"quality": 90} if name == "JPEG" else {}))
    return whole[: len(whole) * 2 // 3]


@pytest.mark.parametrize("schedule", ["chain", "staged"])
@pytest.mark.parametrize(
    ("name", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("BMP", "bmp"), ("TIFF", "tif")]
)
def test_damage_that_is_accepted_is_written_anew_and_not_copied(
    tmp_path: Path, name: str, suffix: str, schedule: str
) -> None:
    data = damaged(name)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    refused = imgpar.convert(path, tmp_path / "one", schedule=schedule, jobs=1)
    assert refused.failed == 1
    assert not list((tmp_path / "one").glob("[!.]*"))
    report = imgpar.convert(path, tmp_path / "two", accept_damaged=True, schedule=schedule, jobs=1)
    (item,) = report.items
    assert any(SALVAGED in note for note in item.notes)
    made = (tmp_path / "two" / f"a.{suffix}").read_bytes()
    assert made != data
    with Image.open(io.BytesIO(made)) as image:
        image.load()  # it is whole
        assert image.size == (96, 64)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP"])
def test_damage_in_bytes_is_written_anew(name: str) -> None:
    data = damaged(name)
    made = Pipeline().encode(data, accept_damaged=True)
    assert made != data
    with Image.open(io.BytesIO(made)) as image:
        image.load()
    with pytest.raises(imgpar.ItemError):
        Pipeline().encode(data)


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_even_a_good_file_is_written_anew_where_damage_is_accepted(name: str) -> None:
    """Nobody has proved that it is good: lenient decoders do not say that they were."""
    data = saved(Image.new("RGB", (20, 10), (9, 99, 200)), name)
    made = Pipeline().encode(data, accept_damaged=True)
    with Image.open(io.BytesIO(made)) as image, Image.open(io.BytesIO(data)) as before:
        assert np.abs(np.asarray(image).astype(int) - np.asarray(before)).max() < 6
    assert Pipeline().encode(data) == data
    assert made != data
