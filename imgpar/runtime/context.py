"""What a task may use in its worker: clock, memory and helpers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from imgpar.runtime.channel import WorkerEnd
from imgpar.runtime.helpers import Helpers
from imgpar.runtime.protocol import Done, Lease, Task
from imgpar.runtime.stage_times import StageClock


class TaskStopped(Exception):  # noqa: N818 - not a failure of the task
    """The worker cannot go on with a task. A performer that catches exceptions lets this one pass."""


Ask = Callable[[Task, int, bool], Lease]
"""Returns a lease of that many bytes for a task; True accepts the standing lease if it is large enough."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a performer receives with each task.

    `clock` measures the stages. `buffer` is the whole arena; a task may write to its own leases only, and
    their contents are undefined after the task. `kept` is a dictionary that lives as long as the worker, for
    objects that are expensive to build.
    """

    task: Task
    clock: StageClock
    buffer: memoryview
    kept: dict[str, Any] = field(repr=False)
    _ask: Ask = field(repr=False)
    _request: Callable[[Task, int], None] = field(repr=False)
    _channel: WorkerEnd = field(repr=False)
    _accept: Callable[[Any], None] = field(repr=False)

    def lease(self, nbytes: int, standing: bool = False) -> Lease:
        """A lease of at least `nbytes`, for a task that holds none. May wait for other jobs.

        Args:
            nbytes: size in bytes, more than 0.
            standing: whether the standing lease, which the worker keeps between tasks, may be used where it
                is large enough.
        """
        return self._ask(self.task, nbytes, standing)

    def request(self, nbytes: int) -> None:
        """Give up the task's lease and request one of at least `nbytes`, which the next `lease` awaits. Of
        tasks that are performed together each does so before the first of them waits, in reverse order."""
        self._request(self.task, nbytes)

    def helpers(self) -> Helpers:
        """The other workers, for a job that is a stream."""
        return Helpers(self._channel, self.buffer, self.task, self.lease, self._accept, self.clock.tick)


class Performer(Protocol):
    """Performs the tasks of a run. Pickled once per run and worker, in `Begin`."""

    def begin(self) -> None:
        """Called once in every worker, before its first task of the run."""

    def end(self) -> None:
        """Called in every worker that has begun the run, after its last task, unless the worker is killed."""

    def perform_together(
        self, tasks: Sequence[Task], contexts: Sequence[Context]
    ) -> list[tuple[int, Callable[[], Done]]]:
        """Do what several tasks have in common.

        Returns:
            For each task its index and what completes it, to be called in this order; it raises as `perform`.
            Those that wait for memory come last, so that none of them holds what another one waits for.
        """

    def perform(self, task: Task, context: Context) -> Done:
        """Perform one task.

        Raises:
            Exception: any failure; its class and text become the outcome of the job.
        """
        ...
