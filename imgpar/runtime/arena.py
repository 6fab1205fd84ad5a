"""The shared arena: one shared-memory segment that holds every frame in flight.

    chunk 0      chunks 1 …                                   (64 KiB each)
    ┌──────────┬───────────────┬─────────┬──────────────────────────────┐
    │ board    │ lease         │ lease   │ free, not yet backed by pages │
    └──────────┴───────────────┴─────────┴──────────────────────────────┘

1. Only the parent leases and frees (`Allocator`); workers map the segment once (`ArenaView`).
2. The segment is sparse. A worker reserves the pages of a fresh lease before it writes there, so a full
   /dev/shm is a clean error and never SIGBUS. The parent records what has been reserved.
3. First fit from the low end: recently used pages are reused first, and stay mapped.
4. The board has one cell per worker, in which the worker writes its current task: when a worker dies, the
   parent reads there which task it had begun. No message is needed, and none can be lost.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections import deque
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any

from imgpar.core.cgroups import memory_limit
from imgpar.core.error_messages import setting
from imgpar.core.errors import ArenaError
from imgpar.core.tempfiles import SHM_FOLDER, new_segment, remove_segment, sweep_segments, unname_segment
from imgpar.runtime.protocol import Lease
from imgpar.runtime.rlimits import most_memory

if TYPE_CHECKING:
    from multiprocessing.shared_memory import SharedMemory

CHUNK = 1 << 16
BOARD_BYTES = CHUNK
CELL_BYTES = 64
SUFFICIENT_SHM = 1 << 30
"""Bytes of free /dev/shm that are sufficient for any run."""
MIN_SIZE = 16 << 20
"""Minimum bytes of an arena."""
MAPPED_AT_ONCE = 2 << 20
"""Bytes of one call of `map_pages`."""
_MADV_POPULATE_WRITE = 23
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
        """Bytes currently leased."""
        self.largest = (len(self._used) - 1) * CHUNK
        """Bytes of the largest lease that this arena can provide."""

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
        """Record that the pages of this lease have been reserved."""
        start, stop = lease.offset // CHUNK, (lease.offset + lease.size) // CHUNK
        self._reserved[start:stop] = b"\1" * (stop - start)

    def free(self, lease: Lease) -> None:
        """Free a lease."""
        start, stop = lease.offset // CHUNK, (lease.offset + lease.size) // CHUNK
        if self._used[start:stop] != b"\1" * (stop - start):
            raise AssertionError(f"{lease} was not leased")
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
        """`free` for any thread, and for the garbage collector at any time: takes effect at the next
        `lease`."""
        self._returned.append(lease)

    def lose(self, lease: Lease) -> None:
        """Free a lease whose fresh pages could not be reserved, and retire those pages."""
        self.free(lease)
        for chunk in range(lease.offset // CHUNK, (lease.offset + lease.size) // CHUNK):
            if not self._reserved[chunk]:
                self._used[chunk] = 2
        alive = bytes(1 if state == 2 else 0 for state in self._used[1:]).split(b"\1")
        self.largest = max(map(len, alive)) * CHUNK


class Arena:
    """The parent's side: creates the segment and owns it until `close`.

    Args:
        size: bytes; rounded to whole chunks. Pages are allocated on first use.

    Raises:
        ArenaError: the system provides no shared memory.
    """

    def __init__(self, size: int) -> None:
        self.size = max(2 * CHUNK, size // CHUNK * CHUNK)
        self.note = ""
        """A note for the report when the arena differs from the requested one; else empty."""
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
            except OSError as error:  # full although it reported room, or a quota
                self._drop()
                why, problem = f"provides no memory ({error.strerror or error})", error
        raise ArenaError(
            f"The system gives no shared memory of {self.size >> 20} MiB ({problem.strerror or problem}).",
            fix=f"Lower {setting('memory')}.",
        ) from problem

    def _open_named(self, _: str) -> None:
        _try_to_map(self.size)
        self._shm = new_segment(self.size)
        self._fd = getattr(self._shm, "_fd", -1)
        # A mapping of its own, so that arrays may outlive `close`; Windows has no descriptor to map.
        if self._fd < 0:
            self.buffer = _buffer_of(self._shm)
            return
        self.buffer = memoryview(mmap.mmap(self._fd, self.size))
        unname_segment(self._shm)  # workers receive the descriptor

    def _open_anonymous(self, why: str) -> None:
        """Use memory without a name, which is not limited by the size of /dev/shm."""
        self._fd = os.memfd_create("imgpar", os.MFD_CLOEXEC)
        os.ftruncate(self._fd, self.size)
        self.buffer = memoryview(mmap.mmap(self._fd, self.size))
        self.note = (
            f"{SHM_FOLDER} {why}; using anonymous shared memory (up to {self.size >> 20} MiB) instead."
        )

    @property
    def handle(self) -> ArenaHandle:
        """The handle with which a worker maps the same memory; picklable while a process is being started."""
        return ArenaHandle(self._fd, self._shm.name if self._shm else "", self.size)

    def close(self) -> None:
        """Release the memory. Arrays that still refer to it keep the mapping alive."""
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
    """Passes the segment to a worker: its descriptor where there is one, its name on Windows.

    A worker never attaches by name on POSIX, so no resource tracker can unlink the parent's segment.
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
    """The worker's side: maps the same memory, but can neither lease nor free."""

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
        """Reserve the pages of a lease.

        Raises:
            OSError: ENOSPC or ENOMEM, there are no pages left.
        """
        if lease.fresh:
            reserve(self._fd, lease.offset, lease.size)


