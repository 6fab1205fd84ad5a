"""One file of all inputs: its lines in the report, its journal, and what a bad input does to it."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.batch.report import Report
from imgpar.cli import main

COUNT = 8


def grey(path: Path, value: int, size: tuple[int, int] = (64, 48)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 0.png to 7.png of 20 · k grey."""
    for k in range(COUNT):
        grey(tmp_path / "in" / f"{k}.png", 20 * k)
    return tmp_path / "in"


def statuses(report: Report) -> str:
    """The first letter of each outcome: ok, failed, skipped, planned."""
    return "".join(outcome.status[0] for outcome in report.items)


def at(value: int, fault: Any) -> Any:
    """A function that has a fault at pictures of this grey."""

    def function(array: np.ndarray) -> np.ndarray:
        if array[0, 0, 0] == value:
            fault(array)
        return array

    return function


# ----- report, journal, dry run ---------------------------------------------------------------------


def test_every_input_has_a_line_that_names_the_file(folder, tmp_path):
    report = imgpar.Pipeline().sheet(folder, tmp_path / "s.png", jobs=2)
    assert [Path(outcome.source).name for outcome in report.items] == [f"{k}.png" for k in range(COUNT)]
    assert {outcome.outputs[0].path for outcome in report.items} == {str(tmp_path / "s.png")}


def test_the_bytes_of_the_file_are_counted_once(folder, tmp_path):
    report = imgpar.Pipeline().sheet(folder, tmp_path / "s.png", jobs=1)
    assert report.bytes_out == (tmp_path / "s.png").stat().st_size


def test_a_second_run_has_nothing_to_do(folder, tmp_path):
    pipe = imgpar.Pipeline()
    pipe.sheet(folder, tmp_path / "s.png", jobs=1)
    before = (tmp_path / "s.png").stat()
    report = pipe.sheet(folder, tmp_path / "s.png", jobs=1)
    assert report.reasons == {"unchanged": COUNT}
    assert (tmp_path / "s.png").stat().st_ino == before.st_ino


@pytest.mark.parametrize("change", ["content", "more", "fewer", "order", "setting"])
def test_what_changes_the_file_makes_it_anew(folder, tmp_path, change):
    pipe, inputs = imgpar.Pipeline(), sorted(folder.iterdir())
    pipe.sheet(inputs, tmp_path / "s.png", jobs=1)
    if change == "content":
        grey(folder / "3.png", 255)
    elif change == "more":
        grey(folder / "8.png", 255)
    inputs = sorted(folder.iterdir())
    inputs = inputs[1:] if change == "fewer" else inputs[::-1] if change == "order" else inputs
    settings: Any = {"columns": 2} if change == "setting" else {}
    report = pipe.sheet(inputs, tmp_path / "s.png", jobs=1, **settings)
    assert (report.ok, report.skipped) == (len(inputs), 0)


def test_a_file_of_the_user_is_kept(folder, tmp_path):
    (tmp_path / "s.png").write_bytes(b"mine")
    report = imgpar.Pipeline().sheet(folder, tmp_path / "s.png", jobs=1)
    assert report.reasons == {"exists": COUNT}
    assert (tmp_path / "s.png").read_bytes() == b"mine"


def test_an_output_that_the_user_changed_is_kept(folder, tmp_path):
    pipe = imgpar.Pipeline()
    pipe.sheet(folder, tmp_path / "s.png", jobs=1)
    grey(tmp_path / "s.png", 7)
    report = pipe.sheet(folder, tmp_path / "s.png", jobs=1)
    assert report.reasons == {"changed": COUNT}


@pytest.mark.parametrize(
    ("policy", "expected", "there"),
    [("overwrite", "oooooooo", ["s.png"]), ("rename", "oooooooo", ["s-1.png", "s.png"])],
)
def test_on_exists(folder, tmp_path, policy, expected, there):
    (tmp_path / "s.png").write_bytes(b"mine")
    report = imgpar.Pipeline().sheet(folder, tmp_path / "s.png", jobs=1, on_exists=policy)
    assert statuses(report) == expected
    assert sorted(path.name for path in tmp_path.glob("s*.png")) == there


def test_on_exists_error_fails_once(folder, tmp_path):
    (tmp_path / "s.png").write_bytes(b"mine")
    report = imgpar.Pipeline().sheet(folder, tmp_path / "s.png", jobs=1, on_exists="error")
    assert statuses(report) == "f" + "s" * 7
    assert "already" in report.items[0].error or "exists" in report.items[0].error


