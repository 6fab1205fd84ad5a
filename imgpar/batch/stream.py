"""Arrays in shared memory for one consumer, in the order of the inputs."""

from __future__ import annotations

import contextlib
import itertools
import threading
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.settings import Call
from imgpar.core import parsing
from imgpar.core.errors import ArenaError, UsageError
from imgpar.core.job import Event, Item, Job, Outcome
from imgpar.core.spec import FrameRef
from imgpar.inputs.local import scan
from imgpar.inputs.patterns import Patterns
from imgpar.recipe.recipe import Recipe
from imgpar.runtime.arena import Arena
from imgpar.runtime.protocol import Lease
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.workers import Workers

    Array = np.ndarray[Any, Any]

END_SECONDS = 5.0
"""Timeout for the scheduler thread when the interpreter exits, in seconds."""


@dataclass(frozen=True, slots=True)
class ArrayRequest:
    """A validated request for arrays."""

    recipe: Recipe
    inputs: list[str]
    options: RunOptions
    layout: str
    dtype: str
    copy: bool
    on_event: Callable[[Event], None] | None
    cancel: CancelToken


def read_request(
    call: Call,
    recipe: Recipe,
    inputs: list[str],
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
        inputs: paths of files and folders.
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
    return ArrayRequest(
        recipe,
        inputs,
        RunOptions.read({key: value for key, value in settings.items() if key in call.run}),
        parsing.named("channels", parsing.choice("rgb", "rgba", "l", "la"), channels).upper(),
        parsing.named("dtype", parsing.choice("uint8", "uint16", "float32"), dtype),
        parsing.named("copy", parsing.switch, copy),
        on_event,
        cancel or CancelToken(),
    )


class ArrayStream:
    """Arrays for one consumer: the scheduler runs in a thread, the consumer reads results in order.

    Arrays are views of the arena. When the arena is full of later arrays than the next one, those are
    discarded and made again. When it is full of arrays held by the consumer, ArenaError is raised.

    Args:
        workers: of the session.
        request: validated.
    """

    def __init__(self, workers: Workers, request: ArrayRequest) -> None:
        self._workers, self._request, self._options = workers, request, request.options
        self._caller_cancel = request.cancel
        self._cancel = CancelToken()
        """Separate from the token of the caller, which a consumer that stops early must not cancel."""
        self._ledger = workers.new_ledger(self._options.schedule, arrays=True)
        self._ready: dict[int, Settled | None] = {}
        self._next = 0
        self._jobs = itertools.count()
        self._events: list[Outcome] = []
        self._changed = threading.Condition()
        self._waiting = False
        self.starved = False
        """A worker waits for memory: a released lease has to wake the scheduler."""
        self._ended = False
        self._error: BaseException | None = None
        self._wake_reader, self._wake_writer = Pipe(duplex=False)

    # ----- the scheduler thread -------------------------------------------------------------------

    def _plan(self) -> Iterator[Job | Outcome]:
        patterns = Patterns(self._options.include, self._options.exclude)
        for batch in scan(self._request.inputs, out=None, patterns=patterns):
            for item in batch.items:
                if item.error:
                    yield Outcome(item.path, "failed", error=item.error, stage="plan", kind=item.kind)
                else:
                    yield Job(next(self._jobs), (item,))

    def _sink(self, result: Outcome | Settled) -> None:
        with self._changed:
            if isinstance(result, Outcome):
                self._events.append(result)
            else:
                self._ready[result.state.job.id] = result
            self._changed.notify()

    def _turn(self) -> bool:
        """Called in every iteration of the scheduler: evict later arrays where the next one has no memory."""
        self._forward_cancel()
        with self._changed:
            self.starved = self._ledger.leases.stalled
            if self._ledger.leases.stuck:
                later = [number for number, result in self._ready.items() if result and result.placed]
                if later and max(later) != self._next:
                    self._evict(max(later))
                elif self._waiting and not later:
                    size = self._workers.memory >> 20
                    raise ArenaError(
                        f"All {size} MiB of shared memory are used by arrays that are still referenced.",
                        fix="Pass copy=True, drop references to arrays, or give the session more memory.",
                    )
        return True

    def _forward_cancel(self) -> None:
        if self._caller_cancel.killed:
            self._cancel.kill()
        elif self._caller_cancel.cancelled:
            self._cancel.cancel()

    def _evict(self, number: int) -> None:
        result = self._ready.pop(number)
        assert result is not None
        assert result.placed is not None
        self._ledger.leases.release(result.placed.lease)
        self._ledger.again(result.state)

    def _run_scheduler(self, spec: RunSpec) -> None:
        try:
            self._workers.execute(
                spec,
                self._plan(),
                self._sink,
                self._options,
                self._cancel,
                ledger=self._ledger,
                turn=self._turn,
                wakeup=self._wake_reader,
            )
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    # ----- the consumer thread --------------------------------------------------------------------

    def run(self) -> Generator[tuple[Item, FrameRef, Lease]]:
        """Yield results in order; the receiver releases the lease."""
        recipe, on_event = self._request.recipe, self._request.on_event
        spec = RunSpec(
            "arrays",
            recipe.operations,
            limits=recipe.encode.reading(self._workers.limits(self._options)),
            digests=False,
            arrays=True,
            layout=self._request.layout,
            dtype=self._request.dtype,
        )
        self._workers.open()  # first, so that the interpreter ends this thread before the workers at exit
        thread = threading.Thread(target=self._run_scheduler, args=(spec,), name="imgpar-arrays", daemon=True)
        thread.start()
        ender = weakref.finalize(thread, _end, self._cancel, self.wake, thread)
        done = failed = 0
        try:
            while (result := self._next_result()) is not None:
                done += 1
                outcome = result if isinstance(result, Outcome) else result.outcome()
                failed += outcome.status == "failed"
                if on_event is not None:
                    on_event(Event("item", done, outcome=outcome))
                if isinstance(result, Settled) and result.placed is not None:
                    yield result.state.job.item, result.placed.frames, result.placed.lease
            if failed and on_event is None:
                warnings.warn(f"{failed} of {done} inputs failed; pass on_event to see why.", stacklevel=3)
        finally:
            ender.detach()
            self._finish(thread)

    def _next_result(self) -> Outcome | Settled | None:
        with self._changed:
            self._waiting = True
            while True:
                if self._error is not None:
                    raise self._error
                if self._events:
                    break
                if self._next in self._ready or self._ended:
                    break
                self.wake()
                self._changed.wait()
            self._waiting = False
            if self._events:
                return self._events.pop(0)
            result = self._ready.pop(self._next, None)
            self._next += result is not None
            return result

    def view(self, ref: FrameRef, lease: Lease) -> Array:
        """An array that is a view of the frame; the lease is released with the last view."""
        import numpy as np

        arena, _ = self._workers.open()
        flat = np.frombuffer(arena.buffer[ref.offset : ref.offset + ref.nbytes], dtype=ref.spec.dtype)
        weakref.finalize(flat, _release, arena, lease, weakref.ref(self))
        return flat.reshape(ref.spec.shape)

    def wake(self) -> None:
        """Wake the scheduler."""
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"!")

    def _finish(self, thread: threading.Thread) -> None:
        """The consumer has finished or stopped: cancel remaining jobs and release unread results."""
        if thread.is_alive():
            self._cancel.cancel()
            self.wake()
            thread.join()
        for result in self._ready.values():
            if result is not None and result.placed is not None:
                self._ledger.leases.release(result.placed.lease)
        self._wake_reader.close()
        self._wake_writer.close()


def _end(cancel: CancelToken, wake: Callable[[], None], thread: threading.Thread) -> None:
    """The interpreter exits during a request."""
    cancel.kill()
    wake()
    thread.join(END_SECONDS)


def _release(arena: Arena, lease: Lease, stream: weakref.ref[ArrayStream]) -> None:
    arena.allocator.give_back(lease)
    current = stream()
    if current is not None and current.starved:
        current.wake()


def stream(workers: Workers, request: ArrayRequest) -> Iterator[tuple[Item, Array]]:
    """The arrays of a request, in the order of the inputs; see `imgpar.Session.arrays`."""
    arrays = ArrayStream(workers, request)
    with contextlib.closing(arrays.run()) as results:
        for item, ref, lease in results:
            array = arrays.view(ref, lease)
            yield item, (array.copy() if request.copy else array)
            del array
