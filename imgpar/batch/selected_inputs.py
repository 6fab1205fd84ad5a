"""Plans of the selected inputs, where nothing is written: arrays, `imgpar info` and `Session.describe`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from imgpar.batch.describing import PictureInfo
from imgpar.batch.facts import describe_plan, described_plan
from imgpar.batch.ordered import unreadable
from imgpar.batch.run_options import RunOptions
from imgpar.batch.selection import Selection
from imgpar.batch.workers import Workers
from imgpar.core.errors import ItemError, item_error
from imgpar.core.job import Item, Job, Outcome
from imgpar.inputs.local import scan
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.patterns import Patterns
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source
from imgpar.runtime.scheduler import CancelToken
from imgpar.video.clip_info import ClipInfo


def item_plan(
    inputs: Iterable[str | Source], options: RunOptions, selection: Selection
) -> Iterator[Job | Outcome]:
    """A job without targets for each selected input, a failed outcome for each that cannot be read.

    Headers are read at once where the selection needs them, as the workers are busy later.

    Raises:
        UsageError: every input is missing.
        NoInputError: all inputs are patterns without a match.
    """
    patterns = Patterns(options.include, options.exclude, recursive=options.recursive)

    def found() -> Iterator[Item]:
        for batch in scan(inputs, out=None, patterns=patterns):
            yield from batch.items

    chosen = selection.items(found())
    return (unreadable(item) if item.error else Job(0, (item,)) for item in chosen)


def selected_plan(
    inputs: Iterable[str | Source], patterns: Patterns, sources: tuple[Source, ...], selection: Selection
) -> Iterator[Job | Outcome]:
    """The plan of `describe_plan` for the selected files; complete where the selection asks workers, which
    execute one plan at a time.

    Args:
        inputs: files, folders, patterns, sources.
        patterns: which files are taken.
        sources: of the run.
        selection: which of these, and their order.
    """
    plan = described_plan(inputs, patterns, sources, selection.items)
    return iter(list(plan)) if selection.needs_header else plan


def describe_all(
    workers: Workers,
    inputs: Iterable[str | Source],
    options: RunOptions,
    cancel: CancelToken,
    *,
    limited: bool,
) -> Generator[tuple[str, PictureInfo | ClipInfo | ItemError]]:
    """The properties of files: path, and properties or error.

    Args:
        workers: of the session.
        inputs: files, folders, patterns, sources.
        options: of the run.
        cancel: stops the run.
        limited: whether the limit of pixels applies: a header costs nothing, however large the picture.
    """
    inputs = with_sources(inputs, options.access)
    sources = tuple(sources_of(inputs))
    selection = Selection(options, lambda: workers, cancel, sources)
    patterns = Patterns(options.include, options.exclude, recursive=options.recursive)
    plan = selected_plan(inputs, patterns, sources, selection)
    answers = describe_plan(workers, plan, options, cancel, limited=limited, whole=True, sources=sources)
    for found in answers:
        if isinstance(found, Outcome):
            yield found.source, item_error(found.kind, found.error, found.traceback)
        else:
            yield found.path, found
