"""Whether a file is whole: its name is not temporary, its size and time rest, no program writes to it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections import OrderedDict

_SUFFIXES = frozenset(
    (
        "part", "partial", "filepart", "dtapart", "crdownload", "download", "opdownload", "aria2", "!qb",
        "!ut", "bc!", "tmp", "temp", "swp", "swx", "lock", "upload", "uploading", "incomplete", "unconfirmed",
    )
)  # fmt: skip
DAY = 26 * 3600.0
"""Age from which the clock of a server does not matter."""
RECENT = 3600.0
"""Age up to which a file is asked about writers."""
REMEMBERED = 10_000
"""Number of temporary files and of files under observation that are remembered."""


def is_temporary(name: str) -> bool:
    """Whether programs give such a name to files that they are still writing.

    >>> [is_temporary(name) for name in ("a.jpg", "a.jpg.part", ".a.jpg.Xy12", "a.jpg~", "a.crdownload")]
    [False, True, True, True, True]
    """
    return name.startswith((".", "~$")) or name.endswith("~") or name.rpartition(".")[2].lower() in _SUFFIXES


def has_writer(path: str) -> bool:
    """Whether a program on this machine has the file open for writing; False where that is unknown.

    Linux grants a read lease on a file only while nobody has it open for writing, and only to its owner.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A program that opens the file meanwhile has the kernel signal us; this signal is ignored by default.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(handle)
    return False


def _has_changed(path: str, size: int, mtime_ns: int) -> bool:
    """Whether a file was written to after it was listed: its last writer may have closed it since then, and
    a record with the old facts would have it converted twice."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) != (size, mtime_ns)


class Settling:
    """Decides when files are whole.

    On local disks every write sets the time of a file, so its age tells how long it rests. The clock of a
    server may differ from ours: there, and where a time lies in the future, a file is observed instead.

    Args:
        seconds: for which size and time must not change.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._seen = OrderedDict[str, tuple[int, int, float]]()
        self._temporary = OrderedDict[int, None]()

    def wait(self, path: str, size: int, mtime_ns: int, inode: int = 0, *, local: bool = True) -> float:
        """Seconds until the file may be whole; 0 where it is.

        Args:
            path: of the file.
            size: in bytes.
            mtime_ns: time of modification.
            inode: for files that had a temporary name before.
            local: whether it is on a disk of this machine.
        """
        age = time.time() - mtime_ns / 1e9
        renamed = local and self._temporary.pop(inode, True) is None
        if not renamed and (left := self._rest(path, size, mtime_ns, age, local=local)) > 0:
            return left
        if local and age < RECENT and (has_writer(path) or _has_changed(path, size, mtime_ns)):
            return self.seconds
        self._seen.pop(path, None)
        return 0.0

    def was_temporary(self, inode: int) -> None:
        """Note a file with a temporary name: renamed, it is whole."""
        self._temporary[inode] = None
        if len(self._temporary) > REMEMBERED:
            self._temporary.popitem(last=False)

    def _rest(self, path: str, size: int, mtime_ns: int, age: float, *, local: bool) -> float:
        if age >= (self.seconds if local else DAY):
            return 0.0
        if local and age >= 0:
            return self.seconds - age
        now, seen = time.monotonic(), self._seen.get(path)
        if seen is None or seen[:2] != (size, mtime_ns):
            self._seen[path] = (size, mtime_ns, now)
            if len(self._seen) > REMEMBERED:  # the oldest is gone, or is observed anew
                self._seen.popitem(last=False)
            return self.seconds
        return max(0.0, seen[2] + self.seconds - now)
