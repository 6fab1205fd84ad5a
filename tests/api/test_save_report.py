"""`imgpar.save_report`: a report that is written after its run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import FolderMaker

import imgpar


@pytest.fixture
def report(photo_folder: FolderMaker) -> imgpar.Report:
    return imgpar.convert(photo_folder("a.png"), photo_folder().parent / "out", to="webp", jobs=1)


def test_a_report_becomes_a_page_or_json(report: imgpar.Report, tmp_path: Path) -> None:
    imgpar.save_report(report, tmp_path / "report.html")
    imgpar.save_report(report, tmp_path / "report.json")
    assert "a.webp" in (tmp_path / "report.html").read_text("utf-8")
    assert json.loads((tmp_path / "report.json").read_text())["ok"] == 1


def test_outcomes_of_several_runs_become_one_page(tmp_path: Path) -> None:
    items = (
        imgpar.Outcome("/one.jpg", "failed", error="It is empty."),
        imgpar.Outcome("/two.jpg", "skipped"),
    )
    imgpar.save_report(imgpar.Report(items=items, failed=1, skipped=1), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert text.index("one.jpg") < text.index("two.jpg")


def test_another_file_is_not_replaced(report: imgpar.Report, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(imgpar.UsageError, match="report"):
        imgpar.save_report(report, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == "mine"


def test_only_a_report_is_written(tmp_path: Path) -> None:
    with pytest.raises(imgpar.BadValueError, match="a Report"):
        imgpar.save_report([], tmp_path / "report.html")  # type: ignore[arg-type]
