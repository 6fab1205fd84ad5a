"""What one task may use in its worker: its clock, memory, and other workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from imgpar.runtime.channel import WorkerEnd
from imgpar.runtime.helpers import Helpers
from imgpar.runtime.protocol import Done, Lease, Task
from imgpar.runtime.stage_times import StageClock

Ask = Callable[[Task, int, bool], Lease]
"""Gives a task a lease of that many bytes; True for the standing one, if that is large enough."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a performer is given with each task.

    `clock` measures the stages. `buffer` is the whole arena; a task may write to its own leases only, and
    everything in them is void when the task is done. `kept` is a dictionary that lives as long as the worker,
    for what is expensive to make again.
    """

    task: Task
    clock: StageClock
    buffer: memoryview
    kept: dict[str, Any] = field(repr=False)
    _ask: Ask = field(repr=False)
    _channel: WorkerEnd = field(repr=False)
    _accept: Callable[[Any], None] = field(repr=False)

    def lease(self, nbytes: int, standing: bool = False) -> Lease:
        """Memory of at least so many bytes, for a task that holds none. It may wait for other jobs.

        Args:
            nbytes: size, more than 0.
            standing: whether the lease that this worker keeps between tasks will do, where it is large
                enough.
        """
        return self._ask(self.task, nbytes, standing)

    def helpers(self) -> Helpers:
        """The other workers, for a job that is a stream."""
        return Helpers(self._channel, self.buffer, self.task, self.lease, self._accept)


class Performer(Protocol):
    """What a run does with its tasks. It is pickled once per run and worker: `Begin` carries it."""

    def begin(self) -> None:
        """Called once in every worker, before its first task of the run."""

    def perform(self, task: Task, context: Context) -> Done:
        """Do one task.

        Raises:
            Exception: whatever goes wrong; its class and text become the outcome of the job.
        """
        ...
