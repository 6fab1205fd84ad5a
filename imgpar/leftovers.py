"""What a run puts where it outlives its process: segments and temporary folders, and who removes them.

Names carry the pid and the start time of their owner. A process that is killed cannot clean up, so the next
run sweeps what belongs to nobody any more.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from imgpar.errors import RunError

SHM_FOLDER = "/dev/shm"  # noqa: S108 - where Linux mounts POSIX shared memory
_NAME = r"imgpar-(\d+)-([0-9a-f]+)-\w+"


def segment_name() -> str:
    """`imgpar-<pid>-<start>-<random>`: at most 30 characters, because macOS allows 31 with the slash."""
    return _own_prefix() + os.urandom(2).hex()


def temporary_folder(place: str | None = None) -> str:
    """A new folder of this process; its owner removes it, or the next run when the owner is dead. `place` is
    where it shall be, if not where temporary files are.

    Raises:
        RunError: there is no place for temporary files.
    """
    import tempfile  # with all that it brings along, it takes longer than the start of Python

    try:
        return tempfile.mkdtemp(prefix=_own_prefix(), dir=place)
    except OSError as error:
        raise RunError(
            f"Temporary files cannot be made: {error.strerror or error}.",
            fix="Set TMPDIR to a folder that can be written and has room.",
        ) from error


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """`temporary_folder` for the length of a block."""
    import shutil

    folder = temporary_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> list[str]:
    """Remove the segments and temporary folders of runs whose process is gone; returns their names."""
    swept: list[str] = []
    if not os.path.exists("/proc/self/stat"):
        return swept
    for folder in (SHM_FOLDER, _temporary_place()):
        with contextlib.suppress(OSError):
            names = [name for name in os.listdir(folder) if name.startswith("imgpar-")]
            swept += [name for name in names if is_orphan(name) and _remove(f"{folder}/{name}")]
    return swept


def is_orphan(name: str) -> bool:
    """Whether this is the name of something of ours whose owner is gone; Linux only.

    >>> is_orphan("imgpar-notes")
    False
    """
    import re

    match = re.fullmatch(_NAME, name)
    return match is not None and _start_time(int(match[1])) != int(match[2], 16)


def _temporary_place() -> str:
    import tempfile

    try:
        return tempfile.gettempdir()
    except OSError:  # there is none; whoever needs it says so
        return SHM_FOLDER


def _own_prefix() -> str:
    return f"imgpar-{os.getpid()}-{_start_time(os.getpid()):x}-"


def _start_time(pid: int) -> int:
    """When a process started, in kernel ticks; the wall clock where there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return int(time.time()) if pid == os.getpid() else -1


def _remove(path: str) -> bool:
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil

            shutil.rmtree(path)
        else:
            os.unlink(path)
        return True
    return False
