"""New metadata in place: the original is kept, and a second run recognises its own output."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.cli import main


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (8, 12, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def test_a_field_is_set_once_and_taken_back(photo: Path) -> None:
    before = photo.read_bytes()
    first, second = (
        imgpar.convert(photo.parent, in_place=True, set={"copyright": "© {stem}"}, jobs=1) for _ in range(2)
    )
    assert (first.ok, second.ok, second.skipped) == (1, 0, 1)
    made = photo.read_bytes()
    assert made.endswith(before[before.index(b"\xff\xda") :])
    assert "© a".encode() in made
    imgpar.undo(photo.parent)
    assert photo.read_bytes() == before


def test_info_shows_the_fields(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo.write_bytes(imgpar.Pipeline().encode(photo.read_bytes(), set={"title": "Lake", "keywords": "a,b"}))
    assert main(["info", "--json", str(photo)]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"] == {"title": "Lake", "keywords": ["a", "b"]}


def test_flags_are_repeated_and_added_to_a_recipe(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text('[set]\nartist = "Ada"\n', "utf-8")
    out = tmp_path / "out"
    given = ["--set", "title=Lake", "--set", "keywords+=a", "--set", "keywords+=b", "-q"]
    assert main(["convert", str(photo), "-o", str(out), "--recipe", str(tmp_path / "r.toml"), *given]) == 0
    assert main(["info", "--json", str(out / "a.jpg")]) == 0
    found = json.loads(capsys.readouterr().out)["metadata"]
    assert found == {"artist": "Ada", "title": "Lake", "keywords": ["a", "b"]}
