"""Arrays in shared memory for one consumer, in the order of the inputs."""

from __future__ import annotations

import contextlib
import threading
import warnings
import weakref
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgpar.batch.ordered import OrderedResults, Result
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec, output_specs
from imgpar.batch.selected_inputs import item_plan
from imgpar.batch.selection import Selection
from imgpar.batch.settings import Call
from imgpar.core import parsing
from imgpar.core.errors import ArenaError, UsageError
from imgpar.core.job import Event, Item, Outcome
from imgpar.core.spec import FrameRef
from imgpar.inputs.numbers import sources_of
from imgpar.inputs.resolving import with_sources
from imgpar.inputs.sources import Source
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
    inputs: list[str | Source]
    options: RunOptions
    layout: str
    dtype: str
    copy: bool
    on_event: Callable[[Event], None] | None
    cancel: CancelToken


def read_request(
    call: Call,
    recipe: Recipe,
    inputs: list[str | Source],
    settings: Mapping[str, Any],
    *,
    channels: str,
    dtype: str,
    copy: object,
    on_event: Callable[[Event], None] | None,
    cancel: CancelToken | None,
) -> ArrayRequest:
    """Validate a request.

    Args:
        call: the public call, for its settings.
        recipe: of the request.
        inputs: paths of files, folders and archives, and sources.
        settings: keywords of the caller: options of the run and keys of the recipe.
        channels: "rgb", "rgba", "l" or "la".
        dtype: "uint8", "uint16" or "float32".
        copy: whether arrays are copied out of shared memory.
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
    return ArrayRequest(
        recipe,
        with_sources(inputs, options.access),
        options,
        parsing.named("channels", parsing.choice("rgb", "rgba", "l", "la"), channels).upper(),
        parsing.named("dtype", parsing.choice("uint8", "uint16", "float32"), dtype),
        parsing.named("copy", parsing.switch, copy),
        on_event,
        cancel or CancelToken(),
    )


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

    def run(self) -> Generator[tuple[Item, FrameRef, Lease]]:
        """Yield results in order; the receiver releases the lease."""
        recipe, on_event = self._request.recipe, self._request.on_event
        (output,) = output_specs(recipe)
        spec = RunSpec(
            "arrays",
            output.operations,
            limits=recipe.encode.reading(self._workers.limits(self._options)),
            digests=False,
            sources=tuple(sources_of(self._request.inputs)),
            arrays=True,
            layout=self._request.layout,
            dtype=self._request.dtype,
        )
        done = failed = 0
        sources = tuple(sources_of(self._request.inputs))
        selection = Selection(self._options, lambda: self._workers, self._request.cancel, sources)
        plan = item_plan(self._request.inputs, self._options, selection)
        with contextlib.closing(self.results(spec, plan)) as results:
            for result in results:
                done += 1
                outcome = result if isinstance(result, Outcome) else result.outcome()
                failed += outcome.status == "failed"
                if on_event is not None:
                    on_event(Event("item", done, outcome=outcome))
                if isinstance(result, Settled) and result.placed is not None:
                    yield result.state.job.item, result.placed.frames, result.placed.lease
        if failed and on_event is None:
            warnings.warn(f"{failed} of {done} inputs failed; pass on_event to see why.", stacklevel=3)

    def _finish(self, thread: threading.Thread) -> None:
        super()._finish(thread)
        for result in self._ready.values():
            if placed := _placed(result):
                self._ledger.leases.release(placed.lease)

    def view(self, ref: FrameRef, lease: Lease) -> Array:
        """An array that is a view of the frame; the lease is released with the last view."""
        import numpy as np

        arena, _ = self._workers.open()
        flat = np.frombuffer(arena.buffer[ref.offset : ref.offset + ref.nbytes], dtype=ref.spec.dtype)
        weakref.finalize(flat, _release, arena, lease, weakref.ref(self))
        return flat.reshape(ref.spec.shape)


def _placed(result: Result) -> Placed | None:
    return result.placed if isinstance(result, Settled) else None


def _release(arena: Arena, lease: Lease, stream: weakref.ref[ArrayStream]) -> None:
    arena.allocator.give_back(lease)
    current = stream()
    if current is not None and current.starved:
        current.wake()


def stream(workers: Workers, request: ArrayRequest) -> Generator[tuple[Item, Array]]:
    """The arrays of a request, in the order of the inputs; see `imgpar.Session.arrays`."""
    arrays = ArrayStream(workers, request)
    with contextlib.closing(arrays.run()) as results:
        for item, ref, lease in results:
            array = arrays.view(ref, lease)
            yield item, (array.copy() if request.copy else array)
            del array
