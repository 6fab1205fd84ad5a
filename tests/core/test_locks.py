"""A run keeps others out of the folders that it writes to, whatever journal they use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import imgpar
from imgpar import testing
from imgpar.core.locks import Lock, OutLock, take

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no shared locks")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for folder in (tmp_path, tmp_path / "out", tmp_path / "out/sub"):
        (folder / ".imgpar").mkdir(parents=True)
    return tmp_path / "out"


def convert(tmp_path: Path, out: Path, **settings) -> imgpar.Report:
    pictures = testing.write_pictures(tmp_path / "in", ["a.png", "sub/b.png"])
    return imgpar.convert(pictures, out, to="webp", jobs=1, **settings)


def test_one_run_at_a_time(out: Path) -> None:
    lock = OutLock(str(out))
    with pytest.raises(imgpar.OutputLockedError, match=rf"{out}.*process {os.getpid()}"):
        OutLock(str(out))
    lock.release()
    OutLock(str(out)).release()


@posix
@pytest.mark.parametrize("inner", ["sub", "sub/deeper"])
def test_a_run_inside_is_kept_out_by_one_above(out: Path, inner: str) -> None:
    (out / inner / ".imgpar").mkdir(parents=True, exist_ok=True)
    lock = OutLock(str(out))
    with pytest.raises(imgpar.OutputLockedError, match="Another run is writing to"):
        OutLock(str(out / inner))
    lock.release()
    OutLock(str(out / inner)).release()


@posix
def test_a_run_above_is_kept_out_by_one_inside(out: Path) -> None:
    OutLock(str(out)).release()
    lock = OutLock(str(out / "sub"))
    with pytest.raises(imgpar.OutputLockedError):
        OutLock(str(out))
    lock.release()


@posix
def test_a_run_above_that_comes_to_a_folder_of_another_run_is_told(out: Path) -> None:
    """Nobody had written to OUT when the run inside began."""
    inside = OutLock(str(out / "sub"))
    (out / ".imgpar/lock").unlink(missing_ok=True)
    lock = OutLock(str(out))
    with pytest.raises(imgpar.OutputLockedError, match="sub"):
        lock.enter(str(out / "sub/"))
    inside.release()
    lock.enter(str(out / "sub/"))
    with pytest.raises(imgpar.OutputLockedError):
        OutLock(str(out / "sub"))
    lock.release()


@posix
def test_runs_side_by_side_are_let_in(out: Path) -> None:
    (out / "other/.imgpar").mkdir(parents=True)
    locks = [OutLock(str(out / name)) for name in ("sub", "other")]
    for lock in locks:
        lock.release()


@posix
def test_a_link_in_the_place_of_our_folder_is_not_followed(out: Path, tmp_path: Path) -> None:
    (out / "linked").mkdir()
    (out / "linked/.imgpar").symlink_to(tmp_path / "nowhere")
    lock = OutLock(str(out))
    lock.enter(str(out / "linked"))
    lock.release()
    assert not (tmp_path / "nowhere").exists()


@posix
def test_the_lock_itself_is_no_link(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    (out / ".imgpar/lock").symlink_to(victim)
    with pytest.raises(OSError, match=r"symbolic links|Not a directory|no file|no folder"):
        OutLock(str(out))
    assert victim.read_text() == "mine"


@posix
def test_shared_locks_share_and_exclude(tmp_path: Path) -> None:
    handles = [os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(3)]
    assert [take(handles[0], shared=True), take(handles[1], shared=True), take(handles[2])] == [
        True,
        True,
        False,
    ]
    for handle in handles:
        os.close(handle)


def test_a_lock_is_free_when_it_is_released(tmp_path: Path) -> None:
    lock = Lock(str(tmp_path / "lock"), "OUT")
    assert lock.kept
    lock.release()
    Lock(str(tmp_path / "lock"), "OUT").release()


def test_another_journal_is_no_way_around(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".imgpar").mkdir(parents=True)
    lock = OutLock(str(out))
    with pytest.raises(imgpar.OutputLockedError) as caught:
        convert(tmp_path, out, journal=str(tmp_path / "second.db"))
    assert caught.value.exit_code == 4
    lock.release()
    assert convert(tmp_path, out, journal=str(tmp_path / "second.db")).ok == 2


@posix
def test_undo_is_kept_out_too(tmp_path: Path) -> None:
    pictures = testing.write_pictures(tmp_path / "photos", ["a.png"])
    imgpar.convert(pictures, None, in_place=True, resize="50%", jobs=1)
    lock = OutLock(str(pictures))
    with pytest.raises(imgpar.OutputLockedError):
        imgpar.undo(pictures)
    lock.release()
    assert imgpar.undo(pictures).ok == 1


@posix
def test_who_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lock = OutLock(str(out))
    with pytest.raises(imgpar.OutputLockedError):
        convert(tmp_path, out / "sub")
    assert not (out / "sub").exists()
    lock.release()
