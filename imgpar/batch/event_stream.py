"""Where lines of events go: a file, a pipe or a descriptor. A slow reader does not stop the run.

A regular file is appended to at once; where its disk is full, lines are missing until there is room again.
For anything else the lines wait in a temporary file (the first megabytes in memory) until a thread has
written them, so a reader that is slow, or that comes later, misses nothing. At the end the reader has
`PATIENCE` seconds for each piece; one that takes nothing for that long, or that goes away, ends the stream
and not the run.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial

from imgpar.core.errors import UsageError

PATIENCE = 10.0
"""Seconds without progress after which a reader is given up, at the end of a run."""
IN_MEMORY = 4 << 20
"""Bytes of waiting lines that are kept in memory; more are kept in a temporary file."""
JOIN_SECONDS = 0.2
"""Seconds for the thread to end when all is written."""
PIECE = 4096
"""Bytes per write: at most this much is written without a sign of the reader."""
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


class EventStream:
    """An output for lines of events.

    Args:
        path: a file, which is appended to; a named pipe; /dev/fd/N; or "-", standard output.
        lost: called once with a sentence where the reader has gone or the file cannot be written, by any
            thread.
        patience: seconds without progress after which `close` gives the reader up.

    Raises:
        UsageError: it cannot be opened for writing.
    """

    def __init__(self, path: str, lost: Callable[[str], None], *, patience: float = PATIENCE) -> None:
        self.path, self._lost, self._patience = path, lost, patience
        self._broken = self._closing = False
        self._torn = self._failed = False
        """Of a file: whether its last line was cut, and whether the last write failed."""
        self._handle = _opened(path)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        if self._handle is None or not stat.S_ISREG(os.fstat(self._handle).st_mode):
            self._waiting = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see close
            self._end = self._taken = 0
            """Bytes put into the file, and those that the reader has taken."""
            self._thread = threading.Thread(target=self._pass_on, name="imgpar-events", daemon=True)
            self._thread.start()

    def write(self, line: bytes) -> None:
        """Write a line, or have it written. Never raises, and never waits for a reader."""
        if self._broken:
            return
        if self._thread is None:
            self._append(line)
            return
        problem = ""
        with self._changed:
            if not self._broken:
                try:
                    self._waiting.seek(self._end)
                    self._waiting.write(line)
                except OSError as error:  # no space in the temporary folder
                    problem = f"Events cannot be kept for their reader: {error.strerror or error}"
                self._end += len(line)
                self._changed.notify_all()
        if problem:
            self._give_up(problem)

    def _append(self, line: bytes) -> None:
        """Append a line to the file; one that a full disk has cut is ended before the next one."""
        assert self._handle is not None
        rest = memoryview(b"\n" + line if self._torn else line)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
                self._torn = bool(rest)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._lost(
                    f"{self.path} cannot be written ({error.strerror or error}): events are missing there."
                )
        else:
            self._failed = False

    def close(self) -> None:
        """Wait for the reader, and close. Never raises."""
        if self._thread is not None:
            self._wait_for_reader()
            self._thread.join(JOIN_SECONDS)
            if self._thread.is_alive():
                return  # it waits for the reader, and ends with the process
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = None

    def _wait_for_reader(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            before = -1
            while (left := self._end - self._taken) and not self._broken and before != self._taken:
                before = self._taken
                self._changed.wait_for(partial(self._moved, before), self._patience)
        if left and not self._broken:
            self._give_up(f"The reader of events has not taken the last {left} bytes")

    def _moved(self, before: int) -> bool:
        return self._broken or self._taken != before

    # ----- the thread ------------------------------------------------------------------------------

    def _pass_on(self) -> None:
        try:
            if self._handle is None:
                self._handle = os.open(self.path, os.O_WRONLY)  # waits until somebody reads the pipe
            while piece := self._next():
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(self._handle, rest) :]
                with self._changed:
                    self._taken += len(piece)
                    if self._taken == self._end:
                        self._waiting.seek(0)
                        self._waiting.truncate()
                        self._end = self._taken = 0
                    self._changed.notify_all()
        except OSError:
            self._give_up("The reader of events is gone")
        finally:
            self._waiting.close()

    def _next(self) -> bytes:
        """The next piece; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._broken or self._closing or self._taken < self._end)
            if self._broken or self._taken == self._end:
                return b""
            self._waiting.seek(self._taken)
            return self._waiting.read(PIECE)

    def _give_up(self, why: str) -> None:
        with self._changed:
            if self._broken:
                return
            self._broken = True
            self._changed.notify_all()
        self._lost(f"{why}; the run goes on without events.")


def _opened(path: str) -> int | None:
    """A descriptor; None for a named pipe, which is opened when it has a reader. Raises UsageError."""
    try:
        if path == "-":
            return os.dup(sys.stdout.fileno())
        if found := _DESCRIPTOR.fullmatch(path):
            return os.dup(int(found[1]))
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISFIFO(os.stat(path).st_mode):
                if not os.access(path, os.W_OK):
                    raise PermissionError(13, "Permission denied")
                return None
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise UsageError(
            f"Events cannot be written to {path!r}: {error.strerror or error}.",
            fix="Name a file in a folder that exists, a named pipe, or - for standard output.",
        ) from None
    _end_torn_line(handle)
    return handle


def _end_torn_line(handle: int) -> None:
    """End the last line of a file, which a killed run may have left unfinished."""
    with contextlib.suppress(OSError):
        if size := os.lseek(handle, 0, os.SEEK_END):
            os.lseek(handle, size - 1, os.SEEK_SET)
            if os.read(handle, 1) != b"\n":
                os.write(handle, b"\n")
