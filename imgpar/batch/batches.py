"""Batches of arrays for one consumer: grouped, copied into shared memory, and resumable."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Self

from imgpar.batch.array_batch import A, Batch, Make, Rows
from imgpar.batch.array_item import ArrayItem, Errors
from imgpar.batch.batch_memory import BatchMemory
from imgpar.batch.sampling import Sampling, Slot, State
from imgpar.batch.stream import ArrayRequest, ArrayStream
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.job import Item
from imgpar.core.spec import FrameRef
from imgpar.inputs.patterns import Patterns
from imgpar.runtime.protocol import Lease

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.workers import Workers

    Array = np.ndarray[Any, Any]
    Opened = Callable[[], contextlib.AbstractContextManager[Workers]]

LEAST_AHEAD = 4
"""Inputs per worker that are read ahead of small batches."""

Found = tuple[ArrayItem, FrameRef | None, Lease | None]


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A validated request for batches."""

    arrays: ArrayRequest
    sampling: Sampling
    errors: Errors
    channels_first: bool
    listed: bool
    """Whether the inputs can be listed; those of an iterator cannot."""

    @classmethod
    def read(cls, arrays: ArrayRequest, sampling: Sampling, layout: object) -> Self:
        """From the values of a caller; raises UsageError."""
        order = parsing.named("layout", parsing.choice("nhwc", "nchw"), layout)
        listed = not arrays.inputs.lazy
        if not listed and not sampling.plain:
            raise UsageError(
                "shuffle, world and repeat need inputs that can be read again, but these are an iterator.",
                fix="Give a list, a folder or a source.",
            )
        # Batches have to know which inputs have no array.
        told = replace(arrays, errors="raise" if arrays.errors == "raise" else "yield")
        return cls(told, sampling, arrays.errors, order == "nchw", listed)

    def count(self) -> int | None:
        """Number of inputs, which are listed for it; None where that is not enough (`where`, an iterator)."""
        inputs, options = self.arrays.inputs, self.arrays.options
        if options.where or not self.listed:
            return None
        patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
        return sum(1 if given.handed else sum(1 for _ in inputs.items(given, patterns)) for given in inputs)


class Sampled:
    """The inputs in the order of the batches.

    Args:
        state: where to begin.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.slots: deque[Slot] = deque()
        """Of batches that have begun."""

    def __call__(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items of all batches; raises UsageError where they are not those of the state."""
        listed = list(items)
        self.state = start = self.state.of((item.path for item in listed), len(listed))
        for slot in start.sampling.slots(len(listed), start.epoch, start.number):
            self.slots.append(slot)
            yield from map(listed.__getitem__, slot.indices)


def in_shared_memory() -> Make[Array]:
    """Makes arrays whose memory is used in turn."""
    memory = BatchMemory()

    def make(shape: tuple[int, ...], dtype: str) -> tuple[Array, Array]:
        array = memory.array(shape, dtype)
        return array, array

    return make


class Batches(Generic[A]):
    """An iterator of batches, which can say where it is.

    Args:
        opened: opens the workers when the first batch is asked for.
        request: validated.
        make: makes the array of a batch.
    """

    def __init__(self, opened: Opened, request: BatchRequest, make: Make[A]) -> None:
        self._listed = request.listed
        self._run = _Run(request, make)
        self._batches = self._run.batches(opened)
        self._begun = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch[A]:
        self._begun = True
        return next(self._batches)

    def close(self) -> None:
        """Stop; workers that were started for these batches end. Batches that were taken stay valid."""
        self._begun = True
        self._batches.close()

    def state_dict(self) -> dict[str, Any]:
        """Where the iterator is: after the last batch that was taken. Plain values, for JSON.

        Raises:
            UsageError: the inputs come from an iterator.
        """
        if not self._listed:
            raise UsageError(
                "There is no state: the inputs come from an iterator, which cannot be read again.",
                fix="Give a list, a folder or a source.",
            )
        return self._run.state.plain()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after the batch whose state it is. That the inputs are the same ones is checked with the
        first batch.

        Raises:
            UsageError: it is no state, or was saved with other settings; or a batch was taken already.
        """
        if self._begun:
            raise UsageError("A batch was taken already.", fix="Load a state before the first batch.")
        self.state_dict()
        self._run.state = self._run.state.resumed(state)


class _Run(Generic[A]):
    """What makes the batches. It does not know their iterator, which can so be collected at once."""

    def __init__(self, request: BatchRequest, make: Make[A]) -> None:
        self._request, self._make = request, make
        self.state = State(request.sampling)
        """After the last batch."""
        self._done = self._failed = 0

    def batches(self, opened: Opened) -> Generator[Batch[A]]:
        """The batches, from the state on."""
        sampled = Sampled(self.state) if self._request.listed else None
        with opened() as workers:
            ahead = max(self._request.arrays.prefetch or 0, LEAST_AHEAD * workers.jobs)
            request = replace(self._request.arrays, arrange=sampled, prefetch=ahead)
            stream = ArrayStream(workers, request)
            with contextlib.closing(stream.run()) as results:
                for slot, found in self._grouped(results, sampled):
                    rows = Rows(self._make, len(slot.indices), channels_first=self._request.channels_first)
                    items = self._fill(rows, stream, slot, found)
                    if self._is_cut(slot, items):
                        break
                    self._count(items)
                    if sampled:
                        self.state = sampled.state.after(slot)
                    if self._request.errors == "skip":
                        items = [item for item in items if item.error is None]
                    if items:
                        yield self._batch(items, rows, slot)
        self._warn()

    def _grouped(
        self, results: Iterator[Found], sampled: Sampled | None
    ) -> Iterator[tuple[Slot, Iterator[Found]]]:
        """The results of each batch."""
        size = self._request.sampling.size
        for number in itertools.count():
            first = next(results, None)
            if first is None:
                return
            if sampled:
                slot = sampled.slots.popleft()
            else:
                slot = Slot(0, number, range(number * size, (number + 1) * size))
            yield slot, itertools.chain([first], results)

    def _fill(
        self, rows: Rows[A], stream: ArrayStream, slot: Slot, found: Iterator[Found]
    ) -> list[ArrayItem]:
        """Copy the arrays of a batch. Returns its items."""
        items = list[ArrayItem]()
        for index, (item, ref, lease) in zip(slot.indices, found, strict=False):
            items.append(replace(item, index=index))
            if ref is not None and lease is not None:
                rows.add(stream.view(ref, lease))
            elif self._request.errors == "yield":
                rows.add(None)
        return items

    def _is_cut(self, slot: Slot, items: list[ArrayItem]) -> bool:
        """Whether a batch is not to be had: an iterator had no more."""
        return self._request.sampling.drop_last and len(items) < len(slot.indices)

    def _batch(self, items: list[ArrayItem], rows: Rows[A], slot: Slot) -> Batch[A]:
        state = self.state.plain() if self._request.listed else None
        return Batch(tuple(items), rows.content(), slot.epoch, slot.number, state)

    def _count(self, items: list[ArrayItem]) -> None:
        self._done += len(items)
        self._failed += sum(item.error is not None for item in items)

    def _warn(self) -> None:
        if self._failed and self._request.arrays.on_event is None and self._request.errors == "skip":
            words = f"{self._failed} of {self._done} inputs failed; pass on_event to see why."
            warnings.warn(words, stacklevel=4)
