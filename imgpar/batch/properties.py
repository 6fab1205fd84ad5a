"""The properties of inputs, from worker processes: what names, selection, labels and text depend on.

The parent decodes nothing: an input that crashes a decoder, or never ends, is one failed item. A run asks
before it is executed, in a phase of its own, because the scheduler pulls the plan while it runs and executes
one plan at a time. `read_properties` streams; `PropertyReader` keeps what it was asked for by item.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING

from imgpar.batch.facts import ask
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.workers import Workers
from imgpar.core.job import Job, Outcome
from imgpar.core.properties import HEADER_ONLY, Properties, Wants
from imgpar.inputs.sources import Source
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    from imgpar.recipe.recipe import Recipe


def read_properties(
    workers: Workers,
    jobs: Iterable[Job],
    options: RunOptions,
    cancel: CancelToken,
    *,
    wants: Wants = HEADER_ONLY,
    recipe: Recipe | None = None,
    sources: tuple[Source, ...] = (),
) -> Generator[tuple[Job, Properties] | Outcome]:
    """The properties of the item of each job, in order.

    >>> import imgpar
    >>> from imgpar.core.job import Item
    >>> item = Item("/photos/a.jpg", "a.jpg", 0, 0)
    >>> with Workers(1) as workers:  # doctest: +SKIP
    ...     list(read_properties(workers, [Job(0, (item,))], RunOptions(), CancelToken()))

    Args:
        workers: of the session; they must not be executing another plan.
        jobs: one item each; the targets are the outputs whose sizes are asked for (`wants.made`), with their
            formats and branches.
        options: of the run.
        cancel: stops it; the items of which the answers are missing are not yielded.
        wants: which properties are asked for beside those in the header.
        recipe: what makes the outputs.
        sources: of the run.

    Yields:
        A job with the properties of its item, or the outcome of an item that cannot be read: status "failed",
        with the stage and the error of the worker.
    """
    limits = workers.limits(options)
    first, *others = output_specs(recipe) if recipe else [None]
    spec = RunSpec("properties", limits=limits, asks="properties", wants=wants, sources=sources)
    if first is not None:
        spec = spec._replace(
            operations=first.operations,
            encode=first.encode,
            limits=first.encode.reading(limits),
            branches=(first, *others) if others else (),
        )
    plan = (job._replace(kind="file" if job.kind == "frames" else job.kind) for job in jobs)
    with contextlib.closing(ask(workers, spec, plan, options, cancel, Properties)) as answers:
        yield from answers


class PropertyReader:
    """Reads properties for the plan of a run, and keeps them by the path of the item.

    Args:
        workers: returns the workers; called when the first item is asked about.
        options, cancel, recipe, sources: as for `read_properties`.
        progress: called with the number of items read so far.
        keep: what is kept of the properties of an item.
    """

    def __init__(
        self,
        workers: Callable[[], Workers],
        options: RunOptions,
        cancel: CancelToken,
        recipe: Recipe | None = None,
        sources: tuple[Source, ...] = (),
        progress: Callable[[int], None] = lambda _: None,
        keep: Callable[[Properties], Properties] = lambda found: found,
    ) -> None:
        self._workers, self._options, self._cancel = workers, options, cancel
        self._recipe, self._sources, self._progress = recipe, sources, progress
        self._keep = keep
        self._known: dict[str, Properties | Outcome] = {}

    def ask(self, jobs: Iterable[Job], wants: Wants = HEADER_ONLY) -> None:
        """Read the properties of the items of these jobs; see `read_properties`."""
        answers = read_properties(
            self._workers(),
            jobs,
            self._options,
            self._cancel,
            wants=wants,
            recipe=self._recipe,
            sources=self._sources,
        )
        with contextlib.closing(answers):
            for found in answers:
                if isinstance(found, Outcome):
                    self._known[found.source] = found
                else:
                    self._known[found[0].item.path] = self._keep(found[1])
                self._progress(len(self._known))

    @property
    def stopped(self) -> bool:
        """Whether it was cancelled, so that answers are missing."""
        return self._cancel.cancelled or self._cancel.killed

    def of(self, path: str) -> Properties | Outcome | None:
        """The properties of an item, the outcome of one that cannot be read; None where it was not asked
        about, or the run was cancelled before."""
        return self._known.get(path)
