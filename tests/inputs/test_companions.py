"""Files that belong together keep their names together: Live Photos, sidecars, raw files and their JPEGs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import FolderMaker
from video_clips import make_clip

import imgpar
from imgpar.batch.planner import Planner
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.batches import Batch
from imgpar.inputs.companions import SIDECAR, leaders
from imgpar.inputs.local import scan
from imgpar.outputs.destination import Out


def planned(tmp_path: Path, *names: str, to: tuple[str, ...] = (), order: int = 1) -> dict[str, list[str]]:
    """What each input of a folder is to be called."""
    items = [
        Item(f"/in/{name}", name, 9, 9, 0, "", SIDECAR if name.lower().endswith((".xmp", ".aae")) else "")
        for name in names
    ][::order]
    entries = Planner(Out(str(tmp_path / "out")), to=to).plan(Batch("/in", "", items))
    jobs = [entry for entry in entries if isinstance(entry, Job)]
    return {
        os.path.basename(job.item.path): [os.path.basename(target.path) for target in job.targets]
        for job in jobs
    }


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
@pytest.mark.parametrize(
    ("names", "to", "wanted"),
    [
        (["a.HEIC", "a.MOV"], ("jpeg", "mp4"), {"a.HEIC": ["a.jpg"], "a.MOV": ["a.mp4"]}),
        (
            ["a.HEIC", "a.JPG", "a.MOV"],
            ("jpeg", "mp4"),
            {"a.HEIC": ["a.HEIC.jpg"], "a.JPG": ["a.JPG.jpg"], "a.MOV": ["a.HEIC.mp4"]},
        ),
        (
            ["a.HEIC", "a.MOV", "a.mkv"],
            ("webp", "mp4"),
            {"a.HEIC": ["a.HEIC.webp"], "a.MOV": ["a.HEIC.mp4"], "a.mkv": ["a.mkv.mp4"]},
        ),
        (["a.CR2", "a.JPG"], ("webp",), {"a.CR2": ["a.CR2.webp"], "a.JPG": ["a.JPG.webp"]}),
        (["a.CR2", "a.JPG"], (), {"a.CR2": ["a.CR2.jpg"], "a.JPG": ["a.JPG"]}),
        (
            ["a.CR2", "a.JPG", "a.xmp"],
            ("webp",),
            {"a.CR2": ["a.CR2.webp"], "a.JPG": ["a.JPG.webp"], "a.xmp": ["a.CR2.xmp"]},
        ),
        (
            ["a.HEIC", "a.png", "a.AAE"],
            ("webp",),
            {"a.HEIC": ["a.HEIC.webp"], "a.png": ["a.png.webp"], "a.AAE": ["a.HEIC.AAE"]},
        ),
        (
            ["a.CR2", "a.CR2.xmp", "a.xmp"],
            ("webp",),
            {"a.CR2": ["a.webp"], "a.CR2.xmp": ["a.webp.xmp"], "a.xmp": ["a.xmp"]},
        ),
        (["a.mov", "b.heic"], ("mp4", "jpeg"), {"a.mov": ["a.mp4"], "b.heic": ["b.jpg"]}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_names_stay_together_and_never_meet(
    tmp_path: Path, names: list[str], to: tuple[str, ...], wanted: dict[str, list[str]], order: int
) -> None:
    found = planned(tmp_path, *names, to=to, order=order)
    assert found == wanted
    every = [name.casefold() for targets in found.values() for name in targets]
    assert len(set(every)) == len(every)


def test_a_sidecar_belongs_to_the_raw_file_and_edits_to_the_photo() -> None:
    assert leaders(["a.cr2", "a.heic", "a.xmp", "a.aae", "b.xmp"], [2, 3, 4]) == {2: 0, 3: 1}


def run(folder: Path, out: Path, **settings: object) -> imgpar.Report:
    return imgpar.convert(folder, out, jobs=1, **settings)


def with_sidecars(photo_folder: FolderMaker) -> Path:
    folder = photo_folder("a.jpg", "b.png", "sub/a.jpg")
    for name in ("a.xmp", "a.jpg.xmp", "b.AAE", "sub/a.XMP", "lonely.xmp"):
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_sidecars_are_copied_on_request(tmp_path: Path, photo_folder: FolderMaker, schedule: str) -> None:
    folder = with_sidecars(photo_folder)
    out = tmp_path / "out"
    report = run(folder, out, to="webp", companions="copy", schedule=schedule)
    assert (report.ok, report.failed, report.ignored) == (7, 0, 1)
    found = {str(path.relative_to(out)) for path in out.rglob("*.*") if ".imgpar" not in path.parts}
    expected = {"a.webp", "a.xmp", "a.webp.xmp", "b.webp", "b.AAE", "sub/a.webp", "sub/a.XMP"}
    assert found == {name.replace("/", os.sep) for name in expected}
    assert (out / "b.AAE").read_text() == "b.AAE"
    assert (out / "b.AAE").stat().st_mtime_ns == (folder / "b.AAE").stat().st_mtime_ns


def test_a_second_run_copies_only_what_changed(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder, out = with_sidecars(photo_folder), tmp_path / "out"
    run(folder, out, to="webp", companions="copy")
    assert run(folder, out, to="webp", companions="copy").reasons == {"unchanged": 7}
    (folder / "a.xmp").write_text("another rating")
    report = run(folder, out, to="webp", companions="copy")
    assert (report.ok, report.skipped) == (1, 6)
    assert (out / "a.xmp").read_text() == "another rating"


def test_a_companion_that_comes_later_follows_the_name_that_is_there(
    tmp_path: Path, photo_folder: FolderMaker
) -> None:
    folder, out = photo_folder("a.jpg", "a.png"), tmp_path / "out"
    run(folder, out, to="webp")
    (folder / "a.jpg.xmp").write_text("late")
    report = run(folder, out, to="webp", companions="copy")
    assert (report.ok, report.skipped) == (1, 2)
    assert (out / "a.jpg.webp.xmp").read_text() == "late"


def test_by_default_they_stay_and_that_is_said(tmp_path: Path, photo_folder: FolderMaker) -> None:
    report = run(with_sidecars(photo_folder), tmp_path / "out", to="webp")
    assert (report.ok, report.ignored) == (3, 5)
    assert "5 of them are sidecars (XMP, AAE); --companions copy takes them along." in report.summary()


def test_a_single_file_takes_its_sidecar_along(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder = with_sidecars(photo_folder)
    report = run(folder / "b.png", tmp_path / "out", to="webp", companions="copy")
    assert {Path(file.path).name for line in report.items for file in line.outputs} == {"b.webp", "b.AAE"}


def test_in_place_they_are_where_they_belong(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder = with_sidecars(photo_folder)
    report = imgpar.Pipeline().resize("20").run(folder, None, in_place=True, companions="copy", jobs=1)
    assert (report.ok, report.failed) == (3, 0)
    assert (folder / "a.xmp").read_text() == "a.xmp"


@pytest.mark.slow
def test_a_live_photo_is_converted_under_one_name(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder = photo_folder("IMG_1.jpg", "IMG_1.png")
    make_clip(folder / "IMG_1.mov")
    report = run(folder, tmp_path / "out", to=("webp", "mp4"))
    assert report.failed == 0
    assert {path.name for path in (tmp_path / "out").glob("IMG*")} == {
        "IMG_1.jpg.webp",
        "IMG_1.png.webp",
        "IMG_1.jpg.mp4",
    }


@pytest.mark.parametrize("taken", ["a.webp", "a.xmp", "a.webp.xmp"])
def test_what_belongs_together_steps_aside_together(
    tmp_path: Path, photo_folder: FolderMaker, taken: str
) -> None:
    folder, out = photo_folder("a.jpg", "b.png"), tmp_path / "out"
    for name in ("a.xmp", "a.jpg.xmp", "b.AAE"):
        (folder / name).write_text(name)
    out.mkdir()
    (out / taken).write_text("somebody else's")
    expected = {taken, "a-1.webp", "a-1.xmp", "a-1.webp.xmp", "b.webp", "b.AAE"}
    for _ in range(2):
        run(folder, out, to="webp", companions="copy", on_exists="rename")
        assert {path.name for path in out.glob("*.*") if path.is_file()} == expected
    assert (out / taken).read_text() == "somebody else's"


def test_a_clip_steps_aside_with_its_picture(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder, out = photo_folder("IMG_1.jpg"), tmp_path / "out"
    (folder / "IMG_1.mov").write_bytes(b"no clip, but named like one")
    out.mkdir()
    (out / "IMG_1.webp").write_text("somebody else's")
    paths = {
        target.path
        for batch in scan([str(folder)], out=None)
        for entry in Planner(Out(str(out)), to=("webp", "mp4"), on_exists="rename").plan(batch)
        if not isinstance(entry, Outcome)
        for target in entry.targets
    }
    assert {Path(path).name for path in paths} == {"IMG_1-1.webp", "IMG_1-1.mp4"}


def test_a_plan_is_the_same_whoever_asks(tmp_path: Path, photo_folder: FolderMaker) -> None:
    folder = with_sidecars(photo_folder)
    plans = [
        [
            (entry.item.path, [target.path for target in entry.targets])
            for batch in scan([str(folder)], out=None)
            for entry in Planner(Out(str(tmp_path / "out")), to=("webp",)).plan(batch)
            if not isinstance(entry, Outcome)
        ]
        for _ in range(2)
    ]
    assert plans[0] == plans[1]
