"""PDF, TIFF and icons of pictures: pages, sizes, properties, and what a bad input does to them."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

import imgpar
from imgpar.cli import main
from imgpar.core.errors import UsageError


def picture(path: Path, size: tuple[int, int] = (40, 30), colour: object = (200, 30, 30), **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def scan(path: Path, *values: int) -> Path:
    """A TIFF with a grey page for each value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = [Image.new("L", (20, 10 + value), value) for value in values]
    first.save(path, save_all=True, append_images=rest)
    return path


def frames(path: Path) -> list[Image.Image]:
    image, found = opened(path), []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(image.copy())
    return found


def tags(path: Path, tag: int) -> list[object]:
    image, found = opened(path), []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(image.tag_v2.get(tag))
    return found


# ----- TIFF -------------------------------------------------------------------------------------------


def test_every_picture_becomes_a_page_with_its_size_and_depth(tmp_path):
    picture(tmp_path / "in/a.png")
    deep = np.random.default_rng(1).integers(0, 65536, (12, 16, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "in/b.png"), deep)
    Image.new("1", (64, 32), 1).save(tmp_path / "in/c.tif", compression="group4")
    report = imgpar.Pipeline().assemble(tmp_path / "in", tmp_path / "all.tif", jobs=2)
    assert (report.ok, report.items[0].lost) == (3, ())
    ok, pages = cv2.imreadmulti(str(tmp_path / "all.tif"), flags=cv2.IMREAD_UNCHANGED)
    assert ok
    assert [page.shape[:2] for page in pages[:2]] == [(30, 40), (12, 16)]
    assert pages[1].dtype == np.uint16
    assert (pages[1] == deep).all()
    assert tags(tmp_path / "all.tif", 259)[2] == 4  # group 4 stays


def test_a_page_keeps_its_profile_and_its_camera(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F], exif[0x8769] = "Maker", {0x9003: "2021:03:04 05:06:07"}
    picture(tmp_path / "in/a.jpg", exif=exif)
    picture(tmp_path / "in/b.jpg", exif=exif, icc_profile=srgb)
    imgpar.Pipeline().assemble(tmp_path / "in", tmp_path / "all.tif", jobs=1)
    assert tags(tmp_path / "all.tif", 271) == ["Maker", "Maker"]
    assert tags(tmp_path / "all.tif", 34675) == [None, srgb]
    image = opened(tmp_path / "all.tif")
    image.seek(1)
    assert image.getexif().get_ifd(0x8769)[0x9003] == "2021:03:04 05:06:07"


def test_pages_of_another_byte_order_are_turned(tmp_path):
    little = np.random.default_rng(2).integers(0, 65536, (9, 7, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "b.png"), little)
    exif = Image.Exif()
    exif.endian, exif[0x010F] = ">", "Big"
    data = bytearray((tmp_path / "b.png").read_bytes())
    block = exif.tobytes()[6:]
    chunk = b"eXIf" + block
    import zlib

    at = data.index(b"IDAT") - 4
    data[at:at] = len(block).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "c.png").write_bytes(data)
    inputs = [tmp_path / "b.png", tmp_path / "c.png"]
    imgpar.Pipeline().assemble(inputs, tmp_path / "all.tif", jobs=1)
    _, pages = cv2.imreadmulti(str(tmp_path / "all.tif"), flags=cv2.IMREAD_UNCHANGED)
    assert all((page == little).all() for page in pages)
    assert tags(tmp_path / "all.tif", 271) == [None, "Big"]


# ----- pages of the inputs ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["all.tif", "all.pdf"])
def test_all_pages_of_a_document_are_taken_in_order(tmp_path, name):
    pdfium = pytest.importorskip("pypdfium2")
    inputs = [
        scan(tmp_path / "a.tif", 10, 20),
        scan(tmp_path / "b.tif", 30),
        scan(tmp_path / "c.tif", 40, 50, 60),
    ]
    report = imgpar.Pipeline().assemble(inputs, tmp_path / name, jobs=2)
    assert report.ok == 3
    if name == "all.tif":
        assert [page.height - 10 for page in frames(tmp_path / name)] == [10, 20, 30, 40, 50, 60]
        return
    document = pdfium.PdfDocument(tmp_path / name)
    heights = [page.get_size()[1] for page in document]
    assert heights == pytest.approx([(10 + value) * 72 / 150 for value in (10, 20, 30, 40, 50, 60)], abs=0.01)
    document.close()


def test_pages_choose_and_an_input_without_them_is_skipped(tmp_path):
    inputs = [scan(tmp_path / "a.tif", 10, 20, 30), scan(tmp_path / "b.tif", 40)]
    report = imgpar.Pipeline().assemble(inputs, tmp_path / "all.tif", pages="2-", jobs=1)
    assert [page.height - 10 for page in frames(tmp_path / "all.tif")] == [20, 30]
    assert [(item.status, item.reason) for item in report.items] == [("ok", ""), ("skipped", "pages")]
    assert report.items[1].outputs == ()


