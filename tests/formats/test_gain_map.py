"""Gain maps go with their picture from JPEG to JPEG; where they cannot, that is said."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from codec_pictures import LIMITS, saved
from conftest import make_photo
from PIL import Image, MpoImagePlugin

import imgpar
from imgpar import Pipeline
from imgpar.formats.codec import read_header
from imgpar.formats.jpeg import turbo

MAP = np.tile(np.linspace(0, 255, 24), (16, 1)).astype(np.uint8)
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
CONTAINER = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description rdf:about=""'
    ' xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/" dc:source="Sky"'
    ' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"><Container:Directory><rdf:Seq>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/>'
    '</rdf:li><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg"'
    ' Item:Length="%d"/></rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>'
)
ABOUT = {
    "ultra": f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description rdf:about=""'
    ' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" hdrgm:GainMapMax="2.5"/>'
    "</rdf:RDF></x:xmpmeta>",
    "apple": f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description rdf:about=""'
    ' xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/" HDRGainMap:HDRGainMapVersion="65536"/>'
    "</rdf:RDF></x:xmpmeta>",
    "iso": "",
}
ISO = b"urn:iso:std:iso:ts:21496:-1\0"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def after_head(data: bytes, *segments: bytes) -> bytes:
    """Segments put behind JFIF, which Pillow writes first."""
    at = 4 + int.from_bytes(data[4:6], "big")
    return data[:at] + b"".join(segments) + data[at:]


def two(first: bytes, second: bytes, kind: int = 0) -> bytes:
    """Both pictures with an index between them, in the byte order that imgpar does not write."""
    at = 4 + int.from_bytes(first[4:6], "big") + 4 + 4

    def index(total: int) -> bytes:
        entries = struct.pack(">IIIHH", 0x030000, total, 0, 0, 0)
        entries += struct.pack(">IIIHH", kind, len(second), total - at, 0, 0)
        head = b"MPF\0MM\0*" + struct.pack(">IH", 8, 3) + struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
        head += struct.pack(">HHII", 0xB001, 4, 1, 2) + struct.pack(">HHII", 0xB002, 7, 32, 50)
        return segment(0xE2, head + bytes(4) + entries)

    total = len(first) + len(index(at))
    return after_head(first, index(total)) + second


def hdr(kind: str = "ultra", orientation: int = 1) -> bytes:
    """A picture of 96 × 64 and its map of 24 × 16."""
    parts = [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + ABOUT[kind].encode())] if ABOUT[kind] else []
    parts += [segment(0xE2, ISO + b"\0\0\0\0the numbers")] if kind == "iso" else []
    light = after_head(saved(Image.fromarray(MAP), "JPEG", quality=95), *parts)
    exif = Image.Exif()
    exif[0x0112], exif[271] = orientation, "Maker"
    first = saved(Image.fromarray(make_photo()), "JPEG", quality=90, exif=exif)
    if kind == "ultra":
        packet = (CONTAINER % len(light)).encode()
        first = after_head(first, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    if kind == "iso":
        first = after_head(first, segment(0xE2, ISO + bytes(4)))
    return two(first, light)


def light_of(data: bytes) -> tuple[np.ndarray, bytes]:
    """Pixels and bytes of the second picture, as Pillow's reader of such files finds it."""
    with MpoImagePlugin.MpoImageFile(io.BytesIO(data)) as file:
        assert file.n_frames == 2
        assert file.mpinfo[0xB002][0]["Size"] + file.mpinfo[0xB002][1]["Size"] == len(data)
        start = file.mpinfo[0xB002][0]["Size"]
        file.seek(1)
        return np.asarray(file).astype(float), data[start:]


@pytest.mark.parametrize("kind", ["ultra", "apple", "iso"])
class TestEveryKind:
    def test_the_file_of_these_tests_is_what_it_claims_to_be(self, kind: str) -> None:
        pixels, _ = light_of(hdr(kind))
        assert np.abs(pixels - MAP).mean() < 2
        assert read_header(hdr(kind), "", LIMITS).lost == ()

    def test_it_is_kept_as_it_is_with_new_pixels_of_the_same_size(self, kind: str) -> None:
        before, after = hdr(kind), Pipeline().encode(hdr(kind), quality=70)
        assert light_of(after)[1] == light_of(before)[1]
        assert (ISO in after[: -len(light_of(after)[1])]) is (kind == "iso")

    def test_it_is_scaled_with_its_picture_and_keeps_what_it_says(self, kind: str) -> None:
        result = Pipeline().resize("48").encode(hdr(kind))
        pixels, data = light_of(result)
        assert pixels.shape == (8, 12)
        assert np.abs(pixels - MAP.reshape(8, 2, 12, 2).mean(axis=(1, 3))).mean() < 3
        assert ABOUT[kind].encode() in data
        assert (ISO + b"\0\0\0\0the numbers" in data) is (kind == "iso")

    def test_it_is_mirrored_and_turned_with_its_picture(self, kind: str) -> None:
        pixels, _ = light_of(Pipeline().flip("horizontal").rotate(90).encode(hdr(kind)))
        assert np.abs(pixels - np.rot90(MAP[:, ::-1], -1)).mean() < 3

    @pytest.mark.skipif(turbo.library() is None, reason="libturbojpeg is not installed")
    def test_a_turn_without_loss_takes_it_along(self, kind: str) -> None:
        result = Pipeline().encode(hdr(kind, orientation=6))
        pixels, _ = light_of(result)
        assert Image.open(io.BytesIO(result)).size == (64, 96)
        assert np.abs(pixels - np.rot90(MAP, -1)).mean() < 3

    @pytest.mark.parametrize("what", ["gps", "exif", "xmp", "all"])
    def test_stripping_leaves_it_and_new_pixels_as_well(self, kind: str, what: str) -> None:
        for settings in ({}, {"quality": 70}):
            result = Pipeline().encode(hdr(kind), strip=what, **settings)
            pixels, data = light_of(result)
            assert np.abs(pixels - MAP).mean() < 2
            assert ABOUT[kind].encode() in data
            assert (b"Maker" in result) is (what in ("gps", "xmp"))
            assert (b"Sky" in result) is (kind == "ultra" and what in ("gps", "exif"))


