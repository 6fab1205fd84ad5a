"""`imgpar compare`: variants are those of `convert`, numbers those of other programs, the page shows both."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from page_tree import Element, read_page
from PIL import Image

import imgpar
from imgpar.batch.pages import compare_page, variants
from imgpar.batch.pages.comparing import ComparedPicture
from imgpar.cli import main
from imgpar.core.spec import Frame, Spec
from imgpar.testing import pattern, write_pictures


@pytest.fixture(scope="module")
def session() -> Any:
    with imgpar.Session(jobs=2) as made:
        yield made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pictures(tmp_path, ["a.png"], size=(160, 120))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path: Path) -> Element:
    return read_page(path.read_text("utf-8"))


def test_a_variant_is_what_convert_writes(here: Path, session: imgpar.Session) -> None:
    result = imgpar.compare("a.png", to="webp,jpg", quality=(50, 90), session=session)
    (picture,) = result.pictures
    sizes = {(one.format, one.quality): one.bytes for one in picture.variants}
    data = (here / "a.png").read_bytes()
    expected = {
        (name, quality): len(imgpar.Pipeline().encode(data, to=name, quality=quality))
        for name in ("webp", "jpeg")
        for quality in (50, 90)
    }
    assert sizes == expected
    assert list(sizes) == list(expected)


def test_operations_come_before_encoding(here: Path, session: imgpar.Session) -> None:
    result = imgpar.compare("a.png", to="webp", quality=70, resize="80", session=session)
    assert result.pictures[0].size == (80, 60)


def test_the_numbers_are_those_of_opencv(here: Path, session: imgpar.Session) -> None:
    result = imgpar.compare("a.png", to="jpg", quality=60, session=session)
    (variant,) = result.pictures[0].variants
    data = imgpar.Pipeline().encode((here / "a.png").read_bytes(), to="jpg", quality=60)
    decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert variant.psnr == pytest.approx(cv2.PSNR(pattern(160, 120), decoded), abs=0.05)
    assert 0.5 < variant.ssim < 1
    assert variant.ssimulacra2 < 100
    assert variant.seconds > 0


def test_more_quality_is_more_bytes_and_a_better_score(here: Path, session: imgpar.Session) -> None:
    result = imgpar.compare("a.png", to="webp", quality=[90, 30, 60], session=session)
    found = result.pictures[0].variants
    assert [one.quality for one in found] == [30, 60, 90]
    assert sorted(one.bytes for one in found) == [one.bytes for one in found]
    assert sorted(one.ssimulacra2 for one in found) == [one.ssimulacra2 for one in found]


def test_a_format_without_quality_has_one_variant(here: Path, session: imgpar.Session) -> None:
    result = imgpar.compare("a.png", session=session)
    (variant,) = result.pictures[0].variants
    assert (variant.format, variant.quality, variant.psnr) == ("png", None, float("inf"))
    assert variant.as_dict()["psnr"] is None


def test_what_cannot_be_read_is_said_and_the_others_are_compared(here: Path, session: imgpar.Session) -> None:
    (here / "bad.png").write_bytes(b"no picture")
    result = imgpar.compare(["bad.png", "a.png"], to="webp", quality=50, session=session)
    bad, good = result.pictures
    assert (result.exit_code, bad.variants, len(good.variants)) == (1, (), 1)
    assert "not of a known picture format" in bad.error


def test_colours_that_nobody_sees_do_not_count(here: Path, session: imgpar.Session) -> None:
    pixels = np.dstack([pattern(64, 48), np.zeros((48, 64), np.uint8)])
    pixels[10:30, 10:30, 3] = 255
    Image.fromarray(pixels, "RGBA").save(here / "glass.png")
    result = imgpar.compare("glass.png", to="webp", quality=90, session=session)
    assert result.pictures[0].variants[0].psnr > 35


def test_a_picture_that_cannot_be_decoded_is_tried_once(here: Path, session: imgpar.Session) -> None:
    (here / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    events = list[imgpar.Event]()
    imgpar.compare("bad.png", to="webp,jpg", session=session, on_event=events.append)
    assert [event.outcome.status for event in events if event.outcome] == ["failed"]


# ----- the page -----------------------------------------------------------------------------------------


def test_the_page_shows_the_original_and_every_variant(here: Path, session: imgpar.Session) -> None:
    imgpar.compare("a.png", "c.html", to="webp,jpg,tiff", quality=50, session=session)
    figures = read(here / "c.html").all("figure")
    assert [one.attributes["data-label"] for one in figures] == ["Original", "WebP 50", "JPEG 50", "TIFF"]
    original, webp, jpeg, tiff = [picture_of(one) for one in figures]
    assert np.array_equal(np.asarray(original), pattern(160, 120))
    assert np.array_equal(np.asarray(tiff), pattern(160, 120))
    assert (webp.format, jpeg.format, tiff.format) == ("WEBP", "JPEG", "WEBP")


def picture_of(figure: Element) -> Image.Image:
    data = figure.all("img")[0].attributes["src"].partition(",")[2]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    picture.load()
    return picture


def test_the_table_has_a_row_for_each_variant(here: Path, session: imgpar.Session) -> None:
    imgpar.compare("a.png", "c.html", to="webp", quality=(50, 80), session=session)
    (table,) = read(here / "c.html").all("table")
    body = table.all("tbody")[0].all("tr")
    assert [row.all("th")[0].text for row in body] == ["WebP 50", "WebP 80"]
    assert {len(row.all("td")) for row in body} == {7}


def test_the_slider_works_by_keyboard_and_needs_the_script(here: Path, session: imgpar.Session) -> None:
    imgpar.compare("a.png", "c.html", to="webp", quality=50, session=session)
    page = read(here / "c.html")
    (stage,) = page.all("div", class_="stage")
    (slider,) = stage.all("input")
    assert "hidden" in stage.attributes
    assert (slider.attributes["type"], bool(slider.attributes["aria-label"])) == ("range", True)
    assert "open" in page.all("details")[0].attributes


def test_of_a_large_picture_the_centre_is_shown() -> None:
    array = pattern(2000, 1300)
    part = variants.shown_part(Frame(Spec(2000, 1300, "RGB"), array))
    assert part.spec.size == (1200, 900)
    assert np.array_equal(part.array, array[200:1100, 400:1600])


def test_the_page_says_that_only_a_part_is_shown(tmp_path: Path) -> None:
    (tmp_path / "0").write_bytes(b"a picture")
    picture = ComparedPicture("/a.jpg", 1, "jpeg", (4000, 3000), shown=(1200, 900), file=str(tmp_path / "0"))
    assert "shown is the centre of 1200×900 pixels at full size" in "".join(
        compare_page.compare_page([picture])
    )


def test_what_does_not_fit_into_the_page_is_left_out(
    here: Path, session: imgpar.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_page, "MOST_BYTES", 2000)
    imgpar.compare("a.png", "c.html", to="webp", quality=(10, 99), session=session)
    page = read(here / "c.html")
    assert len(page.all("figure")) < 3
    assert "others are left out" in page.text


def test_names_are_text(here: Path, session: imgpar.Session) -> None:
    (here / "bad.png").write_bytes(b"")
    (here / "a.png").rename(here / "a&b'.png")
    imgpar.compare(["a&b'.png", "bad.png"], "c.html", to="webp", quality=50, session=session)
    page = read(here / "c.html")
    assert [one.text for one in page.all("h2")] == ["a&b'.png", "bad.png"]


# ----- the command --------------------------------------------------------------------------------------


def test_the_command_writes_the_page_and_prints_the_numbers(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "a.png", "--quality", "50,80", "--to", "webp", "-j", "1"]) == 0
    said = capsys.readouterr().out
    assert "WebP 50" in said
    assert f"Wrote {here / 'compare.html'}." in said
    assert (here / "compare.html").exists()


def test_json_has_a_line_for_each_picture_and_no_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a.png", "--to", "png,webp", "--quality", "50", "--json", "-j", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    picture = json.loads(line)
    assert [(one["format"], one["quality"]) for one in picture["variants"]] == [("png", None), ("webp", 50)]
    assert not (here / "compare.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No picture was given."),
        (["gone.png"], "'gone.png' does not exist"),
        (["a.png", "--quality", "60,101"], "Expected qualities from 1 to 100"),
        (["a.png", "--to", "mp4"], "Expected picture formats that can be written"),
        (["a.png", "-o", "c.pdf"], "is no name of a page"),
        (["a.png", "-o", "mine.html"], "mine.html already exists and is not a page of a comparison"),
        (["a.png", "--colour", "srgb"], "compare does not accept colour"),
        (["a.png", "--sizes", "3"], "--sizes"),
        (["a.png", "--quality", ",".join(map(str, range(1, 101))), "--to", "webp,jpg,avif,heic"], "too many"),
    ],
)
def test_a_mistake_is_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (here / "mine.html").write_text("mine", encoding="utf-8")
    assert main(["compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.replace("\nSee: ", " ").count("\n") == 1


def test_python_refuses_what_it_does_not_take(here: Path) -> None:
    with pytest.raises(imgpar.UsageError, match="compare does not accept strip"):
        imgpar.compare("a.png", strip="all")  # type: ignore[call-arg]
