"""Motion photos: the clip is found, written as it is, and named where it is lost."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.cli import main
from imgpar.core.limits import Limits
from imgpar.formats.codec import read_header

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description {attributes}>'
    "<Container:Directory><rdf:Seq>"
    '<rdf:li><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto"'
    ' Item:Length="{length}" Item:Padding="0"/></rdf:li>'
    "</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> bytes:
    """The bytes of a clip of 12 frames."""
    return make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", frames=12).read_bytes()


def jpeg(xmp: str = "") -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(sink, "JPEG", xmp=xmp.encode())
    return sink.getvalue()


def google(clip: bytes) -> bytes:
    xmp = XMP.format(attributes='GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"', length=len(clip))
    return jpeg(xmp) + clip


def micro_video(clip: bytes) -> bytes:
    """As Google's cameras wrote it before 2020."""
    attributes = f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(clip)}"'
    return jpeg(f"<x:xmpmeta><rdf:Description {attributes}/></x:xmpmeta>") + clip


def samsung(clip: bytes) -> bytes:
    """No XMP; a trailer lists what lies behind the picture."""
    name = b"MotionPhoto_Data"
    block = struct.pack("<HHI", 0, 0x0A30, len(name)) + name + clip
    other = struct.pack("<HHI", 0, 0x0A01, 4) + b"Time" + b"1234567890123"
    entries = struct.pack("<HHII", 0, 0x0A30, len(block) + len(other), len(block))
    entries += struct.pack("<HHII", 0, 0x0A01, len(other), len(other))
    directory = b"SEFH" + struct.pack("<II", 107, 2) + entries
    return jpeg() + block + other + directory + struct.pack("<I", len(directory)) + b"SEFT"


MAKERS = [google, micro_video, samsung]


@pytest.mark.parametrize("maker", MAKERS)
def test_the_clip_is_written_byte_by_byte(tmp_path, clip, maker):
    (tmp_path / "PXL_1.MP.jpg").write_bytes(maker(clip))
    assert main(["frames", str(tmp_path / "PXL_1.MP.jpg"), "-o", str(tmp_path / "o"), "--motion"]) == 0
    assert (tmp_path / "o" / "PXL_1.MP.mp4").read_bytes() == clip


@pytest.mark.parametrize("maker", MAKERS)
def test_pictures_come_out_of_it_as_out_of_any_clip(tmp_path, clip, maker):
    (tmp_path / "p.jpg").write_bytes(maker(clip))
    assert main(["frames", str(tmp_path / "p.jpg"), "-o", str(tmp_path / "o"), "--every", "5"]) == 0
    names = sorted(path.name for path in (tmp_path / "o").glob("*.jpg"))
    assert names == [f"p-{k:06}.jpg" for k in (0, 5, 10)]


@pytest.mark.parametrize("maker", MAKERS)
def test_a_conversion_names_the_clip_that_it_loses(tmp_path, clip, maker):
    (tmp_path / "p.jpg").write_bytes(maker(clip))
    report = imgpar.convert(tmp_path / "p.jpg", tmp_path / "o.webp", jobs=1)
    assert "motion clip" in report.items[0].lost


def test_of_a_folder_only_motion_photos_are_split(tmp_path, clip, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(samsung(clip))
    (tmp_path / "in" / "b.jpg").write_bytes(jpeg())
    (tmp_path / "in" / "c.mp4").write_bytes(clip)
    assert main(["frames", str(tmp_path / "in"), "-o", str(tmp_path / "o"), "--motion"]) == 0
    assert [path.name for path in (tmp_path / "o").glob("*.mp4")] == ["a.mp4"]
    assert "1 ok, 1 skipped (1 without a clip)" in capsys.readouterr().out


def test_a_clip_that_is_cut_off_is_not_called_whole(tmp_path, clip, capsys):
    (tmp_path / "p.jpg").write_bytes(google(clip)[:-200])
    assert main(["frames", str(tmp_path / "p.jpg"), "-o", str(tmp_path / "o"), "--motion"]) == 1
    assert "cut off" in capsys.readouterr().err
    assert not list((tmp_path / "o").glob("*.mp4"))


@pytest.mark.parametrize("cut", [4, 8, 20, 40, 60])
def test_a_broken_trailer_is_no_clip(clip, cut):
    data = samsung(clip)
    data = data[: -8 - cut] + struct.pack("<I", cut * 7919) + b"SEFT"
    assert "motion clip" not in read_header(data, "p.jpg", Limits()).lost


def test_a_photo_without_a_clip_has_none(tmp_path, capsys):
    (tmp_path / "p.jpg").write_bytes(jpeg())
    assert main(["frames", str(tmp_path / "p.jpg"), "-o", str(tmp_path / "o"), "--every", "5"]) == 1
    assert "It is a picture (JPEG), not a clip" in capsys.readouterr().err


def test_the_box_of_a_heic_is_found(clip):
    from imgpar.formats.jpeg.motion_photo import find_clip

    box = struct.pack(">I4s", 8 + len(clip), b"mpvd") + clip
    data = struct.pack(">I4s4sI", 16, b"ftyp", b"heic", 0) + struct.pack(">I4s", 12, b"meta") + b"1234" + box
    found = find_clip(data, b"")
    assert found is not None
    assert bytes(found) == clip


def test_a_heic_names_the_clip_that_it_loses(tmp_path, clip):
    pillow_heif = pytest.importorskip("pillow_heif")
    sink = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "red")).save(sink)
    (tmp_path / "p.heic").write_bytes(sink.getvalue() + struct.pack(">I4s", 8 + len(clip), b"mpvd") + clip)
    report = imgpar.convert(tmp_path / "p.heic", tmp_path / "o.webp", jobs=1)
    assert report.items[0].lost == ("motion clip",)
    assert main(["frames", str(tmp_path / "p.heic"), "-o", str(tmp_path), "--motion"]) == 0
    assert (tmp_path / "p.mp4").read_bytes() == clip
