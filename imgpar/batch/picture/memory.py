"""Access of one task to the arena: leases, frames and headers in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imgpar.batch.picture import stages
from imgpar.core.spec import Frame, FrameRef
from imgpar.runtime.protocol import Lease, Placed

Ask = Callable[[int, bool], Lease]
"""Requests a lease of that many bytes; with True the standing lease is used, if it is large enough."""


class Memory:
    """The memory that a task may write to.

    Args:
        buffer: the arena.
        ask: requests a lease; may raise where the parent refuses it.
        request: requests a lease without waiting for it, for tasks that are performed together.
    """

    __slots__ = ("_ask", "_buffer", "_request")

    def __init__(self, buffer: memoryview, ask: Ask, request: Callable[[int], None] | None = None) -> None:
        self._buffer, self._ask, self._request = buffer, ask, request

    def lease(self, nbytes: int, *, standing: bool = False) -> Lease:
        """A lease of at least `nbytes`, for a task that holds none."""
        return self._ask(nbytes, standing)

    def request(self, nbytes: int) -> None:
        """Give up the lease of the task and request a larger one, which the next `lease` awaits."""
        assert self._request is not None
        self._request(nbytes)

    def within(self, lease: Lease) -> memoryview:
        """The bytes of a lease."""
        return self._buffer[lease.offset : lease.offset + lease.size]

    def frames(self, ref: FrameRef) -> list[Frame]:
        """Frames in the arena; the arrays are views of it."""
        return stages.frames_in_buffer(self._buffer, ref.offset, ref.spec, ref.count)

    def blob(self, placed: Placed) -> bytes:
        """The serialized header after the frames."""
        offset, length = placed.header
        return bytes(self._buffer[offset : offset + length])

    def put_blob(self, lease: Lease, offset: int, blob: bytes) -> tuple[int, int]:
        """Write bytes at this offset of a lease; returns their offset in the arena and their number."""
        start = lease.offset + offset
        if offset + len(blob) > lease.size:
            raise AssertionError("the header does not fit after the frames")
        self._buffer[start : start + len(blob)] = blob
        return start, len(blob)

    def put(self, lease: Lease, frames: Sequence[Frame], blob: bytes = b"") -> Placed:
        """Copy frames and a serialized header into a lease: this one, or a larger one that replaces it."""
        spec, count = frames[0].spec, len(frames)
        nbytes = spec.nbytes * count
        if nbytes + len(blob) > lease.size:
            lease = self.lease(nbytes + len(blob))
        ref = FrameRef(lease.offset, spec, count)
        for slot, frame in zip(self.frames(ref), frames, strict=True):
            slot.array[...] = frame.array
        return Placed(lease, ref, self.put_blob(lease, nbytes, blob))
