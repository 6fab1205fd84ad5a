"""`root=`: OUT mirrors a folder above all inputs, so that equal names never meet."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

import pytest

import imgpar
from imgpar.cli import main
from imgpar.inputs.local import scan
from imgpar.testing import write_pictures

NAMES = ["2024/a.png", "2025/a.png", "2025/sub/b.png", "2025/.kept/c.png"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures, two with one base name, one in a hidden folder, and an archive."""
    folder = write_pictures(tmp_path_factory.mktemp("given") / "photos", NAMES, (8, 8))
    with ZipFile(folder / "2024" / "trip.zip", "w") as archive:
        archive.write(folder / "2024" / "a.png", "a.png")
    return folder


def planned(inputs: object, out: Path, **settings: object) -> list[str]:
    """Paths of the outputs below OUT."""
    plan = imgpar.dry_run(inputs, out, to="webp", **settings)  # type: ignore[arg-type]
    return [os.path.relpath(output.path, out).replace(os.sep, "/") for output in plan.outputs]


def test_files_with_one_base_name(photos, tmp_path):
    files = [photos / "2024/a.png", photos / "2025/a.png"]
    assert planned(files, tmp_path, root=photos) == ["2024/a.webp", "2025/a.webp"]


def test_names_do_not_depend_on_what_else_is_given(photos, tmp_path):
    assert planned([photos / "2025/a.png"], tmp_path, root=photos) == ["2025/a.webp"]


def test_a_file_in_a_hidden_folder_that_was_named(photos, tmp_path):
    assert planned([photos / "2025/.kept/c.png"], tmp_path, root=photos) == ["2025/.kept/c.webp"]


def test_a_folder(photos, tmp_path):
    assert planned(photos / "2025", tmp_path, root=photos) == ["2025/a.webp", "2025/sub/b.webp"]


def test_the_root_itself(photos, tmp_path):
    assert planned(photos, tmp_path, root=photos) == planned(photos, tmp_path)


def test_a_pattern(photos, tmp_path):
    assert planned(str(photos / "20*/a.png"), tmp_path, root=photos) == ["2024/a.webp", "2025/a.webp"]


def test_an_archive(photos, tmp_path):
    assert planned(photos / "2024/trip.zip", tmp_path, root=photos) == ["2024/trip/a.webp"]


def test_a_relative_root(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos.parent)
    assert planned(["photos/2024/a.png"], tmp_path, root="photos/") == ["2024/a.webp"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_root_by_another_name(photos, tmp_path):
    (tmp_path / "link").symlink_to(photos)
    assert planned([photos / "2024/a.png"], tmp_path / "out", root=tmp_path / "link") == ["2024/a.webp"]


@pytest.mark.skipif(os.name == "nt", reason="names differ only by case")
def test_folders_that_differ_by_case_stay_apart(tmp_path):
    write_pictures(tmp_path, ["A/a.png", "a/a.png"], (8, 8))
    if len(os.listdir(tmp_path)) < 2:
        pytest.skip("this file system does not tell them apart")
    folders = [
        batch.mirror
        for batch in scan(
            [str(tmp_path / "A/a.png"), str(tmp_path / "a/a.png")], out=None, base=str(tmp_path)
        )
    ]
    assert len({folder.lower() for folder in folders}) == 2


def test_a_file_beside_a_folder_of_its_name(tmp_path):
    write_pictures(tmp_path, ["x.png", "x/a.png"], (8, 8))
    (tmp_path / "x.png").rename(tmp_path / "x.webp.png")
    made = planned([tmp_path / "x.webp.png", tmp_path / "x"], tmp_path / "out", root=tmp_path)
    assert made == ["x.webp.webp", "x/a.webp"]


# ----- runs -------------------------------------------------------------------------------------------------


def test_a_second_run_finds_its_outputs(photos, tmp_path):
    files = [photos / "2024/a.png", photos / "2025/a.png"]
    with imgpar.Session(jobs=1, memory="64M") as session:
        runs = [imgpar.convert(files, tmp_path, root=photos, session=session) for _ in range(2)]
    assert [(run.ok, run.skipped) for run in runs] == [(2, 0), (0, 2)]


def test_retry_knows_the_root(tmp_path):
    photos = write_pictures(tmp_path / "photos", ["2024/a.png"], (8, 8))
    damaged = photos / "2025" / "a.png"
    damaged.parent.mkdir()
    damaged.write_bytes((photos / "2024/a.png").read_bytes()[:60])
    with imgpar.Session(jobs=1, memory="64M") as session:
        imgpar.convert([photos / "2024/a.png", damaged], tmp_path / "out", root=photos, session=session)
        damaged.write_bytes((photos / "2024/a.png").read_bytes())
        imgpar.retry(tmp_path / "out", session=session)
    assert (tmp_path / "out/2025/a.png").is_file()


def test_the_command_line(photos, tmp_path):
    words = [str(photos / "2024/a.png"), "-o", str(tmp_path), "--root", str(photos), "-j1", "-q"]
    assert main(["convert", *words]) == 0
    assert (tmp_path / "2024/a.png").is_file()


# ----- refusals --------------------------------------------------------------------------------


def test_an_input_elsewhere(photos, tmp_path):
    with pytest.raises(imgpar.UsageError, match="does not lie in the root"):
        planned([photos / "2024/a.png"], tmp_path, root=photos / "2025")


def test_a_source_that_is_no_place_of_this_machine(photos, tmp_path):
    with pytest.raises(imgpar.UsageError, match="memory://inputs does not lie in the root"):
        planned(imgpar.MemorySource({"a.png": b"x"}), tmp_path, root=photos)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"in_place": True}, "In place"), ({"flat": True, "out": "web"}, "exclude each other")],
)
def test_what_it_contradicts(photos, tmp_path, settings, words):
    settings = dict(settings)
    out = tmp_path / settings.pop("out") if "out" in settings else None
    with pytest.raises(imgpar.UsageError, match=words):
        imgpar.convert([photos / "2024/a.png"], out, root=photos, **settings)


def test_one_file_mirrors_nothing(photos, tmp_path):
    with pytest.raises(imgpar.UsageError, match="mirrors no root"):
        imgpar.convert([photos / "2024/a.png"], tmp_path / "a.webp", root=photos)


def test_a_root_that_is_no_folder(photos, tmp_path):
    with pytest.raises(imgpar.UsageError, match="not a folder"):
        planned([photos / "2024/a.png"], tmp_path, root=photos / "none")
