"""What the ledger writes down: a job on its way and its deaths, a worker as the parent sees it, an end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imgpar.core.errors import KeptError
from imgpar.core.model import Job, Outcome, OutputFile
from imgpar.runtime.protocol import Failed, Lease, Placed, Task

Cause = Literal["crash", "killed", "deadline"]
"""Why a worker died."""
MAX_CRASHES = 2
"""A crash, a hang or running out of memory is the file's fault: two are enough."""
MAX_KILLS = 5
"""A plain SIGKILL comes from outside (the OOM killer, a person): be patient."""
MAX_ATTEMPTS = 25
"""Kills that hit other workers in between, too, are not counted up to here: somebody kills at random."""


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

    def charge(self, cause: Cause, kill: int) -> bool:
        """A worker died of this job; `kill` counts all that were killed. Whether that is enough."""
        self.attempt += 1
        if cause != "killed":
            self.crashes += 1
        else:
            # Was another worker killed since this job was? Then it is not this job that draws the fire.
            self.kills = self.kills + 1 if self.killed == kill - 1 else 1
            self.killed = kill
        return self.crashes >= MAX_CRASHES or self.kills >= MAX_KILLS or self.attempt >= MAX_ATTEMPTS


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
        if failure and failure.error == KeptError.__name__:
            notes = (*state.job.notes, *state.notes, failure.message)
            return self._skipped("changed", tuple(state.outputs), notes)
        if self.kind == "unchanged":
            same = state.job.same
            there = same.outputs if same else state.job.check or state.job.there
            return self._skipped("unchanged", there, state.job.notes)
        return Outcome(
            state.job.item.path,
            "failed" if failure else "ok",
            tuple(state.outputs),
            error=f"{failure.message} {failure.fix}".strip() if failure else "",
            stage=failure.stage if failure else "",
            traceback=failure.traceback if failure else "",
            seconds=sum(state.timings.values()),
            stages=tuple(state.timings.items()),
            lost=tuple(dict.fromkeys(state.lost)),
            notes=tuple(dict.fromkeys((*state.job.notes, *state.notes))),
            source_bytes=state.job.item.size,
            job=state.job.id,
            digest=state.digest,
            kind=failure.error if failure else "",
        )

    def _skipped(self, reason: str, outputs: tuple[OutputFile, ...], notes: tuple[str, ...]) -> Outcome:
        item, state = self.state.job.item, self.state
        return Outcome(
            item.path,
            "skipped",
            outputs,
            reason=reason,
            seconds=sum(state.timings.values()),
            notes=tuple(dict.fromkeys(notes)),
            source_bytes=item.size,
            job=state.job.id,
            digest=state.digest,
        )
