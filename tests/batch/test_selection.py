"""Selected and sorted inputs of runs, in every call that takes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import imgpar
from imgpar.core.job import Item
from imgpar.inputs.batches import Entries


def picture(path: Path, size: tuple[int, int], taken: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", size, "red").save(path, exif=exif)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures and one file that is none."""
    folder = tmp_path / "photos"
    picture(folder / "a.jpg", (30, 20), "2024:05:01 10:00:00")
    picture(folder / "b.jpg", (20, 30), "2023:05:01 10:00:00")
    picture(folder / "sub" / "c.png", (50, 50))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


def names(report: imgpar.Report) -> list[str]:
    return [os.path.basename(outcome.source) for outcome in report.items]


@pytest.fixture(scope="module")
def session() -> object:
    with imgpar.Session(jobs=2) as session:
        yield session


def test_a_run_takes_what_fulfils_all_conditions(photos: Path, session: imgpar.Session) -> None:
    report = imgpar.convert(
        photos, photos.parent / "out", where=["width<50", "orientation=portrait"], session=session
    )
    assert names(report) == ["b.jpg", "broken.jpg"]
    assert (report.ok, report.failed, report.filtered) == (1, 1, 2)


def test_a_condition_on_the_status_opens_no_file(photos: Path, tmp_path: Path) -> None:
    plan = imgpar.dry_run(photos, tmp_path / "out", where="format=png")
    assert [item.source for item in plan.items] == [str(photos / "sub" / "c.png")]
    assert plan.filtered == 3


def test_a_run_reports_in_the_order_of_sort(photos: Path, session: imgpar.Session) -> None:
    report = imgpar.convert(photos, photos.parent / "out", sort="date", session=session)
    assert names(report) == ["b.jpg", "a.jpg", "broken.jpg", "c.png"]


def test_a_second_run_in_another_order_does_nothing(photos: Path, session: imgpar.Session) -> None:
    imgpar.convert(photos, photos.parent / "out", to="webp", session=session)
    again = imgpar.convert(photos, photos.parent / "out", to="webp", sort="bytes:desc", session=session)
    assert (again.skipped, again.failed) == (3, 1)


def test_the_names_of_outputs_do_not_depend_on_the_order(photos: Path, session: imgpar.Session) -> None:
    picture(photos / "a.png", (9, 9))
    one = imgpar.dry_run(photos, photos.parent / "one", to="webp")
    other = imgpar.dry_run(photos, photos.parent / "one", to="webp", reverse=True)
    assert sorted(file.path for file in one.outputs) == sorted(file.path for file in other.outputs)


def test_a_condition_that_nothing_fulfils_is_named(photos: Path, session: imgpar.Session) -> None:
    report = imgpar.convert(photos, photos.parent / "out", where="name=*.tif", session=session)
    assert (report.total, report.exit_code) == (0, 3)
    assert report.notes == ("Nothing in the input fulfils where 'name=*.tif'.",)


def test_dates_that_are_unknown_are_named(photos: Path, session: imgpar.Session) -> None:
    report = imgpar.convert(photos, photos.parent / "out", where="date>=2024", session=session)
    assert names(report) == ["a.jpg", "broken.jpg"]
    assert any(note.startswith("1 input does not say when it was taken") for note in report.notes)


def test_a_sheet_is_sorted_across_folders(photos: Path, session: imgpar.Session, tmp_path: Path) -> None:
    (photos / "broken.jpg").unlink()
    sheet = imgpar.Pipeline().sheet(photos, tmp_path / "s.png", sort="width:desc", session=session)
    assert names(sheet) == ["c.png", "a.jpg", "b.jpg"]


def test_a_sheet_in_another_order_is_another_sheet(photos: Path, session: imgpar.Session) -> None:
    (photos / "broken.jpg").unlink()
    out, pipe = photos.parent / "s.png", imgpar.Pipeline()
    pipe.sheet(photos, out, session=session)
    assert pipe.sheet(photos, out, session=session).skipped == 3
    assert pipe.sheet(photos, out, reverse=True, session=session).ok == 3


def test_arrays_come_sorted_and_selected(photos: Path, session: imgpar.Session) -> None:
    (photos / "broken.jpg").unlink()
    found = session.arrays(imgpar.Pipeline(), photos, where="width>=30", sort="width:desc")
    assert [array.shape for _, array in found] == [(50, 50, 3), (20, 30, 3)]


def test_descriptions_come_sorted_and_selected(photos: Path, session: imgpar.Session) -> None:
    found = session.describe(photos, where="format=jpeg", sort="name:desc")
    assert [os.path.basename(path) for path, _ in found] == ["broken.jpg", "b.jpg", "a.jpg"]


def test_retry_keeps_the_selection(photos: Path, session: imgpar.Session) -> None:
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    imgpar.convert(photos, photos.parent / "out", where="format=jpeg", session=session)
    assert names(imgpar.retry(photos.parent / "out", session=session)) == ["broken.jpg"]


def test_info_lists_what_is_selected(photos: Path) -> None:
    command = [sys.executable, "-m", "imgpar", "info", str(photos), "--json", "--where", "orientation=square"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [os.path.basename(line["path"]) for line in lines] == ["broken.jpg", "c.png"]
    assert done.returncode == 1


def test_picked_entries_keep_their_status(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.png", "a10.png"):
        (tmp_path / name).write_bytes(name.encode())
    entries = Entries(str(tmp_path), "x", ["a10.png", "a1.png", "a2.png"], {}, {})
    every: list[Item] = list(entries)
    assert list(entries.picked([2, 0])) == [every[2], every[0]]
