"""A clip's worker and those who help it: memory for frames, offers to the parent, what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from imgpar.batch.clip.frame_program import FrameFacts, FrameProgram
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import TransformError
from imgpar.runtime.channel import WorkerEnd
from imgpar.runtime.protocol import (
    Advanced,
    Finished,
    Lease,
    Offer,
    Recall,
    Returned,
    Task,
)
from imgpar.runtime.serialization import unpack
from imgpar.video.plan import steps_of
from imgpar.video.planes import Array, PlaneLayout

TELL_SECONDS = 0.5
"""How often a worker says how far its clip is."""


class Crew:
    """The helpers of one clip, as its worker sees them.

    Args:
        channel: to the parent.
        buffer: the arena.
        task: the clip's.
        memory: asks the parent for a lease of so many bytes, and waits for it.
        accept: what the worker does with all other messages.
    """

    def __init__(
        self,
        channel: WorkerEnd,
        buffer: memoryview,
        task: Task,
        memory: Callable[[int], Lease],
        accept: Callable[[Any], None],
    ) -> None:
        self._channel, self._buffer = channel, buffer
        self.serial, self._memory, self._accept = task.serial, memory, accept
        self.cores = task.cores
        self._told = time.monotonic()
        # What was tried before and went wrong is tried alone.
        self.alone = task.attempt > 0

    def advanced(self, frames: int, total: int) -> None:
        """Tell the parent how far the clip is, unless it was told a moment ago."""
        now = time.monotonic()
        if now - self._told > TELL_SECONDS:
            self._told = now
            self._channel.send(Advanced(self.serial, frames, total))

    def slots(self, nbytes: int, count: int) -> list[int]:
        """Offsets of `count` pieces of memory, each of at least `nbytes`."""
        size = -(-nbytes // 64) * 64
        lease = self._memory(size * count)
        return [lease.offset + size * number for number in range(count)]

    def view(self, offset: int, nbytes: int) -> memoryview:
        """A piece of the arena."""
        return self._buffer[offset : offset + nbytes]

    def offer(self, number: int, offset: int, output: int, facts: bytes) -> None:
        """Let any worker work on a frame."""
        self._channel.send(Offer(self.serial, number, offset, output, facts))

    def recall(self) -> None:
        """Ask for a frame that nobody has begun; `Returned` is the answer."""
        self._channel.send(Recall(self.serial))

    def receive(self, *, wait: bool) -> Finished | Returned | None:
        """What comes back next; None when nothing is there and `wait` is false."""
        while wait or self._channel.waiting():
            message = self._channel.receive()
            if isinstance(message, Finished | Returned):
                if message.serial == self.serial:
                    return message
            else:
                self._accept(message)
        return None


class Helper:
    """What a worker keeps between frames of other workers' clips."""

    def __init__(self) -> None:
        self._key: tuple[int, bytes] | None = None
        self._program: FrameProgram | None = None

    def work(self, task: Task, run: RunSpec, buffer: memoryview) -> None:
        """Work on one frame, from its slot into its slot.

        Raises:
            TransformError: an operation fails on it, or its size is not that of the first frame.
        """
        piece, lease = task.piece, task.lease
        assert piece is not None
        assert lease is not None
        key = (piece.serial, piece.facts)
        if self._program is None or self._key != key:
            facts, self._wanted = unpack(piece.facts, tuple[FrameFacts, PlaneLayout])
            self._program = program_of(facts, run)
            self._key = key
        source = _piece(buffer, lease, piece.offset, self._program.layout.nbytes)
        target = _piece(buffer, lease, piece.output, self._wanted.nbytes)
        planes = self._program.layout.arrays(source)
        put(self._program.run(planes), self._wanted, target)


def _piece(buffer: memoryview, lease: Lease, offset: int, nbytes: int) -> memoryview:
    """A part of a clip's memory; never what lies beside it, whatever the clip's worker says."""
    if not lease.offset <= offset < offset + nbytes <= lease.offset + lease.size:
        raise TransformError("A frame was offered that does not lie in the memory of its clip.")
    return buffer[offset : offset + nbytes]


def program_of(facts: FrameFacts, run: RunSpec) -> FrameProgram:
    """The same program in every worker: operations are known from the run."""
    return FrameProgram(facts, steps_of(facts.picture, run.operations), run.limits)


def put(result: tuple[PlaneLayout, list[Array]], wanted: PlaneLayout, memory: memoryview) -> None:
    """Copy a result to where the encoder takes it from; raises TransformError where the sizes differ."""
    layout, planes = result
    if layout != wanted:
        raise TransformError(
            f"A frame became {layout.width}×{layout.height}, the first one {wanted.width}×{wanted.height}.",
            fix="Let the function return the same size for every frame of a clip.",
        )
    for source, target in zip(planes, wanted.arrays(memory), strict=True):
        target[...] = source