def test_of_an_animation_the_first_frame_is_taken_and_a_note_says_so(tmp_path):
    stills = [Image.new("RGB", (16, 16), (value, 0, 0)) for value in (50, 150)]
    stills[0].save(tmp_path / "a.gif", save_all=True, append_images=stills[1:], duration=90)
    report = imgpar.Pipeline().assemble(tmp_path / "a.gif", tmp_path / "one.tif", jobs=1)
    assert opened(tmp_path / "one.tif").n_frames == 1
    assert ["animations the first frame" in note for note in report.notes] == [True]
    report = imgpar.Pipeline().assemble(tmp_path / "a.gif", tmp_path / "all.tif", pages="1-", jobs=1)
    assert [page.convert("RGB").getpixel((0, 0))[0] for page in frames(tmp_path / "all.tif")] == [50, 150]
    assert report.notes == ()


def test_a_clip_of_a_document_has_a_frame_for_each_page(tmp_path):
    stills = [Image.new("RGB", (32, 32), (value, 0, 0)) for value in (0, 120, 240)]
    stills[0].save(tmp_path / "a.tif", save_all=True, append_images=stills[1:])
    imgpar.Pipeline().assemble(tmp_path / "a.tif", tmp_path / "a.gif", jobs=1)
    assert opened(tmp_path / "a.gif").n_frames == 3


# ----- PDF --------------------------------------------------------------------------------------------


def pages(path: Path) -> list[tuple[float, float]]:
    pdfium = pytest.importorskip("pypdfium2")
    document = pdfium.PdfDocument(path)
    found = [page.get_size() for page in document]
    document.close()
    return found


def test_paper_is_turned_to_the_picture(tmp_path):
    inputs = [picture(tmp_path / "a.jpg", (40, 30)), picture(tmp_path / "b.jpg", (30, 40))]
    imgpar.Pipeline().assemble(inputs, tmp_path / "o.pdf", page_size="A4", jobs=1)
    assert pages(tmp_path / "o.pdf") == [
        pytest.approx((841.9, 595.3), abs=0.1),
        pytest.approx((595.3, 841.9), abs=0.1),
    ]
    imgpar.Pipeline().assemble(inputs, tmp_path / "p.pdf", page_size="10x15cm-portrait", jobs=1)
    assert pages(tmp_path / "p.pdf") == [pytest.approx((283.46, 425.2), abs=0.1)] * 2


def test_the_margin_stays_white_and_the_picture_fills_the_rest(tmp_path):
    pdfium = pytest.importorskip("pypdfium2")
    source = picture(tmp_path / "a.png", (100, 100))
    imgpar.Pipeline().assemble(source, tmp_path / "o.pdf", page_size="10x10in", page_margin="2in", jobs=1)
    drawn = pdfium.PdfDocument(tmp_path / "o.pdf")[0].render(scale=0.5).to_numpy()[..., 1]
    assert drawn.shape == (360, 360)
    assert (drawn[:71] == 255).all()
    assert (drawn[:, 289:] == 255).all()
    assert (drawn[74:286, 74:286] < 60).all()


def test_a_jpeg_is_embedded_as_it_is_on_any_page(tmp_path):
    source = picture(tmp_path / "a.jpg", (64, 48), quality=91)
    imgpar.Pipeline().assemble(source, tmp_path / "o.pdf", page_size="A5", page_margin="1cm", jobs=1)
    assert source.read_bytes() in (tmp_path / "o.pdf").read_bytes()


def test_properties_are_those_that_were_given(tmp_path):
    pdfium = pytest.importorskip("pypdfium2")
    given = {"title": "Scans (1) — 扫描", "author": "Ada", "subject": "S", "keywords": "a, b"}
    imgpar.Pipeline().assemble(picture(tmp_path / "a.jpg"), tmp_path / "o.pdf", jobs=1, **given)
    facts = pdfium.PdfDocument(tmp_path / "o.pdf").get_metadata_dict()
    assert {key: facts[key.title()] for key in given} == given


def test_equal_inputs_give_equal_bytes(tmp_path):
    source = picture(tmp_path / "a.jpg")
    for name in ("o.pdf", "p.pdf"):
        imgpar.Pipeline().assemble(source, tmp_path / name, title="T", jobs=1)
    assert (tmp_path / "o.pdf").read_bytes() == (tmp_path / "p.pdf").read_bytes()


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("o.tif", {"page_size": "A4"}, "page_size does not apply to TIFF"),
        ("o.tif", {"title": "x"}, "title does not apply to TIFF"),
        ("o.pdf", {"mixed": "crop"}, "mixed does not apply to PDF"),
        ("o.pdf", {"fps": 5}, "fps does not apply to PDF"),
        ("o.tif", {"loop": 1}, "loop does not apply to TIFF"),
        ("o.webm", {"codec": "prores"}, "WebM holds no prores"),
        ("o.ico", {"lossless": True}, "lossless does not apply"),
    ],
)
def test_settings_without_effect_are_refused(tmp_path, name, settings, words):
    with pytest.raises(UsageError, match=words):
        imgpar.Pipeline().assemble(picture(tmp_path / "a.jpg"), tmp_path / name, **settings)


