"""Floating point arrays of the caller: 0 is black, 1 is white, and another scale is refused by every call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgpar

RAMP = np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(8, 8, 3)
PIPE = imgpar.Pipeline()
Call = Callable[[Any, Path], object]


def write_clip(array: Any, folder: Path) -> None:
    writer = imgpar.VideoWriter(folder / "new.mkv", codec="ffv1")
    try:
        writer.write(array)
    finally:
        writer.cancel()


CALLS: dict[str, Call] = {
    "encode": lambda array, _: PIPE.encode(array, to="png"),
    "array": lambda array, _: PIPE.array(array),
    "a picture of Pillow": lambda array, _: PIPE.encode(Image.fromarray(array[..., 0]), to="png"),
    "the pipeline as a function": lambda array, _: PIPE(array),
    "VideoWriter": write_clip,
}


@pytest.fixture(params=CALLS.values(), ids=CALLS.keys())
def call(request: pytest.FixtureRequest) -> Call:
    chosen: Call = request.param
    return chosen


def test_values_to_255_are_refused_with_the_way_out(call: Call, tmp_path: Path) -> None:
    with pytest.raises(imgpar.UsageError, match=r"values from 0 to 25.*Divide by 255"):
        call(RAMP * np.float32(255), tmp_path)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_no_number_is_refused(call: Call, tmp_path: Path, odd: float) -> None:
    array = RAMP.copy()
    array[3, 4, 0] = odd
    with pytest.raises(imgpar.UsageError, match=r"not numbers \(NaN\) or infinite"):
        call(array, tmp_path)


def test_a_little_beyond_is_clipped_by_the_pipeline() -> None:
    made = PIPE(RAMP * np.float32(1.3) - np.float32(0.1))
    assert (made.min(), made.max()) == (0, 1)


def test_a_little_beyond_is_clipped_in_arrays() -> None:
    made = PIPE.array(RAMP * np.float32(1.3) - np.float32(0.1), dtype="float32")
    assert (made.min(), made.max()) == (0, 1)


def test_one_of_many_arrays_fails_alone() -> None:
    found = list(PIPE.arrays([RAMP, RAMP * np.float32(255)], jobs=0, errors="yield"))
    assert [type(item.error) for item, _ in found] == [type(None), imgpar.UnsupportedError]


def test_a_run_names_the_reason(tmp_path: Path) -> None:
    report = PIPE.run({"a": RAMP * np.float32(255)}, tmp_path / "out", to="png", jobs=0)
    assert "Divide by 255" in report.failures[0].error


def test_files_without_numbers_are_noted_in_words(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(tmp_path / "a.tif")
    notes = PIPE.encode_with_report(tmp_path / "a.tif", to="png").notes
    assert notes == ("values that are not numbers (NaN) become black",)
