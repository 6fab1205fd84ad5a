"""The table of bench/ describes any folder, and measures it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BENCH = Path(__file__).resolve().parent.parent / "bench"
sys.path.insert(0, str(BENCH))

import picture_set  # noqa: E402
from readme import set_tables  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two JPEGs of cameras, a small one, a PNG, and a file that is broken."""
    place = tmp_path / "photos"
    place.mkdir()
    grain = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    photo = Image.fromarray(grain).resize((2000, 1125))
    exif = Image.Exif()
    exif[picture_set.MAKE] = "NIKON CORPORATION"
    photo.save(place / "a.jpg", exif=exif, subsampling="4:2:2")
    photo.save(place / "b.jpg", progressive=True, subsampling="4:2:0")
    photo.resize((320, 180)).save(place / "c.jpg", subsampling="4:4:4")
    photo.save(place / "d.png", compress_level=1)
    (place / "e.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return place


def test_a_set_is_described(folder: Path) -> None:
    found = picture_set.summary(picture_set.found([folder]))
    assert found["formats"]["JPEG"] == {
        "pictures": 3, "megapixels": {"least": 0.06, "median": 2.25, "most": 2.25},
    }  # fmt: skip
    assert found["formats"]["PNG"]["pictures"] == 1
    assert found["makers"] == {"none": 2, "Nikon Corporation": 1}
    assert found["subsampling"] == {"4:2:2": 1, "4:2:0": 1, "4:4:4": 1}
    assert found["progressive_share"] == 0.333


def test_a_row_takes_its_kind_evenly(folder: Path) -> None:
    pictures = picture_set.found([folder])
    names = {kind: [p.path.name for p in picture_set.chosen(pictures, kind)]
             for kind in ("photos", "small", "png", "webp")}  # fmt: skip
    assert names == {"photos": ["a.jpg", "b.jpg"], "small": ["c.jpg"], "png": ["d.png"], "webp": []}
    assert [p.path.name for p in picture_set.sample(pictures, 3.4)] == ["a.jpg", "c.jpg"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_table_measures_a_folder(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    command = [sys.executable, str(BENCH / "table.py"), f"mine={folder}", "--out", str(out), "--rounds", "1"]
    command += ["--rows", "jpeg-640,webp-webp", "--peers", "", "--before", str(BENCH.parent), "--jobs", "2"]
    command += ["--share", "0.02"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    result = json.loads((out / "set-mine.json").read_text())
    assert result["left_out"] == ["webp-webp"]
    row = result["rows"]["jpeg-640"]
    assert {name: side["files"] for name, side in row["medians"].items()} == {"imgpar": 4, "before": 4}
    assert row["quality"]["imgpar"]["best_jpeg"]["worst_db"] > 40
    assert row["limit"]["seconds"] > 0
    assert row["stages"]["imgpar"]["decode"] > 0
    assert "\n".join(set_tables(result)) in done.stdout
    assert str(folder) not in (out / "set-mine.json").read_text()
