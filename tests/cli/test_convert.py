"""Whole runs through the program: files, exit codes, what goes to which stream."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgpar.formats.jpeg import turbo

JOBS = ("-j", "2", "--memory", "64M")


def imgpar(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a person does, with few workers."""
    command = [sys.executable, "-m", "imgpar", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=100, cwd=cwd)


def convert(*arguments: str | Path, code: int = 0, **options: object) -> subprocess.CompletedProcess[bytes]:
    done = imgpar("convert", *arguments, *JOBS, **options)  # type: ignore[arg-type]
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done


def records(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def draw(path: Path, width: int = 64, height: int = 48, colour: str = "teal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two pictures and one text file that is named like a picture."""
    draw(tmp_path / "photos" / "a.jpg")
    draw(tmp_path / "photos" / "below" / "b.png", 48, 64)
    (tmp_path / "photos" / "bad.jpg").write_text("no picture")
    return tmp_path / "photos"


def test_a_folder_is_mirrored_resized_and_converted(photos, tmp_path):
    (photos / "bad.jpg").unlink()
    done = convert(photos, "-o", tmp_path / "out", "--resize", "32", "--to", "webp")
    assert done.stderr == b""
    assert b"2" in done.stdout
    with Image.open(tmp_path / "out" / "a.webp") as image:
        assert (image.format, image.size) == ("WEBP", (32, 24))
    with Image.open(tmp_path / "out" / "below" / "b.webp") as image:
        assert (image.format, image.size) == ("WEBP", (24, 32))


def test_a_bad_file_is_one_line_on_stderr_and_exit_code_1(photos, tmp_path):
    done = convert(photos, "-o", tmp_path / "out", code=1)
    assert [line.split()[0] for line in done.stderr.splitlines()] == [b"failed", b"See:"]
    assert b"bad.jpg" in done.stderr
    assert (tmp_path / "out" / "a.jpg").exists()


def test_json_has_a_line_per_input_and_a_summary(photos, tmp_path):
    *items, summary = records(convert(photos, "-o", tmp_path / "out", "--json", code=1))
    status = {os.path.basename(str(item["source"])): item["status"] for item in items}
    assert status == {"a.jpg": "ok", "b.png": "ok", "bad.jpg": "failed"}
    assert all(os.path.isabs(str(item["source"])) for item in items)
    assert (summary["ok"], summary["failed"], summary["skipped"]) == (2, 1, 0)
    assert "schema" in summary


def test_the_report_is_written(photos, tmp_path):
    convert(photos, "-o", tmp_path / "out", "--report", tmp_path / "r.json", code=1)
    report = json.loads((tmp_path / "r.json").read_bytes())
    assert len(report["items"]) == 3


def test_a_second_run_has_nothing_to_do(photos, tmp_path):
    (photos / "bad.jpg").unlink()
    convert(photos, "-o", tmp_path / "out")
    *items, summary = records(convert(photos, "-o", tmp_path / "out", "--json"))
    assert [item["status"] for item in items] == ["skipped", "skipped"]
    assert summary["skipped"] == 2


def test_quiet_says_failures_only(photos, tmp_path):
    done = convert(photos, "-o", tmp_path / "out", "-q", code=1)
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1


def test_verbose_says_every_input(photos, tmp_path):
    done = convert(photos, "-o", tmp_path / "out", "-v", code=1)
    assert sorted(line.split()[0] for line in done.stderr.splitlines()) == [b"See:", b"failed", b"ok", b"ok"]


def test_profile_names_the_stages(photos, tmp_path):
    done = convert(photos, "-o", tmp_path / "out", "--profile", code=1)
    words = done.stderr.split()
    assert {b"decode", b"encode", b"idle"} <= set(words)


def test_one_file_to_one_file(tmp_path):
    convert(draw(tmp_path / "a.png"), "-o", tmp_path / "holiday.jpg")
    with Image.open(tmp_path / "holiday.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))


def test_a_picture_through_pipes(tmp_path):
    data = draw(tmp_path / "a.png").read_bytes()
    done = convert("-", "-o", "-", "--resize", "32", "--to", "jpg", stdin=data, cwd=tmp_path)
    assert done.stderr == b""
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("JPEG", (32, 24))


def test_retry_runs_what_failed(photos, tmp_path):
    convert(photos, "-o", tmp_path / "out", code=1)
    draw(photos / "bad.jpg")
    done = imgpar("retry", tmp_path / "out", *JOBS, "--json")
    item, summary = records(done)
    assert (done.returncode, item["status"], summary["ok"]) == (0, "ok", 1)
    assert os.path.basename(str(item["source"])) == "bad.jpg"


def test_retry_says_that_its_inputs_are_not_there(photos, tmp_path):
    convert(photos, "-o", tmp_path / "out", code=1)
    (photos / "bad.jpg").unlink()
    done = imgpar("retry", tmp_path / "out", *JOBS)
    assert done.returncode == 3
    assert b"The failed files of that run are no longer in the input." in done.stderr


def test_names_from_a_list_on_standard_input(tmp_path):
    names = [
        draw(tmp_path / "in" / name) for name in ("a.jpg", "new\nline.jpg" if os.name == "posix" else "b.jpg")
    ]
    stdin = b"".join(os.fsencode(name) + b"\0" for name in names)
    *items, _ = records(convert("--files-from", "-", "-0", "-o", tmp_path / "out", "--json", stdin=stdin))
    assert {item["source"] for item in items} == {str(name) for name in names}
    assert [item["status"] for item in items] == ["ok", "ok"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_utf8_is_converted_and_escaped(tmp_path):
    (tmp_path / "in").mkdir()
    raw = os.fsencode(tmp_path / "in") + b"/\xff.jpg"
    os.rename(draw(tmp_path / "a.jpg"), raw)
    done = convert(tmp_path / "in", "-o", tmp_path / "out", "-v")
    assert rb"\xff.jpg" in done.stderr
    assert os.path.exists(os.fsencode(tmp_path / "out") + b"/\xff.jpg")


def test_a_name_that_begins_with_a_dash(tmp_path):
    draw(tmp_path / "-resize.jpg")
    done = imgpar("convert", *JOBS, "-o", "out", "--", "-resize.jpg", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "out" / "-resize.jpg").exists()


def test_dry_run_writes_nothing(photos, tmp_path):
    done = convert(photos, "-o", tmp_path / "out", "--to", "webp", "-n")
    assert not (tmp_path / "out").exists()
    assert b"a.webp" in done.stdout
    assert b"Nothing was written." in done.stdout


def test_explain_says_the_recipe_and_the_sizes(photos, tmp_path):
    done = convert(photos / "a.jpg", "-o", tmp_path / "out", "--resize", "32", "--grey", "--explain")
    assert not (tmp_path / "out").exists()
    assert done.stdout.startswith(b"1. resize 32, fit inside, gravity centre\n2. grey\n")
    assert "64×48 → 32×24 → 32×24".encode() in done.stdout


def test_explain_reads_the_journal_of_a_run(photos, tmp_path):
    convert(photos / "a.jpg", "-o", tmp_path / "out", "--resize", "32")
    done = convert(photos / "a.jpg", "-o", tmp_path / "out", "--resize", "16", "--explain")
    assert "(replaces it) · 64×48 → 16×12".encode() in done.stdout


def test_explain_keeps_standard_input_until_it_is_read(photos, tmp_path):
    command = [
        sys.executable,
        "-m",
        "imgpar",
        "convert",
        "-",
        "-o",
        "-",
        "--resize",
        "16",
        "--explain",
        *JOBS,
    ]
    done = subprocess.run(
        command, input=(photos / "a.jpg").read_bytes(), capture_output=True, timeout=100, cwd=tmp_path
    )
    assert "64×48 → 16×12".encode() in done.stdout


@pytest.mark.skipif(turbo.library() is None, reason="libturbojpeg is not installed")
def test_explain_says_that_a_photo_goes_on_planes(tmp_path):
    draw(tmp_path / "a.jpg", 1280, 960)
    done = convert("a.jpg", "-o", "out", "--resize", "800", "--explain", cwd=tmp_path)
    assert "1280×960 → 800×600 · jpeg by its planes".encode() in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["absent.jpg"], 2), (["nothing-*.jpg"], 3), (["a.jpg", "--resize", "0"], 2)],
)
def test_exit_codes_before_anything_is_written(tmp_path, arguments, code):
    draw(tmp_path / "a.jpg")
    done = convert(*arguments, "-o", "out", code=code, cwd=tmp_path)
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_without_pictures_is_exit_code_3(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    done = convert("in", "-o", "out", code=3, cwd=tmp_path)
    assert len(done.stderr.splitlines()) == 1
    assert b"Left out: 1 .txt." in done.stderr
    assert done.stdout == b""


def test_one_missing_input_is_one_failed_item(tmp_path):
    draw(tmp_path / "a.jpg")
    done = convert("a.jpg", "absent.jpg", "-o", "out", "--json", code=1, cwd=tmp_path)
    *items, _ = records(done)
    assert sorted(str(item["status"]) for item in items) == ["failed", "ok"]


def test_an_output_that_cannot_be_made_is_exit_code_4(tmp_path):
    (tmp_path / "file").write_text("in the way")
    draw(tmp_path / "a.jpg")
    done = convert("a.jpg", "a.jpg", "-o", "file/out", code=4, cwd=tmp_path)
    assert len(done.stderr.splitlines()) == 1


def test_info_says_format_and_size(tmp_path):
    done = imgpar("info", draw(tmp_path / "a.png"), "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["format"], facts["size"]) == (0, "png", [64, 48])


def test_info_of_a_bad_file_is_a_line_and_the_others_are_shown(tmp_path):
    (tmp_path / "bad.jpg").write_text("no picture")
    done = imgpar("info", tmp_path / "bad.jpg", draw(tmp_path / "a.png"))
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stderr.splitlines()] == [b"failed", b"See:"]
    assert "64 × 48".encode() in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="closed pipes look different there")
def test_nobody_reads_the_json_and_the_run_goes_on(photos, tmp_path):
    command = [sys.executable, "-m", "imgpar", "convert", photos, "-o", tmp_path / "out", "--json", *JOBS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(err.splitlines()) == 1
    assert (tmp_path / "out" / "below" / "b.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent like this there")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_is_exit_code_130_and_leaves_whole_files(tmp_path, presses):
    first = draw(tmp_path / "in" / "00.png", 1200, 1200)
    for number in range(1, 40):
        shutil.copyfile(first, tmp_path / "in" / f"{number:02}.png")
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "imgpar",
        "convert",
        tmp_path / "in",
        "-o",
        out,
        "--resize",
        "900",
        "-v",
        *JOBS,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"ok ")
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Finishing what is in flight" in err
    assert b"Traceback" not in err
    written = list(out.glob("*.png"))
    assert 0 < len(written) < 40
    for path in written:
        with Image.open(path) as image:
            image.load()
            assert image.size == (900, 900)


def test_nothing_on_standard_input_is_nothing_to_do(tmp_path):
    assert b"standard input" in convert("-", "-o", tmp_path / "a.png", code=3).stderr


def test_a_failure_on_standard_input_names_it_as_it_was_named(tmp_path):
    done = convert("-", "-o", tmp_path / "a.png", stdin=b"no picture", code=1)
    assert done.stderr.startswith(b"failed  -: ")
    assert tmp_path.joinpath("a.png").exists() is False


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be removed there")
def test_a_current_folder_that_is_gone_is_one_sentence(tmp_path):
    picture = draw(tmp_path / "a.png")
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && exec "$2" -m imgpar convert "$3" -o "$4"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", gone, sys.executable, picture, tmp_path / "out"],
        capture_output=True,
        timeout=100,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False)
    assert b"no longer exists" in done.stderr
