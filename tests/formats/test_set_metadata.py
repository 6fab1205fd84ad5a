"""New metadata (`set`, `shift_dates`, `gpx`, `metadata`): exiftool and Pillow read what is written."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.core.limits import Limits
from imgpar.formats import codec
from imgpar.formats.metadata.reading import shown_fields

EXIFTOOL = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
PIPE = imgpar.Pipeline()
TRACK = Path(__file__).parents[1] / "data" / "track.gpx"
GIVEN: dict[str, object] = {
    "copyright": "© 2024 Ødegård", "artist": "Ada; Bob", "title": "日の出", "description": "A lake & <tree>",
    "keywords": ["sea", "sky"], "rating": 4, "date": "2024-05-01T10:00:00.25+02:00",
    "gps": "-33.8568,151.2153,12.5", "city": "Sydney",
}  # fmt: skip
LOSSLESS = ["jpg", "png", "webp", "tiff", "avif", "heic", "jxl", "jp2", "gif"]


def drawing(fmt: str = "PNG", **more: Any) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (5, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((32, 20)).save(file, fmt, **more)
    return file.getvalue()


def in_format(to: str) -> bytes:
    if to == "jxl":
        pytest.importorskip("imagecodecs")
    return PIPE.encode(drawing(), to=to)


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(PIPE.encode(data, to="png"))))


def fields_in(data: bytes, name: str = "a.jpg") -> dict[str, Any]:
    return shown_fields(codec.read_header(data, name, Limits()).metadata)


def by_exiftool(data: bytes, tmp_path: Path, *options: str) -> dict[str, Any]:
    path = tmp_path / "picture"
    path.write_bytes(data)
    command = ["exiftool", "-j", "-n", *(options or ("-G1",)), str(path)]
    made = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(made.stdout)[0]
    return found


def written_by_exiftool(tmp_path: Path, *options: str) -> bytes:
    path = tmp_path / "source.jpg"
    path.write_bytes(drawing("JPEG"))
    subprocess.run(["exiftool", "-q", "-m", "-overwrite_original", *options, str(path)], check=True)
    return path.read_bytes()


# ----- every format ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What exiftool reads of a file in each format, in one run of it."""
    folder = tmp_path_factory.mktemp("seen")
    for to in LOSSLESS:
        (folder / f"a.{to}").write_bytes(PIPE.encode(in_format(to), to=to, set=GIVEN))
    made = subprocess.run(["exiftool", "-j", "-n", "-G1", str(folder)], capture_output=True, check=True)
    return {Path(one["SourceFile"]).suffix[1:]: one for one in json.loads(made.stdout)}


@EXIFTOOL
@pytest.mark.parametrize("to", LOSSLESS)
def test_exiftool_reads_what_is_set(to: str, seen: dict[str, dict[str, Any]]) -> None:
    found = seen[to]
    expected = {
        "XMP-dc:Rights": "© 2024 Ødegård", "XMP-dc:Creator": ["Ada", "Bob"], "XMP-dc:Title": "日の出",
        "XMP-dc:Description": "A lake & <tree>", "XMP-dc:Subject": ["sea", "sky"], "XMP-xmp:Rating": 4,
        "XMP-photoshop:City": "Sydney", "XMP-photoshop:DateCreated": "2024:05:01 10:00:00.25+02:00",
    }  # fmt: skip
    if to != "gif":
        expected |= {
            "IFD0:Copyright": "© 2024 Ødegård", "IFD0:Artist": "Ada; Bob",
            "IFD0:ImageDescription": "A lake & <tree>",
            "ExifIFD:DateTimeOriginal": "2024:05:01 10:00:00", "ExifIFD:OffsetTimeOriginal": "+02:00",
            "ExifIFD:SubSecTimeOriginal": 25, "GPS:GPSLatitudeRef": "S", "GPS:GPSAltitude": 12.5,
        }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    south = found["XMP-exif:GPSLatitude"] if to == "gif" else found["Composite:GPSLatitude"]
    assert south == pytest.approx(-33.8568, abs=1e-6)


@pytest.mark.parametrize("to", LOSSLESS)
def test_a_new_header_leaves_the_pixels_as_they_are(to: str) -> None:
    source = in_format(to)
    made = PIPE.encode(source, to=to, set=GIVEN)
    assert made != source
    assert np.array_equal(pixels(made), pixels(source))


