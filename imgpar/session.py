"""A session owns the workers and the arena, and keeps them from run to run."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

from imgpar import values
from imgpar.errors import ArenaError, UsageError
from imgpar.model import Event, FrameRef, Item, Job, Limits, Outcome, RunOptions
from imgpar.pipeline import Pipeline, run_options, texts
from imgpar.recipe import Recipe
from imgpar.runtime.frames import Arena, default_memory, physical_memory
from imgpar.runtime.ledger import Ledger, Settled
from imgpar.runtime.messages import Begin, Lease
from imgpar.runtime.pool import Pool, available_cores
from imgpar.runtime.runspec import RunSpec
from imgpar.runtime.scheduler import CancelToken, Effort, Scheduler
from imgpar.runtime.warmup import warm_up
from imgpar.sources.local import scan

if TYPE_CHECKING:
    import numpy as np

    from imgpar.report import Report

    Array = np.ndarray[Any, Any]

WORKER_MEMORY = 4 << 30
"""Private memory of a worker, above which a picture is refused: decoders of hostile files know no bounds."""

_run_numbers = itertools.count(1)


class Session:
    """Workers and shared memory that are kept across runs.

    >>> with Session(jobs=1, memory="64M") as session:
    ...     session.jobs
    1

    Args:
        jobs: worker processes; None is every core that this process may use.
        memory: size of the shared arena in bytes or as text ("2G"); None is a quarter of the memory.
        start_method: "forkserver" or "spawn"; None is the best of this system.
    """

    def __init__(
        self, jobs: int | None = None, memory: int | str | None = None, *, start_method: str | None = None
    ) -> None:
        self.jobs = (
            values.named("jobs", values.integer(1, 1000), jobs) if jobs is not None else available_cores()
        )
        self.memory = (
            values.named("memory", values.byte_size, memory) if memory is not None else default_memory()
        )
        if start_method is not None:
            start_method = values.named("start_method", values.choice("forkserver", "spawn"), start_method)
        self._start_method = start_method
        if start_method is None:
            warm_up()
        self._arena: Arena | None = None
        self._pool: Pool | None = None
        self._serial = 0
        self._busy = threading.Lock()
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self.note = ""
        """One line for the user about the shared memory, once there is something to say."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and give the memory back; arrays that are still held stay valid."""
        if self._finalizer is not None:
            self._finalizer()
            self._finalizer = None
        self._pool = self._arena = None

    def run(
        self,
        pipeline: Pipeline,
        inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        out: str | os.PathLike[str],
        **settings: Any,
    ) -> Report:
        """Convert files with this session's workers; see `Pipeline.run`."""
        return pipeline.run(inputs, out, session=self, **settings)

    def _open(self) -> tuple[Arena, Pool]:
        if self._arena is None or self._pool is None:
            arena = Arena(self.memory)
            pool = Pool(arena, min(WORKER_MEMORY, physical_memory()), self._start_method)
            self._arena, self._pool, self.note = arena, pool, arena.note
            self._finalizer = weakref.finalize(self, _close, pool, arena)
        return self._arena, self._pool

    def execute(
        self,
        spec: RunSpec,
        plan: Iterator[Job | Outcome],
        sink: Callable[[Outcome | Settled], None],
        options: RunOptions,
        cancel: CancelToken,
        **hooks: Any,
    ) -> Effort:
        """Run one plan; for `imgpar.run`, not for users.

        Raises:
            UsageError: this session is in another run already.
        """
        if not self._busy.acquire(blocking=False):
            raise UsageError("This session is in another run.", fix="Give each thread a session of its own.")
        try:
            pool = self._open()[1]
            ledger = hooks.pop("ledger", None) or self.new_ledger(options.schedule)
            scheduler = Scheduler(
                pool,
                ledger,
                Begin(next(_run_numbers), _pickled(spec)),
                limit=min(self.jobs, options.jobs or self.jobs),
                timeout=options.timeout,
                name=spec.name,
                sink=sink,
                cancel=cancel,
                **hooks,
            )
            try:
                return scheduler.run(plan)
            finally:
                self._serial = ledger.last_serial
        finally:
            self._busy.release()

    def new_ledger(self, schedule: str, *, arrays: bool = False) -> Ledger:
        """Bookkeeping for one run on this session's arena."""
        arena, _ = self._open()
        return Ledger(arena.allocator, schedule, arrays=arrays, first_serial=self._serial)

    def limits(self, options: RunOptions) -> Limits:
        """What a single input may cost in this session."""
        arena, _ = self._open()
        return Limits(
            max_pixels=options.max_pixels,
            memory=arena.allocator.largest,
            accept_damaged=options.accept_damaged,
        )

    def arrays(
        self,
        pipeline: Pipeline,
        inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        channels: str = "RGB",
        dtype: str = "uint8",
        copy: bool = False,
        on_event: Callable[[Event], None] | None = None,
        cancel: CancelToken | None = None,
        **options: Any,
    ) -> Iterator[tuple[Item, Array]]:
        """Decoded and transformed pictures as arrays, in the order of the inputs.

        Args:
            pipeline: what is done to each picture.
            inputs: files, folders, globs.
            channels: "RGB", "RGBA", "L" or "LA".
            dtype: "uint8", "uint16" or "float32" (0 to 1).
            copy: give arrays of their own memory instead of views into the shared arena.
            on_event: called with an `Event` for every item, also for those that failed and are not yielded.
            cancel: stops the run.
            options: `timeout`, `max_pixels`, `accept_damaged`, `schedule`.

        Yields:
            The item and its array: H×W×C, C-contiguous. The array is a view into shared memory, read in
            place; its slot is free again when the last view of it is gone, so keeping it is safe.

        Raises:
            ArenaError: all shared memory is held by arrays that the caller keeps; `copy=True` is the way out.
            NoInputError: nothing matched.
        """
        stream = ArrayStream(
            self, pipeline.recipe, texts(inputs), run_options(options), cancel or CancelToken()
        )
        layout = values.named("channels", values.choice("rgb", "rgba", "l", "la"), channels).upper()
        dtype = values.named("dtype", values.choice("uint8", "uint16", "float32"), dtype)
        with contextlib.closing(stream.run(layout, dtype, on_event)) as results:
            for item, ref, lease in results:
                array = stream.view(ref, lease)
                yield item, (array.copy() if copy else array)
                del array


