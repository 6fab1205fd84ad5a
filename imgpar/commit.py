"""How a finished output reaches its place: whole or not at all.

    data ─► .imgpar-RUN-JOB.tmp in the target's folder ─► size verified ─► times, mode ─► final name

The temporary file lies beside the target because only a rename within one file system is atomic. It is held
while it is written (`files.Half`): no other run in the folder takes it for what a dead one left.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from imgpar.errors import CommitError, ImgparError
from imgpar.files import (
    WINDOWS,
    Half,
    beside,
    keep,
    long_path,
    move_new,
    no_room,
    remove,
    replace,
    sync_folder,
)
from imgpar.model import Job, OutputFile, Target

Data = bytes | bytearray | memoryview
"""What is written; nothing of it is copied."""

CHUNK = 16 << 20
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_UNABLE = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What file systems answer that have no permissions or times of their own to set (FAT of another user, some
network folders)."""
_ANYONE = 0o666
"""Outputs are never executable; file systems without permissions call every file so."""


def commit(
    data: Data | Sequence[Data],
    target: Target,
    *,
    keep_times_of: os.stat_result | tuple[int, int] | None,
    fsync: bool,
    run: str = "",
    job: int = 0,
    dimensions: tuple[int, int] = (0, 0),
) -> OutputFile:
    """Write `data` (one block or several) as `target` and say what is on the disk afterwards.

    `keep_times_of` is the input's status, or its (mtime_ns, mode): the output gets both. `fsync` waits until
    the disk has it. `dimensions` are only passed on to the result.

    When the target may not replace anything and something is there, it is left alone: CommitError, unless
    it already holds these very bytes (an attempt that died before it could report). DiskFullError when
    there is no room. Nothing stays behind in either case.
    """
    parts = [data] if isinstance(data, (bytes, bytearray, memoryview)) else data
    blocks = [memoryview(part).cast("B") for part in parts]
    expected = sum(map(len, blocks))
    try:
        with _begin(temporary_path(target, run, job)) as half:
            for block in blocks:
                _write_all(half.handle, block)
            _finish(half.handle, half.path, expected, keep_times_of, fsync=fsync)
            half.finish()
            return _place(half.path, target, expected, keep_times_of, dimensions, fsync=fsync)
    except OSError as error:
        raise _explained(error, target.path) from error


def commit_file(
    half: Half,
    target: Target,
    *,
    keep_times_of: os.stat_result | tuple[int, int] | None,
    fsync: bool,
    expected: int,
    dimensions: tuple[int, int] = (0, 0),
) -> OutputFile:
    """The same for what another program wrote to the path of `begin_file(...)`; it is dropped in any case."""
    try:
        with half:
            _finish(half.handle, half.path, expected, keep_times_of, fsync=fsync)
            half.finish()
            return _place(half.path, target, expected, keep_times_of, dimensions, fsync=fsync)
    except OSError as error:
        raise _explained(error, target.path) from error


def begin_file(target: Target, run: str = "", job: int = 0) -> Half:
    """Make the empty file at `temporary_path(...)`, for another program to write to; to give it up is to drop
    it."""
    try:
        half = _begin(temporary_path(target, run, job))
        half.share()
    except OSError as error:
        raise _explained(error, target.path) from error
    return half


def temporary_path(target: Target, run: str, job: int) -> str:
    """Where the bytes of a target lie until they are whole. The name of a run is random; what
    belongs to none gets a random name of its own."""
    return beside(target.path, run and f"{run}-{job}")


def original_path(job: Job) -> str:
    """Where the original of a job is: in place, an attempt that died may have replaced it already."""
    for target in job.targets:
        if target.backup and os.path.lexists(long_path(target.backup)):
            if os.path.islink(long_path(target.backup)):  # it points from where it was
                return os.path.join(os.path.dirname(target.retires), os.readlink(target.backup))
            return target.backup
    return job.item.path


