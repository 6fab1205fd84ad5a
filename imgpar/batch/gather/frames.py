"""The items of a gather job as frames, in order; other workers read them ahead.

The worker of the job reads items too: the next one that nobody has, while nothing is ready. So one worker is
enough, and an item that fails in a helper, or kills it, comes back and is read here: the failure is that of
the item, and no other job is charged with it.

An item with several pages gives a frame for each: only whoever reads a page knows whether another one
follows, so that is queued when the page before it is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgpar.batch.gather.items import TAIL, Fit, ItemRemarks, Scratch, frame_of_item, put_item, take_item
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import (
    ItemError,
    LimitError,
    NoSuchPageError,
    NothingReadError,
    WorkerDiedError,
    setting,
)
from imgpar.core.job import Item
from imgpar.core.spec import Frame
from imgpar.runtime.helpers import Helpers
from imgpar.runtime.protocol import ItemFailure, Returned
from imgpar.runtime.serialization import pack
from imgpar.runtime.shared_frames import NO_FRAME
from imgpar.runtime.stage_times import StageClock

MOST_FAILURES = 1000
"""Most items that are left out of one file."""
ROOM = 32 << 20
"""Bytes of a slot where frames have different sizes; a larger frame is read by the worker of the job."""


@dataclass(slots=True)
class _Entry:
    index: int
    slot: int
    page: int = 0
    """Number of the page, from 1; 0 is the first requested one."""
    offered: bool = False
    own: bool = False
    """Whether this worker has to read it: a helper could not."""
    done: bool = False
    error: ItemError | None = None
    large: tuple[Frame, ItemRemarks] | None = None
    """A frame that does not fit into the slot, in private memory."""


class ItemFrames:
    """Iterates over the frames of the items, in order.

    Args:
        items: pictures.
        run: recipe and limits of the run.
        helpers: the other workers.
        clock: measures the stages.
        scratch: memory of this process.
        crashers: indices of items that are not tried: a worker crashed or hung at them.
    """

    def __init__(
        self,
        items: Sequence[Item],
        run: RunSpec,
        helpers: Helpers,
        clock: StageClock,
        scratch: Scratch,
        crashers: Sequence[int] = (),
    ) -> None:
        self._items, self._run, self._helpers = items, run, helpers
        self._clock, self._scratch, self._crashers = clock, scratch, frozenset(crashers)
        self.failures: list[ItemFailure] = []
        """Items that were left out: without the requested page, or bad, with `accept_damaged`."""
        self.current = -1
        """Index of the item whose frame was yielded last."""
        self.places = 0
        """Number of frames so far, with those of items that were left out."""
        self._pending: tuple[int, int] | None = None
        """The next page of the item that `first` has read: index and number."""
        self._entries: deque[_Entry] = deque()
        self._free: list[int] = []
        self._next = 0
        self._recalled = self._all_begun = False

    def first(self, fit: Fit) -> tuple[int, Frame, ItemRemarks]:
        """The frame of the first item that can be read, in private memory, and its place, from 0.

        Raises:
            ItemError: the first item cannot be read; with `accept_damaged`, none can.
        """
        while self._next < len(self._items):
            index = self._next
            self._next += 1
            try:
                frame, facts = self._read(index, fit)
            except ItemError as error:
                self._leave_out(index, error)
                continue
            self._pending = (index, facts.following) if facts.following else None
            return self._placed(index), Frame(frame.spec, frame.array.copy()), facts
        raise self._nothing()

    def _nothing(self) -> NothingReadError:
        error = NothingReadError("None of the inputs can be read.")
        error.failures = tuple(self.failures)
        return error

    def _placed(self, index: int) -> int:
        """The place of the next frame, which is of this item."""
        self.current = index
        self.places += 1
        return self.places - 1

    def rest(self, fit: Fit) -> Iterator[tuple[int, Frame, ItemRemarks]]:
        """The places and frames of the others. Each is a view of a slot, valid until the next one is
        requested.

        Args:
            fit: size and pixel format; `capacity` 0 chooses the size of the slots.

        Raises:
            ItemError: an item cannot be read. With `accept_damaged` it is left out: see `failures`.
        """
        if self._next == len(self._items) and not self._pending:
            return
        self._allocate(fit)
        if self._pending:
            index, page = self._pending
            self._entries.append(_Entry(index, self._free.pop(), page))
        while self._entries or self._next < len(self._items):
            self._fill()
            while (message := self._helpers.receive(wait=False)) is not None:
                self._handle(message)
            self._offer()
            head = self._entries[0]
            if not (head.done or head.error):
                self._read_or_wait()
                continue
            self._entries.popleft()
            following = 0
            if head.error:
                self._leave_out(head.index, head.error)
            else:
                frame, facts = head.large or take_item(self._view(head.slot), self._fit.capacity)
                yield self._placed(head.index), frame, facts
                following = facts.following
            if following:
                self._entries.appendleft(_Entry(head.index, head.slot, following))
            else:
                self._free.append(head.slot)
            self._helpers.advanced(head.index + 1, len(self._items))
        if not self.places or self.places == len(self.failures):
            raise self._nothing()

    def _allocate(self, fit: Fit) -> None:
        cores = self._helpers.cores
        limit = self._run.limits.memory
        count = min(2 * cores + 1, len(self._items) - self._next + bool(self._pending))
        capacity = -(-(fit.capacity or min(ROOM, limit // 4)) // 64) * 64
        if capacity + TAIL > limit:
            raise LimitError(
                f"A frame needs {capacity >> 20} MiB of shared memory.", fix=f"Raise {setting('memory')}."
            )
        count = max(1, min(count, limit // 2 // (capacity + TAIL)))
        self._fit = fit._replace(capacity=capacity, share=limit // max(1, cores))
        self._free = self._helpers.slots(capacity + TAIL, count)

    def _view(self, slot: int) -> memoryview:
        return self._helpers.view(slot, self._fit.capacity + TAIL)

    def _fill(self) -> None:
        while self._free and self._next < len(self._items):
            entry = _Entry(self._next, self._free.pop())
            if self._next in self._crashers:
                entry.error = _crashed()
            self._entries.append(entry)
            self._next += 1

    def _offer(self) -> None:
        """Offer all but the next item, which this worker reads itself."""
        if self._helpers.cores < 2:
            return
        for entry in list(self._entries)[1:]:
            if not (entry.offered or entry.own or entry.done or entry.error):
                entry.offered, self._all_begun = True, False
                facts = pack(self._fit._replace(number=entry.page))
                self._helpers.offer(entry.index, entry.slot, entry.slot, facts, entry.index)

    def _read_or_wait(self) -> None:
        """Nothing is ready: read an item that no helper has, or wait for a helper."""
        entry = next((each for each in self._entries if not (each.offered or each.done or each.error)), None)
        if entry is None:
            if not self._recalled and not self._all_begun:
                self._recalled = True
                self._helpers.recall()
            message = self._helpers.receive(wait=True)
            assert message is not None
            self._handle(message)
            return
        try:
            frame, facts = self._read(entry.index, self._fit._replace(number=entry.page))
        except ItemError as error:
            entry.error = error
            return
        entry.done = True
        if frame.spec.nbytes > self._fit.capacity:
            entry.large = Frame(frame.spec, frame.array.copy()), facts
        else:
            put_item(self._view(entry.slot), frame, facts, self._fit.capacity)

    def _read(self, index: int, fit: Fit) -> tuple[Frame, ItemRemarks]:
        if index in self._crashers:
            raise _crashed()
        self._clock.at_item(index)
        frame, facts = frame_of_item(self._items[index], self._run, fit, self._clock, self._scratch)
        self._clock.at_item(-1)
        return frame, facts

    def _handle(self, message: object) -> None:
        number = getattr(message, "number", NO_FRAME)
        if isinstance(message, Returned) and message.answer:
            self._recalled = False
        if number == NO_FRAME:
            self._all_begun = True
            return
        for entry in self._entries:
            if entry.index == number:
                entry.offered = False
                if isinstance(message, Returned):
                    entry.own = True
                    entry.error = _crashed() if message.crashed else None
                else:
                    entry.done = True
                return

    def _leave_out(self, index: int, error: ItemError) -> None:
        """Record a failed item, or raise its error."""
        accepted = self._run.limits.accept_damaged or isinstance(error, NoSuchPageError)
        if not accepted or len(self.failures) >= MOST_FAILURES:
            self._clock.at_item(index)
            raise error
        self._clock.at_item(-1)
        self.places += 1
        text = f"{error.message} {error.fix}".strip()
        self.failures.append(ItemFailure(index, type(error).__name__, text[:1000]))


def _crashed() -> WorkerDiedError:
    return WorkerDiedError("The worker process that read it crashed or hung.")
