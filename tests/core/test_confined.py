"""Paths that come from somebody else stay inside a folder, and follow no link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgpar.core import confined
from imgpar.core.confined import (
    is_real_folder,
    join_inside,
    move_inside,
    parts_inside,
    remove_inside,
    status_inside,
)
from imgpar.core.errors import OutputError

posix = pytest.mark.skipif(os.name == "nt", reason="links need privileges there")


@pytest.mark.parametrize("path", ["a", "a/b.jpg", ".hidden", "...", "a b/ä\udcff"])
def test_a_path_inside_is_taken(path: str) -> None:
    assert "/".join(parts_inside(path)) == path


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "..", "a/../b", "../a", "a//b", "./a", "a/.", "a\0b", "a/"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(OutputError, match="is not a path inside"):
        join_inside("/base", path)


@pytest.fixture(params=["by descriptors", "by paths"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no descriptors of folders; what is tested here holds in both ways."""
    if request.param == "by paths":
        monkeypatch.setattr(confined, "_BY_HANDLE", False)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base/sub").mkdir(parents=True)
    (tmp_path / "base/sub/a.txt").write_text("a")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("outside")
    return tmp_path / "base"


def test_files_inside_are_moved_and_removed(base: Path) -> None:
    move_inside(str(base), "sub/a.txt", "new/folder/b.txt")
    assert (base / "new/folder/b.txt").read_text() == "a"
    remove_inside(str(base), "new/folder/b.txt")
    assert status_inside(str(base), "new/folder/b.txt") is None


def test_a_move_takes_the_place_of_what_is_there(base: Path) -> None:
    (base / "b.txt").write_text("b")
    move_inside(str(base), "b.txt", "sub/a.txt")
    assert (base / "sub/a.txt").read_text() == "b"


@posix
class TestLinks:
    """Somebody has put a link where a folder or a file was."""

    @pytest.fixture
    def linked(self, base: Path) -> Path:
        (base / "link").symlink_to(base.parent / "outside")
        (base / "file.txt").symlink_to(base.parent / "outside/a.txt")
        return base

    def test_nothing_is_found_behind_one(self, linked: Path) -> None:
        assert status_inside(str(linked), "link/a.txt") is None

    def test_nothing_is_removed_behind_one(self, linked: Path) -> None:
        with pytest.raises(OSError, match=r"symbolic links|Not a directory|is not a file|is not a folder"):
            remove_inside(str(linked), "link/a.txt")
        assert (linked.parent / "outside/a.txt").exists()

    def test_nothing_is_moved_there(self, linked: Path) -> None:
        with pytest.raises(OSError, match=r"symbolic links|Not a directory|is not a file|is not a folder"):
            move_inside(str(linked), "sub/a.txt", "link/a.txt")
        assert (linked.parent / "outside/a.txt").read_text() == "outside"

    def test_nothing_is_moved_from_there(self, linked: Path) -> None:
        with pytest.raises(OSError, match=r"symbolic links|Not a directory|is not a file|is not a folder"):
            move_inside(str(linked), "link/a.txt", "b.txt")
        assert (linked.parent / "outside/a.txt").exists()

    def test_a_link_to_a_folder_is_none(self, linked: Path) -> None:
        assert (is_real_folder(str(linked / "sub")), is_real_folder(str(linked / "link"))) == (True, False)

    def test_the_folder_itself_may_be_named_through_a_link(self, linked: Path) -> None:
        (linked.parent / "named").symlink_to(linked)
        assert status_inside(str(linked.parent / "named"), "sub/a.txt") is not None


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are listed on Linux")
def test_no_descriptor_is_left_open(base: Path) -> None:
    def use() -> None:
        move_inside(str(base), "sub/a.txt", "new/folder/b.txt")
        move_inside(str(base), "new/folder/b.txt", "sub/a.txt")
        status_inside(str(base), "sub/none/there")

    use()
    before = len(os.listdir("/proc/self/fd"))
    use()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_status_is_that_of_the_file_itself(base: Path) -> None:
    assert status_inside(str(base), "sub/a.txt") == (base / "sub/a.txt").lstat()
    (base / "b.txt").write_text("longer")
    found = status_inside(str(base), "b.txt")
    assert found is not None
    assert found.st_size == 6


def test_folders_are_made_for_a_move_and_for_nothing_else(base: Path) -> None:
    assert status_inside(str(base), "new/folder/b.txt") is None
    with pytest.raises(FileNotFoundError if confined._BY_HANDLE else NotADirectoryError):
        remove_inside(str(base), "new/folder/b.txt")
    with pytest.raises(OSError, match=r"is not a folder|No such file"):
        move_inside(str(base), "none/a.txt", "sub/b.txt")
    assert sorted(path.name for path in base.iterdir()) == ["sub"]


def test_a_file_that_is_removed_is_the_one_that_was_named(base: Path) -> None:
    (base / "sub/b.txt").write_text("b")
    remove_inside(str(base), "sub/b.txt")
    assert [path.name for path in (base / "sub").iterdir()] == ["a.txt"]
    with pytest.raises(FileNotFoundError):
        remove_inside(str(base), "sub/b.txt")
