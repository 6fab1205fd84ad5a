"""What a run has between its plan and its workers where inputs are no local files.

plan ─► ahead: items are fetched ─► unpacking: members of archives ─► workers
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from imgpar.batch.plan_entries import Early
from imgpar.core.job import Job
from imgpar.core.tempfiles import temporary
from imgpar.inputs.fetching import FetchOptions
from imgpar.inputs.opening import fetch
from imgpar.inputs.sources import Source

if TYPE_CHECKING:  # most runs need neither, and no thread pools
    from imgpar.batch.ahead import Ahead
    from imgpar.batch.unpacking import Entry, Unpacking


class Inward:
    """Prepares the jobs of one run for its workers.

    Args:
        sources: of items that are no files.
        stack: ends transfers and threads, and removes temporary files.
        fetching: limits of transfers.
        early: called with a job whose item could not be fetched, or is not modified; returns what takes its
            place in the plan.
        header_only: whether workers read no more than the header of an item.
        fetched_in_order: whether jobs with items of a network are passed on in the order of the plan.
        unpacked_in_order: whether those with members of archives are.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        stack: ExitStack,
        fetching: FetchOptions,
        early: Callable[[Early], Iterable[Entry]],
        *,
        header_only: bool = False,
        fetched_in_order: bool = False,
        unpacked_in_order: bool = False,
    ) -> None:
        self._early = early
        self._ahead: Ahead | None = None
        self._unpacking: Unpacking | None = None
        if any(source.waits for source in sources):
            from imgpar.batch.ahead import Ahead
            from imgpar.batch.header_files import fetch_header

            read = fetch_header if header_only else fetch
            folder = stack.enter_context(temporary())
            self._ahead = Ahead(sources, folder, fetching, read=read, in_order=fetched_in_order)
            stack.callback(self._ahead.close)
        if any(source.ordered for source in sources):
            from imgpar.batch.unpacking import Unpacking

            folder = stack.enter_context(temporary())
            self._unpacking = Unpacking(sources, folder, planned_order=unpacked_in_order)
            stack.callback(self._unpacking.close)

    def entries(self, plan: Iterator[Entry]) -> Iterator[Entry]:
        """The plan, for whose jobs items are fetched and archives are unpacked."""
        plan = self._fetched(plan, self._ahead) if self._ahead else plan
        return self._unpacking.entries(plan) if self._unpacking else plan

    def _fetched(self, plan: Iterator[Entry], ahead: Ahead) -> Iterator[Entry]:
        for entry in ahead.entries(plan):
            if isinstance(entry, Early):
                yield from self._early(entry)
            else:
                yield entry

    @property
    def left(self) -> int:
        """Jobs that are held back."""
        return sum(part.left for part in (self._ahead, self._unpacking) if part)

    def settled(self, job: Job) -> None:
        """Remove the temporary files of a job."""
        for part in (self._ahead, self._unpacking):
            if part:
                part.settled(job)

    def turn(self) -> None:
        """End the transfers that take too long; called often."""
        if self._ahead:
            self._ahead.turn()