def test_a_dry_run_writes_nothing(folder, tmp_path, capsys):
    assert main(["assemble", str(folder), "-o", str(tmp_path / "a.mp4"), "-n"]) == 0
    said = capsys.readouterr().out
    assert f"0.png and 7 more → {tmp_path / 'a.mp4'}" in said
    assert "Would work on 8 and write 1 file" in said
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_json_report_has_every_input(folder, tmp_path):
    main(["assemble", str(folder), "-o", str(tmp_path / "a.gif"), "--report", str(tmp_path / "r.json"), "-q"])
    items = json.loads((tmp_path / "r.json").read_text())["items"]
    assert [item["outputs"][0]["path"] for item in items] == [str(tmp_path / "a.gif")] * COUNT


def test_inputs_keep_their_order_and_may_come_twice(folder, tmp_path):
    named = [folder / f"{k}.png" for k in (5, 1, 5)]
    imgpar.Pipeline().sheet(named, tmp_path / "s.png", columns=3, tile="8x8", jobs=1)
    row = np.asarray(Image.open(tmp_path / "s.png"))[8, 8::12, 0]
    assert row[:3].tolist() == [100, 20, 100]


def test_a_missing_input_is_named(folder, tmp_path):
    report = imgpar.Pipeline().sheet([folder / "1.png", folder / "no.png"], tmp_path / "s.png", jobs=1)
    assert statuses(report) == "sf"
    assert not (tmp_path / "s.png").exists()


# ----- bad inputs -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("fault", "words", "timeout"),
    [(testing.crash, "crashed", None), (testing.hang, "hung", 4), (testing.fail, "", None)],
)
def test_one_bad_input_is_one_failed_line(folder, tmp_path, no_leaks, jobs, fault, words, timeout):
    pipe = imgpar.Pipeline().apply(at(60, fault))
    report = pipe.assemble(folder, tmp_path / "a.mp4", jobs=jobs, timeout=timeout)
    assert statuses(report) == "sssfssss"
    assert words in report.items[3].error
    assert report.items[0].reason == "incomplete"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("fault", [testing.crash, testing.fail])
def test_accepted_damage_leaves_the_input_out(folder, tmp_path, no_leaks, jobs, fault):
    pipe = imgpar.Pipeline().apply(at(60, fault))
    report = pipe.sheet(folder, tmp_path / "s.png", tile="8x8", columns=8, jobs=jobs, accept_damaged=True)
    assert statuses(report) == "ooofoooo"
    row = np.asarray(Image.open(tmp_path / "s.png"))[8, 8::12, 0]
    assert row.tolist() == [0, 20, 40, 80, 100, 120, 140, 255]


@pytest.mark.slow
def test_two_inputs_that_crash_are_left_out_by_one_worker(folder, tmp_path, no_leaks):
    def function(array: np.ndarray) -> np.ndarray:
        return testing.crash(array) if array[0, 0, 0] in (60, 100) else array

    report = imgpar.Pipeline().apply(function).sheet(folder, tmp_path / "s.png", jobs=1, accept_damaged=True)
    assert statuses(report) == "ooofofoo"


@pytest.mark.slow
def test_a_worker_that_is_killed_from_outside_does_no_harm(folder, tmp_path, no_leaks):
    def slowly(array: np.ndarray) -> np.ndarray:
        time.sleep(0.1)
        return array

    marks = tmp_path / "marks"
    marks.mkdir()

    def once(array: np.ndarray) -> np.ndarray:
        try:
            (marks / str(array[0, 0, 0])).touch(exist_ok=False)
        except FileExistsError:
            return array
        if array[0, 0, 0] in (40, 120):
            os.kill(os.getpid(), signal.SIGKILL)
        return array

    report = (
        imgpar.Pipeline()
        .apply(slowly)
        .apply(once)
        .assemble(folder, tmp_path / "a.mp4", jobs=2, fps=10, quality=95)
    )
    assert statuses(report) == "o" * COUNT
    means = [frame.array.mean() for frame in imgpar.frames(tmp_path / "a.mp4")]
    assert means == pytest.approx([20 * k for k in range(COUNT)], abs=3)


def test_strict_refuses_a_loss(tmp_path):
    for k in range(3):
        Image.new("RGBA", (64, 48), (9, 90, 30 * k, 100)).save(tmp_path / f"{k}.png")
    report = imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.mp4", jobs=1, strict=True)
    assert report.failed == 1
    assert "would lose alpha" in report.failures[0].error


# ----- what is made ---------------------------------------------------------------------------------


def test_tiles_are_fitted_on_the_background(tmp_path):
    grey(tmp_path / "a.png", 10, (80, 20))
    grey(tmp_path / "b.png", 200, (20, 80))
    imgpar.Pipeline().sheet(
        tmp_path, tmp_path / "s.png", columns=2, tile="40x40", background="#00ff00", jobs=1
    )
    sheet = Image.open(tmp_path / "s.png").convert("RGB")
    assert sheet.size == (2 * 44 + 4, 48)
    assert [sheet.getpixel(spot) for spot in ((24, 24), (24, 8), (68, 24), (50, 24), (2, 2))] == [
        (10,) * 3, (0, 255, 0), (200,) * 3, (0, 255, 0), (0, 255, 0)
    ]  # fmt: skip


def test_an_animation_has_a_frame_for_each(folder, tmp_path):
    imgpar.Pipeline().assemble(folder, tmp_path / "a.gif", fps=20, jobs=2)
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.size, image.info["duration"]) == (COUNT, (64, 48), 50)


def test_colours_and_transparency_of_later_frames_are_kept(tmp_path):
    Image.new("L", (64, 48), 100).save(tmp_path / "0.png")
    Image.new("RGBA", (64, 48), (255, 0, 0, 128)).save(tmp_path / "1.png")
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.webp", jobs=1, lossless=True)
    with Image.open(tmp_path / "a.webp") as image:
        image.seek(1)
        assert image.convert("RGBA").getpixel((9, 9)) == (255, 0, 0, 128)


def test_transparency_that_a_clip_loses_is_reported(tmp_path):
    grey(tmp_path / "0.png", 100)
    Image.new("RGBA", (64, 48), (255, 0, 0, 128)).save(tmp_path / "1.png")
    report = imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.mp4", jobs=1)
    assert dict(report.lost) == {"alpha": 1}


def test_a_document_of_small_pictures_needs_little_memory(folder, tmp_path):
    report = imgpar.Pipeline().assemble(folder, tmp_path / "a.pdf", jobs=2, memory=8 << 20)
    assert statuses(report) == "o" * COUNT


