"""Temporary folders and shared-memory segments, and their clean-up after a killed process.

Each has a random name and is locked by its creator (`liveness`). A killed process cannot clean up, so the
next run sweeps what is no longer locked, in /dev/shm and in the folder for temporary files.

Where the system does not list its shared memory (macOS), each segment has a file `<its name>.segment` in the
folder for temporary files, which is locked instead. Windows frees a segment with its last handle. The arena
frees its name once it is mapped (`unname_segment`), so only segments of processes that died before that are
swept.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from imgpar.core.errors import RunError
from imgpar.core.liveness import attempts, hold, if_free, random_name

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from multiprocessing.shared_memory import SharedMemory

SHM_FOLDER = "/dev/shm"  # noqa: S108 - where Linux mounts POSIX shared memory
WINDOWS = os.name == "nt"
_NAME = r"imgpar-[0-9a-f]{16}"
_RECORD = ".segment"
_LOCK = "lock"
"""The file in a temporary folder that is locked on Windows, where folders cannot be."""

_held: dict[str, int] = {}
"""What this process has locked: path, and handle that has the lock."""


def _in_child() -> None:
    """A forked child owns none of the parent's locks, and must not keep them after the parent ends."""
    for handle in _held.values():
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def new_name() -> str:
    """23 characters: macOS allows 31 with a slash, and socket paths are limited, too."""
    return f"imgpar-{random_name()}"


# ----- temporary folders ---------------------------------------------------------------------------


def temporary_folder(place: str | None = None) -> str:
    """A new folder of this process, until `remove_folder`; if the process is killed, the next run removes it.

    Args:
        place: parent folder; None is the folder for temporary files.

    Raises:
        RunError: there is no place for temporary files.
    """
    try:
        place = place or _temporary_place()
        for _ in attempts():
            if _new_folder(path := os.path.join(place, new_name())):
                return path
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    except OSError as error:
        raise RunError(
            f"Temporary files cannot be made: {error.strerror or error}.",
            fix="Set TMPDIR to a folder that can be written and has room.",
        ) from error


def remove_folder(path: str) -> None:
    """Remove a temporary folder of this process; does nothing in a fork of it."""
    import shutil

    if path in _held:
        if WINDOWS:
            _unlock(path)
        shutil.rmtree(path, ignore_errors=True)
        _unlock(path)


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """`temporary_folder` for the duration of a block."""
    folder = temporary_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def _new_folder(path: str) -> bool:
    os.mkdir(path, 0o700)
    if WINDOWS:
        return _hold(path, os.path.join(path, _LOCK), os.O_CREAT)
    try:
        if _hold(path, path, os.O_RDONLY):
            return True
    except FileNotFoundError:  # swept before it was locked
        return False
    with contextlib.suppress(OSError):  # another process only tested the lock
        os.rmdir(path)
    return False


# ----- segments -------------------------------------------------------------------------------------


def new_segment(size: int, *, listed: bool | None = None) -> SharedMemory:
    """Named shared memory, until `remove_segment`.

    Args:
        size: bytes.
        listed: whether the system lists the names; None detects it.

    Raises:
        OSError: it cannot be created.
    """
    listed = _listed() if listed is None else listed
    for _ in attempts():
        if segment := _new_segment(new_name(), size, listed=listed):
            return segment
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def unname_segment(segment: SharedMemory) -> None:
    """Free the name of shared memory that this process has created and mapped: the system frees the memory
    with the last process that maps it. POSIX only."""
    name = segment.name.lstrip("/")
    for path in [path for path in _held if os.path.basename(path).removesuffix(_RECORD) == name]:
        _free_name(segment)
        if path.endswith(_RECORD):
            _unlink(path)
        _unlock(path)


def remove_segment(segment: SharedMemory) -> None:
    """Close shared memory that this process has created, and free its name; a fork keeps the name."""
    with contextlib.suppress(BufferError):  # Windows, and the caller still holds an array
        segment.close()
    unname_segment(segment)


