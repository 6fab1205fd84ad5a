"""Date, camera, title, copyright and artist of a picture; written by Pillow and exiftool."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from imgpar.core.blocks import Xmp
from imgpar.core.limits import Limits
from imgpar.core.spec import Metadata
from imgpar.formats import codec
from imgpar.formats.metadata.facts import MetadataFacts, facts_of_metadata, timestamp
from imgpar.formats.metadata.reading import camera_name

EXIFTOOL = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")


def facts_of(data: bytes, name: str = "a.jpg") -> MetadataFacts:
    return facts_of_metadata(codec.read_header(data, name, Limits()).metadata)


def with_exif(tags: dict[int, object], sub: dict[int, object], fmt: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(sub)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, fmt, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_exif_says_all_but_the_title(fmt: str) -> None:
    tags = {0x010F: "Canon", 0x0110: "Canon EOS R5", 0x8298: "(c) Ada", 0x013B: "Ada"}
    found = facts_of(with_exif(tags, {0x9003: "2024:05:01 10:00:00", 0x9011: "+02:00"}, fmt))
    assert found == MetadataFacts("2024-05-01T10:00:00+02:00", "Canon EOS R5", "", "(c) Ada", "Ada")


def test_a_picture_without_metadata_says_nothing() -> None:
    assert facts_of(with_exif({}, {})) == MetadataFacts()


def test_the_date_of_the_file_is_not_when_it_was_taken() -> None:
    assert facts_of(with_exif({0x0132: "2024:05:01 10:00:00"}, {})).taken == ""


def test_the_time_of_digitizing_stands_for_a_missing_one() -> None:
    assert facts_of(with_exif({}, {0x9004: "2024:05:01 10:00:00"})).taken == "2024-05-01T10:00:00"


@pytest.mark.parametrize(
    "text", ["    :  :     :  :  ", "0000:00:00 00:00:00", "2024:13:01 10:00:00", "", "x"]
)
def test_an_invalid_date_is_none(text: str) -> None:
    assert timestamp(text) == ""


@pytest.mark.parametrize("offset", ["+99:00", "02:00", "+0", "abc"])
def test_an_invalid_offset_is_left_out(offset: str) -> None:
    assert timestamp("2024:05:01 10:00:00", offset) == "2024-05-01T10:00:00"


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [("", "", ""), ("Apple", "", "Apple"), ("", "X100", "X100"), ("NIKON", "COOLPIX", "NIKON COOLPIX")],
)
def test_a_camera_is_make_and_model(make: str, model: str, expected: str) -> None:
    assert camera_name(make, model) == expected


def test_xmp_is_read_as_elements_and_attributes() -> None:
    packet = Xmp(
        b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"
        b" xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/'"
        b" xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/'>"
        b"<rdf:Description photoshop:DateCreated=\"2024-05-01T10:00\" tiff:Make='Leica &amp; Co'>"
        b"<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Caf\xc3\xa9</rdf:li></rdf:Alt></dc:title>"
        b"<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>"
        b"<tiff:Model>M11</tiff:Model></rdf:Description></rdf:RDF>"
    )
    assert facts_of_metadata(Metadata(xmp=packet)) == MetadataFacts(
        "2024-05-01T10:00:00", "Leica & Co M11", "Café", "", "Ada; Bob"
    )


def test_iptc_says_date_and_title() -> None:
    def dataset(number: int, value: bytes) -> bytes:
        return bytes((0x1C, 2, number)) + len(value).to_bytes(2, "big") + value

    records = (
        dataset(5, b"Title") + dataset(55, b"20240501") + dataset(60, b"100000+0200") + dataset(80, b"\xe9")
    )
    found = facts_of_metadata(Metadata(iptc=records))
    assert (found.taken, found.title, found.artist) == ("2024-05-01T10:00:00+02:00", "Title", "é")


def test_the_texts_of_a_png_count() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A title")
    info.add_itxt("Author", "Ada é")
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "PNG", pnginfo=info)
    found = facts_of(file.getvalue(), "a.png")
    assert (found.title, found.artist) == ("A title", "Ada é")


@EXIFTOOL
@pytest.mark.parametrize(
    ("option", "field", "expected"),
    [
        ("-XMP-photoshop:DateCreated=2024:05:01 10:00:00+02:00", "taken", "2024-05-01T10:00:00+02:00"),
        ("-XMP-dc:Title=Über & <uns>", "title", "Über & <uns>"),
        ("-XMP-dc:Rights=© Ada", "copyright", "© Ada"),
        ("-XMP-dc:Creator=Ada", "artist", "Ada"),
        ("-IPTC:ObjectName=Head", "title", "Head"),
        ("-EXIF:XPTitle=Größe", "title", "Größe"),
        ("-EXIF:Copyright=© Ada", "copyright", "© Ada"),
    ],
)
def test_what_exiftool_writes_is_read(tmp_path: Path, option: str, field: str, expected: str) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(path)
    subprocess.run(["exiftool", "-q", "-overwrite_original", option, path], check=True)
    assert getattr(facts_of(path.read_bytes()), field) == expected


def test_a_text_has_a_maximal_length() -> None:
    assert len(facts_of(with_exif({0x8298: "x" * 9000}, {})).copyright) == 2000
