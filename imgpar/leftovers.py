"""What a run puts where it outlives its process: segments and temporary folders, and who removes them.

Names carry the pid and the start time of their owner. A process that is killed cannot clean up, so the next
run sweeps what belongs to nobody any more.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imgpar.errors import RunError

SHM_FOLDER = Path("/dev/shm")  # noqa: S108 - where Linux mounts POSIX shared memory
_NAME = re.compile(r"imgpar-(\d+)-([0-9a-f]+)-\w+")


def segment_name() -> str:
    """`imgpar-<pid>-<start>-<random>`: at most 30 characters, because macOS allows 31 with the slash."""
    return _own_prefix() + secrets.token_hex(2)


def temporary_folder(place: Path | None = None) -> str:
    """A new folder of this process; its owner removes it, or the next run when the owner is dead. `place` is
    where it shall be, if not where temporary files are.

    Raises:
        RunError: there is no place for temporary files.
    """
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
    folder = temporary_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> list[str]:
    """Remove the segments and temporary folders of runs whose process is gone; returns their names."""
    swept: list[str] = []
    if not Path("/proc/self/stat").exists():
        return swept
    for folder in (SHM_FOLDER, _temporary_place()):
        with contextlib.suppress(OSError):
            swept += [path.name for path in folder.glob("imgpar-*") if is_orphan(path.name) and _remove(path)]
    return swept


def is_orphan(name: str) -> bool:
    """Whether this is the name of something of ours whose owner is gone; Linux only.

    >>> is_orphan("imgpar-notes")
    False
    """
    match = _NAME.fullmatch(name)
    return match is not None and _start_time(int(match[1])) != int(match[2], 16)


def _temporary_place() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:  # there is none; whoever needs it says so
        return SHM_FOLDER


def _own_prefix() -> str:
    return f"imgpar-{os.getpid()}-{_start_time(os.getpid()):x}-"


def _start_time(pid: int) -> int:
    """When a process started, in kernel ticks; the wall clock where there is no /proc."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return int(time.time()) if pid == os.getpid() else -1


def _remove(path: Path) -> bool:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        return True
    return False
