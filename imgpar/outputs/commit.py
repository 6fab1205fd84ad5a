"""Atomic commit of a finished output: it appears complete or not at all.

data ─► .imgpar-RUN-JOB.tmp in the target's folder ─► size verified ─► times, mode ─► recorded ─► final name

The temporary file lies beside the target because only a rename within one file system is atomic. It is locked
while it is written (`fs.Half`), so that no other run sweeps it. An existing file is checked once more
immediately before it is replaced: one that was changed meanwhile is kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from imgpar.core.digest import as_recorded, blocks_digest, file_digest, matches_output
from imgpar.core.error_messages import setting
from imgpar.core.errors import CommitError, ImgparError, KeptError
from imgpar.core.fs import (
    WINDOWS,
    Half,
    copy_attributes,
    keep,
    long_path,
    move_new,
    no_room,
    partial_path,
    remove_file,
    replace,
    sync_folder,
)
from imgpar.core.job import INODE_BITS, Facts, OutputFile, Target

Data = bytes | bytearray | memoryview
"""Data to write, without a copy."""

Times = os.stat_result | tuple[int, int] | None
"""What an output takes over from its input: its status, or (mtime_ns, mode); None for what is usual."""

Note = Callable[[OutputFile], None]

CHUNK = 16 << 20
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_UNABLE = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors of file systems without permissions or timestamps (FAT of another user, some network folders)."""
_ANYONE = 0o666
"""Outputs are never executable; file systems without permissions report every file as executable."""


class Original:
    """In place: the file that a target replaces, as it was when it was read.

    Args:
        path: of the file.
        facts: its status when it was read.
        digest: of the content that was read; empty is unknown.
        strict: whether attributes that cannot be copied are an error.
    """

    __slots__ = ("_digest", "_facts", "lost", "path", "strict")

    def __init__(self, path: str, facts: Facts, digest: str = "", *, strict: bool = False) -> None:
        self.path, self._facts, self._digest, self.strict = path, facts, digest, strict
        self.lost: list[str] = []
        """Attributes that could not be copied."""

    def check(self) -> None:
        """Check the original immediately before it is replaced.

        Raises:
            CommitError: it is no longer what was read.
        """
        try:
            now = Facts.of(os.lstat(long_path(self.path)))
        except FileNotFoundError:
            raise CommitError(
                "It was deleted or moved while it was converted; nothing was written."
            ) from None
        if not now.agree(self._facts) and not self._only_touched(now):
            raise CommitError(
                "It was saved again while it was converted; the newer file was left alone.", fix="Run again."
            )

    def _only_touched(self, now: Facts) -> bool:
        """Whether only its status has changed, as when another hard link is created or removed."""
        same = now._replace(ctime_ns=0).agree(self._facts)
        try:
            return same and bool(self._digest) and file_digest(self.path) == self._digest
        except OSError:
            return False

    def is_one_of(self, files: Sequence[OutputFile]) -> bool:
        """Whether imgpar wrote it, so that the original is an older file."""
        if any(file.digest and file.digest == self._digest for file in files):
            return True
        return matches_output(self.path, files)


def commit(
    data: Data | Sequence[Data],
    target: Target,
    *,
    keep_times_of: Times,
    fsync: bool,
    run: str = "",
    job: int = 0,
    dimensions: tuple[int, int] = (0, 0),
    original: Original | None = None,
    note: Note | None = None,
) -> OutputFile:
    """Write `data` as `target`.

    Args:
        data: one block or several, which are not copied.
        target: format, final path, and what may be replaced.
        keep_times_of: status of the input, or its (mtime_ns, mode), for the output; None for defaults.
        fsync: whether to wait until the data is on disk.
        run: name of the run, for the temporary name.
        job: serial of the task, for the temporary name.
        dimensions: width and height in pixels, for the result.
        original: the file that is replaced in place.
        note: called with the file before it gets its final name.

    Returns:
        The file with its status on disk.

    Raises:
        CommitError: the target exists and may not be replaced, unless it has the same content (from an
            attempt that died).
        DiskFullError: there is no space. Nothing is left behind in either case.
    """
    parts = [data] if isinstance(data, (bytes, bytearray, memoryview)) else data
    blocks = [memoryview(part).cast("B") for part in parts]
    made = OutputFile(target.path, sum(map(len, blocks)), *dimensions, digest=blocks_digest(blocks))
    try:
        with _begin(partial_path(target.path, run, job)) as half:
            for block in blocks:
                _write_all(half.handle, block)
            _finish(half.handle, half.path, made.bytes, keep_times_of, original, fsync=fsync)
            half.finish()
            return place_finished(half.path, target, made, keep_times_of, original, note, fsync=fsync)
    except OSError as error:
        raise _as_error(error, target.path) from error


