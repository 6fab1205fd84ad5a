"""The shared arena: one segment of memory that holds every frame in flight.

    chunk 0      chunks 1 …                                   (64 KiB each)
    ┌──────────┬───────────────┬─────────┬──────────────────────────────┐
    │ board    │ lease         │ lease   │ free, not yet backed by pages │
    └──────────┴───────────────┴─────────┴──────────────────────────────┘

1. Only the parent leases and frees (`Allocator`); workers map the segment once (`ArenaView`).
2. The segment is sparse. A worker reserves the pages of a fresh lease before it writes there, so a full
   /dev/shm is a clean error and never SIGBUS. The parent remembers what has been reserved.
3. First fit from the low end: the pages that were used last are used next, and stay mapped.
4. The board has a cell for each worker, in which it writes what it is doing: when a worker dies, the
   parent reads there which task it had begun. No message is needed, and none can be lost.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sys
from collections import deque
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any

from imgpar.core.errors import ArenaError
from imgpar.core.tempfiles import SHM_FOLDER, new_segment, remove_segment, sweep_segments, unname_segment
from imgpar.runtime.protocol import Lease
from imgpar.runtime.rlimits import most_memory

if TYPE_CHECKING:
    from multiprocessing.shared_memory import SharedMemory

CHUNK = 1 << 16
BOARD_BYTES = CHUNK
CELL_BYTES = 64
ENOUGH = 1 << 30
"""Bytes of free /dev/shm with which a run is content."""
LEAST = 16 << 20
"""Bytes of an arena with which it is worth to begin."""
MAX_WORKERS = BOARD_BYTES // CELL_BYTES


class Allocator:
    """Which chunks are leased. Pure bookkeeping: it never touches the memory.

    >>> allocator = Allocator(4 * CHUNK)
    >>> lease = allocator.lease(100_000)
    >>> lease.offset // CHUNK, lease.size // CHUNK, lease.fresh
    (1, 2, True)
    >>> allocator.lease(100_000) is None
    True
    """

    def __init__(self, size: int) -> None:
        self._used = bytearray(size // CHUNK)
        self._used[0] = 1  # the board
        self._reserved = bytearray(len(self._used))
        self._returned: deque[Lease] = deque()
        self.leased = 0
        """Bytes out on lease."""
        self.largest = (len(self._used) - 1) * CHUNK
        """Bytes of the largest lease that this arena can ever give."""

    def lease(self, nbytes: int) -> Lease | None:
        """The lowest free range of at least `nbytes`, or None when there is none now."""
        while self._returned:
            self.free(self._returned.popleft())
        chunks = max(1, -(-nbytes // CHUNK))
        start = self._used.find(bytes(chunks))
        if start < 0:
            return None
        self._used[start : start + chunks] = b"\1" * chunks
        self.leased += chunks * CHUNK
        fresh = self._reserved.find(0, start, start + chunks) >= 0
        return Lease(start * CHUNK, chunks * CHUNK, fresh)

    def confirm(self, lease: Lease) -> None:
        """The worker has reserved the pages of this lease."""
        start, stop = lease.offset // CHUNK, (lease.offset + lease.size) // CHUNK
        self._reserved[start:stop] = b"\1" * (stop - start)

    def free(self, lease: Lease) -> None:
        """Take a lease back."""
        start, stop = lease.offset // CHUNK, (lease.offset + lease.size) // CHUNK
        if self._used[start:stop] != b"\1" * (stop - start):
            raise AssertionError(f"{lease} was not out")
        self._used[start:stop] = bytes(stop - start)
        self.leased -= lease.size

    def trim(self, lease: Lease, offset: int, nbytes: int) -> Lease:
        """Keep only the chunks around `offset … offset + nbytes`; the rest can be leased again."""
        start = offset // CHUNK * CHUNK
        stop = -(-(offset + nbytes) // CHUNK) * CHUNK
        end = lease.offset + lease.size
        if start > lease.offset:
            self.free(Lease(lease.offset, start - lease.offset))
        if end > stop:
            self.free(Lease(stop, end - stop))
        return Lease(start, stop - start)

    def give_back(self, lease: Lease) -> None:
        """`free` from anywhere: another thread, or the garbage collector in the middle of anything."""
        self._returned.append(lease)

    def lose(self, lease: Lease) -> None:
        """Take a lease back whose fresh pages the system could not give: they are not leased again."""
        self.free(lease)
        for chunk in range(lease.offset // CHUNK, (lease.offset + lease.size) // CHUNK):
            if not self._reserved[chunk]:
                self._used[chunk] = 2
        alive = bytes(1 if state == 2 else 0 for state in self._used[1:]).split(b"\1")
        self.largest = max(map(len, alive)) * CHUNK


class Arena:
    """The parent's side: creates the segment and owns it until `close`.

    Args:
        size: bytes; rounded to whole chunks. Pages are taken only when they are first used.

    Raises:
        ArenaError: the system gives no shared memory at all.
    """

    def __init__(self, size: int) -> None:
        self.size = max(2 * CHUNK, size // CHUNK * CHUNK)
        self.note = ""
        """One line for the user when the arena is not what was asked for."""
        self.buffer: memoryview[int]
        self._shm: SharedMemory | None = None
        self._fd = -1
        sweep_segments()
        self._open()
        self.allocator = Allocator(self.size)
        self.board = self.buffer[:BOARD_BYTES].cast("q")

    def _open(self) -> None:
        room = _shm_room()
        anonymous = [self._open_anonymous] if hasattr(os, "memfd_create") else []
        small = bool(anonymous) and room is not None and room < self.size
        why = f"has room for {(room or 0) >> 20} MiB only" if small else ""
        for way in anonymous if small else (self._open_named, *anonymous):
            try:
                way(why)
                reserve(self._fd, 0, BOARD_BYTES)
                return
            except OSError as error:  # full all the same, or a quota
                self._drop()
                why, problem = f"gives nothing ({error.strerror or error})", error
        raise ArenaError(
            f"The system gives no shared memory of {self.size >> 20} MiB ({problem.strerror or problem}).",
            fix="Ask for less with --memory.",
        ) from problem

    def _open_named(self, _: str) -> None:
        _try_to_map(self.size)
        self._shm = new_segment(self.size)
        self._fd = getattr(self._shm, "_fd", -1)
        # Our own mapping, so that arrays may outlive `close`; Windows has no descriptor to map.
        if self._fd < 0:
            self.buffer = _buffer_of(self._shm)
            return
        self.buffer = memoryview(mmap.mmap(self._fd, self.size))
        unname_segment(self._shm)  # workers get the descriptor

    def _open_anonymous(self, why: str) -> None:
        """Memory without a name is not limited by the size of /dev/shm."""
        self._fd = os.memfd_create("imgpar", os.MFD_CLOEXEC)
        os.ftruncate(self._fd, self.size)
        self.buffer = memoryview(mmap.mmap(self._fd, self.size))
        self.note = (
            f"{SHM_FOLDER} {why}; using anonymous shared memory (up to {self.size >> 20} MiB) instead."
        )

    @property
    def handle(self) -> ArenaHandle:
        """What a worker needs to map the same memory; picklable while a process is being started."""
        return ArenaHandle(self._fd, self._shm.name if self._shm else "", self.size)

    def close(self) -> None:
        """Give the memory back. Arrays that still look into it keep the mapping alive until they die."""
        self.board.release()
        self._drop()

    def _drop(self) -> None:
        self.buffer = memoryview(b"")
        if self._shm is not None:
            remove_segment(self._shm)
            self._shm = None
        elif self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


class ArenaHandle:
    """Carries the segment into a worker: its descriptor where there is one, its name on Windows.

    A worker never attaches by name on POSIX, so no resource tracker can unlink the owner's segment.
    """

    def __init__(self, fd: int, name: str, size: int) -> None:
        self.fd, self.name, self.size = fd, name, size

    def __getstate__(self) -> dict[str, Any]:
        fd = reduction.DupFd(self.fd) if sys.platform != "win32" else None
        return {"fd": fd, "name": self.name, "size": self.size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.name, self.size = state["name"], state["size"]
        self.fd = state["fd"].detach() if state["fd"] is not None else -1

    def map(self) -> ArenaView:
        """Map the arena into this process, once."""
        return ArenaView(self)


class ArenaView:
    """A worker's side: the same memory, without the right to lease or free."""

    def __init__(self, handle: ArenaHandle) -> None:
        self.size = handle.size
        self._fd = handle.fd
        self._shm: SharedMemory | None = None
        if handle.fd >= 0:
            self.buffer = memoryview(mmap.mmap(handle.fd, handle.size))
        else:
            from multiprocessing.shared_memory import SharedMemory

            self._shm = SharedMemory(handle.name)
            self.buffer = _buffer_of(self._shm)
        self.board = self.buffer[:BOARD_BYTES].cast("q")

    def reserve(self, lease: Lease) -> None:
        """Make sure that the lease has pages; raises OSError with ENOSPC or ENOMEM when it has not."""
        if lease.fresh:
            reserve(self._fd, lease.offset, lease.size)