def test_the_time_of_a_document_grows_with_its_pages(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    times = []
    for count in (100, 800):
        report = imgpar.Pipeline().assemble([tmp_path / "a.jpg"] * count, tmp_path / f"{count}.pdf", jobs=1)
        times.append(report.stages["encode"])
    assert times[1] < 30 * times[0]


def pages(path: Path) -> list[tuple[tuple[float, float], Image.Image]]:
    """Size in points and picture of each page."""
    pdfium = pytest.importorskip("pypdfium2")
    document = pdfium.PdfDocument(path)
    return [(page.get_size(), page.render(scale=150 / 72).to_pil().convert("RGB")) for page in document]


def test_a_document_has_a_page_for_each(folder, tmp_path):
    grey(folder / "9.png", 250, (100, 30))
    imgpar.Pipeline().assemble(folder, tmp_path / "a.pdf", jobs=2)
    found = pages(tmp_path / "a.pdf")
    assert len(found) == COUNT + 1
    points = [side * 72 / 150 for _ in range(COUNT) for side in (64, 48)] + [48, 14.4]
    assert [side for size, _ in found for side in size] == pytest.approx(points, abs=0.01)
    middles = [picture.getpixel((20, 20))[0] for _, picture in found]
    assert middles == pytest.approx([20 * k for k in range(COUNT)] + [250], abs=2)


def test_a_page_has_the_size_of_its_density(tmp_path):
    Image.new("RGB", (600, 300), "red").save(tmp_path / "a.jpg", dpi=(300, 300))
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.pdf", jobs=1)
    assert pages(tmp_path / "a.pdf")[0][0] == pytest.approx((144, 72), abs=0.1)


def test_a_jpeg_is_embedded_as_it_is(tmp_path):
    pattern = Image.fromarray(testing.pattern(64, 48))
    pattern.save(tmp_path / "a.jpg", quality=70)
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.pdf", jobs=1)
    assert (tmp_path / "a.jpg").read_bytes() in (tmp_path / "a.pdf").read_bytes()


@pytest.mark.parametrize("settings", [{"quality": 50}, {"blur": 2}])
def test_what_changes_a_page_encodes_it(tmp_path, settings):
    Image.fromarray(testing.pattern(64, 48)).save(tmp_path / "a.jpg", quality=70)
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.pdf", jobs=1, **settings)
    assert (tmp_path / "a.jpg").read_bytes() not in (tmp_path / "a.pdf").read_bytes()


def test_a_damaged_jpeg_is_not_embedded(tmp_path):
    Image.fromarray(testing.pattern(640, 480)).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    report = imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.pdf", jobs=1)
    assert statuses(report) == "f"
    assert not (tmp_path / "a.pdf").exists()


def test_a_turned_jpeg_is_upright_on_its_page(tmp_path):
    picture = Image.new("RGB", (64, 32), "red")
    picture.paste("blue", (32, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95)
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.pdf", jobs=1)
    page = pages(tmp_path / "a.pdf")[0][1]
    assert page.width < page.height
    assert page.getpixel((16, 8))[0] > 200


@pytest.mark.parametrize(
    ("out", "settings", "words"),
    [
        ("a.pdf", {"fps": 5}, "fps does not apply to PDF"),
        ("a.gif", {"codec": "h264"}, "codec does not apply to GIF"),
        ("a.jpg", {}, "assemble does not write JPEG"),
        ("a", {}, "does not name a format"),
        ("a.xyz", {}, r"a\.xyz does not name a format\. End it with the suffix of a format"),
        ("a.mp4", {"columns": 3}, "assemble does not accept columns"),
        ("a.mp4", {"mixed": "squash"}, "one of pad, crop, stretch, fail"),
        ("a.mp4", {"to": "webm"}, "assemble does not accept to"),
    ],
)
def test_misuse_is_one_sentence(folder, tmp_path, out, settings, words):
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.Pipeline().assemble(folder, tmp_path / out, **settings)


def test_equal_inputs_give_an_equal_document(folder, tmp_path):
    for name in ("a.pdf", "b.pdf"):
        imgpar.Pipeline().assemble(folder, tmp_path / name, jobs=1)
    data = (tmp_path / "a.pdf").read_bytes()
    assert data == (tmp_path / "b.pdf").read_bytes()
    assert b"CreationDate" not in data


def test_functions_and_other_sizes_are_fitted(folder, tmp_path):
    grey(folder / "8.png", 200, (30, 90))
    pipe = imgpar.Pipeline().apply(lambda array: array)
    assert statuses(pipe.assemble(folder, tmp_path / "a.mp4", jobs=1)) == "o" * (COUNT + 1)


def test_a_failure_of_the_file_names_the_file(tmp_path):
    for k in range(2):
        Image.new("RGBA", (64, 48), (9, 90, 30 * k, 100)).save(tmp_path / f"{k}.png")
    report = imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.mp4", jobs=1, strict=True)
    assert report.failures[0].error.startswith(f"{tmp_path / 'a.mp4'}: It would lose alpha")


def test_a_file_of_other_settings_is_counted_once(folder, tmp_path):
    imgpar.Pipeline().sheet(folder, tmp_path / "s.png", jobs=1)
    imgpar.Pipeline().sheet(folder, tmp_path / "t.png", jobs=1)
    report = imgpar.Pipeline().sheet(folder, tmp_path / "s.png", columns=2, jobs=1)
    assert "An output that was made with other settings will be replaced" in report.notes[0]


@pytest.mark.parametrize(("name", "lost"), [("s.pdf", {}), ("s.tif", {"camera segments": 1})])
def test_segments_of_cameras_are_a_loss_only_where_metadata_are_kept(tmp_path, name, lost):
    grey(tmp_path / "a.jpg", 90)
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:20] + b"\xff\xe6\x00\x09DJI-DBG" + data[20:])
    report = imgpar.Pipeline().assemble(tmp_path / "a.jpg", tmp_path / name, jobs=1)
    assert dict(report.lost) == lost


def test_one_file_goes_to_a_path(folder):
    with pytest.raises(imgpar.UsageError, match="assemble writes one file"):
        imgpar.Pipeline().assemble(folder, imgpar.MemorySink())  # type: ignore[arg-type]


def test_a_tiff_without_a_density_fills_no_wall(tmp_path):
    Image.new("RGB", (300, 150), "red").save(tmp_path / "a.tiff")
    imgpar.Pipeline().assemble(tmp_path, tmp_path / "a.pdf", jobs=1)
    assert pages(tmp_path / "a.pdf")[0][0] == pytest.approx((144, 72), abs=0.1)


def test_cancelling_stops_soon_and_leaves_nothing(tmp_path):
    for k in range(400):
        grey(tmp_path / "in" / f"{k}.png", k % 250, (640, 480))
    token = imgpar.CancelToken()

    def cancel(event: imgpar.Event) -> None:
        if event.kind == "frames":
            token.cancel()

    began = time.monotonic()
    report = (
        imgpar.Pipeline()
        .resize("1920x1440", enlarge=True)
        .assemble(
            tmp_path / "in",
            tmp_path / "out" / "a.mp4",
            codec="av1",
            effort=10,
            on_event=cancel,
            cancel=token,
            jobs=1,
        )
    )
    assert (report.cancelled, report.left, report.ok) == (True, 400, 0)
    assert time.monotonic() - began < 40
    assert list((tmp_path / "out").iterdir()) == []
