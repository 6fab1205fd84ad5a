"""Commit: an output appears whole or not at all, with the times and the mode of its input."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from imgpar.core import fs
from imgpar.core.digest import content_digest
from imgpar.core.errors import CommitError, DiskFullError, KeptError
from imgpar.core.fs import partial_path
from imgpar.core.job import Facts, OutputFile, Target
from imgpar.outputs import commit as module
from imgpar.outputs.commit import (
    Original,
    begin_file,
    commit,
    commit_file,
    done_before,
    take_back,
    taken_over,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and links like these")


def put(path: Path, data: Any = b"new", *, replaces: bool = False, **facts: Any) -> OutputFile:
    retires, known = facts.pop("retires", ""), facts.pop("known", ())
    target = Target("webp", str(path), replaces, retires, facts.pop("backup", ""), known=known)
    if retires:
        facts = {"original": Original(retires, Facts.of(os.lstat(retires))), **facts}
    facts = {"keep_times_of": None, "fsync": False, "run": "r1", "job": 4, **facts}
    return commit(data, target, **facts)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_below_folders_that_are_made(tmp_path: Path) -> None:
    path = tmp_path / "x/y/a.webp"
    out = put(path, b"12345", dimensions=(3, 2))
    assert path.read_bytes() == b"12345"
    status = path.stat()
    times = status.st_mtime_ns, status.st_ctime_ns
    assert out == OutputFile(str(path), 5, 3, 2, *times, status.st_ino, content_digest(b"12345"))
    assert names(path.parent) == ["a.webp"]


@pytest.mark.parametrize(
    "data",
    [
        bytearray(b"abcdef"),
        memoryview(b"abcdef"),
        [b"abc", memoryview(b"def")],
        [memoryview(b"abcdef").cast("B", (2, 3))],
    ],
    ids=["bytearray", "view", "blocks", "rows"],
)
def test_any_buffers_are_written(tmp_path: Path, data: Any) -> None:
    assert put(tmp_path / "a.webp", data).bytes == 6
    assert (tmp_path / "a.webp").read_bytes() == b"abcdef"


def test_more_than_one_chunk_is_written(tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 33
    put(tmp_path / "a.webp", data)
    assert (tmp_path / "a.webp").read_bytes() == data


@posix
def test_time_and_mode_are_those_of_the_input(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"")
    source.chmod(0o640)
    os.utime(source, ns=(1, 1_234_567_890_123_456_789))
    out = put(tmp_path / "a.webp", keep_times_of=source.stat())
    status = (tmp_path / "a.webp").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o640, 1_234_567_890_123_456_789)
    assert out.mtime_ns == status.st_mtime_ns
    put(tmp_path / "b.webp", keep_times_of=(5_000_000_000, 0o755))
    assert stat.S_IMODE((tmp_path / "b.webp").stat().st_mode) == 0o644


@posix
def test_without_an_input_the_mode_is_that_of_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    put(tmp_path / "a.webp")
    assert (tmp_path / "a.webp").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_may_be_replaced_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"old")
    put(tmp_path / "a.webp", replaces=True, fsync=True)
    assert (tmp_path / "a.webp").read_bytes() == b"new"
    assert names(tmp_path) == ["a.webp"]


def test_what_appeared_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"not ours")
    with pytest.raises(CommitError, match="appeared"):
        put(tmp_path / "a.webp")
    assert (tmp_path / "a.webp").read_bytes() == b"not ours"
    assert names(tmp_path) == ["a.webp"]


def test_an_attempt_that_died_after_its_rename_may_be_repeated(tmp_path: Path) -> None:
    first = put(tmp_path / "a.webp", keep_times_of=(10**18, 0o644))
    assert put(tmp_path / "a.webp", keep_times_of=(10**18, 0o644)) == first
    assert names(tmp_path) == ["a.webp"]


@posix
def test_a_temporary_name_that_is_taken_is_not_written_to(tmp_path: Path) -> None:
    half = Path(partial_path(str(tmp_path / "a.webp"), "r1", 4))
    (tmp_path / "other").write_bytes(b"of somebody else")
    half.symlink_to(tmp_path / "other")
    with pytest.raises(CommitError, match="cannot be written"):
        put(tmp_path / "a.webp")
    assert (tmp_path / "other").read_bytes() == b"of somebody else"


def test_a_folder_that_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    put(tmp_path / "x/a.webp")
    (tmp_path / "x/a.webp").unlink()
    (tmp_path / "x").rmdir()
    put(tmp_path / "x/b.webp")
    assert names(tmp_path / "x") == ["b.webp"]


def test_a_file_where_a_folder_must_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a file")
    with pytest.raises(CommitError, match="folder"):
        put(tmp_path / "x/a.webp")


def test_a_folder_where_the_file_must_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.webp").mkdir()
    for replaces in (False, True):
        with pytest.raises(CommitError, match=r"a\.webp"):
            put(tmp_path / "a.webp", replaces=replaces)
    assert names(tmp_path) == ["a.webp"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_stops_the_run_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        os.close(real(path, flags, mode))
        return real("/dev/full", os.O_RDWR)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(DiskFullError, match="No space"):
        put(tmp_path / "a.webp")
    assert names(tmp_path) == []


@posix
def test_without_hard_links_a_new_name_is_still_taken_only_when_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(fs.os, "link", refuse)
    put(tmp_path / "a.webp")
    with pytest.raises(CommitError, match="appeared"):
        put(tmp_path / "a.webp", b"other")
    assert (tmp_path / "a.webp").read_bytes() == b"new"
    assert names(tmp_path) == ["a.webp"]


def test_in_place_the_old_bytes_are_kept(tmp_path: Path) -> None:
    path, backup = tmp_path / "a.jpg", tmp_path / ".imgpar/undo/r1/a.jpg"
    path.write_bytes(b"the original")
    put(path, replaces=True, retires=str(path), backup=str(backup))
    assert (path.read_bytes(), backup.read_bytes()) == (b"new", b"the original")
    put(path, b"a second attempt", replaces=True, retires=str(path), backup=str(backup))
    assert backup.read_bytes() == b"the original"


def test_an_original_that_was_saved_anew_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"as it was read")
    read = Original(str(path), Facts.of(path.lstat()))
    path.write_bytes(b"saved since   ")
    with pytest.raises(CommitError, match="saved again"):
        put(path, replaces=True, retires=str(path), original=read)
    assert path.read_bytes() == b"saved since   "
    assert names(tmp_path) == ["a.jpg"]


def test_an_original_that_was_deleted_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"as it was read")
    read = Original(str(path), Facts.of(path.lstat()))
    path.unlink()
    target = Target("webp", str(path), True, str(path))
    with pytest.raises(CommitError, match="deleted"):
        commit(b"new", target, keep_times_of=None, fsync=False, run="r1", job=4, original=read)
    assert names(tmp_path) == []


@posix
def test_an_edit_that_keeps_size_and_time_is_an_edit(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    made = put(path, b"made by imgpar")
    path.write_bytes(b"edited by user")
    os.utime(path, ns=(made.mtime_ns, made.mtime_ns))
    with pytest.raises(KeptError, match="changed since"):
        put(path, replaces=True, known=(made,))
    assert path.read_bytes() == b"edited by user"


@posix
def test_an_output_that_was_copied_is_still_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    made = put(path, b"made by imgpar")
    path.rename(tmp_path / "old")
    path.write_bytes(b"made by imgpar")
    put(path, b"new", replaces=True, known=(made,))
    assert path.read_bytes() == b"new"


def test_what_imgpar_made_is_no_original(tmp_path: Path) -> None:
    path, backup = tmp_path / "a.jpg", tmp_path / ".imgpar/undo/r2/a.jpg"
    made = put(path, b"made by the first run")
    target = Target("webp", str(path), True, str(path), str(backup), covered=(made,))
    read = Original(str(path), Facts.of(path.lstat()))
    commit(b"new", target, keep_times_of=None, fsync=False, run="r2", job=1, original=read)
    assert (path.read_bytes(), backup.exists()) == (b"new", False)


@posix
def test_what_was_read_decides_whether_it_is_an_original(tmp_path: Path) -> None:
    """The digest of what was read is known; that of the record was written elsewhere."""
    path, backup = tmp_path / "a.jpg", tmp_path / "kept/a.jpg"
    path.write_bytes(b"made by imgpar")
    made = OutputFile("/elsewhere/a.jpg", 99, digest=content_digest(b"made by imgpar"))
    read = Original(str(path), Facts.of(path.lstat()), content_digest(b"made by imgpar"))
    target = Target("webp", str(path), True, str(path), str(backup), covered=(made,))
    commit(b"new", target, keep_times_of=None, fsync=False, run="r2", job=1, original=read)
    assert (path.read_bytes(), backup.exists()) == (b"new", False)


@posix
@pytest.mark.parametrize(
    ("replaces", "edited", "stays"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_only_new_outputs_that_nobody_changed_are_taken_back(
    tmp_path: Path, replaces: bool, edited: bool, stays: bool
) -> None:
    path = tmp_path / "a.webp"
    made = put(path, b"made by imgpar")
    if edited:
        path.write_bytes(b"edited by user")
    take_back([(Target("webp", str(path), replaces), made)])
    assert path.exists() == stays


class TestDoneBefore:
    """An attempt that died had put files in place."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        (tmp_path / "a.png").write_bytes(b"the original")
        os.link(tmp_path / "a.png", tmp_path / "kept.png")
        return Target(
            "webp", str(tmp_path / "a.webp"), False, str(tmp_path / "a.png"), str(tmp_path / "kept.png")
        )

    def noted(self, target: Target) -> dict[str, list[OutputFile]]:
        return {target.path: [put(Path(target.path), b"made")._replace(ctime_ns=0)]}

    def test_what_it_noted_is_done(self, target: Target) -> None:
        (file,) = done_before([target], self.noted(target))
        assert (file.path, file.ctime_ns) == (target.path, os.stat(target.path).st_ctime_ns)

    def test_the_original_is_retired_now(self, target: Target) -> None:
        done_before([target], self.noted(target))
        assert not os.path.exists(target.retires)

    def test_a_file_that_somebody_put_there_is_not_retired(self, target: Target) -> None:
        os.unlink(target.retires)
        Path(target.retires).write_bytes(b"newer")
        done_before([target], self.noted(target))
        assert Path(target.retires).read_bytes() == b"newer"

    def test_what_was_changed_since_is_not_done(self, target: Target) -> None:
        noted = self.noted(target)
        Path(target.path).write_bytes(b"EDIT")
        assert done_before([target], noted) == []
        assert os.path.exists(target.retires)

    def test_half_of_the_targets_is_not_done(self, target: Target, tmp_path: Path) -> None:
        other = Target("png", str(tmp_path / "b.png"))
        assert done_before([target, other], self.noted(target)) == []
        assert os.path.exists(target.retires)

    def test_what_it_noted_may_be_replaced(self, target: Target) -> None:
        noted = self.noted(target)
        assert taken_over(target, noted).replaces
        Path(target.path).write_bytes(b"EDIT")
        assert not taken_over(target, noted).replaces