def _buffer_of(segment: SharedMemory) -> memoryview[int]:
    assert segment.buf is not None  # it is open
    return segment.buf


def reserve(fd: int, offset: int, size: int) -> None:
    """Back a range with pages now; where the system cannot, it backs them on first use by itself."""
    if fd >= 0 and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, offset, size)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV):
                return
            raise


def _try_to_map(size: int) -> None:
    """Raise the OSError that a segment of this size would meet in the limits of the shell. `SharedMemory`
    fails there, too, but its resource tracker then prints a traceback."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("imgpar", os.MFD_CLOEXEC)
        try:
            os.ftruncate(handle, size)
            mmap.mmap(handle, size).close()
        finally:
            os.close(handle)


def default_memory() -> int:
    """Bytes for the arena when nobody says: a quarter of what the machine (or its cgroup) has, but no more
    than fits into a /dev/shm of a sensible size (a small one is not used at all) and than the limits of the
    shell leave beside the codecs."""
    wanted = max(256 << 20, physical_memory() // 4)
    if (most := most_memory()) is not None:
        wanted = max(LEAST, min(wanted, most))
    room = _shm_room()
    return min(wanted, room * 9 // 10) if room is not None and room >= ENOUGH else wanted


def physical_memory() -> int:
    """Bytes of memory that this process may use, as far as the system tells."""
    limits = [_sysconf_memory()]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            limits.append(int(file.read()))
    return min(limits)


def _sysconf_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 8 << 30  # Windows tells only through ctypes; a middle value is good enough for a default


def _shm_room() -> int | None:
    if not os.path.isdir(SHM_FOLDER):
        return None
    try:
        stat = os.statvfs(SHM_FOLDER)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize
