"""Encoded pictures for one consumer, in the order of the inputs, no more of them ahead than `prefetch`.

inputs ─► plan, which waits for the consumer ─► worker: a file in a private folder ─► bytes
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imgpar.batch.array_item import ArrayItem, Errors
from imgpar.batch.delivery import Delivery
from imgpar.batch.encoded_file import EncodedFile
from imgpar.batch.encoding import EncodedPicture, taken
from imgpar.batch.facts import one_task_each
from imgpar.batch.feed import AHEAD, InputFeed, Inputs
from imgpar.batch.ordered import OrderedResults
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
    delivery = Delivery(feed, request.errors, request.on_event, stream.wake)

    def held(plan: Iterator[Job | Outcome | NotYet]) -> Iterator[Job | Outcome | NotYet]:
        """The plan, no more of it ahead of the consumer than it asks for."""
        planned = 0
        for entry in plan:
            while not isinstance(entry, NotYet) and planned - delivery.done >= ahead:
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
            for item, result in delivery.items(results):
                if item.error is None and isinstance(result, Settled):
                    yield _picture(item, result, folder)
                elif request.errors == "yield":
                    yield item, None
        stream.check_complete()
    delivery.warn(stacklevel=3)


def _picture(item: ArrayItem, result: Settled, folder: str) -> tuple[ArrayItem, EncodedPicture]:
    """The picture that a worker has left in the folder, and its input with what was noted of both."""
    job = result.state.job._replace(notes=item.notes)
    made = taken(folder, job, unpack(result.state.facts, EncodedFile))
    return replace(item, notes=made.notes, lost=made.lost), made