def test_a_file_is_noted_before_it_gets_its_name(tmp_path: Path) -> None:
    path, noted = tmp_path / "a.webp", []

    def note(file: OutputFile) -> None:
        noted.append((file.path, file.digest, path.exists()))

    put(path, b"12345", note=note)
    assert noted == [(str(path), content_digest(b"12345"), False)]


def test_in_place_under_another_name_the_original_goes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"the original")
    backup = tmp_path / "kept/a.png"
    put(tmp_path / "a.webp", retires=str(tmp_path / "a.png"), backup=str(backup))
    assert names(tmp_path) == ["a.webp", "kept"]
    assert backup.read_bytes() == b"the original"


@posix
def test_the_backup_is_a_copy_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"the original")
    os.utime(tmp_path / "a.jpg", ns=(1, 10**18))

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(fs.os, "link", refuse)
    fs.keep(str(tmp_path / "a.jpg"), str(tmp_path / "kept/a.jpg"))
    assert (tmp_path / "kept/a.jpg").read_bytes() == b"the original"
    assert (tmp_path / "kept/a.jpg").stat().st_mtime_ns == 10**18


def test_a_file_of_another_program_is_verified_and_moved(tmp_path: Path) -> None:
    target = Target("mp4", str(tmp_path / "a.mp4"))
    for expected, survives in ((3, False), (4, True)):
        half = begin_file(target)
        Path(half.path).write_bytes(b"clip")
        if survives:
            out = commit_file(half, target, keep_times_of=None, fsync=False, expected=expected)
            assert out.bytes == 4
        else:
            with pytest.raises(CommitError, match="instead of 3"):
                commit_file(half, target, keep_times_of=None, fsync=False, expected=expected)
    assert names(tmp_path) == ["a.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_any_name_is_written(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.webp"))
    put(path)
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.webp"]


