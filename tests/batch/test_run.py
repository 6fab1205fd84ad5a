"""A run from inputs to report, with real workers: what is kept, what is said, what bad input does."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline

NAMES = ["b 2.png", "b 10.png", "sub/c.png", "sub/deep/é.png"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", NAMES)


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if ".imgpar" not in path.parts}


def convert(session, pictures, out, **settings):
    return imgpar.convert(str(pictures), out, session=session, **settings)


# ----- the main job ---------------------------------------------------------------------------------


def test_a_folder_is_mirrored(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    assert files(out) == {"b 2.jpg", "b 10.jpg", "sub/c.jpg", "sub/deep/é.jpg"}


def test_every_input_has_a_line_in_natural_order(session, pictures, out):
    report = convert(session, pictures, out, to="jpg")
    assert [Path(item.source).name for item in report.items] == ["b 2.png", "b 10.png", "c.png", "é.png"]


def test_outputs_have_the_size_that_was_asked_for(session, pictures, out):
    convert(session, pictures, out, resize="48", to="webp")
    for name in files(out):
        with Image.open(out / name) as image:
            assert (image.format, image.size) == ("WEBP", (48, 32))


def test_lossless_outputs_hold_the_same_pixels(session, pictures, out):
    convert(session, pictures, out, to="tif")
    with Image.open(out / "sub/c.tif") as image:
        assert np.array_equal(np.asarray(image), testing.pattern(96, 64, 2))


def test_the_time_of_the_input_is_kept(session, pictures, out):
    os.utime(pictures / "b 2.png", ns=(10**18, 10**18))
    convert(session, pictures, out, to="jpg")
    assert (out / "b 2.jpg").stat().st_mtime_ns == 10**18


@pytest.mark.parametrize("schedule", ["staged", "chain"])
def test_every_schedule_writes_the_same_bytes(session, pictures, tmp_path, schedule):
    settings = {"resize": "50%", "fit": "inside", "watermark_text": "x", "to": "jpg,webp"}
    settings["to"] = "webp"
    convert(session, pictures, tmp_path / "auto", **settings)
    convert(session, pictures, tmp_path / schedule, schedule=schedule, **settings)
    for name in files(tmp_path / "auto"):
        assert (tmp_path / "auto" / name).read_bytes() == (tmp_path / schedule / name).read_bytes()


@pytest.mark.parametrize("schedule", ["auto", "staged", "chain"])
def test_one_decode_gives_several_formats(session, pictures, out, schedule):
    report = convert(session, pictures, out, to=["jpg", "webp"], schedule=schedule)
    assert {name for name in files(out) if name.startswith("b 2")} == {"b 2.jpg", "b 2.webp"}
    assert [len(item.outputs) for item in report.items] == [2, 2, 2, 2]


def test_several_inputs_go_under_their_own_names(session, pictures, tmp_path, out):
    other = testing.write_pictures(tmp_path / "other", ["x.png"])
    imgpar.convert([pictures, other], out, session=session, to="jpg")
    assert {"in/b 2.jpg", "other/x.jpg"} <= files(out)


def test_one_file_may_name_its_output(session, pictures, tmp_path):
    imgpar.convert(
        pictures / "b 2.png", tmp_path / "new.webp", session=session, journal=str(tmp_path / "j.db")
    )
    with Image.open(tmp_path / "new.webp") as image:
        assert image.format == "WEBP"


def test_inputs_that_would_meet_keep_their_whole_names(session, tmp_path, out):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png", "a.bmp"])
    convert(session, pictures, out, to="jpg")
    assert files(out) == {"a.png.jpg", "a.bmp.jpg"}


def test_names_in_two_unicode_forms_do_not_meet(session, tmp_path, out):
    forms = [unicodedata.normalize(form, "é") + ".png" for form in ("NFC", "NFD")]
    pictures = testing.write_pictures(tmp_path / "in", forms)
    if len(list(pictures.iterdir())) < 2:
        pytest.skip("this file system folds names")
    assert convert(session, pictures, out, to="jpg").ok == 2
    assert len({unicodedata.normalize("NFC", name).casefold() for name in files(out)}) == 2


def test_a_function_runs_in_the_workers(session, pictures, out):
    pipe = Pipeline().apply(lambda array: array[:10, :20])
    assert session.run(pipe, pictures, out, to="png").ok == 4
    with Image.open(out / "b 2.png") as image:
        assert image.size == (20, 10)


def test_what_a_function_prints_becomes_a_note(session, pictures, out, capfd):
    report = session.run(Pipeline().apply(testing.shout), pictures, out, to="png")
    assert report.items[0].notes == ("output of a function",)
    assert capfd.readouterr() == ("", "")


def test_events_tell_what_happens(session, pictures, out):
    events = []
    convert(session, pictures, out, to="jpg", on_event=events.append)
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1], kinds.count("item")) == ("start", "end", 4)
    assert [event.total for event in events if event.kind == "planned"] == [4]


def test_the_json_report_has_every_item(session, pictures, out, tmp_path):
    convert(session, pictures, out, to="jpg", report=tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["schema"], len(report["items"]), report["ok"]) == (1, 4, 4)


# ----- again ----------------------------------------------------------------------------------------


def test_a_second_run_does_nothing(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    before = {name: (out / name).stat().st_ino for name in files(out)}
    report = convert(session, pictures, out, to="jpg")
    assert (report.ok, report.skipped, dict(report.reasons)) == (0, 4, {"unchanged": 4})
    assert {name: (out / name).stat().st_ino for name in files(out)} == before


def test_a_second_run_does_what_changed(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    Image.fromarray(testing.pattern(50, 40, 9)).save(pictures / "b 2.png")
    report = convert(session, pictures, out, to="jpg")
    assert (report.ok, report.skipped) == (1, 3)
    with Image.open(out / "b 2.jpg") as image:
        assert image.size == (50, 40)


def test_a_touched_but_equal_input_is_not_written_again(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    before = (out / "b 2.jpg").stat().st_ino
    os.utime(pictures / "b 2.png")
    report = convert(session, pictures, out, to="jpg")
    assert (report.ok, report.skipped) == (0, 4)
    assert (out / "b 2.jpg").stat().st_ino == before
    touched = next(item for item in report.items if item.source.endswith("b 2.png"))
    assert [file.path for file in touched.outputs] == [str(out / "b 2.jpg")]


def test_another_recipe_is_done_again(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    assert convert(session, pictures, out, to="jpg", quality=40).ok == 4


def test_a_missing_output_is_made_again(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    (out / "sub/c.jpg").unlink()
    assert convert(session, pictures, out, to="jpg").ok == 1


def test_foreign_files_are_kept(session, pictures, out):
    out.mkdir()
    (out / "b 2.jpg").write_bytes(b"mine")
    report = convert(session, pictures, out, to="jpg")
    assert (report.ok, dict(report.reasons)) == (3, {"exists": 1})
    assert (out / "b 2.jpg").read_bytes() == b"mine"


def test_what_failed_is_run_again(session, pictures, out):
    good = (pictures / "b 2.png").read_bytes()
    (pictures / "b 2.png").write_bytes(good[:200])
    assert convert(session, pictures, out, to="jpg").failed == 1
    (pictures / "b 2.png").write_bytes(good)
    from imgpar.api import retry

    report = retry.retry(str(out), session=session)
    assert (report.ok, report.total) == (1, 1)


def test_nothing_to_retry_is_said(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    from imgpar.api import retry

    with pytest.raises(imgpar.UsageError, match="Nothing failed") as refused:
        retry.retry(str(out), session=session)
    assert refused.value.exit_code == 0  # nothing left to do


# ----- bad input ------------------------------------------------------------------------------------


def only_failure(report):
    (failure,) = [item for item in report.items if item.status == "failed"]
    return failure


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.jpg", b"This is a text.", "known picture format"),
        ("x.jpg", b"", "empty"),
        ("x.png", "truncated", "truncated"),
    ],
)
def test_a_bad_file_fails_alone(session, pictures, out, name, content, words):
    if content == "truncated":
        content = (pictures / "b 2.png").read_bytes()[:-200]
    (pictures / name).write_bytes(content)
    report = convert(session, pictures, out, to="webp")
    assert (report.ok, report.failed) == (4, 1)
    assert words in only_failure(report).error
    assert len(files(out)) == 4


def test_a_truncated_jpeg_is_not_taken_for_a_picture(session, tmp_path, out):
    pictures = testing.write_pictures(tmp_path / "in", ["a.jpg"], size=(400, 300))
    data = (pictures / "a.jpg").read_bytes()
    (pictures / "a.jpg").write_bytes(data[: len(data) * 2 // 3])
    report = convert(session, pictures, out, to="webp")
    assert only_failure(report).stage == "decode"
    assert files(out) == set()


def test_a_truncated_jpeg_can_be_accepted(session, tmp_path, out):
    pictures = testing.write_pictures(tmp_path / "in", ["a.jpg"], size=(400, 300))
    data = (pictures / "a.jpg").read_bytes()
    (pictures / "a.jpg").write_bytes(data[: len(data) * 2 // 3])
    report = convert(session, pictures, out, to="webp", accept_damaged=True)
    assert report.ok == 1
    assert report.items[0].notes


def test_a_missing_path_among_good_ones_fails_alone(session, pictures, tmp_path, out):
    report = imgpar.convert([pictures, tmp_path / "gone.jpg"], out, session=session, to="jpg")
    assert (report.ok, report.failed) == (4, 1)


def test_nothing_but_missing_paths_is_a_usage_error(session, tmp_path, out):
    with pytest.raises(imgpar.UsageError, match="does not exist"):
        imgpar.convert(tmp_path / "gone", out, session=session)
    assert not out.exists()


def test_an_empty_folder_is_no_error(session, tmp_path, out):
    (tmp_path / "in").mkdir()
    report = imgpar.convert(tmp_path / "in", out, session=session, to="jpg")
    assert (report.total, report.exit_code) == (0, 3)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_fails_alone(session, pictures, out):
    (pictures / "b 2.png").chmod(0)
    report = convert(session, pictures, out, to="jpg")
    assert (report.ok, only_failure(report).stage) == (3, "read")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resize": "12y0"}, "resize"),
        ({"to": "jpgg"}, "jpg"),
        ({"quality": 101}, "quality"),
        ({"reisze": "100"}, "resize"),
        ({"jobs": 0}, "jobs"),
        ({"schedule": "fast"}, "schedule"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_writes_nothing(session, pictures, out, settings, words):
    with pytest.raises(imgpar.UsageError, match=words):
        convert(session, pictures, out, **settings)
    assert not out.exists()


def test_a_picture_that_never_fits_fails_with_the_numbers(pictures, out):
    with imgpar.Session(jobs=1, memory="1M") as small:
        report = convert(small, pictures, out, resize="2000", enlarge=True, to="jpg")
    assert report.failed == 4
    assert "--memory" in report.items[0].error


def test_a_bomb_is_refused_by_its_header(session, tmp_path, out):
    (tmp_path / "in").mkdir()
    image = Image.new("1", (3000, 3000))
    image.save(tmp_path / "in/bomb.png")
    report = imgpar.convert(tmp_path / "in", out, session=session, to="jpg", max_pixels=1_000_000)
    assert "--max-pixels" in only_failure(report).error


def test_a_failing_function_is_named_with_its_traceback(session, pictures, out):
    report = session.run(Pipeline().apply(testing.fail), pictures, out, to="jpg")
    assert report.failed == 4
    assert "ZeroDivisionError: on purpose" in report.items[0].error
    assert "testing.py" in report.items[0].traceback


# ----- faults ---------------------------------------------------------------------------------------


def test_a_worker_that_dies_loses_nothing(pictures, out, tmp_path):
    with imgpar.Session(jobs=2) as session:
        pipe = Pipeline().apply(testing.die_once(str(tmp_path / "marker")))
        report = session.run(pipe, pictures, out, to="png")
    assert (report.ok, report.failed, len(files(out))) == (4, 0, 4)


def test_a_crash_is_tried_twice_and_named(tmp_path, out):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png"])
    with imgpar.Session(jobs=2) as session:
        report = session.run(Pipeline().apply(testing.crash), pictures, out, to="png")
    failure = only_failure(report)
    assert "SIGSEGV" in failure.error
    assert failure.stage == "transform"
    assert "Segmentation fault" in failure.traceback


def test_a_crashing_picture_leaves_the_others_alone(pictures, out):
    def crash_on_third(array):
        return testing.crash(array) if np.array_equal(array, testing.pattern(96, 64, 2)) else array

    with imgpar.Session(jobs=2) as session:
        report = session.run(Pipeline().apply(crash_on_third), pictures, out, to="png")
    assert (report.ok, report.failed) == (3, 1)


def test_a_hang_is_ended_by_the_deadline(tmp_path, out):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png"])
    with imgpar.Session(jobs=1) as session:
        report = session.run(Pipeline().apply(testing.hang), pictures, out, to="png", timeout=0.3)
    assert "longer than 0.3 s" in only_failure(report).error


def test_cancelling_finishes_what_is_in_flight(tmp_path, out):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(60)])
    token = imgpar.CancelToken()

    def stop_at_three(event):
        if event.done == 3:
            token.cancel()

    with imgpar.Session(jobs=2) as session:
        report = session.run(Pipeline(), pictures, out, to="jpg", on_event=stop_at_three, cancel=token)
        assert (report.cancelled, report.exit_code) == (True, 130)
        assert 3 <= report.ok < 60
        assert len(files(out)) == report.ok
        again = session.run(Pipeline(), pictures, out, to="jpg")
    assert (again.ok, again.skipped) == (60 - report.ok, report.ok)


@pytest.mark.slow
@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_killing_a_run_leaves_nothing_half_written(tmp_path, out, schedule):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(60)])
    token = imgpar.CancelToken()

    def stop_at_three(event):
        if event.done == 3:
            token.kill()

    with imgpar.Session(jobs=2) as session:
        report = session.run(
            Pipeline(), pictures, out, to="jpg", on_event=stop_at_three, cancel=token, schedule=schedule
        )
    assert report.cancelled
    assert 0 < report.left <= 57
    for name in files(out):
        if not name.endswith(".tmp"):
            with Image.open(out / name) as image:
                image.load()


@pytest.mark.slow
@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_run_leaves_no_process_no_segment_no_descriptor(pictures, out, method):
    if method == "forkserver" and sys.platform == "win32":
        pytest.skip("Windows only spawns")
    with imgpar.Session(jobs=2, start_method=method) as session:
        assert convert(session, pictures, out, to="jpg").ok == 4


def test_two_runs_on_one_folder_are_refused(session, pictures, out):
    from imgpar.batch.journal.journal import Journal

    with (
        Journal.open(str(out / ".imgpar/journal.db"), str(out)),
        pytest.raises(imgpar.OutputLockedError, match="Another run"),
    ):
        convert(session, pictures, out, to="jpg")


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 300 kB, where the system lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or not mount
        or subprocess.run([mount, *options], check=False, capture_output=True).returncode
    ):
        pytest.skip(f"cannot mount a tmpfs ({os.strerror(errno.EPERM)})")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_leaves_no_partial_file(session, tmp_path, small_disk):
    pictures = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(12)], size=(300, 200))
    journal = str(tmp_path / "journal.db")
    report = imgpar.convert(pictures, small_disk / "out", session=session, to="bmp", journal=journal)
    assert report.exit_code == 4
    assert "No space is left" in report.stopped
    sizes = {(small_disk / "out" / name).stat().st_size for name in files(small_disk / "out")}
    assert sizes <= {300 * 200 * 3 + 54}


def test_what_a_dead_run_left_is_swept(session, pictures, out):
    convert(session, pictures, out, to="jpg")
    from imgpar.batch.journal.journal import Journal

    with Journal.open(str(out / ".imgpar/journal.db"), str(out)) as journal:
        journal.begin("another recipe")  # and never finished
    (out / "sub/.imgpar-0123456789abcdef-5.tmp").write_bytes(b"half a picture")
    convert(session, pictures, out, to="jpg")
    assert "sub/.imgpar-0123456789abcdef-5.tmp" not in files(out)


def test_a_file_without_a_journal_has_its_report_all_the_same(tmp_path, monkeypatch):
    """Where the journal of single files cannot be, a temporary one is used, which goes with the run."""
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/nowhere")
    monkeypatch.setenv("LOCALAPPDATA", "/dev/null/nowhere")
    picture = testing.write_pictures(tmp_path, ["a.png"]) / "a.png"
    report = imgpar.convert(picture, tmp_path / "a.webp", jobs=1)
    assert [item.status for item in report.items] == ["ok"]


def test_the_profile_accounts_for_the_time(session, pictures, out):
    report = convert(session, pictures, out, to="jpg")
    assert set(report.stages) == {"read", "decode", "transform", "encode", "commit"}
    assert 0 < sum(report.stages.values()) <= report.workers * report.working_seconds


@pytest.mark.parametrize("settings", [{}, {"in_place": True}], ids=["copies", "in place"])
def test_nothing_to_do_leaves_nothing_behind(session, tmp_path, settings):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/notes.txt").write_text("no picture")
    out = None if settings else tmp_path / "out"
    report = imgpar.convert(tmp_path / "in", out, session=session, **settings)
    assert (report.exit_code, report.ignored, len(report.items)) == (3, 1, 0)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "notes.txt"]


@pytest.mark.parametrize("content", [b"no picture", b""], ids=["damaged", "empty"])
def test_a_retry_is_not_advised_for_what_can_only_fail_again(tmp_path, session, content):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(content)
    report = imgpar.Pipeline().run(folder, tmp_path / "out", to="webp", session=session)
    assert (report.failed, report.can_retry) == (1, False)
    assert "imgpar retry" not in report.summary()


def test_a_retry_is_advised_where_it_may_help(tmp_path, session, photo_folder):
    folder = photo_folder("a.jpg", "b.jpg")
    (tmp_path / "out" / "a.webp").mkdir(parents=True)
    (tmp_path / "out" / "a.webp" / "x").touch()
    pipe, out = imgpar.Pipeline(), tmp_path / "out"
    report = pipe.run(folder, out, to="webp", on_exists="overwrite", session=session)
    assert (report.ok, report.failed, report.can_retry) == (1, 1, True)
    assert f"imgpar retry {tmp_path / 'out'}" in report.summary()


def test_a_retry_is_not_advised_for_a_name_that_leads_nowhere(tmp_path, session, photo_folder):
    folder = photo_folder("a.jpg")
    inputs = [folder / "a.jpg", tmp_path / "mistyped.jpg"]
    report = imgpar.Pipeline().run(inputs, tmp_path / "out", to="webp", session=session)
    assert (report.ok, report.failed, report.can_retry) == (1, 1, False)