@pytest.mark.parametrize("to", LOSSLESS)
def test_imgpar_reads_what_it_has_set(to: str) -> None:
    found = fields_in(PIPE.encode(in_format(to), to=to, set=GIVEN), f"a.{to}")
    assert (found["title"], found["artist"], found["keywords"]) == ("日の出", "Ada; Bob", ("sea", "sky"))
    assert found["gps"].startswith("-33.85680, 151.21530")
    assert found["date"] == "2024-05-01T10:00:00.25+02:00"


@pytest.mark.parametrize("to", [*LOSSLESS, "bmp"])
def test_a_field_that_is_removed_is_gone(to: str) -> None:
    source = PIPE.encode(in_format(to), to=to, set=GIVEN)
    made = PIPE.encode(source, to=to, set=dict.fromkeys(GIVEN, ""))
    assert fields_in(made, f"a.{to}") == {}
    assert b"Sydney" not in made
    assert "Ødegård".encode() not in made


@pytest.mark.parametrize("to", ["jpg", "webp", "tiff", "avif"])
def test_what_is_encoded_anew_has_the_same_fields(to: str) -> None:
    made = PIPE.flip("horizontal").encode(drawing(), to=to, set=GIVEN)
    assert fields_in(made, f"a.{to}")["copyright"] == "© 2024 Ødegård"


def test_a_format_without_metadata_loses_what_is_set() -> None:
    with pytest.raises(imgpar.TransformError, match="It would lose title"):
        PIPE.encode(drawing(), to="bmp", set={"title": "Lake"}, strict=True)


def test_pillow_reads_the_exif() -> None:
    exif = Image.open(io.BytesIO(PIPE.encode(drawing("JPEG"), set=GIVEN))).getexif()
    assert exif.get_ifd(0x8825)[1] == "S"
    assert exif.get_ifd(0x8769)[0x9003] == "2024:05:01 10:00:00"


# ----- what is there already -------------------------------------------------------------------------


@EXIFTOOL
def test_exif_xmp_and_iptc_agree(tmp_path: Path) -> None:
    old = ("-MWG:Copyright=old", "-IPTC:CopyrightNotice=old", "-MWG:Description=Bü", "-IPTC:Headline=Ä")
    source = written_by_exiftool(tmp_path, *old, "-XMP-dc:Title-de=alt")
    made = PIPE.encode(source, set={"copyright": "© Ada", "title": "日"})
    found = by_exiftool(made, tmp_path, "-G1", "-MWG:all", "-IPTC:all", "-XMP-dc:all", "-EXIF:all")
    assert found["IPTC:CopyrightNotice"] == found["XMP-dc:Rights"] == found["IFD0:Copyright"] == "© Ada"
    assert (found["IPTC:ObjectName"], found["XMP-dc:Title"]) == ("日", "日")
    assert (found["IPTC:CodedCharacterSet"], found["IPTC:Headline"]) == ("\x1b%G", "Ä")
    assert found["XMP-dc:Description"] == "Bü"
    assert "XMP-dc:Title-de" not in found


@EXIFTOOL
def test_iptc_is_not_made_where_there_was_none(tmp_path: Path) -> None:
    found = by_exiftool(PIPE.encode(drawing("JPEG"), set=GIVEN), tmp_path)
    assert not [name for name in found if name.startswith("IPTC")]


@EXIFTOOL
def test_keywords_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    source = written_by_exiftool(tmp_path, "-XMP-dc:Subject=sea", "-IPTC:Keywords=sea")
    found = by_exiftool(PIPE.encode(source, set={"keywords+": "sky,sea"}), tmp_path)
    assert found["XMP-dc:Subject"] == found["IPTC:Keywords"] == ["sea", "sky"]


@EXIFTOOL
def test_dates_are_shifted_everywhere(tmp_path: Path) -> None:
    source = written_by_exiftool(
        tmp_path,
        "-AllDates=2024:12:31 23:30:00", "-SubSecTimeOriginal=07", "-OffsetTimeOriginal=+01:00",
        "-XMP-photoshop:DateCreated=2024:12:31 23:30:00.07+01:00",
        "-IPTC:DateCreated=2024:12:31", "-IPTC:TimeCreated=23:30:00+01:00",
    )  # fmt: skip
    found = by_exiftool(PIPE.encode(source, shift_dates="+1h30m"), tmp_path)
    assert found["ExifIFD:DateTimeOriginal"] == found["ExifIFD:CreateDate"] == "2025:01:01 01:00:00"
    assert (found["IFD0:ModifyDate"], found["ExifIFD:OffsetTimeOriginal"]) == (
        "2025:01:01 01:00:00",
        "+01:00",
    )
    assert str(found["ExifIFD:SubSecTimeOriginal"]) in ("07", "7")
    assert found["XMP-photoshop:DateCreated"] == "2025:01:01 01:00:00.07+01:00"
    assert (found["IPTC:DateCreated"], found["IPTC:TimeCreated"]) == ("2025:01:01", "01:00:00+01:00")


