"""Arrays in shared memory for one consumer, in the order of the inputs."""

from __future__ import annotations

import contextlib
import threading
import warnings
import weakref
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgpar.batch.array_item import ArrayItem, Errors, named_error, why_missing
from imgpar.batch.feed import AHEAD, Arrange, InputFeed, Inputs
from imgpar.batch.ordered import OrderedResults, Result
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.selection import Selection
from imgpar.batch.settings import Call, check_schedule
from imgpar.core import parsing
from imgpar.core.errors import ArenaError, UsageError
from imgpar.core.job import Event, Outcome
from imgpar.core.spec import Channels, Dtype, FrameRef
from imgpar.inputs.handed import inputs_in_order
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.arena import Arena
from imgpar.runtime.protocol import Lease, Placed
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.workers import Workers

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class ArrayRequest:
    """A validated request for arrays."""

    recipe: Recipe
    inputs: Inputs
    options: RunOptions
    layout: Channels
    dtype: Dtype
    copy: bool
    errors: Errors
    prefetch: int | None
    on_event: Callable[[Event], None] | None
    cancel: CancelToken
    arrange: Arrange | None = None
    """Makes the order of all items, which are read first; `prefetch` counts those in that order."""


def read_request(
    call: Call,
    recipe: Recipe,
    inputs: Any,
    settings: Mapping[str, Any],
    *,
    channels: str,
    dtype: str,
    copy: object,
    errors: str,
    prefetch: int | None,
    on_event: Callable[[Event], None] | None,
    cancel: CancelToken | None,
) -> ArrayRequest:
    """Validate a request.

    Args:
        call: the public call, for its settings.
        recipe: of the request.
        inputs: as the caller gave them.
        settings: keywords of the caller: options of the run and keys of the recipe.
        channels: "rgb", "rgba", "l" or "la".
        dtype: "uint8", "uint16" or "float32".
        copy: whether arrays are copied out of shared memory.
        errors: "raise", "skip" or "yield".
        prefetch: inputs that are read ahead.
        on_event: receives an event for each input.
        cancel: of the caller.

    Raises:
        UsageError: a setting is invalid.
    """
    call.check(settings)
    recipe.check_single(call.name)
    recipe = recipe.merged({key: value for key, value in settings.items() if key in call.recipe})
    if recipe.encode.split and settings.get("pages"):
        raise UsageError("Pages cannot be split into arrays.", fix="Choose one, such as pages=3.")
    options = RunOptions.read({key: value for key, value in settings.items() if key in call.run})
    given, lazy = inputs_in_order(inputs)
    check_schedule(recipe, options)
    return ArrayRequest(
        recipe,
        Inputs(given, lazy=lazy, access=options.access),
        options,
        *read_array_type(channels, dtype),
        parsing.named("copy", parsing.switch, copy),
        parsing.named("errors", parsing.choice("raise", "skip", "yield"), errors),
        None if prefetch is None else parsing.named("prefetch", parsing.integer(1, 1 << 20), prefetch),
        on_event,
        cancel or CancelToken(),
    )


def read_array_type(channels: str, dtype: str) -> tuple[Channels, Dtype]:
    """Channels and type of the elements of an array. Raises BadValueError."""
    layout = parsing.named("channels", parsing.choice("rgb", "rgba", "l", "la"), channels).upper()
    return layout, parsing.named("dtype", parsing.choice("uint8", "uint16", "float32"), dtype)