def left_before(target: Target, source: os.stat_result) -> bool:
    """Whether an attempt that died had put an output in place: only that has the very time of its input."""
    try:
        status = os.lstat(long_path(target.path))
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_mtime_ns == source.st_mtime_ns


def take_back(written: Iterable[tuple[Target, OutputFile]]) -> None:
    """Remove new outputs of a job that failed later."""
    for target, file in written:
        if not target.replaces:
            remove(file.path)


def _begin(path: str) -> Half:
    _make_folder(os.path.dirname(path))
    try:
        return Half(path)
    except FileNotFoundError:  # somebody removed the folder since this worker made it
        _make_folder.cache_clear()
        _make_folder(os.path.dirname(path))
        return Half(path)


@lru_cache(maxsize=1024)
def _make_folder(folder: str) -> None:
    os.makedirs(long_path(folder), exist_ok=True)


def _write_all(handle: int, block: memoryview) -> None:
    written = os.write(handle, block[:CHUNK])
    while written < block.nbytes:
        written += os.write(handle, block[written : written + CHUNK])


def _finish(
    handle: int,
    path: str,
    expected: int,
    times: os.stat_result | tuple[int, int] | None,
    *,
    fsync: bool,
) -> None:
    """Verify the size, then give the file its mode, and put it on the disk."""
    found = os.fstat(handle).st_size
    if found != expected:
        raise CommitError(
            f"{path} has {found} bytes on the disk instead of {expected}.",
            fix="Check the disk or the network.",
        )
    if not WINDOWS:
        # Without an input to go by, what a new file of this user gets.
        mode = _split(times)[1] if times else 0o666 & ~_umask()
        _if_possible(os.fchmod, handle, mode & _ANYONE)
    if fsync:
        os.fsync(handle)


def _place(
    path: str,
    target: Target,
    expected: int,
    times: os.stat_result | tuple[int, int] | None,
    dimensions: tuple[int, int],
    *,
    fsync: bool,
) -> OutputFile:
    """Give the verified file its final name, keep what it replaces, and read back what is there."""
    if times:
        _if_possible(os.utime, long_path(path), ns=(_split(times)[0],) * 2)
    if target.backup:
        keep(target.retires, target.backup)
    if target.replaces:
        replace(path, target.path)
    else:
        _move_new(path, target.path)
    if target.backup and target.retires != target.path:
        remove(target.retires)
    if fsync:
        sync_folder(os.path.dirname(target.path))
    status = os.stat(long_path(target.path))
    if status.st_size != expected:
        raise CommitError(f"{target.path} changed while it was written.", fix="Run again.")
    return OutputFile(target.path, status.st_size, *dimensions, status.st_mtime_ns)


def _move_new(path: str, final: str) -> None:
    try:
        move_new(path, final)
    except FileExistsError:
        raise CommitError(
            f"{final} appeared after the run was planned; it was left alone.",
            fix="Run again, or choose --on-exists overwrite or rename.",
        ) from None


def _split(times: os.stat_result | tuple[int, int]) -> tuple[int, int]:
    if isinstance(times, os.stat_result):
        return times.st_mtime_ns, stat.S_IMODE(times.st_mode)
    return times


@lru_cache(maxsize=1)
def _umask() -> int:
    """The user's mask. It can only be read by setting it, so a worker does that once."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _if_possible(call: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """The bytes are what counts: a file system that keeps no mode or time is no reason to fail."""
    try:
        call(*arguments, **named)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise


def _explained(error: OSError, path: str) -> ImgparError:
    """What the system says as an error of a run."""
    if full := no_room(error, os.path.dirname(path)):
        return full
    if error.errno in _REFUSED:
        return CommitError(
            f"{path} cannot be written: {error.strerror}.",
            fix="Change the permissions or choose another OUT.",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return CommitError(
            f"{path} cannot be written: a file and a folder want the same name.",
            fix="Choose another OUT.",
        )
    return CommitError(
        f"{path} cannot be written: {error.strerror or error}.", fix="Check the disk and run again."
    )
