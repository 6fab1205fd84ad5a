"""Estimates: the arithmetic, a real sample, and the error of past ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.batch import estimate
from imgpar.batch.report import Tally
from imgpar.core.job import Item, Job, Outcome, OutputFile


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(estimate, "state_folder", lambda: str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number in range(16):
        pixels = noise.integers(0, 256, (20 + number, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def jobs(sizes: list[int]) -> list[Job]:
    return [Job(at, (Item(f"/{at}.jpg", f"{at}.jpg", size, 0),)) for at, size in enumerate(sizes)]


def test_time_and_bytes_follow_from_the_sizes() -> None:
    """Every output has half the bytes of its input, and takes 1 s per 1000: then the estimate is exact."""
    sample = estimate.Sample()
    sample.take(jobs([1000 * (1 + at % 7) for at in range(700)]))
    tally, lines = Tally(), list[Outcome]()
    for path in sample.paths():
        size = 1000 * (1 + int(path[1:-4]) % 7)
        made = (OutputFile(path + ".webp", size // 2),)
        lines.append(Outcome(path, "ok", made, seconds=size / 1000, source_bytes=size))
        tally.add(lines[-1])
    busy = sum(line.seconds for line in lines)
    report = tally.report(lines, workers=2, working_seconds=busy / 2)
    found = sample.estimate(report, workers=4, free=-1)
    assert (found.items, found.bytes_in, found.sampled) == (700, 2_800_000, 2 * estimate.SAMPLES)
    assert found.seconds == pytest.approx((700.0, 700.0, 700.0))
    assert found.bytes_out == pytest.approx((1.4e6, 1.4e6, 1.4e6))


def test_files_without_a_sample_are_counted() -> None:
    sample = estimate.Sample()
    sample.take(jobs([10, 10]))
    found = sample.estimate(Tally().report([], workers=1, working_seconds=1.0), workers=1, free=-1)
    assert (found.left_out, found.sampled) == (2, 0)


def test_a_sample_of_everything_has_no_spread() -> None:
    assert estimate._ratio(estimate._Stratum(2, 30), [10, 20], [1.0, 7.0]) == (8.0, 0.0)


def test_an_estimate_and_its_run(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = imgpar.estimate(photos, out, to="bmp", jobs=1)
    assert not out.exists()
    assert (found.items, found.sampled, found.past_errors) == (16, estimate.SAMPLES, ())
    report = imgpar.convert(photos, out, to="bmp", jobs=1)
    assert found.bytes_out.value == pytest.approx(report.bytes_out, rel=0.1)
    ((_, size),) = estimate.past_errors()
    assert size == pytest.approx(abs(found.bytes_out.value - report.bytes_out) / report.bytes_out)


def test_the_range_is_as_wide_as_past_errors(photos: Path, tmp_path: Path) -> None:
    one = estimate.Interval(1.0, 1.0, 1.0)
    estimate.keep_estimate("key", estimate.Estimate(1, 1, one, one, 0))
    estimate.compare_with_estimate("key", imgpar.Report(ok=1, bytes_out=2, working_seconds=2.0))
    found = imgpar.estimate(next(photos.rglob("*.*")), tmp_path / "out", to="bmp", jobs=1)
    assert found.sampled == found.items == 1
    for value, low, high in (found.seconds, found.bytes_out):
        assert (low, high) == pytest.approx((value / 1.5, value * 2))


def test_a_run_of_other_inputs_is_no_comparison(photos: Path, tmp_path: Path) -> None:
    one = estimate.Interval(1, 1, 1)
    estimate.keep_estimate("key", estimate.Estimate(9, 1, one, one, 0))
    estimate.compare_with_estimate("key", imgpar.Report(ok=8, bytes_out=1, working_seconds=1.0))
    assert estimate.past_errors() == []


@pytest.mark.parametrize("text", ["", "{", "[1, null]", '[{"key": "k", "actual_seconds": "x"}]', "{}"])
def test_a_damaged_record_is_ignored(state: Path, text: str) -> None:
    state.mkdir()
    (state / "estimates.json").write_text(text)
    assert estimate.past_errors() == []


def test_nothing_to_do_has_no_estimate(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(imgpar.NoInputError, match="nothing to estimate"):
        imgpar.estimate(photos, tmp_path / "out", where="width>9999")


def test_the_command_prints_json_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imgpar", "convert", str(photos), "-o", str(tmp_path / "out")]
    done = subprocess.run([*command, "--estimate", "--json", "-j1"], capture_output=True, text=True)
    assert json.loads(done.stdout)["items"] == 16
    assert not (tmp_path / "out").exists()
