"""Reports, recipes, journals and kept failures replace nothing but their own kind."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.cli import main
from imgpar.outputs.sidefiles import write_whole

posix = pytest.mark.skipif(os.name == "nt", reason="no links, modes and devices there")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture that can be read and one that cannot."""
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (16, 8), "red").save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "package.json").write_text('{"name": "mine"}', encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n', encoding="utf-8")
    (tmp_path / "names.lst").write_text("photos/a.png\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


FLAGS = ["--report", "--save-recipe", "--journal"]
TAKEN = [
    *((flag, name) for flag in FLAGS for name in ("photos/a.png", "new.jpg", "out/new.mp4", "link")),
    *((flag, name) for flag in FLAGS[:2] for name in ("notes.txt", "package.json", "pyproject.toml")),
]


@pytest.mark.parametrize(("flag", "name"), TAKEN)
def test_a_place_where_something_else_is_is_refused_before_the_run(here, capsys, flag, name):
    (here / "link").hardlink_to(here / "photos" / "a.png")
    (here / "out").mkdir()
    before = tree(here)
    assert main(["convert", "photos", "-o", "out", flag, name]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert name in said.err
    assert tree(here) == before


@pytest.mark.parametrize("flag", FLAGS)
def test_the_list_of_inputs_is_no_place(here, capsys, flag):
    before = tree(here)
    assert main(["convert", "--files-from", "names.lst", "-o", "out", flag, "names.lst"]) == 2
    assert "would replace an input (names.lst)" in capsys.readouterr().err
    assert tree(here) == before


def test_a_report_and_a_recipe_do_not_share_a_file(here, capsys):
    arguments = ["--report", "x.json", "--save-recipe", "./x.json"]
    assert main(["convert", "photos", "-o", "out", *arguments]) == 2
    assert "name the same file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["photos/a.png", "notes.txt", "new.webp"])
def test_python_refuses_a_report_in_the_place_of_something_else_before_the_run(here, name):
    before = tree(here)
    with pytest.raises(imgpar.UsageError, match="report"):
        imgpar.convert("photos", "out", to="webp", jobs=1, report=name)
    assert tree(here) == before


@pytest.mark.parametrize("name", ["photos/a.png", "notes.txt", "new.webp"])
def test_python_refuses_a_recipe_in_the_place_of_something_else(here, name):
    before = tree(here)
    with pytest.raises(imgpar.UsageError, match="recipe"):
        imgpar.Recipe().save(name)
    assert tree(here) == before


def test_a_report_does_not_replace_a_picture_that_appeared_meanwhile(here):
    report = imgpar.convert("photos/a.png", "out", jobs=1)
    with pytest.raises(imgpar.UsageError, match="is not a report"):
        report.write_json("notes.txt")


def test_a_report_replaces_a_report_and_an_empty_file(here):
    (here / "r.json").touch()
    for _ in range(2):
        assert main(["convert", "photos/a.png", "-o", "out", "--report", "r.json", "-q"]) == 0
        assert json.loads((here / "r.json").read_text())["schema"] == 1


def test_a_recipe_replaces_a_recipe_and_an_empty_file(here):
    (here / "r.toml").touch()
    for quality in ("7", "8"):
        assert main(["convert", "--quality", quality, "--save-recipe", "r.toml"]) == 0
        assert imgpar.Recipe.load("r.toml").encode.quality == int(quality)


@posix
def test_where_a_link_leads_to_is_written_and_the_link_stays(here):
    (here / "link.json").symlink_to("real.json")
    write_whole("link.json", ["text"])
    assert (here / "real.json").read_text() == "text"
    assert (here / "link.json").is_symlink()
    assert not list(here.glob(".imgpar*"))


@posix
def test_a_device_is_written_and_not_replaced(here):
    os.mkfifo(here / "pipe")
    reader = os.open(here / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole("pipe", ["te", "xt"])
        assert os.read(reader, 10) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((here / "pipe").stat().st_mode)


def test_what_cannot_be_written_to_its_end_leaves_what_was_there(here):
    def text():
        yield "half"
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write_whole("notes.txt", text())
    assert (here / "notes.txt").read_text() == "mine"
    assert not list(here.glob(".imgpar*"))


# ----- kept failures ----------------------------------------------------------------------------------


def kept(folder: str = "kept") -> Path:
    assert main(["convert", "photos", "-o", "out", "--keep-failures", folder, "-q"]) == 1
    return next(path for path in sorted(Path(folder).iterdir()) if path.is_dir())


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o440])
def test_a_kept_input_has_the_mode_of_the_input_and_its_folders_are_private(here, mode):
    (here / "photos" / "bad.png").chmod(mode)
    bundle = kept()
    assert stat.S_IMODE((bundle / "input-bad.png").stat().st_mode) == mode
    assert (bundle / "input-bad.png").read_bytes() == b"no picture"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (bundle, bundle.parent)] == [0o700, 0o700]


@posix
def test_a_bundle_is_written_again_where_its_input_may_not_be_written(here):
    (here / "photos" / "bad.png").chmod(0o400)
    assert kept() == kept()


def test_a_bundle_does_not_replace_a_folder_of_somebody_else(here):
    mine = here / "kept" / "000001-bad"
    mine.mkdir(parents=True)
    (mine / "input-bad.png").write_bytes(b"mine")
    kept()
    assert [path.name for path in mine.iterdir()] == ["input-bad.png"]
    assert (mine / "input-bad.png").read_bytes() == b"mine"
    assert (here / "kept" / "000001-bad-2" / "failure.json").exists()


def test_failures_are_not_kept_in_a_file(here, capsys):
    before = tree(here)
    assert main(["convert", "photos", "-o", "out", "--keep-failures", "notes.txt"]) == 2
    assert "notes.txt is a file" in capsys.readouterr().err
    assert tree(here) == before
