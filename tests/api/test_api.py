"""The Python API when it is called wrongly, and what it shows of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.api import run
from imgpar.batch.run_options import RunOptions
from imgpar.core.job import Job

PIPE = imgpar.Pipeline().resize(8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    Image.new("RGB", (16, 8), "red").save(path)
    return path


@pytest.mark.parametrize("inputs", [None, 3, [3], ["a.jpg", None]])
def test_inputs_that_are_no_paths_are_one_sentence(inputs, tmp_path):
    with pytest.raises(imgpar.UsageError, match="path"):
        PIPE.run(inputs, tmp_path / "out")


def test_inputs_may_be_bytes(picture, tmp_path):
    report = PIPE.run(bytes(picture), tmp_path / "out", jobs=1)
    assert [item.source for item in report.items] == [str(picture)]


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(imgpar.UsageError, match=r"no setting 'rezise'\. Did you mean 'resize'"):
        imgpar.convert("in", "out", rezise=3)


def test_what_belongs_to_an_operation_comes_after_it():
    with pytest.raises(imgpar.UsageError, match=r"fit belongs to .* Write resize first\."):
        imgpar.convert("in", "out", fit="cover", resize=8)


def test_an_unknown_setting_of_arrays_names_the_nearest(picture):
    with pytest.raises(imgpar.UsageError, match="Did you mean 'timeout'"):
        list(PIPE.arrays(picture, timout=3))


def test_values_are_taken_as_the_command_line_takes_them():
    options = RunOptions.read(
        {"timeout": "2m", "max_pixels": "1.5MP", "worker_memory": "2G", "max_frames": "7"}
    )
    assert (options.timeout, options.max_pixels) == (120.0, 1_500_000)
    assert (options.worker_memory, options.max_frames) == (2 << 30, 7)


@pytest.mark.parametrize("frames", [2, 3])
def test_animations_have_a_limit_of_frames(tmp_path, frames):
    first, *others = [Image.new("L", (8, 8), 80 * number) for number in range(frames)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    report = imgpar.convert(tmp_path / "a.gif", tmp_path / "out", max_frames=2, jobs=1)
    said = "It has 3 frames, the limit is 2. To allow it, raise the limit: --max-frames 3 (max_frames=3)."
    wanted = [] if frames == 2 else [said]
    assert [item.error for item in report.failures] == wanted


@pytest.mark.parametrize(("name", "value"), [("strict", "maybe"), ("timeout", "soon"), ("accept_damaged", 7)])
def test_a_wrong_setting_is_refused_before_anything_is_written(name, value, picture, tmp_path):
    with pytest.raises(imgpar.BadValueError, match=name):
        PIPE.run(picture, tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()


def test_a_format_that_does_not_exist():
    with pytest.raises(imgpar.BadValueError, match=r"no format 'wepb'\. Did you mean 'webp'"):
        imgpar.convert("in", "out", to="wepb")


def test_a_recipe_may_be_a_path(tmp_path):
    path = tmp_path / "small.toml"
    PIPE.recipe.save(path)
    assert imgpar.Pipeline(path) == PIPE


def test_apply_wants_a_function():
    with pytest.raises(imgpar.BadValueError, match="a function for apply"):
        imgpar.Pipeline().apply(3)  # type: ignore[arg-type]


def test_workers_are_never_forked():
    with pytest.raises(imgpar.BadValueError, match="forkserver, spawn for start_method"):
        imgpar.Session(start_method="fork")


def test_encode_wants_bytes():
    with pytest.raises(imgpar.BadValueError, match="a content, an array or a picture"):
        PIPE.encode(7, to="webp")  # type: ignore[arg-type]


def test_encode_of_what_is_no_picture():
    with pytest.raises(imgpar.UnknownFormatError):
        PIPE.encode(b"garbage")


def test_a_function_that_exits_fails_its_picture_only(picture, tmp_path):
    def leave(_: object) -> None:
        raise SystemExit(3)

    report = PIPE.apply(leave).run(picture, tmp_path / "out", jobs=1)  # type: ignore[arg-type]
    assert "raised SystemExit: 3. " in report.items[0].error


def test_a_report_is_shown_in_one_line(picture, tmp_path):
    report = PIPE.run(picture, tmp_path / "out", jobs=1)
    assert repr(report).startswith("<Report: 1 ok, 0 skipped, 0 failed, out=")
    assert repr(report.items) == "<1 lines of a report>"


def test_a_dry_run_of_a_list_names_what_the_run_writes(picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["in/a.png"]
    planned = [
        job.targets[0].path
        for job in run.planned_entries(iter(names), "out", PIPE.recipe)
        if isinstance(job, Job)
    ]
    report = run.run(iter(names), "out", PIPE.recipe)
    assert planned == [file.path for item in report.items for file in item.outputs]
    assert planned == [str(tmp_path / "out" / "in" / "a.png")]


def test_one_file_needs_no_home(picture, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "file" / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    report = PIPE.run(picture, tmp_path / "b.webp", jobs=1)
    assert report.ok == 1
    with Image.open(tmp_path / "b.webp") as made:
        assert made.size == (8, 4)


def test_a_journal_that_was_asked_for_must_be_possible(picture, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(imgpar.OutputError):
        PIPE.run(picture, tmp_path / "b.webp", jobs=1, journal=tmp_path / "file" / "journal.db")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("b.wepb", r"Did you mean '\.webp'"), ("b.jgp", r"Did you mean '\.jpg'"), ("b.docx", "end it with '/'")],
)
def test_a_mistyped_suffix_does_not_become_a_folder(picture, tmp_path, name, hint):
    with pytest.raises(imgpar.UsageError, match=hint):
        PIPE.run(picture, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["photos.2024", "web.d", "b.docx/"])
def test_a_folder_for_one_file_may_have_a_dot(picture, tmp_path, name):
    assert PIPE.run(picture, f"{tmp_path}/{name}", jobs=1).ok == 1
    assert (tmp_path / name).is_dir()
