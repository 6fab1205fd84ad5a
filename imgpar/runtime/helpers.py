"""Other workers, as the worker of a stream sees them: memory for frames, offers to the parent, results."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from imgpar.runtime.channel import WorkerEnd
from imgpar.runtime.protocol import Advanced, Finished, Lease, Offer, Recall, Returned, Task

TELL_SECONDS = 0.5
"""How often a worker says how far its stream is."""


class Helpers:
    """The workers that help with one stream, as the worker of the stream sees them.

    Args:
        channel: to the parent.
        buffer: the arena.
        task: the stream's.
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
        """Tell the parent how far the stream is, unless it was told a moment ago."""
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