def _buffer_of(segment: SharedMemory) -> memoryview[int]:
    assert segment.buf is not None  # it is open
    return segment.buf


def reserve(fd: int, offset: int, size: int) -> None:
    """Allocate pages for a range now; where the system cannot, they are allocated on first use."""
    if fd >= 0 and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, offset, size)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV):
                return
            raise


def map_pages(memory: memoryview) -> None:
    """Map the pages of a lease, which otherwise happens one by one when they are first used: 1 µs each. For
    another thread than the one that fills them, and only from Linux 5.14 on."""
    if sys.platform != "linux":
        return
    import ctypes

    madvise = ctypes.CDLL(None).madvise  # that of `mmap` would hold the GIL
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for first in range(0, memory.nbytes, MAPPED_AT_ONCE):
        if madvise(start + first, min(MAPPED_AT_ONCE, memory.nbytes - first), _MADV_POPULATE_WRITE):
            return


def _try_to_map(size: int) -> None:
    """Raise the OSError that a segment of this size would meet at the limits of the shell. `SharedMemory`
    fails there too, but its resource tracker then prints a traceback."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("imgpar", os.MFD_CLOEXEC)
        try:
            os.ftruncate(handle, size)
            mmap.mmap(handle, size).close()
        finally:
            os.close(handle)


def default_memory() -> int:
    """Default size of the arena in bytes.

    A quarter of the memory of the machine or its cgroups, at least 256 MiB or half of it, but no more than
    fits into a /dev/shm of sufficient size (a small one is not used) and than the limits of the shell leave
    beside the codecs.
    """
    memory = physical_memory()
    wanted = max(MIN_SIZE, memory // 4, min(256 << 20, memory // 2))
    if (most := most_memory()) is not None:
        wanted = max(MIN_SIZE, min(wanted, most))
    room = _shm_room()
    return min(wanted, room * 9 // 10) if room is not None and room >= SUFFICIENT_SHM else wanted


def physical_memory() -> int:
    """Bytes of memory that this process may use, as reported by the system."""
    whole, limit = _sysconf_memory(), memory_limit()
    return whole if limit is None else min(whole, limit)


def _sysconf_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 8 << 30  # Windows reports it only through ctypes; a middle value suffices for a default


def _shm_room() -> int | None:
    if not os.path.isdir(SHM_FOLDER):
        return None
    try:
        stat = os.statvfs(SHM_FOLDER)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize
