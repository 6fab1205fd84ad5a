"""Locks on files. The system frees a lock when its process ends, however it ends, so anybody can test it.

A run locks the folders that it writes to (`OutLock`), wherever its journal is:

    OUT/.imgpar/lock            held alone by the run on OUT
    OUT/../.imgpar/lock         shared by all runs below, where a run on that folder has ever been
    OUT/sub/.imgpar/lock        shared as soon as a run on OUT comes to a folder that has one
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from typing import Any

from imgpar.core.errors import OutputLockedError
from imgpar.core.fs import OURS, make_private

_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, getattr(errno, "EDEADLOCK", errno.EAGAIN)}
_FAR = 1 << 20
"""Windows locks bytes, and nobody may read them then: one far behind the text that others read."""


def take(handle: int, *, shared: bool = False) -> bool | None:
    """Lock an open file without waiting: whether that went well, None where the file system has no locks.

    On Windows every lock is exclusive.
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
    """A lock on a file. Raises OutputLockedError when another process holds it, OSError when there is none.

    `kept` is False where the file system has no locks; then nobody else is kept out.
    """

    def __init__(self, path: str, what: str, *, shared: bool = False) -> None:
        """`what` is the folder or file that the message names."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        self._handle = os.open(path, flags, 0o666)
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
        """Let others in; the file stays, as removing it would race with the next one."""
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


class OutLock:
    """The right to write into a folder and all that lies in it, until `release`.

    Raises OutputLockedError when a run is at work there, above it or inside it; OSError when the lock cannot
    be made.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._held: dict[str, Lock] = {}
        try:
            above = os.path.dirname(folder)
            while above != os.path.dirname(above):  # first: who is refused leaves nothing here
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
        """Before anything is written into a folder inside: keep out the runs that have OUT there."""
        folder = folder.rstrip("/" + os.sep)
        while len(folder) > len(self._folder) and folder not in self._held:
            self._share(folder)
            folder = os.path.dirname(folder)

    def release(self) -> None:
        """Let others in."""
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
            except OSError:  # of another user: it cannot be told who is at work there
                return
