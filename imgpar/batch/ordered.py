"""Results of a run for one consumer, in the order of its plan."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from multiprocessing import Pipe, util
from typing import TYPE_CHECKING

from imgpar.batch.inward import Inward
from imgpar.batch.run_options import RunOptions
from imgpar.batch.run_spec import RunSpec
from imgpar.batch.workers import CLOSES, Workers
from imgpar.core.errors import CancelledError, RunError, UsageError
from imgpar.core.exiting import end_daemon_at_exit
from imgpar.core.job import Item, Job, Outcome, outcome_of
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.records import Settled
from imgpar.runtime.scheduler import CancelToken, NotYet

if TYPE_CHECKING:
    from imgpar.batch.unpacking import Entry

END_SECONDS = 5.0
"""Timeout for the scheduler thread when the interpreter exits, in seconds."""

LEAVE_SECONDS = 0.3
"""How long jobs in flight may take when the consumer leaves: quick ones end, and their workers are kept.
Nobody can take the results of slow ones, so their workers are killed."""

Result = Outcome | Settled

_all: weakref.WeakSet[OrderedResults] = weakref.WeakSet()


class OrderedResults:
    """The scheduler runs in a thread, the consumer reads the results in order.

    Jobs are numbered in the order of the plan. An `Outcome` in the plan is an input that needs no job; it has
    its place in the order like any other result.

    Args:
        workers: of the session.
        options: of the run.
        cancel: of the caller.
        ledger: of the run.
    """

    def __init__(self, workers: Workers, options: RunOptions, cancel: CancelToken, ledger: Ledger) -> None:
        self._workers, self._options, self._ledger = workers, options, ledger
        self._caller_cancel = cancel
        self._cancel = CancelToken()
        """Separate from the token of the caller, which a consumer that stops early must not cancel."""
        self._ready: dict[int, Result] = {}
        self._next = 0
        self._planned: int | None = None
        """How many results there are, once all are planned."""
        self._changed = threading.Condition()
        self._waiting = False
        self._ended = False
        self._error: BaseException | None = None
        self._inward: Inward | None = None
        self._wake_reader, self._wake_writer = Pipe(duplex=False)
        _all.add(self)

    def disown(self) -> None:
        """In a forked child, which lacks the scheduler thread: taking a result raises an error."""
        self._changed = threading.Condition()  # the thread may have held it
        self._error = RunError(
            "These results were begun in another process, which has forked.",
            fix="Begin anew in this process.",
        )
        self._wake_reader.close()
        self._wake_writer.close()

    # ----- the scheduler thread -------------------------------------------------------------------

    def _sink(self, result: object) -> None:
        with self._changed:
            if isinstance(result, Settled):
                self._ready[result.state.job.id] = result
            elif isinstance(result, Outcome):
                self._ready[result.job] = result
            self._changed.notify()

    def _turn(self) -> bool:
        """Called in every iteration of the scheduler."""
        if self._caller_cancel.killed:
            self._cancel.kill()
        elif self._caller_cancel.cancelled:
            self._cancel.cancel()
        if self._inward:
            self._inward.turn()
        return True

    def _run_scheduler(self, spec: RunSpec, plan: Iterator[Job | Outcome | NotYet]) -> None:
        try:
            # The plan is closed in the thread that has opened its journal.
            with (
                contextlib.closing(self._numbered(plan)) as numbered,
                self._prepared(spec, numbered) as ready,
            ):
                self._workers.execute(
                    spec,
                    ready,
                    self._sink,
                    self._options,
                    self._cancel,
                    ledger=self._ledger,
                    turn=self._turn,
                    wakeup=self._wake_reader,
                )
        except BaseException as error:
            self._error = self._error or error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _numbered(self, plan: Iterator[Job | Outcome | NotYet]) -> Generator[Job | Outcome | NotYet]:
        """The plan with the place of each entry as its number."""
        number = 0
        try:
            for entry in plan:
                if isinstance(entry, NotYet):
                    yield entry
                    continue
                yield entry._replace(id=number) if isinstance(entry, Job) else entry._replace(job=number)
                number += 1
            if not self._caller_cancel.cancelled:  # a plan that is cancelled ends early
                self._planned = number
        finally:
            close: Callable[[], None] = getattr(plan, "close", _nothing)
            close()

    @contextlib.contextmanager
    def _prepared(self, spec: RunSpec, plan: Iterator[Entry]) -> Generator[Iterator[Entry]]:
        """The plan, for whose jobs items are fetched and archives are unpacked."""
        with contextlib.ExitStack() as stack:
            self._inward = Inward(
                spec.sources,
                stack,
                self._options.fetching,
                lambda early: (early.outcome,),
                header_only=spec.header_only,
                fetched_in_order=spec.arrays,
                unpacked_in_order=spec.arrays,
            )
            yield self._inward.entries(plan)

    # ----- the consumer thread --------------------------------------------------------------------

    def results(self, spec: RunSpec, plan: Iterator[Job | Outcome | NotYet]) -> Generator[Result]:
        """Run the plan and yield its results in order; after a cancellation, of the jobs that were done.

        Raises:
            Exception: from the plan or the scheduler.
        """
        end_daemon_at_exit()
        self._workers.open()
        thread = threading.Thread(
            target=self._run_scheduler, args=(spec, plan), name="imgpar-results", daemon=True
        )
        thread.start()
        ender = util.Finalize(None, _end, (self._cancel, self.wake, thread), exitpriority=CLOSES + 1)
        try:
            with self._workers.stopped_by(self._closed):
                while (result := self._next_result()) is not None:
                    yield result
                    if isinstance(result, Settled) and self._inward:
                        self._inward.settled(result.state.job)
        finally:
            ender.cancel()
            self._finish(thread)

    def check_complete(self) -> None:
        """Raise CancelledError where the caller has cancelled the run before the last result; called after
        the results, by those who would pass for complete without them."""
        if self._caller_cancel.cancelled and self._next != self._planned:
            raise CancelledError(
                f"It was cancelled after {self._next} results.",
                fix="Begin anew for the others, or catch imgpar.CancelledError.",
            )

    def _next_result(self) -> Result | None:
        with self._changed:
            self._waiting = True
            if self._next not in self._ready:
                self.wake()  # once: what comes from workers makes it look at `_waiting` again
            while self._next not in self._ready and not self._ended and self._error is None:
                self._changed.wait()
            self._waiting = False
            if self._error is not None:
                raise self._error
            result = self._ready.pop(self._next, None)
            self._next += result is not None
            return result

    def wake(self) -> None:
        """Wake the scheduler."""
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"!")

    def _closed(self) -> None:
        """The session is closed before the last result was taken."""
        with self._changed:
            self._error = self._error or UsageError(
                "The session was closed while results were still to come.",
                fix="Take them before it is closed, inside of its with block.",
            )
            self._changed.notify()
        self._cancel.kill()
        self.wake()

    def _finish(self, thread: threading.Thread) -> None:
        """The consumer has finished or stopped: cancel remaining jobs."""
        if thread.is_alive():
            self._cancel.cancel()
            self.wake()
            if thread is threading.current_thread():  # the garbage collector has ended the consumer here
                self._cancel.kill()
                return
            thread.join(LEAVE_SECONDS)
            if thread.is_alive():
                self._cancel.kill()
                self.wake()
                thread.join()
        self._wake_reader.close()
        self._wake_writer.close()


def unreadable(item: Item) -> Outcome:
    """The outcome of an item that cannot be read."""
    return outcome_of(item, "failed", error=item.error, stage="plan", kind=item.kind)


def _nothing() -> None:
    """The plan needs no closing."""


def _end(cancel: CancelToken, wake: Callable[[], None], thread: threading.Thread) -> None:
    """The interpreter exits during a request."""
    cancel.kill()
    wake()
    thread.join(END_SECONDS)


def _after_fork() -> None:
    for results in list(_all):
        results.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