@EXIFTOOL
def test_everything_else_in_exif_stays(tmp_path: Path) -> None:
    source = written_by_exiftool(
        tmp_path, "-Make=Canon", "-ExposureTime=1/250", "-UserComment=hello", "-ISO=100"
    )
    before, after = (
        by_exiftool(data, tmp_path, "-G1", "-EXIF:all") for data in (source, PIPE.encode(source, set=GIVEN))
    )
    assert {name: after.get(name) for name in before} == before


def test_the_second_picture_of_a_jpeg_is_found_behind_a_longer_header() -> None:
    from imgpar.formats.jpeg import multi_picture

    small = drawing("JPEG")
    index = multi_picture.index(0, len(small), 0)
    head = 4 + len(index)
    first = small[:2] + b"\xff\xe2" + (head - 2).to_bytes(2, "big") + index + small[2:]
    offset = len(first) - 2 - 4 - 4
    index = multi_picture.index(len(first), len(small), offset)
    source = small[:2] + b"\xff\xe2" + (head - 2).to_bytes(2, "big") + index + small[2:] + small
    assert multi_picture.others(source)[0].data == small
    made = PIPE.encode(source, set={"title": "x" * 3000})
    assert multi_picture.others(made)[0].data == small


def test_text_chunks_of_a_png_do_not_contradict() -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Copyright", "old")
    info.add_text("Source", "kept")
    made = PIPE.encode(drawing("PNG", pnginfo=info), set={"copyright": "© 日"})
    texts = Image.open(io.BytesIO(made)).text  # type: ignore[attr-defined]
    assert (texts["Copyright"], texts["Source"]) == ("© 日", "kept")


# ----- with --strip and --metadata -------------------------------------------------------------------


def test_what_is_set_stands_in_a_file_that_is_stripped() -> None:
    source = PIPE.encode(drawing("JPEG"), set=GIVEN)
    made = PIPE.encode(source, strip="all", set={"copyright": "© Ada"})
    assert fields_in(made) == {"copyright": "© Ada"}


@pytest.mark.parametrize("what", ["none", "minimal"])
def test_metadata_none_is_strip_all(what: str) -> None:
    source = PIPE.encode(drawing("JPEG"), set=GIVEN)
    assert PIPE.encode(source, metadata=what) == PIPE.encode(source, strip="all")  # type: ignore[arg-type]


def test_metadata_keep_takes_the_place_of_strip_in_a_recipe() -> None:
    source = PIPE.encode(drawing("JPEG"), set=GIVEN)
    recipe = imgpar.Recipe().merged({"strip": "gps"})
    assert imgpar.Pipeline(recipe).encode(source, metadata="keep") == source


def test_metadata_and_strip_exclude_each_other() -> None:
    with pytest.raises(imgpar.UsageError, match="metadata and strip exclude each other"):
        PIPE.encode(drawing(), metadata="none", strip="gps")


def test_exif_that_is_stripped_is_not_made_again() -> None:
    made = PIPE.encode(drawing("JPEG"), strip="exif", set={"copyright": "© Ada"})
    header = codec.read_header(made, "a.jpg", Limits())
    assert not header.metadata.exif
    assert fields_in(made) == {"copyright": "© Ada"}


# ----- templates, tracks, recipes --------------------------------------------------------------------


def test_values_have_fields() -> None:
    source = PIPE.encode(drawing("JPEG"), set={"date": "2024-05-01", "artist": "Ada"})
    made = PIPE.encode(source, name="IMG_1.jpg", set={"copyright": "© {date:%Y} {artist}", "title": "{stem}"})
    found = fields_in(made)
    assert (found["copyright"], found["title"]) == ("© 2024 Ada", "IMG_1")


def test_a_field_that_is_set_at_the_same_time_counts() -> None:
    made = PIPE.encode(
        drawing("JPEG"), set={"copyright": "© {date:%Y} {artist}", "date": "2020-01-01", "artist": "B"}
    )
    assert fields_in(made)["copyright"] == "© 2020 B"


def test_a_text_of_missing_facts_only_is_not_written() -> None:
    assert fields_in(PIPE.encode(drawing("JPEG"), set={"title": "{city}"})) == {}


