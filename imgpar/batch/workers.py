"""Worker processes and the arena, shared by the runs of a session."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from multiprocessing import util
from tempfile import gettempdir
from typing import Any, Self

from imgpar.batch import PRELOAD
from imgpar.batch.incremental import Unchanged
from imgpar.batch.performer import BatchPerformer
from imgpar.batch.pickling import pickled
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import UsageError
from imgpar.core.job import Job, Outcome
from imgpar.core.limits import Limits
from imgpar.runtime.arena import Arena, default_memory, physical_memory
from imgpar.runtime.cores import available_cores
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Pool
from imgpar.runtime.protocol import Begin
from imgpar.runtime.rlimits import check_limits, most_workers
from imgpar.runtime.sandbox import Place, Sandbox
from imgpar.runtime.scheduler import CancelToken, Effort, NotYet, Scheduler
from imgpar.runtime.startup import may_start, start_tracker, warm_up

WORKER_MEMORY = 4 << 30
"""Limit of the private memory of a worker: decoders may allocate any amount for malicious files."""

CLOSES = 20
"""When workers end at the end of this process, by the priorities of multiprocessing: after what uses them."""

_run_numbers = itertools.count(1)
_all: weakref.WeakSet[Workers] = weakref.WeakSet()


class Workers:
    """Worker processes and shared memory, created on first use and kept until `close`.

    In a forked child they are created anew; those of its parent are left alone. In a daemonic process, which
    may start no others, and with `jobs=0`, the only worker is a thread of this process.

    Args:
        jobs: maximum number of worker processes; None is one per available core, 0 is none.
        memory: bytes of the shared arena; None is a quarter of physical memory.
        start_method: "forkserver" or "spawn"; None is the default of the system.
        worker_memory: bytes of private memory of a worker; None is 4 GiB, or physical memory if less.
        sandboxed: whether worker processes touch nothing but what `confine` allows.
        first_serial: numbers of tasks continue from here; workers of several machines in one folder must not
            use the same ones, as temporary files are named after them.
    """

    def __init__(
        self,
        jobs: int | None = None,
        memory: int | None = None,
        *,
        start_method: str | None = None,
        worker_memory: int | None = None,
        sandboxed: bool = False,
        first_serial: int = 0,
    ) -> None:
        self.jobs = available_cores() if jobs is None else jobs
        self.memory = memory or default_memory()
        self._worker_memory, self._start_method = worker_memory, start_method
        self.sandboxed = sandboxed
        self._sandbox: Sandbox | None = Sandbox() if sandboxed else None
        self._places: tuple[tuple[Place, ...], ...] = ()
        """What the workers may touch, of what existed when they were started."""
        if jobs == 0:
            self._check_in_process()
        elif start_method is None and may_start():
            warm_up(PRELOAD, sandboxed=sandboxed)
        self._arena: Arena | None = None
        self._pool: Pool | None = None
        self._serial = first_serial
        self._busy = threading.Lock()
        self._executing: threading.Thread | None = None
        """The thread of the run that is executed."""
        self._stops: list[Callable[[], None]] = []
        """What ends the runs of this session when it is closed."""
        self._closing = False
        self._finalizer: util.Finalize | None = None
        self.note = ""
        """A note for the user about shared memory, or missing processes; empty where there is none."""
        _all.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled are the settings: a copy starts workers of its own."""
        return _again, (type(self), self.jobs, self.memory, self._start_method, self._worker_memory)

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
            arena, pool = self._new() if has_processes(self.jobs) else self._new_in_process()
            self._arena, self._pool = arena, pool
            # Not that of `weakref`, which does not know the end of processes of multiprocessing.
            self._finalizer = util.Finalize(self, _close, (pool, arena), exitpriority=CLOSES)
        return self._arena, self._pool

    def _new(self) -> tuple[Arena, Pool]:
        check_limits(self.memory)
        self.jobs = min(self.jobs, most_workers() or self.jobs)
        limit = self._worker_memory
        limit = min(WORKER_MEMORY, physical_memory()) if limit is None else limit
        start_tracker()  # of which the arena would take a failure for a lack of memory
        arena = Arena(self.memory)
        try:
            pool = Pool(arena, limit, self._start_method, preload=PRELOAD, sandbox=self._sandbox)
        except BaseException:
            arena.close()
            raise
        self.note = arena.note
        return arena, pool

    def _new_in_process(self) -> tuple[Arena, Pool]:
        from imgpar.runtime.in_process import PrivateArena, ThreadPool

        self._check_in_process()
        if self.jobs:
            self.note = (
                "This process is daemonic and may start no others, so it did the work itself: a file that "
                "crashes or occupies its decoder would end or occupy this process."
            )
        arena = PrivateArena(self.memory)
        return arena, ThreadPool(arena)

    def _check_in_process(self) -> None:
        """Refuse settings of worker processes where there are none."""
        if self._start_method is not None:
            raise _needs_processes("start_method")
        if self._worker_memory:
            raise _needs_processes("worker_memory")

    def confine(self, sandbox: Sandbox) -> None:
        """Say what the workers may touch. Those that were restricted to something else are replaced: a
        restriction cannot be changed, and holds for the folders that existed when it began."""
        if not self.sandboxed or self._executing is not None:
            return
        # Not that of the workers, whose environment is that of the fork server.
        sandbox = Sandbox(sandbox.reads, (*sandbox.writes, gettempdir()))
        places = sandbox.places()
        if self._pool is not None and places != self._places:
            self.close()
        self._sandbox, self._places = sandbox, places

    def alike(self) -> Workers:
        """New workers with the settings of these, and a sandbox."""
        return Workers(self.jobs, self.memory, worker_memory=self._worker_memory, sandboxed=True)

    def disown(self) -> None:
        """In a forked child: forget the workers and the memory, which belong to the parent."""
        if self._finalizer is not None:
            self._finalizer.cancel()
        if self._pool is not None:
            self._pool.disown()
        self._arena = self._pool = self._finalizer = self._executing = None
        self._stops, self._closing = [], False
        self._busy = threading.Lock()

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
        stops = self._stops  # a forked child has others
        stops.append(stop)
        try:
            yield
        finally:
            stops.remove(stop)

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
        check_isolation(options, self.jobs)
        ledger = hooks.pop("ledger", None) or self.new_ledger(options.schedule, together=options.strict)
        if spec.together > 1:
            ledger.tasks.collect(spec.together)
        scheduler = Scheduler(
            pool,
            ledger,
            Begin(next(_run_numbers), pickled(BatchPerformer(spec), spec.every_operation, spec.sources)),
            limit=min(self.jobs, options.jobs or self.jobs) if pool.isolated else 1,
            timeout=options.timeout,
            name=spec.name,
            sets_up=any(operation.sets_up for operation in spec.every_operation),
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


def new_workers(options: RunOptions, sandbox: Sandbox | None = None) -> Workers:
    """The workers of one run; none is started yet. With a sandbox they touch nothing else."""
    workers = Workers(
        options.jobs, options.memory, worker_memory=options.worker_memory, sandboxed=sandbox is not None
    )
    if sandbox is not None:
        workers.confine(sandbox)
    return workers


def has_processes(jobs: int | None) -> bool:
    """Whether work with so many `jobs` has processes of its own here."""
    return jobs != 0 and may_start()


def check_isolation(options: RunOptions, jobs: int | None) -> None:
    """Refuse options that need worker processes where there are none.

    Args:
        options: of the run.
        jobs: of the run, or of its session.

    Raises:
        UsageError: one is given; or the run is to have no processes, and its session has some.
    """
    isolated = has_processes(jobs)
    if isolated and options.jobs == 0:
        raise UsageError("This session has worker processes.", fix="For none, use Session(jobs=0).")
    for name in ("timeout", "worker_memory", "sandbox"):
        if getattr(options, name) and not isolated:
            raise _needs_processes(name)


def _close(pool: Pool, arena: Arena) -> None:
    try:
        pool.close()
    finally:
        arena.close()


def _again(
    kind: type[Workers], jobs: int, memory: int, start_method: str | None, worker_memory: int | None
) -> Workers:
    return kind(jobs, memory, start_method=start_method, worker_memory=worker_memory)


def _needs_processes(setting: str) -> UsageError:
    if may_start():
        return UsageError(
            f"{setting} needs worker processes, and jobs=0 starts none.",
            fix=f"Leave {setting} or jobs=0 out.",
        )
    return UsageError(
        f"{setting} needs worker processes, and this process is daemonic: it may start no others.",
        fix=f"Leave {setting} out, or work in a process that is not daemonic, such as one of "
        "concurrent.futures.ProcessPoolExecutor.",
    )


def _after_fork() -> None:
    for workers in list(_all):
        workers.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
