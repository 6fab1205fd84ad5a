"""Encoded pictures for one consumer, in the order of the inputs, no more of them ahead than `prefetch`.

inputs ─► plan, which waits for the consumer ─► worker: a file in a private folder ─► bytes
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgpar.batch.array_item import ArrayItem, Errors, named_error, why_missing
from imgpar.batch.encoded_file import EncodedFile
from imgpar.batch.encoding import EncodedPicture, taken
from imgpar.batch.facts import one_task_each
from imgpar.batch.feed import AHEAD, InputFeed, Inputs
from imgpar.batch.ordered import OrderedResults, Result
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.selection import Selection
from imgpar.core.job import Event, Job, Outcome
from imgpar.core.tempfiles import temporary
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken, NotYet
from imgpar.runtime.serialization import unpack

if TYPE_CHECKING:
    from imgpar.batch.workers import Workers

_NOT_YET = NotYet()


@dataclass(frozen=True, slots=True)
class EncodeAllRequest:
    """A validated request for encoded pictures."""

    recipe: Recipe
    inputs: Inputs
    options: RunOptions
    errors: Errors
    prefetch: int | None
    on_event: Callable[[Event], None] | None
    cancel: CancelToken


def encode_all(
    workers: Workers, request: EncodeAllRequest
) -> Generator[tuple[ArrayItem, EncodedPicture | None]]:
    """The encoded pictures of a request, in the order of the inputs; see `imgpar.Pipeline.encode_all`."""
    recipe, options, inputs = request.recipe, request.options, request.inputs
    stream = OrderedResults(workers, options, request.cancel, workers.new_ledger("chain", facts=True))
    (output,) = output_specs(recipe)
    selection = Selection(options, lambda: workers, request.cancel, tuple(inputs.sources))
    ahead = request.prefetch or AHEAD * max(1, workers.jobs)  # jobs=0 is one thread
    feed = InputFeed(inputs, selection, options, ahead=ahead, wake=stream.wake)
    failed = done = 0

    def held(plan: Iterator[Job | Outcome | NotYet]) -> Iterator[Job | Outcome | NotYet]:
        """The plan, no more of it ahead of the consumer than it asks for."""
        planned = 0
        for entry in plan:
            while not isinstance(entry, NotYet) and planned - done >= ahead:
                yield _NOT_YET
            planned += not isinstance(entry, NotYet)
            yield entry

    with temporary() as folder, contextlib.closing(feed):
        spec = RunSpec(
            "encoded",
            output.operations,
            output.encode,
            output.encode.reading(workers.limits(options)),
            strict=options.strict,
            verify=options.verify,
            sources=tuple(inputs.sources),
            asks="encoded",
            to=recipe.to[0] if recipe.to else "",
            folder=folder,
        )
        plan = one_task_each(held(feed.plan()))
        with contextlib.closing(stream.results(spec, plan)) as results:
            for result in results:
                item, made = _read(result, feed, done, folder)
                if request.on_event is not None:
                    outcome = result if isinstance(result, Outcome) else result.outcome()
                    request.on_event(Event("item", done + 1, outcome=outcome))
                if made is not None or request.errors == "yield":
                    yield item, made
                elif request.errors == "raise" and item.error:
                    raise named_error(item.error, item.path)
                del made
                failed += item.error is not None
                done += 1
                feed.taken()
                stream.wake()
        if feed.error is not None:
            raise feed.error
        stream.check_complete()
    if failed and request.on_event is None and request.errors == "skip":
        warnings.warn(f"{failed} of {done} inputs failed; pass on_event to see why.", stacklevel=3)


def _read(
    result: Result, feed: InputFeed, number: int, folder: str
) -> tuple[ArrayItem, EncodedPicture | None]:
    """The input of a result, and its picture; None where it has none."""
    outcome = result if isinstance(result, Outcome) else result.outcome()
    failure = result.state.failure if isinstance(result, Settled) else None
    error = why_missing(outcome, failure.error if failure else outcome.kind)
    made = None
    if error is None and isinstance(result, Settled):
        job = result.state.job._replace(notes=outcome.notes)
        made = taken(folder, job, unpack(result.state.facts, EncodedFile))
    first = feed.first()
    notes, lost = (made.notes, made.lost) if made else (outcome.notes, outcome.lost)
    return ArrayItem(number, feed.key_of(first), first, error, notes, lost), made
