"""The arena as one task sees it: leases, and what lies in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imgpar.batch.picture import stages
from imgpar.core.model import Frame, FrameRef
from imgpar.runtime.protocol import Lease, Placed

Ask = Callable[[int, bool], Lease]
"""Gives a lease of that many bytes; True for the standing one, if that is large enough."""


class Memory:
    """What a task may write to.

    Args:
        buffer: the arena.
        ask: for leases; may raise, when the parent gives none.
    """

    __slots__ = ("_ask", "_buffer")

    def __init__(self, buffer: memoryview, ask: Ask) -> None:
        self._buffer, self._ask = buffer, ask

    def lease(self, nbytes: int, *, standing: bool = False) -> Lease:
        """At least so many bytes, for a task that holds none."""
        return self._ask(nbytes, standing)

    def within(self, lease: Lease) -> memoryview:
        """The bytes of a lease."""
        return self._buffer[lease.offset : lease.offset + lease.size]

    def frames(self, ref: FrameRef) -> list[Frame]:
        """Frames that lie in the arena."""
        return stages.frames_in_buffer(self._buffer, ref.offset, ref.spec, ref.count)

    def blob(self, placed: Placed) -> bytes:
        """The packed header behind frames."""
        offset, length = placed.header
        return bytes(self._buffer[offset : offset + length])

    def put_blob(self, lease: Lease, offset: int, blob: bytes) -> tuple[int, int]:
        """Put bytes at this offset of a lease; returns where they are in the arena, and how many."""
        start = lease.offset + offset
        if offset + len(blob) > lease.size:
            raise AssertionError("the header does not fit behind the frames")
        self._buffer[start : start + len(blob)] = blob
        return start, len(blob)

    def put(self, lease: Lease, frames: Sequence[Frame], blob: bytes = b"") -> Placed:
        """Put frames from our own memory into a lease: the one at hand, or a larger one in its place."""
        spec, count = frames[0].spec, len(frames)
        nbytes = spec.nbytes * count
        if nbytes + len(blob) > lease.size:
            lease = self.lease(nbytes + len(blob))
        ref = FrameRef(lease.offset, spec, count)
        for slot, frame in zip(self.frames(ref), frames, strict=True):
            slot.array[...] = frame.array
        return Placed(lease, ref, self.put_blob(lease, nbytes, blob))
