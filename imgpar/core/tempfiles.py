"""What a run puts where it outlives its process: segments and temporary folders, and who removes them.

Each is named at random and locked by its maker (`held`). A process that is killed cannot clean up, so the
next run sweeps what nobody holds any more, in /dev/shm and where temporary files are.

Where the system does not list its shared memory (macOS), each segment has a file `<its name>.segment` among
the temporary ones, which is locked in its place. Windows frees a segment with its last handle. The arena
gives its name up once it is mapped (`unname_segment`), so only what died before that is swept.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from imgpar.core.errors import RunError
from imgpar.core.liveness import TRIES, hold, if_free, random_name

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from multiprocessing.shared_memory import SharedMemory

SHM_FOLDER = "/dev/shm"  # noqa: S108 - where Linux mounts POSIX shared memory
WINDOWS = os.name == "nt"
_NAME = r"imgpar-[0-9a-f]{16}"
_RECORD = ".segment"
_LOCK = "lock"
"""The file in a temporary folder that is held on Windows, where folders cannot be."""

_held: dict[str, int] = {}
"""What this process holds: the path, and the handle that has the lock."""


def _in_child() -> None:
    """A fork owns nothing of what its parent holds, and does not keep it locked when that is gone."""
    for handle in _held.values():
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def new_name() -> str:
    """23 characters; macOS allows 31 with a slash, and the path of a socket is short, too."""
    return f"imgpar-{random_name()}"


# ----- temporary folders ----------------------------------------------------------------------------


def temporary_folder(place: str | None = None) -> str:
    """A new folder of this process, until `remove_folder`; when the process is killed, the next run removes
    it. `place` is where it shall be, if not where temporary files are.

    Raises:
        RunError: there is no place for temporary files.
    """
    try:
        place = place or _temporary_place()
        for _ in range(TRIES):
            if _new_folder(path := os.path.join(place, new_name())):
                return path
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    except OSError as error:
        raise RunError(
            f"Temporary files cannot be made: {error.strerror or error}.",
            fix="Set TMPDIR to a folder that can be written and has room.",
        ) from error


def remove_folder(path: str) -> None:
    """Remove a temporary folder of this process; in a fork of it nothing happens."""
    import shutil

    if path in _held:
        if WINDOWS:
            _let_go(path)
        shutil.rmtree(path, ignore_errors=True)
        _let_go(path)


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """`temporary_folder` for the length of a block."""
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
    with contextlib.suppress(OSError):  # somebody only looked whether it is free
        os.rmdir(path)
    return False


# ----- segments -------------------------------------------------------------------------------------


def new_segment(size: int, *, listed: bool | None = None) -> SharedMemory:
    """Shared memory with a name, until `remove_segment`. `listed` is whether the system lists the names.

    Raises OSError.
    """
    listed = _listed() if listed is None else listed
    for _ in range(TRIES):
        if segment := _new_segment(new_name(), size, listed=listed):
            return segment
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def unname_segment(segment: SharedMemory) -> None:
    """Free the name of shared memory that this process has made and mapped: the system then frees the memory
    with the last process that has it, however that ends, and nobody has to be told of a leak. POSIX only."""
    name = segment.name.lstrip("/")
    for path in [path for path in _held if os.path.basename(path).removesuffix(_RECORD) == name]:
        _free_name(segment)
        if path.endswith(_RECORD):
            _unlink(path)
        _let_go(path)


def remove_segment(segment: SharedMemory) -> None:
    """Close shared memory that this process has made, and free its name; in a fork of it the name stays."""
    with contextlib.suppress(BufferError):  # Windows, and a caller still holds an array
        segment.close()
    unname_segment(segment)


def _free_name(segment: SharedMemory) -> None:
    try:
        segment.unlink()
    except FileNotFoundError:  # swept by another; Python would miss it at exit, and say so to the user
        from multiprocessing import resource_tracker

        resource_tracker.unregister(f"/{segment.name.lstrip('/')}", "shared_memory")


def _new_segment(name: str, size: int, *, listed: bool) -> SharedMemory | None:
    """None where a sweeper was faster."""
    from multiprocessing.shared_memory import SharedMemory  # brings OpenSSL along; workers only map

    if WINDOWS:
        return SharedMemory(name, create=True, size=size)
    if listed:
        segment = SharedMemory(name, create=True, size=size)
        try:
            place = os.path.join(SHM_FOLDER, name)
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
        _let_go(record)
        raise


# ----- what is left of the dead ---------------------------------------------------------------------


def sweep_segments(*, listed: bool | None = None) -> list[str]:
    """Remove the segments and temporary folders that nobody holds any more; returns their names."""
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
    with contextlib.suppress(OSError):  # there is no place for temporary files; whoever needs one says so
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
    # By name alone: one that was never given a size cannot be mapped.
    import _posixshmem  # type: ignore[import-not-found]

    with contextlib.suppress(FileNotFoundError):
        _posixshmem.shm_unlink(f"/{name}")


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _listed() -> bool:
    return os.path.isdir(SHM_FOLDER)


def _temporary_place() -> str:
    import tempfile  # with all that it brings along, it takes longer than the start of Python

    return tempfile.gettempdir()


# ----- locks ----------------------------------------------------------------------------------------


def _hold(path: str, what: str, flags: int) -> bool:
    """Open `what` and lock it until `_let_go(path)`; False when a sweeper was faster."""
    handle = os.open(what, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if not hold(handle, what):
        os.close(handle)
        return False
    _held[path] = handle
    return True


def _let_go(path: str) -> None:
    handle = _held.pop(path, -1)
    if handle >= 0:
        os.close(handle)
