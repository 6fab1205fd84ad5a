"""Frames of a clip that its worker offers to the others. Pure bookkeeping, a part of the ledger.

    clip's worker ── offer ─► queue ─► a helper ── done ─► "finished" to the clip's worker
          ▲                     │          └── failed, died ─► "returned": do it yourself
          └── returned ◄── recall

1. The clip's worker decodes and encodes in order; it works on what nobody takes.
2. A frame that fails elsewhere goes back to the clip's worker, which fails by it itself: so a helper is
   never charged for a clip, and the clip is charged as every job is.
3. Helpers read and write in the clip's lease. It is not freed before the last of them is done.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from imgpar.runtime.protocol import Finished, Lease, Offer, Returned, Task

NOBODY = -1
"""In place of a frame's number: there is nothing to return."""


class Helping:
    """Who has which frame; `free` takes back a lease that nobody uses any more."""

    def __init__(self, free: Callable[[Lease], None]) -> None:
        self._free = free
        self.queue: deque[Task] = deque()
        """Frames that nobody has begun."""
        self.mail: list[tuple[int, Finished | Returned]] = []
        """What the clips' workers shall be told: worker and message."""
        self._owners: dict[int, int] = {}
        """Serial of a clip's task → index of its worker."""
        self._out: Counter[int] = Counter()
        """Offset of a clip's lease → frames of it at helpers."""
        self._doomed: dict[int, Lease] = {}
        """Leases that are to be freed, by offset."""

    @property
    def busy(self) -> bool:
        """Whether a helper is still at work."""
        return bool(self._out)

    def offer(self, index: int, owner: Task, lease: Lease, message: Offer) -> None:
        """A worker offers a frame of its clip."""
        self._owners[owner.serial] = index
        self.queue.append(owner._replace(serial=0, stage="frame", piece=message, lease=lease))

    def offered(self, serial: int) -> int:
        """How many frames of a clip nobody has taken yet."""
        return sum(task.piece is not None and task.piece.serial == serial for task in self.queue)

    def recall(self, index: int, serial: int) -> None:
        """A worker has nothing to do: give it back the oldest of its frames that nobody has begun."""
        for task in self.queue:
            if task.piece is not None and task.piece.serial == serial:
                self.queue.remove(task)
                self.mail.append((index, Returned(serial, task.piece.number, answer=True)))
                return
        self.mail.append((index, Returned(serial, NOBODY, answer=True)))

    def take(self) -> Task:
        """The next frame for a helper."""
        task = self.queue.popleft()
        assert task.lease is not None
        self._out[task.lease.offset] += 1
        return task

    def finished(self, task: Task) -> None:
        """A helper is done with a frame."""
        self._back(task, done=True)

    def lost(self, task: Task) -> None:
        """A helper failed or died."""
        self._back(task, done=False)

    def _back(self, task: Task, *, done: bool) -> None:
        assert task.piece is not None
        assert task.lease is not None
        serial, number = task.piece.serial, task.piece.number
        owner = self._owners.get(serial)
        if owner is not None:
            self.mail.append((owner, Finished(serial, number) if done else Returned(serial, number)))
        offset = task.lease.offset
        self._out[offset] -= 1
        if self._out[offset]:
            return
        del self._out[offset]
        if (doomed := self._doomed.pop(offset, None)) is not None:
            self._free(doomed)

    def forget(self, serial: int) -> None:
        """A clip's task has ended: nobody shall begin with its frames any more."""
        self._owners.pop(serial, None)
        self.queue = deque(task for task in self.queue if task.piece and task.piece.serial != serial)

    def keep(self, lease: Lease) -> bool:
        """Whether helpers still use this lease; then it is freed when the last one is done."""
        if not self._out[lease.offset]:
            del self._out[lease.offset]
            return False
        self._doomed[lease.offset] = lease
        return True

    def clear(self) -> None:
        """All workers are gone: nobody uses anything any more."""
        for lease in self._doomed.values():
            self._free(lease)
        self.queue.clear()
        self.mail.clear()
        self._owners.clear()
        self._out.clear()
        self._doomed.clear()