class ArrayStream:
    """Feeds arrays to one consumer: the scheduler runs in a thread, the consumer takes them in order.

    The consumer's memory is the arena. When it is full of arrays that come later than the one that is
    waited for, those are thrown away and made again; when it is full of arrays the consumer holds, that
    is the consumer's to solve, and it is told so.
    """

    def __init__(
        self, session: Session, recipe: Recipe, inputs: list[str], options: RunOptions, cancel: CancelToken
    ) -> None:
        self._session, self._recipe, self._inputs = session, recipe, inputs
        self._options, self._cancel = options, cancel
        self._ledger = session.new_ledger(options.schedule, arrays=True)
        self._ready: dict[int, Settled | None] = {}
        self._next = 0
        self._jobs = itertools.count()
        self._events: list[Outcome] = []
        self._changed = threading.Condition()
        self._waiting = False
        self.starved = False
        """A worker waits for memory: whoever gives some back shall say so."""
        self._ended = False
        self._error: BaseException | None = None
        self._wake_reader, self._wake_writer = Pipe(duplex=False)

    # ----- the scheduler's thread -----------------------------------------------------------------

    def _plan(self) -> Iterator[Job | Outcome]:
        for batch in scan(self._inputs, out=None):
            for item in batch.items:
                if item.error:
                    yield Outcome(item.path, "failed", error=item.error, stage="plan")
                else:
                    yield Job(next(self._jobs), item)

    def _sink(self, result: Outcome | Settled) -> None:
        with self._changed:
            if isinstance(result, Outcome):
                self._events.append(result)
            else:
                self._ready[result.state.job.id] = result
            self._changed.notify()

    def _turn(self) -> bool:
        """Every turn: see that the array that is waited for can come."""
        with self._changed:
            stalled = self.starved = self._ledger.stalled
            if stalled and not self._ledger.can_grant:
                later = [number for number, result in self._ready.items() if result and result.placed]
                if later and max(later) != self._next:
                    self._evict(max(later))
                elif self._waiting and not later:
                    size = self._session.memory >> 20
                    raise ArenaError(
                        f"All {size} MiB of shared memory are held by arrays that you keep.",
                        fix="Pass copy=True, let arrays go, or give the session more memory.",
                    )
        return True

    def _evict(self, number: int) -> None:
        result = self._ready.pop(number)
        assert result is not None
        assert result.placed is not None
        self._ledger.release(result.placed.lease)
        self._ledger.again(result.state)

    def _work(self, spec: RunSpec) -> None:
        try:
            self._session.execute(
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

    # ----- the consumer's thread ------------------------------------------------------------------

    def run(
        self, layout: str, dtype: str, on_event: Callable[[Event], None] | None
    ) -> Generator[tuple[Item, FrameRef, Lease]]:
        """Yields what is ready, in order; the receiver releases the lease."""
        limits = self._session.limits(self._options)
        spec = RunSpec(
            "arrays",
            self._recipe.operations,
            limits=limits,
            digests=False,
            arrays=True,
            layout=layout,
            dtype=dtype,
        )
        thread = threading.Thread(target=self._work, args=(spec,), name="imgpar-arrays", daemon=True)
        thread.start()
        done = failed = 0
        try:
            while (result := self._take()) is not None:
                done += 1
                outcome = result if isinstance(result, Outcome) else outcome_of(result)
                failed += outcome.status == "failed"
                if on_event is not None:
                    on_event(Event("item", done, outcome=outcome))
                if isinstance(result, Settled) and result.placed is not None:
                    yield result.state.job.item, result.placed.frames, result.placed.lease
            if failed and on_event is None:
                warnings.warn(f"{failed} of {done} inputs failed; pass on_event to see why.", stacklevel=3)
        finally:
            self._finish(thread)

    def _take(self) -> Outcome | Settled | None:
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
        """An array over the frame; the lease goes back when the last view of it dies."""
        import numpy as np

        arena, _ = self._session._open()
        flat = np.frombuffer(arena.buffer[ref.offset : ref.offset + ref.nbytes], dtype=ref.spec.dtype)
        weakref.finalize(flat, _give_back, arena, lease, weakref.ref(self))
        return flat.reshape(ref.spec.shape)

    def wake(self) -> None:
        """End the scheduler's wait."""
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"!")

    def _finish(self, thread: threading.Thread) -> None:
        """The consumer is through, or has had enough: stop the rest and free what it did not take."""
        if thread.is_alive():
            self._cancel.cancel()
            self.wake()
            thread.join()
        for result in self._ready.values():
            if result is not None and result.placed is not None:
                self._ledger.release(result.placed.lease)
        self._wake_reader.close()
        self._wake_writer.close()


