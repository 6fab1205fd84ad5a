"""The seam between a run and what does its jobs: an engine gets a plan and settles each of its jobs.

    Run: lists, plans, records ─► Assignment: the plan, who hears ─► Engine: transfers and workers
      ▲                                                                       │
      └───────────────────────── settle(job, outcomes) ◄──────────────────────┘

Names, journal, report and progress stay with the run, so they are the same with every engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from imgpar.batch.incremental import Unchanged
from imgpar.batch.plan_entries import Entry
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.workers import Workers
from imgpar.core.job import Event, Job, Outcome
from imgpar.core.slices import MadeFiles
from imgpar.inputs.sources import Source
from imgpar.outputs.destination import Out
from imgpar.outputs.write_ahead import OutputNotes
from imgpar.runtime.scheduler import CancelToken, Effort, NotYet

PlanEntries = Iterator[Entry | NotYet]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One run, as its engine gets it."""

    spec: RunSpec
    """Facts for the workers; its limits are set by the engine, as they depend on the machine."""
    options: RunOptions
    place: Out
    """The place of all outputs."""
    log: OutputNotes
    """Keeps notes of what is published in a sink."""
    plan: PlanEntries
    """Jobs in order, and outcomes of items that need none; it is read as far as there is room for it."""
    then: Callable[[PlanEntries], PlanEntries]
    """Adds the jobs that wait for the outputs of others."""
    workers: Callable[[], Workers]
    """The workers of this machine, made when this is called first."""
    settle: Callable[[Job, list[Outcome]], None]
    """Called once with each job and the outcomes of its items."""
    settle_slice: Callable[[Job, MadeFiles, Sequence[Outcome]], None]
    """Called once with each slice: what was made of its items, and the outcomes of the others."""
    settle_planned: Callable[[Outcome], None]
    """Called with each outcome in the plan."""
    unchanged: Callable[[Unchanged], None]
    """Called with unchanged items in the plan."""
    tell: Callable[[Event], None]
    """Called with the progress of long jobs."""
    note: Callable[[str], None]
    """Called with notes for the report."""
    turn: Callable[[], None]
    """To be called several times a second."""
    started: Callable[[Job], object] | None
    """Called with each job that is begun; None where nobody listens."""
    cancel: CancelToken
    """Stops the run: what is in flight is finished, or not even that."""
    stack: contextlib.ExitStack
    """Ends with the run."""


class Engine(Protocol):
    """Does the jobs of a run."""

    def check(self, named: list[str | Source], sources: tuple[Source, ...], place: Out) -> None:
        """Refuse what this engine cannot do, before anything is created.

        Args:
            named: the inputs as given; empty where they come from a list.
            sources: of items that are no files.
            place: of the outputs.

        Raises:
            UsageError: it says what to do.
        """

    def begin(self, stack: contextlib.ExitStack) -> None:
        """Get ready, before anything is created; `stack` ends with the run.

        Raises:
            UsageError, RunError: it cannot be used.
        """

    def do(self, work: Assignment) -> Effort:
        """Settle every job of the plan, or those that are begun when the run is cancelled.

        Returns:
            What it took; jobs that were read from the plan and not done are `left`.

        Raises:
            RunError: the run cannot go on.
        """