@pytest.mark.parametrize("strip", ["", "all"])
@pytest.mark.parametrize("settings", [{"quality": 70}, {"resize": "48"}, {}])
def test_xmp_tells_the_length_of_the_map(strip: str, settings: dict[str, object]) -> None:
    result = Pipeline(None).encode(hdr(), **settings, **({"strip": strip} if strip else {}))
    _, data = light_of(result)
    tree = ElementTree.fromstring(Image.open(io.BytesIO(result)).info["xmp"])
    item = "{http://ns.google.com/photos/1.0/container/item/}"
    said = [entry for entry in tree.iter() if item + "Semantic" in entry.attrib]
    assert [entry.get(item + "Semantic") for entry in said] == ["Primary", "GainMap"]
    assert said[1].get(item + "Length") == str(len(data))


@pytest.mark.parametrize(
    "change",
    [{"crop": "40x30"}, {"grey": True}, {"resize": "40x40", "fit": "cover"}, {"brightness": 20},
     {"resize": "40x40", "fit": "contain"}, {"rotate": 10}, {"colour": "p3"}, {"to": "webp"}, {"to": "png"}],
    ids=str,
)  # fmt: skip
def test_where_it_would_be_wrong_it_is_left_out_and_named(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "a.jpg").write_bytes(hdr())
    (line,) = imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", jobs=1, **change).items
    assert line.error == ""
    assert "gain map" in line.lost
    data = Path(line.outputs[0].path).read_bytes()
    assert b"hdrgm:" not in data
    assert b"Sky" in data


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_all_schedules_write_the_same(tmp_path: Path, schedule: str) -> None:
    (tmp_path / "a.jpg").write_bytes(hdr(orientation=8))
    imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", jobs=1, schedule=schedule, resize="30")
    assert (tmp_path / "out" / "a.jpg").read_bytes() == Pipeline().resize("30").encode(hdr(orientation=8))


def test_a_map_that_is_cut_off_is_named_and_no_longer_promised() -> None:
    header = read_header(hdr()[:-40], "", LIMITS)
    assert header.lost == ("gain map",)
    assert b"hdrgm:" not in header.metadata.xmp


@pytest.mark.parametrize("settings", [{"quality": 70}, {"strip": "gps"}])
def test_the_clip_of_a_motion_photo_is_named_and_no_longer_promised(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    xmp = '<x:xmpmeta><rdf:Description GCamera:MotionPhoto="1" dc:title="Sky"/></x:xmpmeta>'
    data = saved(Image.fromarray(make_photo()), "JPEG", xmp=xmp.encode()) + b"\0\0\0\x18ftypmp42 the clip"
    (tmp_path / "a.jpg").write_bytes(data)
    (line,) = imgpar.convert(tmp_path / "a.jpg", tmp_path / "out", jobs=1, **settings).items
    assert line.lost == ("motion clip",)
    assert b"MotionPhoto" not in Path(line.outputs[0].path).read_bytes()
    assert Pipeline().encode(data) == data


@pytest.mark.parametrize(("kind", "lost"), [(0x010001, ()), (0x020002, ("second picture",))])
def test_other_pictures_are_named_and_previews_are_mentioned(kind: int, lost: tuple[str, ...]) -> None:
    picture = saved(Image.fromarray(make_photo()), "JPEG")
    header = read_header(two(picture, saved(Image.fromarray(MAP), "JPEG"), kind), "", LIMITS)
    assert header.lost == lost
    assert bool(header.notes) is not bool(lost)


def test_that_of_an_avif_is_copied_or_named() -> None:
    """An item that joins two pictures (ISO 21496-1), in a file whose directory has room for it."""
    item = b"infe\2\0\0\0\0\3\0\0tmapGMap\0"
    item = (len(item) + 4).to_bytes(4, "big") + item
    data = saved(Image.new("RGB", (64, 48), "red"), "AVIF")
    at = data.index(b"meta") - 4
    free = (8 + len(item)).to_bytes(4, "big") + b"free" + item
    # Behind the last box, so that no offset of the picture changes; the search looks for the item alone.
    marked = data + free
    assert at > 0
    assert "gain map" in read_header(marked, "", LIMITS).lost
    assert Pipeline().encode(marked) == marked
    assert "gain map" not in read_header(data, "", LIMITS).lost
