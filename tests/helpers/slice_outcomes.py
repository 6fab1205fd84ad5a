"""What became of all items of a slice, in one list."""

from __future__ import annotations

from operator import attrgetter

from imgpar.core.job import Outcome
from imgpar.runtime.records import Settled


def outcomes_of(settled: Settled) -> list[Outcome]:
    """The outcomes of a job in the order of its items: of those in columns, and of those that are apart."""
    if settled.sliced is None:
        return settled.outcomes()
    found = [*settled.sliced.made.outcomes(settled.state.job), *settled.apart()]
    return sorted(found, key=attrgetter("job"))
