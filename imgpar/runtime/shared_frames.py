"""Pieces of a stream job that its worker offers to the others: frames of a clip, or items of a job that has
several. Pure bookkeeping, a part of the ledger.

    clip's worker ── offer ─► queue ─► a helper ── done ─► "finished" to the clip's worker
          ▲                     │          └── failed, died ─► "returned": process it yourself
          └── returned ◄── recall

1. The clip's worker decodes and encodes in order; it processes the frames that no helper takes.
2. A frame that fails on a helper is returned to the clip's worker, which then fails on it itself: a helper is
   never charged for a clip, and the clip is charged like any job.
3. Helpers read and write in the lease of the clip. It is freed only when the last helper is done.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from imgpar.runtime.protocol import Finished, Lease, Offer, Returned, Task

NO_FRAME = -1
"""Used as a frame number: there is no frame to return."""


class SharedFrames:
    """Assigns frames of clips to helpers.

    Args:
        free: frees a lease that is no longer in use.
    """

    def __init__(self, free: Callable[[Lease], None]) -> None:
        self._free = free
        self.queue: deque[Task] = deque()
        """Frames that no helper has begun."""
        self.messages: list[tuple[int, Finished | Returned]] = []
        """Messages for the workers of clips: index of the worker and message."""
        self._owners: dict[int, int] = {}
        """Serial of the task of a clip → index of its worker."""
        self._in_use: Counter[int] = Counter()
        """Offset of the lease of a clip → number of its frames at helpers."""
        self._to_free: dict[int, Lease] = {}
        """Leases to free when their last helper is done, by offset."""

    @property
    def busy(self) -> bool:
        """Whether a helper is still processing a frame."""
        return bool(self._in_use)

    def offer(self, index: int, owner: Task, lease: Lease, message: Offer) -> None:
        """Queue a frame of a clip.

        Args:
            index: of the worker of the clip.
            owner: task of the clip.
            lease: of the clip, in which the frame lies.
            message: the offer.
        """
        self._owners[owner.serial] = index
        job = owner.job
        if len(job.items) > 1:  # the message to a helper names one item, not all of them
            job = job._replace(items=(job.items[max(message.item, 0)],))
        self.queue.append(owner._replace(serial=0, stage="frame", job=job, piece=message, lease=lease))

    def offered(self, serial: int) -> int:
        """Number of frames of a clip that are offered and not taken."""
        return sum(task.piece is not None and task.piece.serial == serial for task in self.queue)

    def recall(self, index: int, serial: int) -> None:
        """The worker of a clip is idle: return the oldest of its frames that has not been begun."""
        for task in self.queue:
            if task.piece is not None and task.piece.serial == serial:
                self.queue.remove(task)
                self.messages.append((index, Returned(serial, task.piece.number, answer=True)))
                return
        self.messages.append((index, Returned(serial, NO_FRAME, answer=True)))

    def take(self) -> Task:
        """The next frame for a helper."""
        task = self.queue.popleft()
        assert task.lease is not None
        self._in_use[task.lease.offset] += 1
        return task

    def finished(self, task: Task) -> None:
        """A helper has processed a frame."""
        self._back(task, done=True)

    def lost(self, task: Task, *, crashed: bool = False) -> None:
        """A helper failed or died.

        Args:
            task: of the helper.
            crashed: whether it crashed or hung at this piece, and was not killed from outside. A frame of a
                clip is tried once more by the worker of the clip.
        """
        self._back(task, done=False, crashed=crashed and task.piece is not None and task.piece.item >= 0)

    def _back(self, task: Task, *, done: bool, crashed: bool = False) -> None:
        assert task.piece is not None
        assert task.lease is not None
        serial, number = task.piece.serial, task.piece.number
        owner = self._owners.get(serial)
        if owner is not None:
            back = Finished(serial, number) if done else Returned(serial, number, crashed=crashed)
            self.messages.append((owner, back))
        offset = task.lease.offset
        self._in_use[offset] -= 1
        if self._in_use[offset]:
            return
        del self._in_use[offset]
        if (pending := self._to_free.pop(offset, None)) is not None:
            self._free(pending)

    def forget(self, serial: int) -> None:
        """The task of a clip has ended: drop its queued frames."""
        self._owners.pop(serial, None)
        self.queue = deque(task for task in self.queue if task.piece and task.piece.serial != serial)

    def keep(self, lease: Lease) -> bool:
        """Whether helpers still use this lease; then it is freed when the last one is done."""
        if not self._in_use[lease.offset]:
            del self._in_use[lease.offset]
            return False
        self._to_free[lease.offset] = lease
        return True

    def clear(self) -> None:
        """All workers are gone: free all leases and reset."""
        for lease in self._to_free.values():
            self._free(lease)
        self.queue.clear()
        self.messages.clear()
        self._owners.clear()
        self._in_use.clear()
        self._to_free.clear()