@pytest.mark.parametrize(
    ("date", "more", "expected"),
    [
        ("2024-05-01T10:02:30+02:00", {}, "48.20500, 16.31000, 175"),
        ("2024-05-01T10:02:30", {"gpx_offset": "+02:00"}, "48.20500, 16.31000, 175"),
        ("2024-05-01T10:02:30", {}, None),
        ("2024-05-01T09:00:00Z", {}, None),
        ("2024-05-01T09:02:30Z", {"gpx_gap": "2h"}, "48.25500, 16.36000"),
        ("2024-05-01T07:55:00Z", {}, "48.20000, 16.30000, 170"),
        ("2024-05-02T07:55:00Z", {}, None),
    ],
)
def test_the_position_is_that_of_the_track(date: str, more: dict[str, Any], expected: str | None) -> None:
    source = PIPE.encode(drawing("JPEG"), set={"date": date})
    assert fields_in(PIPE.encode(source, gpx=TRACK, **more)).get("gps") == expected


def test_a_recipe_keeps_new_metadata(tmp_path: Path) -> None:
    recipe = imgpar.Recipe().merged(
        {"set": {"copyright": 'a "b" {{', "keywords": "x,y"}, "shift_dates": "-2d"}
    )
    recipe.save(tmp_path / "r.toml")
    assert imgpar.Recipe.load(tmp_path / "r.toml") == recipe


def test_a_table_in_a_recipe_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('[set]\ncopyright = "© Ada"\nkeywords = ["a", "b"]\n', "utf-8")
    recipe = imgpar.Recipe.load(path).merged({"set": {"title": "Lake"}})
    assert recipe.encode.set.plain() == {"copyright": "© Ada", "title": "Lake", "keywords": "a,b"}


def test_a_date_of_toml_is_a_date(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("[set]\ndate = 2024-01-01\n", "utf-8")
    assert imgpar.Recipe.load(path).encode.set.plain() == {"date": "2024-01-01"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"set": {"copyrigt": "x"}}, "no field 'copyrigt' for set. Did you mean 'copyright'"),
        ({"set": {"rating": True}}, "a number from 0 to 5, or -1 for rating of set but received true"),
        ({"set": {"keywords": [True]}}, "Expected a text for keywords of set but received true"),
        ({"set": {"rating": 9}}, "a number from 0 to 5, or -1 for rating of set"),
        ({"set": {"date": "yesterday"}}, "a date such as .* for date of set but received 'yesterday'"),
        ({"set": {"gps": "91,3"}}, "a latitude from -90 to 90 degrees for gps of set"),
        ({"set": {"gps": "9,-181"}}, "a longitude from -180 to 180 degrees for gps of set"),
        ({"set": {"gps": "here"}}, "latitude,longitude .* for gps of set"),
        ({"set": {"title": "{tittle}"}}, r"no \{tittle\} in title of set .* Did you mean \{title\}"),
        ({"set": {"title": "a\0b"}}, "without control characters"),
        ({"set": {"title": True}}, "Expected a text for title of set but received true"),
        ({"set": {"title": float("nan")}}, "Expected a text for title of set but received nan"),
        ({"set": {"artist+": "x"}}, "only keywords can be added to"),
        ({"set": "title"}, "KEY=VALUE"),
        ({"shift_dates": "1x"}, r"a difference such as \+1h30m"),
        ({"shift_dates": "0s"}, "not 0"),
        ({"gpx": "absent.gpx"}, "The track 'absent.gpx' of gpx does not exist"),
        ({"gpx": __file__}, "is not a GPX file"),
        ({"gpx_gap": "1m"}, "belongs to a track. Name it with --gpx"),
        ({"gpx_offset": "2"}, "difference from UTC"),
        ({"gpx": TRACK, "set": {"gps": "1,2"}}, "two positions"),
    ],
)
def test_a_wrong_value_is_one_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(imgpar.UsageError, match=words):
        PIPE.encode(drawing(), **settings)


# ----- damage ----------------------------------------------------------------------------------------


def test_damaged_xmp_is_replaced_and_listed() -> None:
    damaged = drawing("JPEG", xmp=b"<x:xmpmeta><rdf:RDF><broken></rdf:RDF>")
    with pytest.raises(imgpar.TransformError, match="It would lose xmp"):
        PIPE.encode(damaged, set={"title": "Lake"}, strict=True)
    assert fields_in(PIPE.encode(damaged, set={"title": "Lake"}))["title"] == "Lake"


