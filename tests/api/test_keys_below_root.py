"""`root` of arrays: keys are the paths of files below a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import imgpar
from imgpar import testing

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


def test_keys_of_arrays_are_paths_below_the_root(session, folder):
    given = [folder / "b/1.png", folder / "a"]
    assert [item.key for item, _ in session.arrays(PIPE, given, root=folder)] == ["b/1.png", "a/1.png"]


def test_keys_of_encoded_pictures_are_paths_below_the_root(session, folder):
    given = [folder / "b/1.png", folder / "a"]
    found = PIPE.encode_all(given, to="png", root=folder, session=session)
    assert [item.key for item, _ in found] == ["b/1.png", "a/1.png"]
