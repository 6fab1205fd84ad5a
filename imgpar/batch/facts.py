"""Facts about inputs, from worker processes: for `imgpar info`, `Session.describe` and `--explain`.

The parent decodes nothing: a file that crashes a decoder, or never ends, is one failed item. The jobs have no
outputs; the answer of a worker is plain data of a declared type.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from imgpar.batch.ordered import OrderedResults, unreadable
from imgpar.batch.plan_entries import job_kind
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.workers import Workers, new_workers
from imgpar.core.errors import ItemError, NoInputError
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.batches import named_item
from imgpar.inputs.found_archives import FoundArchives
from imgpar.inputs.local import scan
from imgpar.inputs.numbers import with_number
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.roots import absolute
from imgpar.inputs.sources import Source
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken, NotYet
from imgpar.runtime.serialization import unpack
from imgpar.video.clip_info import ClipInfo

if TYPE_CHECKING:
    from imgpar.batch.answers import Described, Explained
    from imgpar.batch.describing import PictureInfo
    from imgpar.recipe.recipe import Recipe


Answer = TypeVar("Answer")
"""Plain data; see `runtime.serialization`."""


def ask(
    workers: Workers,
    spec: RunSpec,
    plan: Iterator[Job | Outcome],
    options: RunOptions,
    cancel: CancelToken,
    kind: type[Answer],
    *,
    retried: bool = True,
    whole: bool = False,
) -> Generator[tuple[Job, Answer] | Outcome]:
    """The answers to a question about each input, in the order of the plan.

    Args:
        workers: of the session.
        spec: of the run; `asks` is the question.
        plan: jobs to ask about; outcomes are passed on.
        options: of the run.
        cancel: stops the run.
        kind: type of the answers.
        retried: whether an input at which a worker crashes or hangs is tried once more.
        whole: whether it is an error if `cancel` leaves some out.

    Yields:
        A job, with the notes of its worker, and its answer; or an outcome: of the plan, or of an input that
        failed.
    """
    stream = OrderedResults(
        workers, options, cancel, workers.new_ledger("chain", facts=True, retried=retried)
    )
    with contextlib.closing(stream.results(spec, one_task_each(plan))) as results:
        for result in results:
            yield result if isinstance(result, Outcome) else _read(result, kind)
    if whole:
        stream.check_complete()


def one_task_each(plan: Iterator[Job | Outcome | NotYet]) -> Generator[Job | Outcome | NotYet]:
    """The plan with the kinds of jobs that have no stages; clips keep theirs, which has no time limit."""
    with contextlib.closing(plan) if isinstance(plan, Generator) else contextlib.nullcontext():
        for entry in plan:
            yield entry._replace(kind="file") if isinstance(entry, Job) and entry.kind == "frames" else entry


def _read(result: Settled, kind: type[Answer]) -> tuple[Job, Answer] | Outcome:
    outcome = result.outcome()
    if outcome.status == "failed":
        return outcome
    try:
        return result.state.job._replace(notes=outcome.notes), unpack(result.state.facts, kind)
    except ItemError as error:
        return outcome._replace(status="failed", error=str(error), kind=type(error).__name__)


def describe_plan(
    workers: Workers,
    plan: Iterator[Job | Outcome],
    options: RunOptions,
    cancel: CancelToken,
    *,
    limited: bool,
    whole: bool = False,
    sources: tuple[Source, ...] = (),
) -> Generator[PictureInfo | ClipInfo | Outcome]:
    """The properties of the items of a plan, or outcomes; arguments as of `selected_inputs.describe_all` and
    `ask`."""
    from imgpar.batch.answers import Described
    from imgpar.batch.describing import ANY_SIZE

    limits = workers.limits(options)
    limits = limits if limited else replace(limits, max_pixels=ANY_SIZE)
    spec = RunSpec("info", limits=limits, asks="info", sources=sources)
    with contextlib.closing(ask(workers, spec, plan, options, cancel, Described, whole=whole)) as answers:
        for found in answers:
            yield found if isinstance(found, Outcome) else _info_of(*found)


def described_plan(
    inputs: Iterable[str | Source],
    patterns: Patterns,
    sources: Sequence[Source] = (),
    choose: Callable[[Iterator[Item]], Iterator[Item]] = iter,
) -> Generator[Job | Outcome]:
    """A job for each file, one input after the other; an outcome for each that cannot be read.

    Args:
        inputs: files, folders, patterns, sources.
        patterns: which files are taken.
        sources: all sources of the run.
        choose: which of them are taken, and in which order.
    """

    opener = [source for source in sources if isinstance(source, FoundArchives)]

    def found() -> Iterator[Item]:
        for given in inputs:
            if isinstance(given, str):
                yield from _items(given, patterns, opener)
            else:
                for batch in with_number(sources.index(given) + 1, given.batches("", patterns)):
                    yield from batch.items

    yield from item_jobs(choose(found()))


def item_jobs(items: Iterable[Item]) -> Iterator[Job | Outcome]:
    """A job without targets for each item, or an outcome where it cannot be read."""
    for item in items:
        yield unreadable(item) if item.error else Job(0, (item,), kind=job_kind(item))


def _items(path: str, patterns: Patterns, opener: Sequence[Source]) -> Iterator[Item]:
    if os.path.isdir(path) or (glob.has_magic(path) and not os.path.lexists(path)):
        try:
            batches = scan([path, *opener], out=None, patterns=patterns)
        except NoInputError:
            pass  # named below, where its error is one of the results
        else:
            return (item for batch in batches for item in batch.items)
    if not patterns.takes(os.path.basename(path)):
        return iter(())
    return iter((named_item(absolute(path), os.path.basename(path)),))


def _info_of(job: Job, answer: Described) -> PictureInfo | ClipInfo | Outcome:
    """The properties in an answer; the path is that of the job, whatever the worker says."""
    found = answer.picture or answer.clip
    if found is None:
        return Outcome(job.item.path, "failed", error="The worker process sent no properties.")
    return replace(found, path=job.item.path)


def explain(
    workers: Workers,
    plan: Iterator[Job | Outcome],
    recipe: Recipe,
    options: RunOptions,
    cancel: CancelToken,
    sources: tuple[Source, ...] = (),
) -> Generator[tuple[Job, Explained] | Outcome]:
    """How each planned job would be done; of an input that cannot be read or converted, a failed outcome.

    Args:
        workers: of the session.
        plan: of the run that is explained.
        recipe: of that run.
        options: of that run.
        cancel: stops the iteration.
        sources: of that run.
    """
    from imgpar.batch.answers import Explained

    first, *others = output_specs(recipe)
    spec = RunSpec(
        "explain",
        first.operations,
        first.encode,
        first.encode.reading(workers.limits(options)),
        staged=options.schedule == "staged",
        asks="explain",
        sources=sources,
        branches=(first, *others) if others else (),
    )
    return ask(workers, spec, plan, options, cancel, Explained)


def still_pictures(paths: Sequence[str], options: RunOptions) -> frozenset[str]:
    """Which of these pictures, in formats of animations, have a single frame; no worker is started for none.

    Args:
        paths: absolute.
        options: of the run that the pictures are for.
    """
    from imgpar.batch.describing import PictureInfo

    if not paths:
        return frozenset()
    from imgpar.batch.confinement import sandbox_to_read

    plan = described_plan(paths, Patterns((), ()))
    with new_workers(options, sandbox_to_read(paths) if options.sandbox else None) as workers:
        found = list(describe_plan(workers, plan, options, CancelToken(), limited=False))
    return frozenset(info.path for info in found if isinstance(info, PictureInfo) and info.frames == 1)
