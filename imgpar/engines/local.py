"""The engine of one machine: transfers in threads of this process, and its worker processes around them.

plan ─► transfer: inputs become files ─► workers ─► transfer: outputs are published ─► settled
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from imgpar.batch.engine import Assignment, PlanEntries
from imgpar.batch.incremental import Unchanged
from imgpar.batch.transfer import Transfer
from imgpar.core.job import Event, Job, Outcome
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import Effort


def plan_for_transfers(work: Assignment) -> PlanEntries:
    """The plan, with the jobs of slices one by one where each is fetched or published for itself."""
    if not (work.spec.sources or work.place.stored):
        return work.plan
    return _parts_of_slices(work.plan)


def _parts_of_slices(plan: PlanEntries) -> PlanEntries:
    for entry in plan:
        if isinstance(entry, Job) and entry.kind == "slice":
            yield from entry.parts()
        else:
            yield entry


class LocalEngine:
    """Does the jobs of a run on this machine."""

    def check(self, named: list[str | Source], sources: tuple[Source, ...], place: Out) -> None:
        """As `Engine.check`: nothing is refused."""

    def begin(self, stack: contextlib.ExitStack) -> None:
        """As `Engine.begin`: workers are started when there are jobs."""

    def do(self, work: Assignment) -> Effort:
        """As `Engine.do`."""
        workers = work.workers()
        spec = work.spec.limited(workers.limits(work.options))
        if workers.note:
            work.note(workers.note)
        transfer = Transfer(
            spec.sources,
            work.place.stored,
            work.settle,
            work.settle_planned,
            work.settle_slice,
            work.stack,
            work.log,
            fetching=work.options.fetching,
            verify=work.options.verify,
        )
        if transfer.folder:
            spec = spec._replace(written=transfer.log, base=transfer.folder)

        def sink(result: Outcome | Settled | Unchanged | Event) -> None:
            if isinstance(result, Event):
                work.tell(result)
            elif isinstance(result, Unchanged):
                work.unchanged(result)
            else:
                transfer.outward(result)

        def turn() -> bool:
            work.turn()
            transfer.turn()
            return True

        plan = plan_for_transfers(work)
        effort = workers.execute(
            spec,
            work.then(transfer.inward(plan)),
            sink,
            work.options,
            work.cancel,
            turn=turn,
            started=work.started,
        )
        transfer.finish()
        return replace(effort, left=effort.left + transfer.left)
