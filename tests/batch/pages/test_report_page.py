"""The report for people: one page that loads nothing, in which every input has a row."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from page_tree import Element, read_page
from PIL import Image
from video_clips import make_clip

import imgpar
from imgpar.batch.pages import report_page
from imgpar.batch.report import Report, Tally
from imgpar.cli import main
from imgpar.core.job import Outcome, OutputFile
from imgpar.testing import write_pictures

OK = Outcome("/in/a.jpg", "ok", (OutputFile("/out/a.webp", 250, 8, 6),), source_bytes=1000, seconds=0.5)
LOST = OK._replace(source="/in/b.jpg", lost=("gps",), notes=("a remark",))
BAD = Outcome("/in/bad.jpg", "failed", error="It is damaged.", stage="decode", kind="DamagedError")
OLD = Outcome("/in/old.jpg", "skipped", reason="unchanged", source_bytes=1000)
LARGEST_ROW = 800
"""Bytes of a row without thumbnails."""


def report(*outcomes: Outcome, **facts: Any) -> Report:
    tally = Tally()
    for outcome in outcomes:
        tally.add(outcome)
    return tally.report(outcomes, **{"out": "/out", **facts})


def text_of(made: Report) -> str:
    return "".join(report_page.report_page(made, "/out/report.html", None))


def page_of(*outcomes: Outcome, **facts: Any) -> Element:
    return read_page(text_of(report(*outcomes, **facts)))


def rows(page: Element) -> list[Element]:
    return page.all("li", class_="row")


def test_every_input_has_a_row_failures_first_then_losses() -> None:
    page = page_of(OK, OLD, LOST, BAD)
    assert [row.all("span", class_="state")[0].text for row in rows(page)] == [
        "failed",
        "ok",
        "ok",
        "skipped",
    ]
    titles = [section.all("h2")[0].text for section in page.all("section")]
    assert [row.all("div", class_="title")[0].text for row in rows(page)] == [
        "bad.jpg", "b.jpg", "a.jpg", "old.jpg",
    ]  # fmt: skip
    assert titles == ["Failed (1)", "Converted, with losses (1)", "Converted (1)", "Skipped (1)"]


def test_the_numbers_come_first() -> None:
    page = page_of(OK, LOST, BAD)
    sums = {one.all("dt")[0].text: one.all("dd")[0].text for one in page.all("dl")[0].all("div")}
    assert sums == {
        "Inputs": "3", "Converted": "2", "Skipped": "0", "Failed": "1", "Before": "2.0 kB",
        "After": "500 bytes", "Saved": "1.5 kB · 75%", "Time": "0.0 s",
    }  # fmt: skip


def test_a_row_has_sizes_losses_and_remarks() -> None:
    (row,) = rows(page_of(LOST))
    for words in ("8×6 · 250 bytes", "lost: gps", "a remark", "1.0 kB → 250 bytes", "−75%", "0.50 s"):
        assert words in row.text


def test_what_is_saved_is_not_said_of_several_outputs() -> None:
    both = (*OK.outputs, OutputFile("/out/a.avif", 200, 8, 6))
    page = page_of(OK._replace(outputs=both))
    assert "Saved" not in page.text
    assert "2 files, 450 bytes" in rows(page)[0].text


def test_a_failure_says_why_and_where() -> None:
    (row,) = rows(page_of(BAD._replace(traceback="line <1>\nline 2")))
    assert row.all("p", class_="error")[0].text == "It is damaged."
    assert "failed in stage decode (DamagedError)" in row.all("details")[0].text
    assert "line <1>\nline 2" in row.all("details")[0].text


def test_links_lead_from_the_page_to_the_files() -> None:
    odd = OK._replace(source="/in/a b#1.jpg")
    links = [link.attributes["href"] for link in rows(page_of(odd))[0].all("a")]
    assert links == ["../in/a%20b%231.jpg", "a.webp"]


def test_items_without_a_path_have_no_link() -> None:
    (row,) = rows(page_of(BAD._replace(source="memory://inputs/a.jpg")))
    assert row.all("a") == []
    assert "a.jpg" in row.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"' onload=x", "&lt;", "\u202egpj.exe", "caf\udce9", "a\nb"]
)
def test_names_and_messages_are_text(name: str) -> None:
    outcome = BAD._replace(source=f"/in/{name}", error=name, traceback=name)
    text = text_of(report(outcome, OK._replace(lost=(name,), notes=(name,)), notes=(name,), out=name))
    page = read_page(text)
    assert len(page.all("script")) == 1
    assert all("onload" not in element.attributes for element in page)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\udc80-\udcff]", text)
    text.encode()


def test_names_have_a_direction_of_their_own() -> None:
    (row,) = rows(page_of(OK._replace(source="/in/עברית (1).jpg")))
    assert [one.text for one in row.all("bdi")] == ["עברית (1).jpg", "/in", "a.webp"]


def test_the_page_loads_nothing_and_runs_only_its_script() -> None:
    page = page_of(OK, BAD)
    policy = page.all("meta", http_equiv="Content-Security-Policy")[0].attributes["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = [
        base64.b64encode(hashlib.sha256(page.all(tag)[0].text.encode()).digest()).decode()
        for tag in ("script", "style")
    ]
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert (rules["script-src"], rules["style-src"]) == (f"'sha256-{digests[0]}'", f"'sha256-{digests[1]}'")
    assert [one for one in page if one.attributes.get("src", "data:")[:5] != "data:"] == []
    assert page.all("link") == []
    assert [one for one in page if "style" in one.attributes] == []


def test_filters_are_shown_by_the_script_only() -> None:
    (form,) = page_of(OK).all("form")
    assert "hidden" in form.attributes
    assert [row for row in rows(page_of(OK, BAD)) if "hidden" in row.attributes] == []


def test_a_long_report_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_page, "MOST_ROWS", 3)
    page = page_of(*[OK] * 10, *[BAD] * 2)
    assert len(rows(page)) == 5
    assert "… and 7 more; --report FILE.json lists every input." in page.text


def test_a_row_is_small() -> None:
    small, large = (len(text_of(report(*[OK] * count))) for count in (10, 110))
    assert (large - small) / 100 < LARGEST_ROW


def test_an_input_of_many_files_lists_the_first() -> None:
    files = tuple(OutputFile(f"/out/{number}.jpg", 10) for number in range(1000))
    (row,) = rows(page_of(OK._replace(outputs=files)))
    assert "… and 988 more" in row.text


# ----- of runs ------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pictures(tmp_path / "in", ["a.png", "b.png"], size=(200, 100))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_has_thumbnails_before_and_after(here: Path) -> None:
    imgpar.convert("in", "out", to="webp", grey=True, report="out/r.html", jobs=2)
    page = read_page((here / "out" / "r.html").read_text("utf-8"))
    for row in rows(page):
        before, after = row.all("img")
        pictures = [Image.open(io.BytesIO(thumbnail(one))) for one in (before, after)]
        assert [(one.format, one.size) for one in pictures] == [("WEBP", (100, 50))] * 2
        colourful = [max(band[1] for band in one.convert("HSV").getextrema()[1:2]) for one in pictures]
        assert colourful[0] > 50 > colourful[1]
        assert (before.attributes["width"], before.attributes["loading"]) == ("100", "lazy")


def thumbnail(image: Element) -> bytes:
    head, _, data = image.attributes["src"].partition(",")
    assert head == "data:image/webp;base64"
    return base64.b64decode(data)


def test_what_is_unchanged_is_not_read_again(here: Path) -> None:
    imgpar.convert("in", "out", to="webp", jobs=1)
    imgpar.convert("in", "out", to="webp", jobs=1, report="r.html")
    page = read_page((here / "r.html").read_text("utf-8"))
    assert (len(rows(page)), page.all("img")) == (2, [])


def test_a_file_whose_pixels_cannot_be_read_has_no_thumbnail(here: Path) -> None:
    (here / "in" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    report = imgpar.convert("in", "out", to="webp", jobs=1, report="r.html")
    page = read_page((here / "r.html").read_text("utf-8"))
    assert (report.failed, [len(row.all("img")) for row in rows(page)]) == (1, [0, 2, 2])


def test_a_clip_has_thumbnails(here: Path) -> None:
    make_clip(here / "c.mp4")
    imgpar.convert("c.mp4", "out", to="webm", report="r.html", jobs=1)
    (row,) = rows(read_page((here / "r.html").read_text("utf-8")))
    assert len(row.all("img")) == 2


COMMANDS = {
    "frames": ["frames", "c.mp4", "-o", "out", "--poster"],
    "assemble": ["assemble", "in", "-o", "a.gif"],
    "concat": ["concat", "c.mp4", "c.mp4", "-o", "d.mp4"],
    "retry": ["retry", "out"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_with_a_report_writes_the_page(here: Path, name: str) -> None:
    if name in ("frames", "concat"):
        make_clip(here / "c.mp4")
    if name == "retry":
        (here / "in" / "c.png").write_bytes(b"no picture")
        main(["convert", "in", "-o", "out", "--to", "webp", "-q", "-j", "1"])
        write_pictures(here / "in", ["c.png"])
    assert main([*COMMANDS[name], "--report", "r.html", "-q", "-j", "1"]) == 0
    page = read_page((here / "r.html").read_text("utf-8"))
    assert {row.all("span", class_="state")[0].text for row in rows(page)} == {"ok"}
    assert page.all("img")


def test_a_dry_run_has_a_page_without_thumbnails(here: Path) -> None:
    assert main(["convert", "in", "-o", "out", "--to", "webp", "-n", "--report", "r.html", "-q"]) == 0
    page = read_page((here / "r.html").read_text("utf-8"))
    assert (page.all("h1")[0].text, len(rows(page)), page.all("img")) == ("Dry run", 2, [])
    assert sorted(os.listdir(here)) == ["in", "r.html"]


def test_a_report_without_a_suffix_is_json(here: Path) -> None:
    assert main(["convert", "in", "-o", "out", "--to", "webp", "-q", "-j", "1", "--report", "r"]) == 0
    assert json.loads((here / "r").read_bytes())["ok"] == 2


def test_a_report_with_another_suffix_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "in", "-o", "out", "--to", "webp", "-q", "-j", "1", "--report", "r.txt"]) == 2
    assert "A report is not written as .txt (r.txt). Name a .json" in capsys.readouterr().err


def test_a_page_replaces_a_page_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["convert", "in", "-o", "out", "--to", "webp", "-q", "-n", "--report", "r.html"]
    assert main(call) == 0
    assert main(call) == 0
    (here / "r.html").write_text("<p>mine", encoding="utf-8")
    assert main(call) == 2
    assert "r.html already exists and is not a report" in capsys.readouterr().err
    assert (here / "r.html").read_text("utf-8") == "<p>mine"
