"""The other workers, as seen by the worker of a stream: memory for frames, offers to the parent, results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from imgpar.core.job import OutputFile
from imgpar.runtime.channel import WorkerEnd
from imgpar.runtime.protocol import Advanced, Files, Finished, Lease, Offer, Recall, Returned, Task

WAIT_SECONDS = 0.5
"""Seconds between two signs of life while waiting for other workers."""
REPORT_SECONDS = 0.5
"""Minimum seconds between two progress messages."""


class Helpers:
    """The workers that help with one stream.

    Args:
        channel: to the parent.
        buffer: the arena.
        task: the task of the stream.
        memory: requests a lease of that many bytes from the parent, and waits for it.
        accept: handles all other messages.
        tick: called at intervals while waiting for the other workers.
    """

    def __init__(
        self,
        channel: WorkerEnd,
        buffer: memoryview,
        task: Task,
        memory: Callable[[int], Lease],
        accept: Callable[[Any], None],
        tick: Callable[[], None],
    ) -> None:
        self._channel, self._buffer = channel, buffer
        self.serial, self._memory, self._accept = task.serial, memory, accept
        self._tick = tick
        self.cores, self.attempt = task.cores, task.attempt
        self._reported = time.monotonic()
        # A retry runs without helpers.
        self.alone = task.attempt > 0

    def advanced(self, frames: int, total: int) -> None:
        """Report progress to the parent, at most once per `REPORT_SECONDS`."""
        now = time.monotonic()
        if now - self._reported > REPORT_SECONDS:
            self._reported = now
            self._channel.send(Advanced(self.serial, frames, total))

    def written(self, files: Sequence[OutputFile]) -> None:
        """Report files of a split target; those that are not reported here are in the result of the task."""
        self._channel.send(Files(self.serial, tuple(files)))

    def slots(self, nbytes: int, count: int) -> list[int]:
        """Offsets of `count` ranges of the arena, each of at least `nbytes`."""
        size = -(-nbytes // 64) * 64
        lease = self._memory(size * count)
        return [lease.offset + size * number for number in range(count)]

    def view(self, offset: int, nbytes: int) -> memoryview:
        """A range of the arena."""
        return self._buffer[offset : offset + nbytes]

    def offer(self, number: int, offset: int, output: int, facts: bytes, item: int = -1) -> None:
        """Offer a frame, or an item of a job with several, to the other workers.

        Args:
            number: of the piece.
            offset: of the decoded frame in the arena.
            output: offset of the result in the arena.
            facts: packed parameters of the processing.
            item: index of the item that the helper reads; −1 for a decoded frame.
        """
        self._channel.send(Offer(self.serial, number, offset, output, facts, item))

    def recall(self) -> None:
        """Request a frame that no helper has begun; the answer is `Returned`."""
        self._channel.send(Recall(self.serial))

    def receive(self, *, wait: bool) -> Finished | Returned | None:
        """The next result; None when none is available and `wait` is false."""
        while wait or self._channel.waiting():
            while not self._channel.waiting(WAIT_SECONDS):
                self._tick()  # it is the helper that may hang, not this worker
            message = self._channel.receive()
            if isinstance(message, Finished | Returned):
                if message.serial == self.serial:
                    return message
            else:
                self._accept(message)
        return None
