"""Outputs that are copies of a file, or other names of it: hard links."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

from imgpar.core.digest import file_digest
from imgpar.core.errors import SourceError
from imgpar.core.fs import long_path, partial_path, remove_file
from imgpar.core.job import OutputFile, Target
from imgpar.outputs.commit import begin_file, commit_file, make_folder, place_finished, writing

Note = Callable[[OutputFile], None]
BLOCK = 1 << 20
_UNABLE = {
    errno.EXDEV,
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
}
"""Errors where a file cannot have another name there: another file system, or one without links."""


def commit_copy(
    source: str, target: Target, *, run: str, job: int, note: Note | None = None, fsync: bool = False
) -> OutputFile:
    """Copy a file of any size.

    Args:
        source: path of the file; a link is followed.
        target: final path, and what may be replaced.
        run: name of the run, for the temporary name.
        job: serial of the task, for the temporary name.
        note: called with the file before it gets its final name.
        fsync: whether to wait until the data is on disk.

    Raises:
        SourceError: the file changed while it was copied.
        CommitError, DiskFullError: as for `outputs.commit.commit`.
        OSError: the source cannot be opened.
    """
    with open(long_path(source), "rb") as file:
        before = os.fstat(file.fileno())
        with begin_file(target, run, job) as half:
            with writing(target.path):
                size = 0
                while block := file.read(BLOCK):
                    _write(half.handle, block)
                    size += len(block)
            after = os.fstat(file.fileno())
            if size != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
                raise SourceError("It changed while it was copied.", fix="Run again when it is complete.")
            return commit_file(half, target, keep_times_of=before, fsync=fsync, expected=size, note=note)


def commit_link(
    source: str, target: Target, *, run: str, job: int, note: Note | None = None, digest: str = ""
) -> OutputFile | None:
    """Give a file another name.

    Args:
        source: path of the file; a link is followed.
        target: final path, and what may be replaced.
        run: name of the run, for the temporary name.
        job: serial of the task, for the temporary name.
        note: called with the file before it gets its final name.
        digest: of the content; empty computes it.

    Returns:
        The file; None where the file systems do not allow it, so that a copy has to be made.

    Raises:
        CommitError, DiskFullError: as for `outputs.commit.commit`.
        OSError: the source cannot be opened.
    """
    real = os.path.realpath(source)
    status = os.stat(long_path(real))
    made = OutputFile(target.path, status.st_size, digest=digest or file_digest(real))
    path = partial_path(target.path, run, job)
    with writing(target.path):
        make_folder(os.path.dirname(path))
        remove_file(path)  # of an attempt that died
        try:
            os.link(long_path(real), long_path(path))
        except OSError as error:
            if error.errno in _UNABLE:
                return None
            raise
        with contextlib.ExitStack() as stack:
            stack.callback(remove_file, path)  # after the rename there is nothing left
            return place_finished(path, target, made, None, None, note, fsync=False)


def _write(handle: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]