def _free_name(segment: SharedMemory) -> None:
    try:
        segment.unlink()
    except FileNotFoundError:  # swept by another process; Python would print a warning at exit
        from multiprocessing import resource_tracker

        resource_tracker.unregister(f"/{segment.name.lstrip('/')}", "shared_memory")


def _new_segment(name: str, size: int, *, listed: bool) -> SharedMemory | None:
    """Returns None where a sweep was faster."""
    from multiprocessing.shared_memory import SharedMemory  # imports OpenSSL; workers only map

    if WINDOWS:
        return SharedMemory(name, create=True, size=size)
    if listed:
        place = os.path.join(SHM_FOLDER, name)
        if _hold_nameless(place, size):
            try:
                return SharedMemory(name)
            except BaseException:
                _unlink(place)
                _unlock(place)
                raise
        segment = SharedMemory(name, create=True, size=size)
        try:
            if _hold(place, place, os.O_RDWR):
                return segment
        except FileNotFoundError:
            pass
        segment.close()
        _free_name(segment)
        return None
    record = os.path.join(_temporary_place(), name + _RECORD)
    if not _hold(record, record, os.O_CREAT | os.O_EXCL):
        return None
    try:
        return SharedMemory(name, create=True, size=size)
    except BaseException:
        _unlink(record)
        _unlock(record)
        raise


# ----- leftovers of dead processes -----------------------------------------------------------------


def sweep_segments(*, listed: bool | None = None) -> list[str]:
    """Remove the segments and temporary folders that are no longer locked; returns their names."""
    import re

    listed = _listed() if listed is None else listed
    ours = re.compile(_NAME if listed else f"{_NAME}(?:{re.escape(_RECORD)})?")
    swept: list[str] = []
    for folder in _places(listed=listed):
        with contextlib.suppress(OSError):
            names = [
                name for name in os.listdir(folder) if name.startswith("imgpar-") and ours.fullmatch(name)
            ]
            swept += [name for name in names if _sweep(os.path.join(folder, name))]
    return swept


def _places(*, listed: bool) -> Iterator[str]:
    if listed:
        yield SHM_FOLDER
    with contextlib.suppress(OSError):  # no place for temporary files is reported where one is needed
        yield _temporary_place()


def _sweep(path: str) -> bool:
    if WINDOWS and os.path.isdir(path):
        inside = os.path.join(path, _LOCK)
        return if_free(inside, _remove) and _remove(path)
    return if_free(path, _remove)


def _remove(path: str) -> bool:
    with contextlib.suppress(OSError):
        if os.path.isdir(path):
            import shutil

            shutil.rmtree(path)
        else:
            if path.endswith(_RECORD):
                _unlink_segment(os.path.basename(path).removesuffix(_RECORD))
            os.unlink(path)
        return True
    return False


def _unlink_segment(name: str) -> None:
    # By name alone: a segment that was never given a size cannot be mapped.
    import _posixshmem  # type: ignore[import-not-found]

    with contextlib.suppress(FileNotFoundError):
        _posixshmem.shm_unlink(f"/{name}")


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _listed() -> bool:
    return os.path.isdir(SHM_FOLDER)


def _temporary_place() -> str:
    import tempfile  # its import takes longer than the start of Python

    return tempfile.gettempdir()


# ----- locks ----------------------------------------------------------------------------------------


def _hold(path: str, what: str, flags: int) -> bool:
    """Open `what` and lock it until `_let_go(path)`; False when a sweep was faster."""
    handle = os.open(what, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if not hold(handle, what):
        os.close(handle)
        return False
    _held[path] = handle
    return True


def _hold_nameless(path: str, size: int) -> bool:
    """Create a file that is locked before it has its name, so that no sweep comes between; False where
    the system has no such files."""
    if not hasattr(os, "O_TMPFILE"):
        return False
    try:
        handle = os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError:
        return False
    try:
        hold(handle, path)
        os.ftruncate(handle, size)
        # With a folder, although the path is absolute: otherwise the link itself would be linked.
        os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle, follow_symlinks=True)
    except OSError:
        os.close(handle)
        return False
    _held[path] = handle
    return True


def _unlock(path: str) -> None:
    handle = _held.pop(path, -1)
    if handle >= 0:
        os.close(handle)
