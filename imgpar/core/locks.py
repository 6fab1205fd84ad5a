"""Locks on output folders. The system releases a lock when its process ends, so a lock is never stale.

A run locks the folders that it writes to (`OutLock`), wherever its journal is:

    OUT/.imgpar/lock            exclusive, by the run on OUT
    OUT/../.imgpar/lock         shared by all runs below, where a run on that folder has ever been
    OUT/sub/.imgpar/lock        shared as soon as a run on OUT reaches a folder that has one
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
import weakref
from typing import Any

from imgpar.core.errors import OutputLockedError
from imgpar.core.fs import OURS, make_private

_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, getattr(errno, "EDEADLOCK", errno.EAGAIN)}
_FAR = 1 << 20
"""Windows locks byte ranges, which become unreadable: this one is far behind the text."""


def take(handle: int, *, shared: bool = False) -> bool | None:
    """Lock an open file without waiting. On Windows every lock is exclusive.

    Returns:
        Whether the lock was acquired; None where the file system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


class Lock:
    """A lock on a file. `kept` is False where the file system has no locks.

    Raises:
        OutputLockedError: another process holds it.
        OSError: the lock file cannot be created.
    """

    def __init__(self, path: str, what: str, *, shared: bool = False) -> None:
        """`what` is the folder or file that the message names."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        self._handle = os.open(path, flags, 0o666)
        _all.add(self)
        try:
            taken = take(self._handle, shared=shared)
            if taken is False:
                raise OutputLockedError(
                    f"Another run is writing to {what}{self._owner()}.",
                    fix="Wait until it ends, or work in another folder.",
                )
            self.kept = taken is True
            if self.kept and not shared:
                self._sign()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release the lock; the file is kept, as removing it would race with the next process."""
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)

    def _sign(self) -> None:
        facts = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.ftruncate(self._handle, 0)
        os.write(self._handle, json.dumps(facts).encode())

    def _owner(self) -> str:
        try:
            os.lseek(self._handle, 0, os.SEEK_SET)
            facts: dict[str, Any] = json.loads(os.read(self._handle, 4096))
            return f" (process {facts['pid']} on {facts['host']}, since {facts['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


_all: weakref.WeakSet[Lock] = weakref.WeakSet()


def _after_fork() -> None:
    """A forked child owns none of the locks of its parent, and must not keep them when the parent ends."""
    for lock in list(_all):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class OutLock:
    """Exclusive access to a folder and everything below it, until `release`.

    Raises:
        OutputLockedError: another run uses the folder, one above it or one inside it.
        OSError: the lock cannot be created.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._held: dict[str, Lock] = {}
        try:
            above = os.path.dirname(folder)
            while above != os.path.dirname(above):  # first: a run that is refused leaves nothing here
                self._share(above)
                above = os.path.dirname(above)
            make_private(os.path.join(folder, OURS))
            own = Lock(os.path.join(folder, OURS, "lock"), folder)
            self._held[folder] = own
            self.kept = own.kept
        except BaseException:
            self.release()
            raise

    def enter(self, folder: str) -> None:
        """Call before anything is written into a folder inside: excludes runs that have OUT there."""
        folder = folder.rstrip("/" + os.sep)
        while len(folder) > len(self._folder) and folder not in self._held:
            self._share(folder)
            folder = os.path.dirname(folder)

    def release(self) -> None:
        """Release all locks."""
        for lock in self._held.values():
            lock.release()
        self._held = {}

    def _share(self, folder: str) -> None:
        path = os.path.join(folder, OURS, "lock")
        if os.path.lexists(path) and not os.path.islink(os.path.dirname(path)):
            try:
                self._held[folder] = Lock(path, folder, shared=True)
            except OutputLockedError:
                raise
            except OSError:  # of another user: whether a run is active there is unknown
                return
