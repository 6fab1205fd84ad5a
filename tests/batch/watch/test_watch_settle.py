"""Whether a file is whole: its age, its writers, its name, the clock of a server."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from imgpar.batch.watch.roots import WatchedFolders, _file_system, has_entries
from imgpar.batch.watch.scope import Unreadable
from imgpar.batch.watch.settle import DAY, Settling, has_writer

SECOND = 1_000_000_000
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="leases exist on Linux")


def waits(settling: Settling, path: Path, *, local: bool = True, age: float | None = None) -> float:
    if age is not None:
        mtime_ns = time.time_ns() - int(age * SECOND)
        os.utime(path, ns=(mtime_ns, mtime_ns))
    status = path.stat()
    return settling.wait(str(path), status.st_size, status.st_mtime_ns, status.st_ino, local=local)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"content")
    return path


def test_a_file_that_rests_is_whole(file: Path):
    assert waits(Settling(2.0), file, age=2.5) == 0


def test_a_new_file_waits_for_the_rest_of_its_time(file: Path):
    assert 0.9 < waits(Settling(2.0), file, age=1.0) <= 1.0


def test_a_file_from_the_future_is_observed(file: Path):
    settling = Settling(0.001)
    assert waits(settling, file, age=-1e6) > 0
    mtime_ns = time.time_ns() + SECOND * 1000
    os.utime(file, ns=(mtime_ns, mtime_ns))
    assert settling.wait(str(file), 7, mtime_ns) > 0
    deadline = time.monotonic() + 10
    while settling.wait(str(file), 7, mtime_ns) > 0:
        assert time.monotonic() < deadline


def test_on_a_server_the_clock_does_not_matter(file: Path):
    settling = Settling(3600.0)
    assert waits(settling, file, local=False, age=7200) > 0
    assert waits(settling, file, local=False, age=DAY + 60) == 0


def test_a_change_on_a_server_begins_the_wait_anew(file: Path):
    settling = Settling(3600.0)
    first = settling.wait("/server/a.jpg", 7, SECOND * 10**9 * 2, local=False)
    again = settling.wait("/server/a.jpg", 8, SECOND * 10**9 * 2, local=False)
    assert first == again == 3600.0


@LINUX
def test_a_file_with_a_writer_is_not_whole(file: Path):
    with file.open("ab"):
        assert has_writer(str(file))
        assert waits(Settling(2.0), file, age=600) == 2.0
    assert not has_writer(str(file))
    with file.open("rb"):
        assert waits(Settling(2.0), file, age=600) == 0


def test_a_file_that_was_written_to_after_it_was_listed_is_not_whole(file: Path):
    listed = file.stat()
    file.write_bytes(b"all of the content")
    os.utime(file, ns=(time.time_ns(), listed.st_mtime_ns - 600 * SECOND))
    assert Settling(2.0).wait(str(file), listed.st_size, listed.st_mtime_ns - 600 * SECOND) == 2.0
    os.utime(file, ns=(time.time_ns(), listed.st_mtime_ns - 300 * SECOND))
    assert Settling(2.0).wait(str(file), file.stat().st_size, listed.st_mtime_ns - 600 * SECOND) == 2.0


def test_what_cannot_be_opened_has_no_known_writer(tmp_path: Path):
    assert not has_writer(str(tmp_path / "none"))


def test_a_file_renamed_from_a_temporary_name_is_whole_at_once(file: Path):
    settling = Settling(3600.0)
    assert waits(settling, file, age=0.1) > 0
    settling.was_temporary(file.stat().st_ino)
    assert waits(settling, file, age=0.1) == 0
    assert waits(settling, file, age=0.1) > 0  # once


def test_mounts_tell_the_kind_of_file_system(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "21 1 8:1 / / rw - ext4 /dev/sda rw\n"
        "22 21 0:50 / /mnt/my\\040share rw shared:1 - cifs //nas/share rw\n"
        "23 21 0:51 / /mnt rw - tmpfs tmpfs rw\n"
    )
    kinds = [_file_system(path, str(mounts)) for path in ("/mnt/my share/in", "/mnt/my", "/srv", "/mnt")]
    assert kinds == ["cifs", "tmpfs", "ext4", "tmpfs"]


def test_a_folder_that_is_gone_and_one_in_its_place(tmp_path: Path):
    folder, aside = tmp_path / "in", tmp_path / "aside"
    (folder / "sub").mkdir(parents=True)
    roots = WatchedFolders([str(folder)])
    assert roots.look() == []
    assert not roots.away
    folder.rename(aside)
    roots.look()
    assert roots.all_away
    folder.mkdir()  # the mount point without its disk
    assert roots.look() == []
    assert "empty" in roots.away[str(folder)]
    folder.rmdir()
    aside.rename(folder)
    assert roots.look() == [str(folder)]
    assert not roots.away


def test_only_a_reported_removal_empties_a_folder(tmp_path: Path):
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "a").touch()
    root = str(tmp_path)
    assert has_entries(str(full), set(), root)
    assert not has_entries(str(empty), set(), root)
    assert has_entries(str(empty), {str(empty)}, root)
    assert has_entries(str(tmp_path / "gone" / "below"), set(), root)
    assert not has_entries(str(empty / "gone"), set(), root)


def test_what_cannot_be_read_is_tried_again_later():
    unreadable = Unreadable()
    assert unreadable.add("/in/a.jpg", (1, 2))
    assert not unreadable.add("/in/a.jpg", (1, 2))
    assert unreadable.rests("/in/a.jpg", (1, 2))
    assert not unreadable.rests("/in/a.jpg", (1, 3))
    assert unreadable.due() == set()
    assert unreadable.folders() == {"/in"}
    assert unreadable.next() > time.monotonic() + 50  # the pause was doubled
    unreadable.forget("/in/a.jpg")
    assert not unreadable.rests("/in/a.jpg", (1, 2))
    assert os.path.isabs("/in")


def test_what_is_a_folder_to_watch(tmp_path: Path):
    (tmp_path / "in.2024").mkdir()
    (tmp_path / "plain").touch()
    names = ["in.2024", "plain", "not-mounted", "*.jpg", "missing.jpg"]
    roots = WatchedFolders([str(tmp_path / name) for name in names])
    assert [os.path.basename(folder) for folder in roots.folders] == ["in.2024", "not-mounted"]
