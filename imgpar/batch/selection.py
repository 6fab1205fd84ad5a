"""Which inputs of a run are taken, and in which order: `where`, `sort` and `reverse`.

What needs the header of a file is asked of workers before the run is planned, for all inputs at once: then
all names, about 100 bytes for each file of a folder, and what is sorted by are in memory. Without that a run
takes its inputs folder by folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from imgpar.batch.plan_entries import job_kind
from imgpar.batch.properties import read_properties
from imgpar.batch.run_options import RunOptions
from imgpar.batch.workers import Workers
from imgpar.core.job import Item, Job, Outcome
from imgpar.core.properties import Properties
from imgpar.inputs.batches import Batch, Entries
from imgpar.inputs.companions import SIDECAR
from imgpar.inputs.ordering import in_sorted_order
from imgpar.inputs.sources import Source
from imgpar.inputs.where import Condition
from imgpar.runtime.scheduler import CancelToken


class Selection:
    """The selection of one run.

    Args:
        options: with the conditions and the order.
        workers: returns the workers; called only if a header is needed.
        cancel: of the run.
        sources: of the run.
    """

    def __init__(
        self,
        options: RunOptions,
        workers: Callable[[], Workers],
        cancel: CancelToken,
        sources: tuple[Source, ...] = (),
    ) -> None:
        self._options, self._workers, self._cancel, self._sources = options, workers, cancel, sources
        self._sort, self._reverse = options.sort, options.reverse
        self._cheap = [condition for condition in options.where if not condition.header]
        self._header = [condition for condition in options.where if condition.header]
        self._facts: dict[str, Properties] = {}
        """What is sorted by, by path of the item."""
        self._matched: dict[str, bool] = {}
        """Whether an item fulfilled the conditions that were tested, by their text."""
        self._dateless = 0
        self.filtered = 0
        """Number of items left out by `items`."""

    @property
    def needs_header(self) -> bool:
        """Whether workers are asked about every input."""
        return bool(self._header) or any(key.header for key in self._sort)

    @property
    def needs_all(self) -> bool:
        """Whether all inputs have to be known before the first of them is taken."""
        return self.needs_header or bool(self._sort or self._reverse)

    @property
    def idle(self) -> bool:
        """Whether all inputs are taken, in their own order."""
        return not (self._cheap or self._header or self._sort or self._reverse)

    def batches(self, batches: Iterable[Batch], *, together: bool = False) -> Iterator[Batch]:
        """The selected items of each batch, sorted within it; no more of them when the run is cancelled.

        Args:
            batches: of the inputs.
            together: whether the caller sorts all items with `arranged`.
        """
        batches = takewhile(lambda _: not self._cancel.cancelled, batches)
        if self.idle:
            yield from batches
            return
        chosen: Iterable[Batch] = (self._by_status(batch) for batch in batches)
        if self.needs_header:
            chosen = self._by_header(list(chosen))
        for batch in chosen:
            yield batch if together else self._sorted(batch)

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        """The selected items, all sorted together; `filtered` counts the others."""
        if self.idle:
            return iter(items)
        if not self.needs_all:
            return (item for item in items if self._take(item))
        batch = self._by_status(Batch("", "", tuple(items)))
        found = self._by_header([batch])[0] if self.needs_header else batch
        self.filtered += found.filtered
        return iter(self.arranged(found.items))

    def arranged(self, items: Sequence[Item]) -> Sequence[Item]:
        """Items of any batches in the order of `sort`."""
        if not (self._sort or self._reverse):
            return items
        return [items[at] for at in self._places(items)]

    def remarks(self) -> list[str]:
        """One sentence for each condition that nothing fulfils, and for dates that are unknown."""
        said = [
            f"Nothing in the input fulfils where {condition.text!r}."
            for condition in self._options.where
            if not self._matched.get(condition.text, True)
        ]
        if self._dateless:
            inputs = "1 input does" if self._dateless == 1 else f"{self._dateless} inputs do"
            said.append(
                f"{inputs} not say when it was taken, so no condition on the date is fulfilled; "
                "mtime is the time of the file."
            )
        return said

    # ----- internal ---------------------------------------------------------------------------------

    def _take(self, item: Item) -> bool:
        taken = self._holds(self._cheap, item, None)
        self.filtered += not taken
        return taken

    def _holds(self, conditions: Sequence[Condition], item: Item, facts: Properties | None) -> bool:
        """Whether all are fulfilled; those that nothing has fulfilled yet are tested in any case."""
        found = True
        for condition in conditions:
            if not found and self._matched.get(condition.text):
                continue
            if condition.holds(item, facts):
                self._matched[condition.text] = True
            else:
                self._matched.setdefault(condition.text, False)
                found = False
        return found

    def _by_status(self, batch: Batch) -> Batch:
        if not self._cheap:
            return batch
        return _picked(
            batch, [at for at, item in enumerate(batch.items) if self._holds(self._cheap, item, None)]
        )

    def _by_header(self, batches: list[Batch]) -> list[Batch]:
        """Ask about all items, in their order."""
        dropped = [set[int]() for _ in batches]
        keep = any(key.header for key in self._sort)
        jobs = (Job(0, (item,), kind=job_kind(item)) for *_, item in _readable(batches))
        answers = read_properties(self._workers(), jobs, self._options, self._cancel, sources=self._sources)
        with contextlib.closing(answers):
            for (number, at, item), answer in zip(_readable(batches), answers, strict=False):
                facts = None if isinstance(answer, Outcome) else answer[1]
                if not self._holds(self._header, item, facts):
                    dropped[number].add(at)
                    self._dateless += self._without_date(facts)
                elif keep and facts is not None:
                    self._facts[item.path] = facts
        return [
            _picked(batch, [at for at in range(len(batch.items)) if at not in out]) if out else batch
            for batch, out in zip(batches, dropped, strict=True)
        ]

    def _without_date(self, facts: Properties | None) -> bool:
        dates = any(condition.field == "date" and not condition.unknown for condition in self._header)
        return dates and facts is not None and facts.date is None

    def _sorted(self, batch: Batch) -> Batch:
        if not (self._sort or self._reverse):
            return batch
        return replace(batch, items=_of(batch.items, self._places(batch.items)))

    def _places(self, items: Sequence[Item]) -> list[int]:
        every = list(items)
        return in_sorted_order(
            every, self._sort, lambda item: self._facts.get(item.path), reverse=self._reverse
        )


def _readable(batches: Sequence[Batch]) -> Iterator[tuple[int, int, Item]]:
    """The items about which workers can be asked: number of the batch, place in it, item."""
    for number, batch in enumerate(batches):
        for at, item in enumerate(batch.items):
            if not item.error and item.format != SIDECAR:
                yield number, at, item


def _picked(batch: Batch, places: list[int]) -> Batch:
    """A batch with some of its items; the others are counted."""
    left = len(batch.items) - len(places)
    if not left:
        return batch
    return replace(batch, items=_of(batch.items, places), filtered=batch.filtered + left)


def _of(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    return items.picked(places) if isinstance(items, Entries) else tuple(items[at] for at in places)
