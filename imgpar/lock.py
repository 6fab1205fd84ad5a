"""One run at a time in an output folder. The system frees the lock when its process ends, however it ends."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from typing import Any

from imgpar.errors import OutputLockedError

_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, getattr(errno, "EDEADLOCK", errno.EAGAIN)}
_FAR = 1 << 20
"""Windows locks bytes, and nobody may read them then: one far behind the text that others read."""


class Lock:
    """A lock on a file. Raises OutputLockedError when another process holds it, OSError when there is none.

    `kept` is False where the file system has no locks; then nobody else is kept out.
    """

    def __init__(self, path: str, what: str) -> None:
        """`what` is the folder or file that the message names."""
        self.kept = True
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take()
        except OSError as error:
            owner = self._owner()
            os.close(self._handle)
            if error.errno not in _TAKEN:
                raise
            raise OutputLockedError(
                f"Another run is writing to {what}{owner}.", fix="Wait until it ends, or choose another OUT."
            ) from None
        except BaseException:
            os.close(self._handle)
            raise
        if self.kept:
            self._sign()

    def release(self) -> None:
        """Let others in; the file stays, as removing it would race with the next one."""
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)

    def _take(self) -> None:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(self._handle, _FAR, os.SEEK_SET)
            msvcrt.locking(self._handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _TAKEN:
                    raise
                self.kept = False

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
