"""A session owns the workers and the arena, and keeps them from run to run."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from imgpar.api.pipeline import Pipeline, texts
from imgpar.batch import PRELOAD
from imgpar.batch.incremental import Unchanged
from imgpar.batch.performer import Performer
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.settings import SESSION_ARRAYS
from imgpar.batch.stream import ArrayRequest, ArrayStream, read_request
from imgpar.core import parsing
from imgpar.core.errors import UsageError
from imgpar.core.model import (
    Event,
    Item,
    Job,
    Limits,
    Outcome,
    RunOptions,
)
from imgpar.ops import operation_types
from imgpar.runtime.arena import Arena, default_memory, physical_memory
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Pool, available_cores
from imgpar.runtime.protocol import Begin
from imgpar.runtime.rlimits import check_limits, most_workers
from imgpar.runtime.scheduler import CancelToken, Effort, Scheduler
from imgpar.runtime.startup import warm_up

if TYPE_CHECKING:
    import numpy as np

    from imgpar.batch.report import Report

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
        worker_memory: private memory of a worker on Linux, as bytes or text; None is 4 GiB, or all that the
            machine has. A picture whose decoder needs more fails.
    """

    def __init__(
        self,
        jobs: int | None = None,
        memory: int | str | None = None,
        *,
        start_method: str | None = None,
        worker_memory: int | str | None = None,
    ) -> None:
        self.jobs = (
            parsing.named("jobs", parsing.integer(1, 1000), jobs) if jobs is not None else available_cores()
        )
        self.memory = (
            parsing.named("memory", parsing.byte_size, memory) if memory is not None else default_memory()
        )
        self._worker_memory = (
            parsing.named("worker_memory", parsing.worker_memory, worker_memory)
            if worker_memory is not None
            else min(WORKER_MEMORY, physical_memory())
        )
        if start_method is not None:
            start_method = parsing.named("start_method", parsing.choice("forkserver", "spawn"), start_method)
        self._start_method = start_method
        if start_method is None:
            warm_up(PRELOAD)
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
        """Convert files with this session's workers and memory; see `Pipeline.run`, without `memory` and
        `worker_memory`."""
        return pipeline.run(inputs, out, session=self, **settings)

    def open(self) -> tuple[Arena, Pool]:
        """The arena and the workers, made when they are first needed; for imgpar itself."""
        if self._arena is None or self._pool is None:
            check_limits(self.memory)
            self.jobs = min(self.jobs, most_workers() or self.jobs)
            arena = Arena(self.memory)
            try:
                pool = Pool(arena, self._worker_memory, self._start_method, preload=PRELOAD)
            except BaseException:
                arena.close()
                raise
            self._arena, self._pool, self.note = arena, pool, arena.note
            self._finalizer = weakref.finalize(self, _close, pool, arena)
        return self._arena, self._pool

    def execute(
        self,
        spec: RunSpec,
        plan: Iterator[Job | Outcome | Unchanged],
        sink: Callable[[Any], None],
        options: RunOptions,
        cancel: CancelToken,
        **hooks: Any,
    ) -> Effort:
        """Run one plan; for `imgpar.batch.run`, not for users.

        Raises:
            UsageError: this session is in another run already.
        """
        if not self._busy.acquire(blocking=False):
            raise UsageError("This session is in another run.", fix="Give each thread a session of its own.")
        try:
            pool = self.open()[1]
            ledger = hooks.pop("ledger", None) or self.new_ledger(options.schedule, together=options.strict)
            scheduler = Scheduler(
                pool,
                ledger,
                Begin(next(_run_numbers), _pickled(Performer(spec))),
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
                self._serial = ledger.tasks.serial
        finally:
            self._busy.release()

    def new_ledger(self, schedule: str, *, arrays: bool = False, together: bool = False) -> Ledger:
        """Bookkeeping for one run on this session's arena."""
        arena, _ = self.open()
        return Ledger(arena.allocator, schedule, arrays=arrays, together=together, first_serial=self._serial)

    def limits(self, options: RunOptions) -> Limits:
        """What a single input may cost in this session."""
        arena, _ = self.open()
        return Limits(
            max_pixels=options.max_pixels,
            max_frames=options.max_frames,
            memory=arena.allocator.largest,
            accept_damaged=options.accept_damaged,
            password=options.password,
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
            options: `jobs`, `timeout`, `schedule`, `max_pixels`, `max_frames`, `accept_damaged`, `password`,
                `include`, `exclude`; and of the
                recipe's keys `density` and `pages`. What else it says is for files.

        Yields:
            The item and its array: H×W×C, C-contiguous. The array is a view into shared memory, read in
            place; its slot is free again when the last view of it is gone, so keeping it is safe.

        Raises:
            UsageError: a setting is wrong, or this call has no use for it; at once.
            ArenaError: all shared memory is held by arrays that the caller keeps; `copy=True` is the way out.
            NoInputError: nothing matched.
        """
        request = read_request(
            SESSION_ARRAYS, pipeline.recipe, texts(inputs), options, channels=channels, dtype=dtype,
            copy=copy, on_event=on_event, cancel=cancel,
        )  # fmt: skip
        return self.stream(request)

    def stream(self, request: ArrayRequest) -> Iterator[tuple[Item, Array]]:
        """The arrays of a request; for imgpar itself."""
        stream = ArrayStream(self, request)
        with contextlib.closing(stream.run()) as results:
            for item, ref, lease in results:
                array = stream.view(ref, lease)
                yield item, (array.copy() if request.copy else array)
                del array


def _pickled(performer: Performer) -> bytes:
    """Functions of importable modules travel by name; lambdas and those of `__main__` with their code."""
    known = operation_types().values()
    if all(type(operation) in known for operation in performer.run.operations):
        return pickle.dumps(performer, pickle.HIGHEST_PROTOCOL)
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps(performer)
    except Exception as error:
        raise UsageError(
            f"A function of the pipeline cannot be sent to worker processes: {error}.",
            fix="Open files, locks and connections inside the function.",
        ) from error
    return pickled


def _close(pool: Pool, arena: Arena) -> None:
    try:
        pool.close()
    finally:
        arena.close()
