"""Locks that tell files in use from leftovers of dead processes: flock, which ends with its process.

1. A name is random and created exclusively; then its creator locks the file and keeps it locked while it is
   in use. Pids do not help: containers share folders, but not pid namespaces.
2. Only what can be locked is swept. Where a file system has no locks, or a file cannot be opened, nothing is
   removed.
3. A sweep may come between creation and lock. Then the creator cannot lock the file, or finds it removed, and
   uses another name.
4. Windows has no flock; but open files cannot be removed there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator

_TRIES = 100
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_WINDOWS_SECONDS = 3600.0
"""On Windows a file is closed before it is renamed; only files older than this are swept."""


def attempts() -> Iterator[None]:
    """Attempts to create and lock a name before a sweep removes it; one nearly always suffices.

    Between two of them lies a pause of random length: a process that sweeps all the time runs in step with
    one that creates names without a pause, and is the faster one each time.
    """
    yield
    for _ in range(_TRIES):
        time.sleep(os.urandom(1)[0] * 4e-6)
        yield


def random_name() -> str:
    """64 random bits as 16 hexadecimal digits, unique across processes and machines.

    >>> len(random_name()), random_name() == random_name()
    (16, False)
    """
    return os.urandom(8).hex()


def hold(handle: int, path: str) -> bool:
    """Lock the file that was created at `path` and is open as `handle`, until it is closed.

    Returns:
        False when a sweep has removed it. Where there are no locks, nothing is swept.
    """
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
    return os.path.lexists(path)


def hold_folder(path: str) -> int:
    """Lock a folder until the returned handle is closed.

    Returns:
        The handle; -1 where another process has or removes the folder.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    if not hold(handle, path):
        os.close(handle)
        return -1
    return handle


def release(handle: int) -> None:
    """Release the lock although the handle stays open."""
    if sys.platform != "win32":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)


def is_free(path: str) -> bool:
    """Whether a path exists and is not locked; False where that is unknown."""
    return if_free(path, os.path.lexists)


def if_free(path: str, act: Callable[[str], bool]) -> bool:
    """Call `act` on a path that is not locked, under its lock.

    Returns:
        The result of `act`; False where the path is locked or that is unknown.
    """
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            return time.time() - os.stat(path).st_mtime > _WINDOWS_SECONDS and act(path)
        return False
    with contextlib.suppress(OSError), _opened(path) as handle:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(handle)
        plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)  # reading a pipe could block
        if plain and os.path.samestat(status, os.lstat(path)) and not is_mandatory(path):
            return act(path)
    return False


def claim(path: str) -> int:
    """Open and lock a regular file that a process of this user has left, until the handle is closed.

    Returns:
        The handle; -1 where another process has the file, where that is unknown, and where the file is not
        this user's alone. On Windows there are no locks: whoever calls must have another one.
    """
    binary, links = getattr(os, "O_BINARY", 0), getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, os.O_RDWR | binary | links | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return -1
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            return handle
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(handle)
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
        if alone and os.path.samestat(status, os.lstat(path)):
            return handle
    os.close(handle)
    return -1


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open the path itself, not the target of a link, without blocking on a pipe."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, os.O_RDWR | flags)  # network folders lock only writable files
    except OSError:
        handle = os.open(path, os.O_RDONLY | flags)
    try:
        yield handle
    finally:
        os.close(handle)


def is_mandatory(path: str) -> bool:
    """Whether the lock on a file keeps others from reading it, as every lock does on SMB. Another program
    could not write there, so such a file stays unlocked and is never swept."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.read(1)
    except IsADirectoryError:
        return False
    except OSError:
        return True
    return False
