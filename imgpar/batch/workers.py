"""Worker processes and the arena, shared by the runs of a session."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Self

from imgpar.batch import PRELOAD
from imgpar.batch.incremental import Unchanged
from imgpar.batch.performer import BatchPerformer
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import UsageError
from imgpar.core.job import Job, Outcome
from imgpar.core.limits import Limits
from imgpar.inputs.foreign import ForeignSource
from imgpar.ops import operation_types
from imgpar.runtime.arena import Arena, default_memory, physical_memory
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Pool, available_cores
from imgpar.runtime.protocol import Begin
from imgpar.runtime.rlimits import check_limits, most_workers
from imgpar.runtime.scheduler import CancelToken, Effort, NotYet, Scheduler
from imgpar.runtime.startup import warm_up

WORKER_MEMORY = 4 << 30
"""Limit of the private memory of a worker: decoders may allocate any amount for malicious files."""

_run_numbers = itertools.count(1)


class Workers:
    """Worker processes and shared memory, created on first use and kept until `close`.

    Args:
        jobs: number of worker processes; None is one per available core.
        memory: bytes of the shared arena; None is a quarter of physical memory.
        start_method: "forkserver" or "spawn"; None is the default of the system.
        worker_memory: bytes of private memory of a worker; None is 4 GiB, or physical memory if less.
    """

    def __init__(
        self,
        jobs: int | None = None,
        memory: int | None = None,
        *,
        start_method: str | None = None,
        worker_memory: int | None = None,
    ) -> None:
        self.jobs = jobs or available_cores()
        self.memory = memory or default_memory()
        self._worker_memory = (
            worker_memory if worker_memory is not None else min(WORKER_MEMORY, physical_memory())
        )
        self._start_method = start_method
        if start_method is None:
            warm_up(PRELOAD)
        self._arena: Arena | None = None
        self._pool: Pool | None = None
        self._serial = 0
        self._busy = threading.Lock()
        self._executing: threading.Thread | None = None
        """The thread of the run that is executed."""
        self._stops: list[Callable[[], None]] = []
        """What ends the runs of this session when it is closed."""
        self._closing = False
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self.note = ""
        """A note for the user about shared memory; empty where there is none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers and release the arena; arrays that are still referenced stay valid. A run that is
        executed is stopped first; in one of its callbacks the session is closed when the callback returns."""
        for stop in tuple(self._stops):
            stop()
        if self._executing is threading.current_thread():
            self._closing = True
            return
        with self._busy:
            self._close()

    def _close(self) -> None:
        self._closing = False
        if self._finalizer is not None:
            self._finalizer()
            self._finalizer = None
        self._pool = self._arena = None

    def open(self) -> tuple[Arena, Pool]:
        """The arena and the workers, created on first use."""
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
        plan: Iterator[Job | Outcome | Unchanged | NotYet],
        sink: Callable[[Any], None],
        options: RunOptions,
        cancel: CancelToken,
        **hooks: Any,
    ) -> Effort:
        """Run one plan; internal, for `imgpar.batch.run` and `imgpar.batch.stream`.

        Args:
            spec: sent to the workers.
            plan: jobs, and outcomes of inputs that need none.
            sink: receives the results.
            options: of the run.
            cancel: stops the run.
            hooks: further arguments of `Scheduler`.

        Raises:
            UsageError: the session executes another run.
        """
        if not self._busy.acquire(blocking=False):
            raise UsageError("This session is in another run.", fix="Give each thread a session of its own.")
        self._executing = threading.current_thread()
        try:
            with self.stopped_by(cancel.kill):
                return self._executed(spec, plan, sink, options, cancel, **hooks)
        finally:
            if self._closing:
                self._close()
            self._executing = None
            self._busy.release()

    @contextlib.contextmanager
    def stopped_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop` if the session is closed within this block; from the thread that closes it."""
        self._stops.append(stop)
        try:
            yield
        finally:
            self._stops.remove(stop)

    def _executed(
        self,
        spec: RunSpec,
        plan: Iterator[Job | Outcome | Unchanged | NotYet],
        sink: Callable[[Any], None],
        options: RunOptions,
        cancel: CancelToken,
        **hooks: Any,
    ) -> Effort:
        pool = self.open()[1]
        ledger = hooks.pop("ledger", None) or self.new_ledger(options.schedule, together=options.strict)
        scheduler = Scheduler(
            pool,
            ledger,
            Begin(next(_run_numbers), _pickled(BatchPerformer(spec))),
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

    def new_ledger(self, schedule: str, **kind: bool) -> Ledger:
        """The ledger of one run on the arena of this session; `kind` as for `Ledger`."""
        arena, _ = self.open()
        return Ledger(arena.allocator, schedule, first_serial=self._serial, **kind)

    def limits(self, options: RunOptions) -> Limits:
        """The limits of a single input in this session."""
        arena, _ = self.open()
        return Limits(
            max_pixels=options.max_pixels,
            max_frames=options.max_frames,
            memory=arena.allocator.largest,
            accept_damaged=options.accept_damaged,
            password=options.password,
        )


def _pickled(performer: BatchPerformer) -> bytes:
    """Pickle functions of importable modules by reference, lambdas and those of `__main__` by value."""
    known, sources = operation_types().values(), performer.run.sources
    ours = all(
        type(source).__module__.startswith("imgpar.") and not isinstance(source, ForeignSource)
        for source in sources
    )
    if ours and all(type(operation) in known for operation in performer.run.every_operation):
        return pickle.dumps(performer, pickle.HIGHEST_PROTOCOL)
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps(performer)
    except Exception as error:
        raise UsageError(
            f"A function or a source cannot be sent to worker processes: {error}.",
            fix="Open files, locks and connections inside the function, or when an item is opened.",
        ) from error
    return pickled


def _close(pool: Pool, arena: Arena) -> None:
    try:
        pool.close()
    finally:
        arena.close()
