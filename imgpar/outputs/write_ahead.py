"""Write-ahead log: outputs are recorded before they get their final names, so that after a kill they can be
told from files of the user.

JOURNAL.written/RUN-RANDOM-0, RUN-RANDOM-1      one line of JSON per file, the fields of OutputFile, its path
relative to OUT

Every worker writes to two files in turn, and changes to the other one between two tasks only. An outcome is
in the journal long before that many further outputs of the same worker follow, so older lines can be
overwritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from typing import Protocol

import msgspec

from imgpar.core.confined import join_inside
from imgpar.core.errors import OutputError
from imgpar.core.job import OutputFile
from imgpar.core.liveness import hold, is_free, random_name

LINES = 2000
"""Lines of one file after which the next task starts the other one."""
LONGEST = 256 << 20
"""Maximum bytes of a file that are read; a longer one was not written by imgpar."""


class OutputNotes(Protocol):
    """What keeps notes of outputs, before they get their names; threads may share it."""

    def note(self, file: OutputFile) -> None:
        """Record a file; it is kept when this returns. Raises OSError."""

    def turn(self) -> None:
        """Another task begins: notes of long ago may be dropped."""


class WrittenLog:
    """The records of one worker for one run; `folder` is created with the first one.

    Threads may share it. Paths are stored relative to `base`, so that it may be moved; if it is empty, they
    are absolute.
    """

    def __init__(self, folder: str, run: str, base: str) -> None:
        self._prefix = os.path.join(base, "") if base else ""
        self._folder, self._name = folder, f"{run}-{random_name()}"
        self._handle = -1
        self._lines = self._turn = 0
        self._busy = threading.Lock()

    def note(self, file: OutputFile) -> None:
        """Record a file before it gets its final name. Raises OSError."""
        # The status change time is not known before the rename.
        path = file.path.removeprefix(self._prefix)
        facts = [os.fsencode(path).hex(), *file[1:5], 0, *file[6:]]
        line = msgspec.json.encode(facts) + b"\n"
        with self._busy:
            if self._handle < 0:
                self._begin()
            os.write(self._handle, line)
            self._lines += 1

    def turn(self) -> None:
        """Begin a task: start the other file if this one is long enough."""
        with self._busy:
            if self._lines >= LINES:
                self._begin()

    def _begin(self) -> None:
        self.close()
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        path = os.path.join(self._folder, f"{self._name}-{self._turn % 2}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        self._handle = os.open(path, flags, 0o600)
        hold(self._handle, path)
        self._turn, self._lines = self._turn + 1, 0

    def close(self) -> None:
        """Release the files, so that other processes may read and remove them."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        self.close()


_per_thread = threading.local()


def log_of(folder: str, run: str, base: str) -> WrittenLog:
    """The log of this worker for a run; the last one is kept."""
    key = (folder, run, base)
    if getattr(_per_thread, "key", None) != key:
        _per_thread.key, _per_thread.log = key, WrittenLog(*key)
    log: WrittenLog = _per_thread.log
    return log


def read_written(folder: str, base: str, run: str = "") -> dict[str, list[OutputFile]]:
    """Recorded files by absolute path: of all runs, or of one. Invalid lines, and paths outside of `base`,
    are ignored."""
    found: dict[str, list[OutputFile]] = {}
    for path in _logs(folder):
        if os.path.basename(path).startswith(run):
            for file in _lines_of(path, base):
                found.setdefault(file.path, []).append(file)
    return found


def remove_written(folder: str, run: str) -> None:
    """Remove the records of a finished run, and those of processes that have ended."""
    for path in _logs(folder):
        if (run and os.path.basename(path).startswith(run)) or is_free(path):
            with contextlib.suppress(OSError):
                os.unlink(path)
    with contextlib.suppress(OSError):  # other processes are writing
        os.rmdir(folder)


def _logs(folder: str) -> list[str]:
    if os.path.islink(folder):
        return []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names]


def _lines_of(path: str, base: str) -> Iterator[OutputFile]:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            lines = file.read(LONGEST).split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            path, *facts = json.loads(line)
            name = os.fsdecode(bytes.fromhex(path))
            place = join_inside(base, name.replace(os.sep, "/")) if base else name
            yield OutputFile._make((place, *map(int, facts[:6]), str(facts[6])))
        except (ValueError, TypeError, IndexError, OverflowError, RecursionError, OutputError):
            continue
