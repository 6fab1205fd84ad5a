"""Locks that tell what is in use from what a dead process left: flock, which ends with its process.

1. A name is random and taken exclusively; then its maker locks what lies there, and keeps it locked while it
   is in use. Pids tell nothing: containers share folders, but not their numbers of processes.
2. Only what can be locked is swept. Where a file system has no locks, or what is there cannot be opened,
   nothing is proved and nothing is removed.
3. A sweeper may come between the name and the lock. Then the maker cannot lock it, or finds the name gone,
   and takes another one.
4. Windows has no flock; but there nobody can remove a file that is open.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator

TRIES = 100
"""Attempts to make something that nobody sweeps before it is locked; one is enough, hardly ever two."""
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_WINDOWS_SECONDS = 3600.0
"""On Windows a file is closed before it is renamed; what is swept there has to be older than that takes."""


def random_name() -> str:
    """64 random bits as 16 hexadecimal digits: no two processes share a name, whatever they share.

    >>> len(random_name()), random_name() == random_name()
    (16, False)
    """
    return os.urandom(8).hex()


def hold(handle: int, path: str) -> bool:
    """Lock what was made at `path` and is open as `handle`, until the handle is closed; False when a sweeper
    was faster. Where there are no locks, nobody sweeps."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
    return os.path.lexists(path)


def hold_folder(path: str) -> int:
    """Lock a folder until the handle that is returned is closed; -1 where somebody else has or removes it.
    Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    if not hold(handle, path):
        os.close(handle)
        return -1
    return handle


def release(handle: int) -> None:
    """Give the lock up, although the handle stays open."""
    if sys.platform != "win32":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)


def is_free(path: str) -> bool:
    """Whether something is there that nobody holds; False where that cannot be told."""
    return if_free(path, os.path.lexists)


def if_free(path: str, act: Callable[[str], bool]) -> bool:
    """What `act` says of something that nobody holds, and that nobody can take meanwhile; False where it is
    held or that cannot be told."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            return time.time() - os.stat(path).st_mtime > _WINDOWS_SECONDS and act(path)
        return False
    with contextlib.suppress(OSError), _opened(path) as handle:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(handle)
        plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)  # from a pipe nothing would come
        if plain and os.path.samestat(status, os.lstat(path)) and not is_mandatory(path):
            return act(path)
    return False


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """What lies there itself, no link to it, without waiting for the other end of a pipe."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, os.O_RDWR | flags)  # network folders lock only what may be written
    except OSError:
        handle = os.open(path, os.O_RDONLY | flags)
    try:
        yield handle
    finally:
        os.close(handle)


def is_mandatory(path: str) -> bool:
    """Whether the lock that this process has on a file keeps others from reading it: on SMB every lock does.
    A program that we start could not write there, so such a file goes unlocked, and proves nothing."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.read(1)
    except IsADirectoryError:
        return False
    except OSError:
        return True
    return False
