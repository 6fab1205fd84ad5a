"""Contact sheets: layout, labels, title, pages, clips."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.batch.gather.items import ItemRemarks
from imgpar.batch.gather.options import Gathering, parse_labels
from imgpar.batch.gather.sheet_layout import plan_sheet
from imgpar.batch.gather.sheet_text import SheetText, label_of
from imgpar.cli import main
from imgpar.core.errors import LimitError, UsageError
from imgpar.core.job import Item
from imgpar.core.spec import Spec
from imgpar.pixels.page_sizes import parse_page_size

WHITE = (255, 255, 255, 255)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 0.png to 6.png of 20 · k + 40 grey, 32 × 24."""
    (tmp_path / "in").mkdir()
    for k in range(7):
        Image.new("RGB", (32, 24), (20 * k + 40,) * 3).save(tmp_path / "in" / f"{k}.png")
    return tmp_path / "in"


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def made(folder: Path, name: str, **settings: Any) -> Path:
    out = folder.parent / name
    report = imgpar.Pipeline().sheet(folder, out, jobs=1, tile="32x24", **settings)
    assert (report.ok, report.failed) == (7, 0), report.summary()
    return out


def pixels(path: Path, page: int = 0) -> np.ndarray:
    image = opened(path)
    image.seek(page)
    return np.asarray(image.convert("RGB"))[..., 0].astype(int)


# ----- layout -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "count", "target", "expected"),
    [
        ({}, 7, "png", (3, 3)),
        ({"columns": 5}, 7, "png", (5, 2)),
        ({"columns": 9}, 7, "png", (7, 1)),
        ({"rows": 2}, 7, "png", (4, 2)),
        ({"rows": 2, "columns": 3}, 7, "tiff", (3, 2)),
        ({"rows": 9, "columns": 3}, 7, "tiff", (3, 3)),
        ({}, 1, "png", (1, 1)),
        ({"rows": 5}, 100, "pdf", (4, 5)),
        ({"page_size": parse_page_size("fit"), "columns": 2}, 7, "pdf", (2, 4)),
    ],
)
def test_columns_and_rows(settings, count, target, expected):
    layout = plan_sheet(Gathering(kind="sheet", tile=(32, 32), **settings), count, target)
    assert (layout.columns, layout.rows) == expected


def test_a_sheet_has_the_size_of_its_tiles_gaps_and_margins():
    layout = plan_sheet(Gathering(kind="sheet", tile=(32, 24), gap=5, margin=7, columns=3), 7, "png")
    assert layout.size == (3 * 32 + 2 * 5 + 2 * 7, 3 * 24 + 2 * 5 + 2 * 7)
    assert [layout.corner(place) for place in (0, 2, 4)] == [(7, 7), (81, 7), (44, 36)]


def test_paper_is_filled_to_its_margins():
    gather = Gathering(kind="sheet", columns=5, page_size=parse_page_size("A4-landscape"), page_margin=72.0)
    layout = plan_sheet(gather, 3, "pdf")
    assert layout.size == (2339, 1654)  # 297 × 210 mm at 200 dots per inch
    left, right = layout.corner(0)[0], layout.corner(4)[0] + layout.tile[0]
    assert (left, layout.size[0] - right) == pytest.approx((200, 200), abs=3)


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(LimitError, match="7 pictures do not fit into 3 × 2"):
        plan_sheet(Gathering(kind="sheet", columns=3, rows=2), 7, "jpeg")
    with pytest.raises(LimitError, match="do not fit on a page"):
        plan_sheet(Gathering(kind="sheet", columns=400), 7, "pdf")


# ----- what is drawn ----------------------------------------------------------------------------------