def _give_back(arena: Arena, lease: Lease, stream: weakref.ref[ArrayStream]) -> None:
    arena.allocator.give_back(lease)
    living = stream()
    if living is not None and living.starved:
        living.wake()


def outcome_of(settled: Settled) -> Outcome:
    """The line of the report for a job that has ended."""
    state, failure = settled.state, settled.state.failure
    return Outcome(
        state.job.item.path,
        "failed" if failure else "skipped" if settled.kind == "unchanged" else "ok",
        tuple(state.outputs),
        error=f"{failure.message} {failure.fix}".strip() if failure else "",
        stage=failure.stage if failure else "",
        traceback=failure.traceback if failure else "",
        reason="unchanged" if settled.kind == "unchanged" else "",
        seconds=sum(state.timings.values()),
        stages=tuple(state.timings.items()),
        lost=tuple(dict.fromkeys(state.lost)),
        notes=tuple(dict.fromkeys((*state.job.notes, *state.notes))),
        source_bytes=state.job.item.size,
        job=state.job.id,
        digest=state.digest,
    )


def _pickled(spec: RunSpec) -> bytes:
    """Functions of importable modules travel by name; lambdas and those of `__main__` with their code."""
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps(spec)
    except Exception as error:
        raise UsageError(
            f"A function of the pipeline cannot be sent to worker processes: {error}.",
            fix="Open files, locks and connections inside the function.",
        ) from error
    return pickled


def _close(pool: Pool, arena: Arena) -> None:
    pool.close()
    arena.close()