class ArrayStream(OrderedResults):
    """Arrays for one consumer, in order.

    Arrays are views of the arena. When the arena is full of later arrays than the next one, those are
    discarded and made again. When it is full of arrays held by the consumer, ArenaError is raised.

    Args:
        workers: of the session.
        request: validated.
    """

    def __init__(self, workers: Workers, request: ArrayRequest) -> None:
        ledger = workers.new_ledger(request.options.schedule, arrays=True)
        super().__init__(workers, request.options, request.cancel, ledger)
        self._request = request
        self._arena = workers.open()[0]
        self._buffer = self._arena.buffer  # the arena drops its own when the session is closed
        self.starved = False
        """A worker waits for memory: a released lease has to wake the scheduler."""

    # ----- the scheduler thread -------------------------------------------------------------------

    def _turn(self) -> bool:
        """Called in every iteration of the scheduler: evict later arrays where the next one has no memory."""
        with self._changed:
            self.starved = self._ledger.leases.stalled
            if self._ledger.leases.stuck:
                later = [number for number, result in self._ready.items() if _placed(result)]
                if later and max(later) != self._next:
                    self._evict(max(later))
                elif self._waiting and not later:
                    size = self._workers.memory >> 20
                    raise ArenaError(
                        f"All {size} MiB of shared memory are used by arrays that are still referenced.",
                        fix="Pass copy=True, drop references to arrays, or give the session more memory.",
                    )
        return super()._turn()

    def _evict(self, number: int) -> None:
        result = self._ready.pop(number)
        assert isinstance(result, Settled)
        assert result.placed is not None
        self._ledger.leases.release(result.placed.lease)
        self._ledger.again(result.state)

    # ----- the consumer thread --------------------------------------------------------------------

    def run(self) -> Generator[tuple[ArrayItem, FrameRef | None, Lease | None]]:
        """Yield results in order; the receiver releases the lease. Without one the item has an error."""
        recipe, on_event = self._request.recipe, self._request.on_event
        (output,) = output_specs(recipe)
        options, inputs = self._options, self._request.inputs
        spec = RunSpec(
            "arrays",
            output.operations,
            limits=recipe.encode.reading(self._workers.limits(options)),
            digests=False,
            sources=tuple(inputs.sources),
            arrays=True,
            layout=self._request.layout,
            dtype=self._request.dtype,
        )
        selection = Selection(options, lambda: self._workers, self._request.cancel, spec.sources)
        ahead = self._request.prefetch
        if inputs.threaded:
            ahead = ahead or AHEAD * self._workers.jobs
        arrange = self._request.arrange
        feed = InputFeed(inputs, selection, options, ahead=ahead, wake=self.wake, arrange=arrange)
        failed = done = 0
        with contextlib.closing(feed), contextlib.closing(self.results(spec, feed.plan())) as results:
            for done, result in enumerate(results, 1):
                outcome = result if isinstance(result, Outcome) else result.outcome()
                if on_event is not None:
                    on_event(Event("item", done, outcome=outcome))
                failure = result.state.failure if isinstance(result, Settled) else None
                error = why_missing(outcome, failure.error if failure else outcome.kind)
                first = feed.first()
                item = ArrayItem(done - 1, feed.key_of(first), first, error, outcome.notes, outcome.lost)
                if isinstance(result, Settled) and result.placed is not None:
                    yield item, result.placed.frames, result.placed.lease
                elif self._request.errors == "yield":
                    yield item, None, None
                elif self._request.errors == "raise" and error:
                    raise named_error(error, item.path)
                failed += error is not None
                feed.taken()
            if feed.error is not None:
                raise feed.error
            self.check_complete()
        if failed and on_event is None and self._request.errors == "skip":
            warnings.warn(f"{failed} of {done} inputs failed; pass on_event to see why.", stacklevel=3)

    def _finish(self, thread: threading.Thread) -> None:
        super()._finish(thread)
        for result in self._ready.values():
            if placed := _placed(result):
                self._ledger.leases.release(placed.lease)

    def view(self, ref: FrameRef, lease: Lease) -> Array:
        """An array that is a view of the frame; the lease is released with the last view."""
        import numpy as np

        flat = np.frombuffer(self._buffer[ref.offset : ref.offset + ref.nbytes], dtype=ref.spec.dtype)
        weakref.finalize(flat, _release, self._arena, lease, weakref.ref(self))
        return flat.reshape(ref.spec.shape)


def _placed(result: Result) -> Placed | None:
    return result.placed if isinstance(result, Settled) else None


def _release(arena: Arena, lease: Lease, stream: weakref.ref[ArrayStream]) -> None:
    arena.allocator.give_back(lease)
    current = stream()
    if current is not None and current.starved:
        current.wake()


def stream(workers: Workers, request: ArrayRequest) -> Generator[tuple[ArrayItem, Array | None]]:
    """The arrays of a request, in the order of the inputs; see `imgpar.Session.arrays`."""
    arrays = ArrayStream(workers, request)
    with contextlib.closing(arrays.run()) as results:
        for item, ref, lease in results:
            if ref is None or lease is None:
                yield item, None
                continue
            array = arrays.view(ref, lease)
            yield item, (array.copy() if request.copy else array)
            del array