def commit_file(
    half: Half,
    target: Target,
    *,
    keep_times_of: Times,
    fsync: bool,
    expected: int,
    dimensions: tuple[int, int] = (0, 0),
    original: Original | None = None,
    note: Note | None = None,
) -> OutputFile:
    """Commit a file that another program wrote to the path of `begin_file(...)`.

    Args:
        half: the temporary file; dropped in any case.
        target: format, final path, and what may be replaced.
        keep_times_of: status of the input, or its (mtime_ns, mode), for the output; None for defaults.
        fsync: whether to wait until the data is on disk.
        expected: size in bytes.
        dimensions: width and height in pixels, for the result.
        original: the file that is replaced in place.
        note: called with the file before it gets its final name.

    Raises:
        CommitError, DiskFullError: as `commit`.
    """
    try:
        with half:
            _finish(half.handle, half.path, expected, keep_times_of, original, fsync=fsync)
            half.finish()
            made = OutputFile(target.path, expected, *dimensions, digest=file_digest(half.path))
            return place_finished(half.path, target, made, keep_times_of, original, note, fsync=fsync)
    except OSError as error:
        raise _as_error(error, target.path) from error


def begin_file(target: Target, run: str = "", job: int = 0) -> Half:
    """Create the empty temporary file at `partial_path(...)` for another program; drop it to abandon it."""
    try:
        half = _begin(partial_path(target.path, run, job))
        half.share()
    except OSError as error:
        raise _as_error(error, target.path) from error
    return half


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """For a block that writes the file that becomes `path`: OSError becomes CommitError or DiskFullError."""
    try:
        yield
    except OSError as error:
        raise _as_error(error, path) from error


def done_before(targets: Sequence[Target], written: Mapping[str, list[OutputFile]]) -> list[OutputFile]:
    """Outputs that a killed attempt has committed, according to its records, if they are complete.

    An original that one of these files replaces is removed now, if it still exists. Raises OSError.
    """
    found = [as_recorded(target.path, written.get(target.path, ())) for target in targets]
    whole = [file for file in found if file is not None]
    if len(whole) < len(found):
        return []
    for target in targets:
        if target.retires and target.retires != target.path:
            if target.backup and not _is_one_file(target.retires, target.backup):
                continue  # removed already, or replaced by another file
            remove_file(target.retires)
    return whole


def made_before(targets: Sequence[Target], written: Mapping[str, list[OutputFile]]) -> dict[str, OutputFile]:
    """The files that a killed attempt has committed for some of these targets, by path."""
    found = ((target.path, as_recorded(target.path, written.get(target.path, ()))) for target in targets)
    return {path: file for path, file in found if file is not None}


def taken_over(target: Target, written: Mapping[str, list[OutputFile]]) -> Target:
    """The target, which may replace the file that a killed attempt committed."""
    file = as_recorded(target.path, written.get(target.path, ()))
    return target._replace(replaces=True, known=(*target.known, file)) if file else target


def take_back(written: Iterable[tuple[Target, OutputFile]]) -> None:
    """Remove new outputs of a job that failed later."""
    for target, file in written:
        if not target.replaces and matches_output(file.path, (file,)):
            remove_file(file.path)


def _begin(path: str) -> Half:
    make_folder(os.path.dirname(path))
    try:
        return Half(path)
    except FileNotFoundError:  # the folder was removed since this worker created it
        make_folder.cache_clear()
        make_folder(os.path.dirname(path))
        return Half(path)


@lru_cache(maxsize=1024)
def make_folder(folder: str) -> None:
    """Create a folder of outputs and those above it; done before is not done again."""
    os.makedirs(long_path(folder), exist_ok=True)


def _write_all(handle: int, block: memoryview) -> None:
    written = os.write(handle, block[:CHUNK])
    while written < block.nbytes:
        written += os.write(handle, block[written : written + CHUNK])