# ----- what is durable, and in which order ----------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told to the disk, in order."""
    made: list[str] = []

    def noting(name: str, call: Any) -> Any:
        def noted(*arguments: Any, **named: Any) -> Any:
            made.append(name)
            return call(*arguments, **named)

        return noted

    monkeypatch.setattr(os, "fsync", noting("file", os.fsync))
    for name in ("sync_folder", "_move_new", "replace"):
        monkeypatch.setattr(module, name, noting(name, getattr(module, name)))
    return made


@pytest.mark.parametrize("replaces", [False, True])
def test_with_fsync_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, calls: list[str], replaces: bool
) -> None:
    if replaces:
        (tmp_path / "a.webp").write_bytes(b"old")
    put(tmp_path / "a.webp", replaces=replaces, fsync=True)
    # A folder is synced by the same system call.
    assert calls[:2] == ["file", "replace" if replaces else "_move_new"]
    assert calls[2] == "sync_folder"


@pytest.mark.parametrize("replaces", [False, True])
def test_without_fsync_nobody_waits_for_the_disk(tmp_path: Path, calls: list[str], replaces: bool) -> None:
    if replaces:
        (tmp_path / "a.webp").write_bytes(b"old")
    put(tmp_path / "a.webp", replaces=replaces)
    assert calls == ["replace" if replaces else "_move_new"]


