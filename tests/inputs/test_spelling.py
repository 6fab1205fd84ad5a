"""Inputs that differ only by case: one where the file system folds names, several elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgpar.core.filenames import fold
from imgpar.inputs.roots import Named, read_inputs
from imgpar.inputs.spelling import Spelling
from imgpar.testing import write_pictures


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder, and a second one that stands for the other spelling of the first."""
    for name in ("Fotos", "fotos"):
        write_pictures(tmp_path / name / "Mai", ["a.png", "b.png"], (8, 8))
    write_pictures(tmp_path / "fotos/mai", ["A.PNG"], (8, 8))
    return tmp_path


def folding(tmp_path: Path) -> Spelling:
    """As of a file system that keeps `Fotos/Mai/a.png` and `b.png` below this folder, and folds names."""
    here = fold(str(tmp_path))
    listings = {"": ["Fotos"], "/fotos": ["Mai"], "/fotos/mai": ["a.png", "b.png"]}

    def below(path: str) -> str | None:
        return fold(path)[len(here) :].replace(os.sep, "/") if fold(path).startswith(here) else None

    def exists(path: str) -> bool:
        inside = below(path)
        return path.startswith(str(tmp_path)) and bool(inside) and inside in {
            *listings, "/fotos/mai/a.png", "/fotos/mai/b.png"
        }  # fmt: skip

    return Spelling(lambda folder: listings[below(folder) or ""], exists)


def named(tmp_path: Path, *inputs: str, out: str | None = None, spelling: Spelling | None = None) -> Named:
    return read_inputs([str(tmp_path / name) for name in inputs], out, spelling=spelling)


def test_a_folder_in_two_spellings_is_one(photos: Path) -> None:
    found = named(photos, "Fotos", "fotos", spelling=folding(photos))
    assert [(root.real, root.mirror) for root in found.roots] == [(str(photos / "Fotos"), "")]


def test_a_file_of_a_folder_in_another_spelling_is_part_of_it(photos: Path) -> None:
    found = named(photos, "Fotos", "fotos/mai/A.PNG", spelling=folding(photos))
    assert (len(found.roots), found.files) == (1, [])


def test_a_file_in_two_spellings_is_one(photos: Path) -> None:
    found = named(photos, "Fotos/Mai/a.png", "fotos/mai/A.PNG", spelling=folding(photos))
    assert found.files == [str(photos / "Fotos/Mai/a.png")]


def test_out_in_another_spelling_is_no_input(photos: Path) -> None:
    out = str(photos / "fotos")
    found = named(photos, "Fotos", "Fotos/Mai/b.png", out=out, spelling=folding(photos))
    assert (found.roots, found.files) == ([], [str(photos / "Fotos/Mai/b.png")])


def test_where_cases_are_distinguished_nothing_is_merged(photos: Path) -> None:
    listing = Spelling(lambda folder: {"Fotos", "fotos"} if folder == str(photos) else os.listdir(folder))
    assert listing.of(str(photos / "fotos")) == str(photos / "fotos")


def test_one_look_up_tells_it_for_a_folder() -> None:
    asked: list[str] = []

    def exists(path: str) -> bool:
        asked.append(path)
        return False

    spelling = Spelling(lambda folder: [], exists)
    for number in range(100):
        spelling.of(os.path.abspath(f"/photos/IMG_{number}.jpg"))
    assert len(asked) == 2
