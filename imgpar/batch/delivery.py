"""Results in the order of the inputs, each with its item, for the consumer of `arrays` or `encode_all`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator

from imgpar.batch.array_item import ArrayItem, Errors, named_error, why_missing
from imgpar.batch.feed import InputFeed
from imgpar.batch.ordered import Result
from imgpar.core.job import Event, Outcome
from imgpar.runtime.records import Settled


class Delivery:
    """Says of which input a result is, tells the listener, and counts.

    Args:
        feed: of the run.
        errors: what becomes of inputs without a result.
        on_event: receives an event for each input.
        on_taken: called when the consumer is done with a result.
    """

    def __init__(
        self,
        feed: InputFeed,
        errors: Errors,
        on_event: Callable[[Event], None] | None,
        on_taken: Callable[[], None] = lambda: None,
    ) -> None:
        self._feed, self._errors, self._on_event = feed, errors, on_event
        self._on_taken = on_taken
        self.done = 0
        """Number of results that the consumer has taken."""
        self._failed = 0

    def items(self, results: Iterator[Result]) -> Generator[tuple[ArrayItem, Result]]:
        """The results, each with its item. Raises ItemError for the first one that failed, with
        `errors="raise"`, and what the inputs have raised."""
        for number, result in enumerate(results):
            item = self._item(number, result)
            if item.error is not None and self._errors == "raise":
                raise named_error(item.error, item.path)
            yield item, result
            self._failed += item.error is not None
            self.done += 1
            self._feed.taken()
            self._on_taken()
        if self._feed.error is not None:
            raise self._feed.error

    def _item(self, number: int, result: Result) -> ArrayItem:
        outcome = result if isinstance(result, Outcome) else result.outcome()
        if self._on_event is not None:
            self._on_event(Event("item", number + 1, outcome=outcome))
        failure = result.state.failure if isinstance(result, Settled) else None
        error = why_missing(outcome, failure.error if failure else outcome.kind)
        first = self._feed.first()
        return ArrayItem(number, self._feed.key_of(first), first, error, outcome.notes, outcome.lost)

    def warn(self, *, stacklevel: int) -> None:
        """Warn of inputs that were left out, where nobody was told of them."""
        if self._failed and self._on_event is None and self._errors == "skip":
            text = f"{self._failed} of {self.done} inputs failed; pass on_event to see why."
            warnings.warn(text, stacklevel=stacklevel + 1)
