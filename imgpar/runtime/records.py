"""What the ledger writes down: a job on its way, a worker as the parent sees it, the end of a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imgpar.model import Job, Outcome, OutputFile
from imgpar.runtime.messages import Failed, Lease, Placed, Task


@dataclass(slots=True)
class JobState:
    """A job on its way."""

    job: Job
    run: int
    lease: Lease | None = None
    crashes: int = 0
    kills: int = 0
    killed: int = 0
    """Which kill of the run was its last one."""
    attempt: int = 0
    encoding: int = 0
    """Encode tasks that are not done yet."""
    outputs: list[OutputFile] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    failure: Failed | None = None
    digest: str = ""


@dataclass(slots=True)
class WorkerState:
    """A worker as the parent sees it."""

    outstanding: dict[int, Task] = field(default_factory=dict)
    pocket: Lease | None = None
    """The standing lease."""
    waiting: tuple[int, int] | None = None
    """Serial and bytes of the task that asked for memory."""
    revoked: int = 0
    """Token of the Revoke that it has not answered yet."""
    alone: bool = False
    """It runs a task that killed a worker before, and gets nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of a job. `placed` is set for arrays: its lease is the receiver's until `release`."""

    state: JobState
    kind: Literal["ok", "unchanged", "failed", "array"]
    placed: Placed | None = None

    def outcome(self) -> Outcome:
        """The line of the report for this job."""
        state, failure = self.state, self.state.failure
        return Outcome(
            state.job.item.path,
            "failed" if failure else "skipped" if self.kind == "unchanged" else "ok",
            tuple(state.outputs),
            error=f"{failure.message} {failure.fix}".strip() if failure else "",
            stage=failure.stage if failure else "",
            traceback=failure.traceback if failure else "",
            reason="unchanged" if self.kind == "unchanged" else "",
            seconds=sum(state.timings.values()),
            stages=tuple(state.timings.items()),
            lost=tuple(dict.fromkeys(state.lost)),
            notes=tuple(dict.fromkeys((*state.job.notes, *state.notes))),
            source_bytes=state.job.item.size,
            job=state.job.id,
            digest=state.digest,
            kind=failure.error if failure else "",
        )
