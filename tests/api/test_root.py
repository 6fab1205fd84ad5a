"""`root`: outputs and keys keep the paths of their inputs below a folder, so equal names never meet."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

import imgpar
from imgpar import testing
from imgpar.cli import main

PIPE = imgpar.Pipeline()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with equal names: a/1.png, b/1.png, b/c/1.png."""
    top = tmp_path_factory.mktemp("root") / "in"
    for below in ("a", "b", "b/c"):
        testing.write_pictures(top / below, ["1.png"], size=(24, 16))
    return top


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=1, memory="32M") as session:
        yield session


def made(session: imgpar.Session, inputs: Any, out: Path, root: Path) -> list[str]:
    report = session.run(PIPE, inputs, out, to="webp", root=root)
    assert report.failed == 0
    return sorted(str(Path(output.path).relative_to(out)) for item in report.items for output in item.outputs)


def test_files_keep_their_paths_below_the_root(session, folder, tmp_path):
    given = [folder / "a/1.png", folder / "b/1.png", folder / "b/c/1.png"]
    assert made(session, given, tmp_path, folder) == ["a/1.webp", "b/1.webp", "b/c/1.webp"]


def test_one_file_keeps_its_path_too(session, folder, tmp_path):
    assert made(session, folder / "b/c/1.png", tmp_path, folder) == ["b/c/1.webp"]


def test_folders_keep_their_paths_below_the_root(session, folder, tmp_path):
    assert made(session, [folder / "b/c", folder / "a"], tmp_path, folder) == ["a/1.webp", "b/c/1.webp"]


def test_a_file_beside_a_folder_keeps_its_path(session, folder, tmp_path):
    assert made(session, [folder / "b/c", folder / "b/1.png"], tmp_path, folder) == ["b/1.webp", "b/c/1.webp"]


def test_an_archive_keeps_its_path(session, folder, tmp_path):
    (tmp_path / "in/x").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "in/x/z.zip", "w") as archive:
        archive.write(folder / "a/1.png", "1.png")
    found = made(session, tmp_path / "in/x/z.zip", tmp_path / "out", tmp_path / "in")
    assert found == ["x/z/1.webp"]


def test_a_second_run_has_nothing_to_do(session, folder, tmp_path):
    given = [folder / "a/1.png", folder / "b/1.png"]
    made(session, given, tmp_path, folder)
    report = session.run(PIPE, given, tmp_path, to="webp", root=folder)
    assert (report.ok, report.skipped) == (0, 2)


def test_a_dry_run_shows_the_same_names(folder, tmp_path):
    plan = imgpar.dry_run([folder / "b/1.png"], tmp_path, to="webp", root=folder)
    assert [output.path for item in plan.items for output in item.outputs] == [str(tmp_path / "b/1.webp")]


def test_keys_of_arrays_are_paths_below_the_root(session, folder):
    given = [folder / "b/1.png", folder / "a"]
    assert [item.key for item, _ in session.arrays(PIPE, given, root=folder)] == ["b/1.png", "a/1.png"]


def test_a_retry_keeps_the_names(folder, tmp_path):
    given = [tmp_path / "in/a/1.png", tmp_path / "in/b/1.png"]
    for path in given:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no picture")
    given[1].write_bytes((folder / "a/1.png").read_bytes())
    imgpar.convert(given, tmp_path / "out", to="webp", root=tmp_path / "in", jobs=1)
    given[0].write_bytes(given[1].read_bytes())
    imgpar.retry(tmp_path / "out", jobs=1)
    assert (tmp_path / "out/a/1.webp").exists()


def test_the_command_has_it_too(folder, tmp_path):
    given = [str(folder / "a/1.png"), str(folder / "b/1.png")]
    assert main(["convert", *given, "-o", str(tmp_path), "--to", "webp", "--root", str(folder), "-q"]) == 0
    assert (tmp_path / "b/1.webp").exists()


def test_a_list_of_files_keeps_paths_below_the_root(folder, tmp_path):
    (tmp_path / "list.txt").write_text(f"{folder}/a/1.png\n{folder}/b/c/1.png\n")
    words = ["--files-from", str(tmp_path / "list.txt"), "-o", str(tmp_path / "out"), "--to", "webp", "-q"]
    assert main(["convert", *words, "--root", str(folder)]) == 0
    assert (tmp_path / "out/b/c/1.webp").exists()


REFUSED = {
    "an input outside": ({"root": "b"}, "does not lie in the root"),
    "no folder": ({"root": "none"}, "is no folder"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_root_that_does_not_fit_is_refused(folder, tmp_path, kind):
    settings, words = REFUSED[kind]
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.convert([folder / "a/1.png"], tmp_path, to="webp", root=folder / settings["root"])


def test_in_place_there_is_no_root(folder):
    with pytest.raises(imgpar.UsageError, match="In place"):
        imgpar.convert(folder / "a", in_place=True, resize="8", root=folder)
