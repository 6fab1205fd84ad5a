"""Results in the order of the plan, for sinks that need it: those that are finished early wait.

plan ─► expect(id) ─► workers, in any order ─► done(id) ─► the results that nothing before them is missing of
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

from imgpar.batch.plan_entries import Early
from imgpar.core.job import Outcome
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import NotYet

MOST_HELD = 10_000
"""Results that wait before no more of the plan is begun; their outputs wait on the disk."""

Result = Settled | Outcome | Early
Entry = TypeVar("Entry")


class PlanOrder:
    """Holds back results until it is their turn."""

    def __init__(self) -> None:
        self._expected = deque[int]()
        self._open = set[int]()
        """The same, to be looked up."""
        self._held: dict[int, Result] = {}

    def expect(self, number: int) -> None:
        """A job of the plan, by its id, whose result follows."""
        self._expected.append(number)
        self._open.add(number)

    def paced(self, plan: Iterable[Entry]) -> Iterator[Entry | NotYet]:
        """The plan, which stops while too many results wait for one before them."""
        for entry in plan:
            while len(self._held) > MOST_HELD:
                yield NotYet()
            yield entry

    def done(self, number: int, result: Result) -> Iterator[Result]:
        """A result; yields those whose turn it is."""
        if number not in self._open:
            yield result
            return
        self._held[number] = result
        while self._expected and self._expected[0] in self._held:
            yield self._next()

    def rest(self) -> Iterator[Result]:
        """The results that wait for jobs which were never done, in order."""
        while self._held:
            if self._expected[0] in self._held:
                yield self._next()
            else:
                self._open.discard(self._expected.popleft())

    def _next(self) -> Result:
        number = self._expected.popleft()
        self._open.discard(number)
        return self._held.pop(number)