def test_convert_makes_the_same_document(tmp_path):
    pytest.importorskip("pypdfium2")
    picture(tmp_path / "in/a.jpg")
    picture(tmp_path / "in/b.jpg", (30, 40))
    imgpar.Pipeline().assemble(tmp_path / "in", tmp_path / "a.pdf", jobs=1)
    imgpar.convert(tmp_path / "in", tmp_path / "b.pdf", jobs=1)
    assert main(["convert", str(tmp_path / "in"), "-o", str(tmp_path / "c.pdf"), "-j1", "-q"]) == 0
    first, second, third = ((tmp_path / f"{name}.pdf").read_bytes() for name in "abc")
    assert first == second == third


def test_convert_refuses_what_a_document_does_not_have(tmp_path, capsys):
    picture(tmp_path / "in/a.jpg")
    for words in (["--verify"], ["--explain"], ["--to", "webp"], ["--strip", "gps"]):
        assert main(["convert", str(tmp_path / "in"), "-o", str(tmp_path / "c.pdf"), *words]) == 2
        assert words[0] in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "in"), "-o", "c.pdf", "--page-size", "A4"]) == 2
    assert "imgpar assemble does." in capsys.readouterr().err


# ----- icons ------------------------------------------------------------------------------------------


def test_each_picture_is_one_size_of_an_icon(tmp_path):
    inputs = [picture(tmp_path / f"{side}.png", (side, side), (side, 0, 0)) for side in (48, 16, 256)]
    imgpar.Pipeline().assemble(inputs, tmp_path / "o.ico", jobs=1)
    icon = opened(tmp_path / "o.ico")
    assert icon.info["sizes"] == {(16, 16), (48, 48), (256, 256)}
    for side in (16, 48):
        icon = opened(tmp_path / "o.ico")
        icon.size = (side, side)
        assert icon.convert("RGBA").getpixel((3, 3)) == (side, 0, 0, 255)


@pytest.mark.parametrize(
    ("sides", "words"), [((16, 300), "icons are up to 256"), ((16, 16), "Two pictures are 16×16")]
)
def test_a_picture_that_is_no_icon_fails(tmp_path, sides, words):
    inputs = [picture(tmp_path / f"{n}.png", (side, side)) for n, side in enumerate(sides)]
    report = imgpar.Pipeline().assemble(inputs, tmp_path / "o.ico", jobs=1)
    assert report.items[1].status == "failed"
    assert words in report.items[1].error
    assert not (tmp_path / "o.ico").exists()


# ----- bad inputs -------------------------------------------------------------------------------------


def test_where_no_input_can_be_read_each_has_its_reason(tmp_path):
    for name, data in (("a.png", b"\x89PNG\r\n\x1a\n"), ("b.jpg", b"nothing")):
        (tmp_path / name).write_bytes(data)
    inputs = [tmp_path / "a.png", tmp_path / "b.jpg"]
    alone = imgpar.Pipeline().sheet(inputs[1], tmp_path / "o.png", accept_damaged=True, jobs=1)
    assert "JPEG" in alone.items[0].error
    for out in ("o.gif", "o.png", "o.tif", "o.ico"):
        report = imgpar.Pipeline().assemble(inputs, tmp_path / out, accept_damaged=True, jobs=1)
        assert [item.status for item in report.items] == ["failed", "failed"], out
        assert "PNG" in report.items[0].error
        assert "JPEG" in report.items[1].error
        assert not (tmp_path / out).exists()


def test_notes_and_bytes_of_the_file_are_told_once(tmp_path):
    (tmp_path / "0.png").write_bytes(b"nothing")
    inputs = [tmp_path / "0.png", picture(tmp_path / "1.png"), picture(tmp_path / "2.png", (20, 20))]
    report = imgpar.Pipeline().assemble(inputs, tmp_path / "o.gif", accept_damaged=True, jobs=1)
    assert [len(item.notes) for item in report.items] == [0, 0, 0]
    assert report.notes == ("1 of 2 pictures have another size than the first one and were padded",)
    assert report.bytes_out == (tmp_path / "o.gif").stat().st_size


def test_rename_is_told_with_the_new_name(tmp_path):
    source = picture(tmp_path / "a.png")
    (tmp_path / "o.tif").write_bytes(b"mine")
    report = imgpar.Pipeline().assemble(source, tmp_path / "o.tif", on_exists="rename", jobs=1)
    assert f"{tmp_path / 'o-1.tif'}." in report.summary()


def test_a_single_file_is_verified(tmp_path):
    inputs = [picture(tmp_path / "a.png"), picture(tmp_path / "b.png")]
    imgpar.Pipeline().assemble(inputs, tmp_path / "o.tif", jobs=1)
    assert (imgpar.verify(tmp_path / "o.tif").ok, imgpar.verify(tmp_path / "o.tif").total) == (1, 1)
    opened(tmp_path / "o.tif").save(tmp_path / "o.tif")
    assert imgpar.verify(tmp_path / "o.tif").failed == 1
    with pytest.raises(UsageError, match="is one file"):
        imgpar.retry(tmp_path / "o.tif")
    with pytest.raises(UsageError, match="not the output of a run"):
        imgpar.verify(tmp_path / "a.png")