def test_exif_that_cannot_be_parsed_is_replaced() -> None:
    damaged = drawing("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert fields_in(PIPE.encode(damaged, set={"copyright": "© Ada"}))["copyright"] == "© Ada"


def test_a_jpeg_that_lies_on_its_side_is_not_encoded_for_new_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = drawing("JPEG", exif=exif)
    made = PIPE.encode(source, set={"copyright": "© Ada"})
    scans = source[source.index(b"\xff\xda") :]
    assert made.endswith(scans) or Image.open(io.BytesIO(made)).size == (20, 32)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"shift_dates": "+1d"}, "2024-05-02"),
        ({"set": {"date": "2023-01-02"}}, "2023-01-02"),
        ({"set": {"date": "2023-01-02"}, "shift_dates": "-1d"}, "2023-01-02"),
    ],
)
def test_a_text_in_the_picture_has_the_new_date(change: dict[str, Any], text: str) -> None:
    source = PIPE.encode(drawing(), to="jpg", set={"date": "2024-05-01T10:00:00"})
    drawn = PIPE.watermark_text("{date}", size="8").encode(source, to="png", **change)
    assert (pixels(drawn) == pixels(PIPE.watermark_text(text, size="8").encode(source, to="png"))).all()


def test_a_text_in_the_picture_has_the_new_fields() -> None:
    new = {"artist": "Ada", "copyright": "© {artist}"}
    drawn = PIPE.watermark_text("{copyright}", size="8").encode(drawing(), to="png", set=new)
    expected = PIPE.watermark_text("© Ada", size="8").encode(drawing(), to="png")
    assert (pixels(drawn) == pixels(expected)).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"shift_dates": "+1d"}, "2024-05-02_a.jpg"),
        ({"set": {"date": "2023-01-02"}}, "2023-01-02_a.jpg"),
        ({"set": {"date": ""}}, "2024-05-01_a.jpg"),  # removed from the metadata
    ],
)
def test_a_name_has_the_new_date(tmp_path: Path, change: dict[str, Any], name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(PIPE.encode(drawing(), to="jpg", set={"date": "2024-05-01T23:00:00"}))
    report = imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", name="{date}_{stem}", jobs=1, **change)
    assert [Path(file.path).name for file in report.items[0].outputs] == [name]


# ----- room ------------------------------------------------------------------------------------------


def full_exif() -> bytes:
    """A JPEG whose EXIF leaves 20 bytes of its segment."""
    exif = Image.Exif()
    exif[271] = "Maker"
    free = 65533 - 20 - len(exif.tobytes())
    exif.get_ifd(0x8769)[0x927C] = bytes(free - 34)
    return drawing("JPEG", exif=exif)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"set": {"gps": "48.1,16.2"}}, "EXIF"),
        ({"set": {"copyright": "a" * 70_000}}, "EXIF"),
        ({"set": {"copyright": "a" * 70_000}, "resize": 8}, "EXIF"),
        ({"gpx": TRACK, "set": {"date": "2024-05-01T10:00:00Z"}}, "EXIF"),
    ],
)
def test_fields_that_do_not_fit_into_a_jpeg_are_refused(settings: dict[str, Any], kind: str) -> None:
    with pytest.raises(imgpar.EncodeError, match=f"Its {kind} would have .* more than a JPEG holds"):
        PIPE.encode(full_exif(), **settings)


def test_a_file_whose_new_fields_do_not_fit_stays(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(full_exif())
    report = imgpar.convert(tmp_path / "a.jpg", in_place=True, set={"gps": "48.1,16.2"}, jobs=1)
    assert report.failed == 1
    assert (tmp_path / "a.jpg").read_bytes() == full_exif()


def test_iptc_that_does_not_fit_is_refused() -> None:
    words = ",".join(f"{number:064}" for number in range(1100))
    record = b"\x1c\x02\x78\0\x01A"
    block = b"Photoshop 3.0\0008BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    source = drawing("JPEG")
    source = source[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + source[2:]
    with pytest.raises(imgpar.EncodeError, match="Its IPTC would have"):
        PIPE.encode(source, set={"keywords": words})


@pytest.mark.parametrize("settings", [{}, {"resize": 16}])
def test_a_density_does_not_displace_exif(settings: dict[str, Any]) -> None:
    made = PIPE.encode(full_exif(), dpi=300, **settings)
    with Image.open(io.BytesIO(made)) as seen:
        assert seen.getexif()[271] == "Maker"
        assert seen.info["jfif_density"] == (300, 300)