def _finish(
    handle: int,
    path: str,
    expected: int,
    times: Times,
    original: Original | None,
    *,
    fsync: bool,
) -> None:
    """Verify the size, then set the mode (in place all attributes of the original), and sync to disk."""
    found = os.fstat(handle).st_size
    if found != expected:
        raise CommitError(
            f"{path} has {found} bytes on the disk instead of {expected}.",
            fix="Check the disk or the network.",
        )
    if not WINDOWS:
        mode = _split(times)[1] if times else default_mode()
        _if_possible(os.fchmod, handle, mode if original else mode & _ANYONE)
    if original:
        original.check()
        original.lost += copy_attributes(original.path, path, handle)
        if original.strict and original.lost:
            raise CommitError(
                f"It would lose {', '.join(original.lost)}.",
                fix=f"Write to another folder, or leave {setting('strict')} out.",
            )
    if fsync:
        os.fsync(handle)


def place_finished(
    path: str,
    target: Target,
    made: OutputFile,
    times: Times,
    original: Original | None,
    note: Note | None,
    *,
    fsync: bool,
) -> OutputFile:
    """Rename the verified file, keep what it replaces, and read the result back."""
    if times:
        _if_possible(os.utime, long_path(path), ns=(_split(times)[0],) * 2)
    if note:
        note(_found(path, made))
    if original and target.retires:
        original.check()
        if target.backup and not original.is_one_of(target.covered):
            keep(target.retires, target.backup)
    if target.replaces:
        if (
            target.known
            and os.path.lexists(long_path(target.path))
            and not matches_output(target.path, target.known)
        ):
            raise KeptError(f"{target.path} was changed since imgpar made it; it was left alone.")
        replace(path, target.path)
    else:
        _move_new(path, target.path)
    if original and target.retires and target.retires != target.path:
        _remove_original(target.retires)
    if fsync:
        sync_folder(os.path.dirname(target.path))
    found = _found(target.path, made)
    if found.bytes != made.bytes:
        raise CommitError(f"{target.path} changed while it was written.", fix="Run again.")
    return found


def _found(path: str, made: OutputFile) -> OutputFile:
    """The file with its current status."""
    status = os.lstat(long_path(path))
    return OutputFile(
        made.path,
        status.st_size,
        made.width,
        made.height,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino & INODE_BITS,
        made.digest,
    )


def _is_one_file(path: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(long_path(path)), os.lstat(long_path(other)))
    except OSError:
        return False


def _remove_original(original: str) -> None:
    """Remove an original that another file replaces; raises CommitError where it cannot be removed."""
    try:
        os.unlink(long_path(original))
    except FileNotFoundError:  # by a killed attempt
        pass
    except OSError as error:
        raise CommitError(
            f"{original} cannot be replaced: {error.strerror}.", fix="Change its permissions."
        ) from error


def _move_new(path: str, final: str) -> None:
    try:
        move_new(path, final)
    except FileExistsError:
        raise CommitError(
            f"{final} appeared after the run was planned; it was left alone.",
            fix=f"Run again, or choose {setting('on_exists', 'overwrite')} or rename.",
        ) from None


def _split(times: os.stat_result | tuple[int, int]) -> tuple[int, int]:
    if isinstance(times, os.stat_result):
        return times.st_mtime_ns, stat.S_IMODE(times.st_mode)
    return times


def default_times(mtime_ns: int) -> Times:
    """What the output of an input takes over that is no file."""
    return (mtime_ns, default_mode()) if mtime_ns else None


def default_mode() -> int:
    """The mode of a new file of this user."""
    return _ANYONE & ~_umask()


@lru_cache(maxsize=1)
def _umask() -> int:
    """The user's umask. It can only be read by setting it, so a worker does that once."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _if_possible(call: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """Ignore errors of file systems that store no mode or timestamp."""
    try:
        call(*arguments, **named)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise


def _as_error(error: OSError, path: str) -> ImgparError:
    """The run or item error for an OSError."""
    if full := no_room(error, os.path.dirname(path)):
        return full
    if error.errno in _REFUSED:
        return CommitError(
            f"{path} cannot be written: {error.strerror}.",
            fix="Change the permissions or choose another OUT.",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return CommitError(
            f"{path} cannot be written: a file and a folder have the same name.",
            fix="Choose another OUT.",
        )
    return CommitError(
        f"{path} cannot be written: {error.strerror or error}.", fix="Check the disk and run again."
    )