@posix
@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOSYS, errno.ENOTSUP])
@pytest.mark.parametrize("call", ["fchmod", "utime"])
def test_a_file_system_without_modes_or_times_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)
    put(tmp_path / "a.webp", keep_times_of=(5, 0o600))
    assert (tmp_path / "a.webp").read_bytes() == b"new"


@posix
@pytest.mark.parametrize("call", ["fchmod", "utime"])
def test_any_other_error_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(CommitError, match=r"Input/output error\.|disk I/O"):
        put(tmp_path / "a.webp", keep_times_of=(5, 0o600))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EIO, "disk I/O error"), "cannot be written: disk I/O error."),
        (OSError("what a driver says"), "cannot be written: what a driver says."),
        (OSError(errno.EACCES, "Permission denied"), "cannot be written: Permission denied."),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be written: Read-only file system."),
        (OSError(errno.ENOTDIR, "x"), "a file and a folder have the same name"),
        (OSError(errno.EISDIR, "x"), "a file and a folder have the same name"),
    ],
)
def test_errors_of_the_system_are_explained(tmp_path: Path, error: OSError, words: str) -> None:
    explained = module._as_error(error, str(tmp_path / "a.webp"))
    assert isinstance(explained, CommitError)
    assert words in explained.message
    assert explained.fix


def test_what_took_the_place_of_its_original_is_not_removed_as_one(
    tmp_path: Path,
) -> None:
    """In place, the new file has the place of its original: there is nothing left to retire."""
    path = tmp_path / "a.webp"
    made = put(path)
    target = Target("webp", str(path), retires=str(path))
    assert done_before([target], {str(path): [made]}) == [made]
    assert path.read_bytes() == b"new"
