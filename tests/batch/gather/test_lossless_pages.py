"""Pages of a PDF that keep every pixel; PDFium is the independent reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, features

import imgpar
from imgpar.cli import main

pdfium = pytest.importorskip("pypdfium2")

NOISE = np.random.default_rng(7).integers(0, 256, (33, 45, 3), np.uint8)


def shown(path: Path, page: int = 0) -> Any:
    """The picture of a page as RGB, as PDFium decodes it."""
    document = pdfium.PdfDocument(path)
    (found,) = document[page].get_objects()
    image = found.get_bitmap().to_pil().convert("RGB")
    document.close()
    return np.asarray(image)


def made(tmp_path: Path, *images: Image.Image, suffixes=("png",), save=None, **settings: Any) -> Any:
    """The report of a PDF of pictures, which are saved with the suffixes in turn."""
    inputs = [tmp_path / f"{n}.{suffixes[n % len(suffixes)]}" for n in range(len(images))]
    for path, image in zip(inputs, images, strict=True):
        image.save(path, **(save or {}))
    report = imgpar.Pipeline().assemble(inputs, tmp_path / "o.pdf", jobs=1, on_exists="overwrite", **settings)
    assert report.exit_code == 0, report.items[0].error
    return report


def filters(path: Path) -> list[str]:
    known = ("DCTDecode", "FlateDecode", "CCITTFaxDecode")
    return [name for name in known if f"/Filter /{name}".encode() in path.read_bytes()]


def test_black_and_white_is_stored_as_group_4_with_every_pixel(tmp_path):
    drawn = list[Image.Image]()
    for width in (640, 645, 1):
        image = Image.new("1", (width, 400), 1)
        for step in range(12):
            ImageDraw.Draw(image).ellipse((10 + 40 * step, 10, 40 + 50 * step, 30 + 30 * step), None, 0)
        drawn += [image, image]
    made(tmp_path, *drawn, suffixes=("tif", "png"))
    for page, image in enumerate(drawn):
        assert (shown(tmp_path / "o.pdf", page) == np.asarray(image.convert("RGB"))).all()
    if features.check("libtiff"):
        assert "CCITTFaxDecode" in filters(tmp_path / "o.pdf")
        assert (tmp_path / "o.pdf").stat().st_size < 30_000


def test_a_halftone_is_not_enlarged_by_group_4(tmp_path):
    bits = NOISE[..., 0].repeat(4, 1).repeat(4, 0) > 127
    bits ^= np.random.default_rng(1).random(bits.shape) > 0.5
    made(tmp_path, Image.fromarray(bits))
    assert filters(tmp_path / "o.pdf") == ["FlateDecode"]
    assert (shown(tmp_path / "o.pdf")[..., 0] == bits * 255).all()


def test_a_palette_stays_one(tmp_path):
    drawn = [Image.fromarray(NOISE).quantize(colours) for colours in (2, 4, 13, 200)]
    made(tmp_path, *drawn)
    assert (tmp_path / "o.pdf").read_bytes().count(b"/Indexed") == 4
    for page, image in enumerate(drawn):
        assert (shown(tmp_path / "o.pdf", page) == np.asarray(image.convert("RGB"))).all()


def test_what_was_stored_without_loss_stays_so(tmp_path):
    colour = Image.fromarray(NOISE)
    drawn = [*[colour] * 3, *[colour.convert("L")] * 3]
    made(tmp_path, *drawn, suffixes=("png", "tif", "bmp"))
    for page, image in enumerate(drawn):
        assert (shown(tmp_path / "o.pdf", page) == np.asarray(image.convert("RGB"))).all()


def test_a_jpeg_in_a_tiff_becomes_a_jpeg(tmp_path):
    made(tmp_path, Image.fromarray(NOISE), suffixes=("tif",), save={"compression": "jpeg"})
    assert filters(tmp_path / "o.pdf") == ["DCTDecode"]


@pytest.mark.parametrize("settings", [{"quality": 80}, {"subsampling": "420"}])
def test_settings_of_jpeg_make_one(tmp_path, settings):
    made(tmp_path, Image.fromarray(NOISE), **settings)
    assert filters(tmp_path / "o.pdf") == ["DCTDecode"]


def test_a_resized_picture_is_a_jpeg_unless_lossless_is_asked_for(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    pipe = imgpar.Pipeline().resize(20)
    for name, settings in (("o", {}), ("p", {"lossless": True})):
        pipe.assemble(tmp_path / "a.png", tmp_path / f"{name}.pdf", jobs=1, **settings)
    pipe.run(tmp_path / "a.png", tmp_path / "b.png", jobs=1)
    assert filters(tmp_path / "o.pdf") == ["DCTDecode"]
    assert (shown(tmp_path / "p.pdf") == np.asarray(Image.open(tmp_path / "b.png"))).all()


def test_bilevel_makes_a_lossless_page_of_a_jpeg(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "a.jpg")
    imgpar.Pipeline().bilevel(128).assemble(tmp_path / "a.jpg", tmp_path / "o.pdf", jobs=1)
    assert set(np.unique(shown(tmp_path / "o.pdf"))) == {0, 255}


def test_transparent_pixels_get_the_background_and_are_reported(tmp_path):
    image = Image.fromarray(NOISE).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    report = made(tmp_path, image, background="red")
    assert (shown(tmp_path / "o.pdf") == (255, 0, 0)).all()
    assert report.items[0].lost == ("alpha",)
    grey = Image.merge("LA", [image.convert("L"), Image.new("L", image.size, 0)])
    made(tmp_path, grey, background="red")
    assert (shown(tmp_path / "o.pdf") == (255, 0, 0)).all()


def test_16_bits_become_8_and_are_reported(tmp_path):
    deep = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100)
    report = made(tmp_path, deep, lossless=True)
    assert filters(tmp_path / "o.pdf") == ["FlateDecode"]
    assert report.items[0].lost == ("depth",)


def test_a_page_turned_upright_is_exact(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    made(tmp_path, Image.fromarray(NOISE), save={"exif": exif})
    assert (shown(tmp_path / "o.pdf") == np.rot90(NOISE, -1)).all()


@pytest.mark.parametrize("command", ["convert", "assemble", "sheet"])
def test_every_command_takes_lossless(tmp_path, command):
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    words = [command, str(tmp_path / "a.png"), "-o", str(tmp_path / "o.pdf"), "--lossless", "-j1", "-q"]
    assert main(words) == 0
    assert filters(tmp_path / "o.pdf") == ["FlateDecode"]


def test_an_upright_jpeg_is_taken_over_with_lossless(tmp_path):
    made(tmp_path, Image.fromarray(NOISE), suffixes=("jpg",), lossless=True)
    assert (tmp_path / "0.jpg").read_bytes() in (tmp_path / "o.pdf").read_bytes()


def test_other_workers_read_pages_too(tmp_path):
    arrays = [np.roll(NOISE, shift, 1) for shift in range(5)]
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(tmp_path / f"{number}.png")
    imgpar.Pipeline().assemble([tmp_path / f"{n}.png" for n in range(5)], tmp_path / "o.pdf", jobs=2)
    assert all((shown(tmp_path / "o.pdf", n) == array).all() for n, array in enumerate(arrays))