def test_the_pictures_are_in_order_and_the_background_between_them(folder):
    sheet = pixels(made(folder, "s.png", columns=4, gap=6, margin=10, background="#ff0000"))
    assert sheet.shape == (24 * 2 + 6 + 20, 32 * 4 + 18 + 20)
    places = [sheet[10 + 30 * (k // 4) + 12, 10 + 38 * (k % 4) + 16] for k in range(7)]
    assert places == [20 * k + 40 for k in range(7)]
    assert (sheet[:10] == 255).all()
    assert (sheet[:, :10] == 255).all()


def test_a_label_is_drawn_below_its_picture(folder):
    plain, labelled = (
        pixels(made(folder, f"{name}.png", columns=7, label_size=10, labels=labels, title="x"))
        for name, labels in (("a", None), ("b", "{n}"))
    )
    below = labelled[-14 - 4 :, 4:36]
    assert below.shape[0] > 0
    assert below.min() < 100
    assert plain.shape[0] < labelled.shape[0] or (plain[-18:, 4:36] > 200).all()


def test_the_title_is_above_the_first_row(folder):
    with_title = pixels(made(folder, "t.png", columns=7, title="HHHH", label_size=10))
    without = pixels(made(folder, "u.png", columns=7))
    head = with_title.shape[0] - without.shape[0]
    assert head == 32
    assert (with_title[head:] == without).all()
    assert with_title[:head].min() < 100


def test_text_contrasts_with_the_background():
    for background, ink in (((0, 0, 0, 255), 255), (WHITE, 0)):
        canvas = np.full((20, 60, 3), background[0], np.uint8)
        SheetText("", background).draw(canvas, "HH", 14, (0, 0, 60, 20))
        assert (canvas == ink).any()


def test_long_text_is_shortened_and_stays_in_its_box():
    canvas = np.full((20, 200, 3), 255, np.uint8)
    SheetText("", WHITE).draw(canvas, "a very long name of a file.jpg", 12, (50, 0, 80, 20))
    columns = np.flatnonzero((canvas < 200).any(axis=(0, 2)))
    assert 50 <= columns.min() < columns.max() < 130
    assert columns.max() - columns.min() > 40


def test_a_letter_that_no_font_has_is_a_question_mark():
    text = SheetText("", WHITE)
    canvas, other = np.full((20, 60, 3), 255, np.uint8), np.full((20, 60, 3), 255, np.uint8)
    text.draw(canvas, "a\U000e0fff", 12, (0, 0, 60, 20))
    text.draw(other, "a?", 12, (0, 0, 60, 20))
    if text.missing:
        assert (canvas == other).all()


# ----- labels -----------------------------------------------------------------------------------------


def test_fields_of_a_label():
    item = Item("/p/IMG_1.jpg", "IMG_1.jpg", 2048, 0)
    facts = ItemRemarks(
        Spec(8, 8), (4000, 3000), (8, 8), format="jpeg", taken="2024-05-01T10:00:00", camera="Canon EOS R5"
    )
    labels = parse_labels("{n:03} {stem} {name} {width}x{height} {date:%Y} {camera} {bytes} {format}")
    assert label_of(labels, item, facts, 7) == "007 IMG_1 IMG_1.jpg 4000x3000 2024 Canon EOS R5 2048 jpeg"


def test_what_is_not_known_is_left_empty_or_has_its_fallback():
    item, facts = Item("/p/a.png", "a.png", 1, 0), ItemRemarks(Spec(8, 8), (8, 8), (8, 8))
    assert label_of(parse_labels("{stem}\\n{date|undated}{camera}"), item, facts, 1) == "a\nundated"


def test_dates_come_from_the_pictures(folder, tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2021:03:04 05:06:07"}
    Image.new("RGB", (32, 24)).save(folder / "0.jpg", exif=exif)
    for name, labels in (("d.png", "{date|}"), ("e.png", "2021-03-04")):
        imgpar.Pipeline().sheet(folder / "0.jpg", tmp_path / name, labels=labels, jobs=1, tile="100x80")
    assert (pixels(tmp_path / "d.png") == pixels(tmp_path / "e.png")).all()


# ----- pages ------------------------------------------------------------------------------------------


def test_a_tiff_has_as_many_pages_as_the_rows_ask_for(folder):
    path = made(folder, "s.tif", columns=3, rows=1)
    assert opened(path).n_frames == 3
    assert pixels(path, 2)[4 + 12, 4 + 16] == 160
    assert pixels(path, 2)[4 + 12, 4 + 36 + 16] == 255  # the last page has one picture


def test_a_pdf_has_pages_of_paper_and_properties(folder):
    pdfium = pytest.importorskip("pypdfium2")
    path = made(folder, "s.pdf", columns=2, rows=2, title="Überblick", author="Ada")
    document = pdfium.PdfDocument(path)
    assert len(document) == 2
    assert document[0].get_size() == pytest.approx((595.3, 841.9), abs=0.3)
    facts = document.get_metadata_dict()
    assert (facts["Title"], facts["Author"]) == ("Überblick", "Ada")
    document.close()


def test_a_clip_shows_one_of_its_frames(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for k in range(20):
        image = Image.new("RGB", (64, 48), (20, 200, 20))
        image.putpixel((k, 5), (255, 0, 0))
        image.save(frames / f"{k}.png")
    imgpar.Pipeline().assemble(frames, tmp_path / "in.mp4", jobs=1)
    report = imgpar.Pipeline().sheet(tmp_path / "in.mp4", tmp_path / "s.png", tile="64x48", jobs=1)
    assert report.ok == 1
    colour = np.asarray(opened(tmp_path / "s.png"))[28, 36].astype(int)
    assert np.abs(colour - [20, 200, 20]).max() < 12
    assert report.notes == ("of clips one frame is shown",)


# ----- bad calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("s.png", {"page_size": "A4"}, "page_size does not apply to PNG"),
        ("s.png", {"author": "A"}, "author does not apply to PNG"),
        ("s.pdf", {"margin": 4}, "page_margin is that of the page"),
        ("s.pdf", {"page_margin": "20cm"}, "leaves nothing of A4"),
        ("s.pdf", {"page_size": "A99"}, "a paper such as A4"),
        ("s.png", {"label_size": 9}, "is for text, but there is none"),
        ("s.png", {"labels": "{stam}"}, "Did you mean {stem}"),
        ("s.png", {"pages": "2-3"}, "one page of each input"),
        ("s.png", {"fps": 5}, "does not accept fps"),
        ("s.mp4", {}, "sheet does not write MPEG-4"),
    ],
)
def test_bad_calls_are_one_sentence(folder, tmp_path, name, settings, words):
    with pytest.raises(UsageError, match=words):
        imgpar.Pipeline().sheet(folder, tmp_path / name, **settings)
    assert not (tmp_path / name).exists()


def test_the_command_makes_the_same_sheet(folder, tmp_path):
    path = made(folder, "p.png", columns=3, labels="{stem}", gap=2)
    words = ["--columns", "3", "--tile", "32x24", "--labels", "{stem}", "--gap", "2", "-j", "1", "-q"]
    assert main(["sheet", str(folder), "-o", str(tmp_path / "c.png"), *words]) == 0
    assert (tmp_path / "c.png").read_bytes() == path.read_bytes()


def test_messages_of_the_command_name_its_flags(folder, capsys):
    assert main(["sheet", str(folder), "-o", "s.pdf", "--margin", "4"]) == 2
    assert "--page-margin is that of the page" in capsys.readouterr().err


def test_texts_of_a_row_have_one_baseline():
    lowest = set[int]()
    for text in ("xxx", "HHH", "xxxxp", "xxxxÅ", "…x"):
        canvas = np.full((60, 120, 3), 255, np.uint8)
        SheetText("", (255, 255, 255, 255)).draw(canvas, f"I\n{text}", 20, (0, 2, 120, 58))
        columns = canvas[30:, :, 0] < 128
        first = int(columns.any(0).argmax())
        lowest.add(30 + int(np.flatnonzero(columns[:, first : first + 5].any(1)).max()))
    assert len(lowest) == 1
