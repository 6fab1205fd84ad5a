"""Inputs that leave: no file is lost that comes, or is written to, at that moment."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from imgpar.batch.watch import leaving
from imgpar.batch.watch.leaving import Leaving, left_behind, move_away
from imgpar.core.job import Facts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "in" / "a.jpg"
    found.parent.mkdir()
    found.write_bytes(b"one")
    return found


def facts(path: Path) -> Facts:
    return Facts.of(path.stat())


def test_what_is_left_of_a_file_is_put_back(path: Path):
    with Leaving(str(path)) as held:
        assert not path.exists()
        assert Path(held.held).read_bytes() == b"one"
    assert path.read_bytes() == b"one"
    assert os.listdir(path.parent) == ["a.jpg"]


def test_another_file_that_got_the_name_is_noticed_and_put_back(path: Path):
    known = facts(path)
    new = path.with_name("new")
    new.write_bytes(b"two")
    os.utime(new, ns=(known.mtime_ns, known.mtime_ns))
    os.replace(new, path)
    with Leaving(str(path)) as held:
        assert not held.is_file(known)
    assert path.read_bytes() == b"two"


def test_a_file_that_comes_meanwhile_keeps_its_name(path: Path):
    with Leaving(str(path)) as held:
        assert held.is_file(facts(Path(held.held)))
        path.write_bytes(b"two")
    assert {found.name: found.read_bytes() for found in path.parent.iterdir()} == {
        "a.jpg": b"two",
        "a-1.jpg": b"one",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="leases of Linux")
def test_a_file_that_is_written_to_is_none_to_delete(path: Path):
    known = facts(path)
    with path.open("ab"), Leaving(str(path)) as held:
        assert not held.is_file(known)


def test_what_cannot_be_renamed_leaves_nothing_behind(path: Path):
    with pytest.raises(FileNotFoundError), Leaving(str(path.with_name("gone.jpg"))):
        pass
    assert os.listdir(path.parent) == ["a.jpg"]


def test_what_a_killed_watch_held_is_found_below_the_inputs(path: Path, tmp_path: Path):
    Leaving(str(path)).__enter__()
    assert [held.path for held in left_behind([str(tmp_path)])] == [str(path)]


def test_a_taken_name_is_numbered(path: Path, tmp_path: Path):
    final = tmp_path / "done.jpg"
    final.write_bytes(b"two")
    move_away(str(path), str(final))
    assert not path.exists()
    assert final.read_bytes() == b"two"
    assert (tmp_path / "done-1.jpg").read_bytes() == b"one"


def test_on_another_disk_a_taken_name_is_numbered_too(path: Path, tmp_path: Path, monkeypatch):
    real = leaving.move_new

    def elsewhere(source: str, final: str) -> None:
        if source == str(path):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, final)

    monkeypatch.setattr(leaving, "move_new", elsewhere)
    final = tmp_path / "done.jpg"
    final.write_bytes(b"two")
    move_away(str(path), str(final))
    assert not path.exists()
    assert (tmp_path / "done-1.jpg").read_bytes() == b"one"
    assert sorted(os.listdir(tmp_path)) == ["done-1.jpg", "done.jpg", "in"]
