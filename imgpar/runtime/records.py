"""Records of the ledger: state of a job, state of a worker, result of a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from imgpar.core.errors import KeptError, NoSuchPageError, NothingThereError, NotSmallerError
from imgpar.core.job import Item, Job, Outcome, OutputFile, Seen, outcome_of
from imgpar.runtime.protocol import Done, Failed, ItemFailure, Lease, Placed, Sliced, Task

Cause = Literal["crash", "killed", "deadline"]
"""Why a worker died."""
SKIPS = {
    KeptError.__name__: "changed",
    NothingThereError.__name__: "nothing",
    NotSmallerError.__name__: "smaller",
    NoSuchPageError.__name__: "pages",
}
"""Errors after which an item is skipped, with the reason for the report."""
MAX_CRASHES = 2
"""A crash, a hang or running out of memory is charged to the file: two are enough."""
MAX_KILLS = 5
"""A SIGKILL comes from outside (the OOM killer, a user): more retries."""
MAX_ATTEMPTS = 25
"""Limit on all attempts, for workers that are killed at random."""


@dataclass(slots=True)
class JobState:
    """State of an unsettled job."""

    job: Job
    run: int
    lease: Lease | None = None
    crashes: int = 0
    kills: int = 0
    killed: int = 0
    """Number of the kill of the run that was its last one."""
    attempt: int = 0
    single: bool = False
    """It shared its work with other jobs when the worker died, and does so no more."""
    encoding: int = 0
    """Encode tasks that are not done yet."""
    outputs: list[OutputFile] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tries: list[int] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    failure: Failed | None = None
    failures: tuple[ItemFailure, ...] = ()
    crashers: list[int] = field(default_factory=list)
    """Of a job with several items: those at which a worker crashed or hung."""
    digest: str = ""
    seen: Seen | None = None
    facts: bytes = b""
    """Packed result of a run that asks for facts; not decoded, so its receiver must validate it."""

    def add(self, result: Done | Failed) -> None:
        """Take over what a task has reported."""
        for stage, seconds in result.timings:
            self.timings[stage] = self.timings.get(stage, 0.0) + seconds
        self.notes += result.notes
        self.failures = result.failures
        self.digest = result.digest or self.digest
        if isinstance(result, Done):
            self.outputs += result.outputs
            self.lost += result.lost
            self.tries += result.tries
            self.facts = result.facts
            self.seen = result.seen or self.seen

    def charge(self, cause: Cause, kill: int, item: int = -1) -> bool:
        """Charge the job with the death of a worker.

        Args:
            cause: of the death.
            kill: number of workers killed in this run.
            item: index of the item that was being processed, in a job with several; −1 is unknown.

        Returns:
            Whether the job is to be given up.
        """
        self.attempt += 1
        if cause != "killed" and 0 <= item < len(self.job.items) and item not in self.crashers:
            self.crashers.append(item)  # the next attempt does not try this one again
        elif cause != "killed":
            self.crashes += 1
        else:
            # If another worker was killed since, this job is not the cause.
            self.kills = self.kills + 1 if self.killed == kill - 1 else 1
            self.killed = kill
        return self.crashes >= MAX_CRASHES or self.kills >= MAX_KILLS or self.attempt >= MAX_ATTEMPTS


@dataclass(slots=True)
class WorkerState:
    """State of a worker, as seen by the parent."""

    outstanding: dict[int, Task] = field(default_factory=dict)
    standing: Lease | None = None
    """The standing lease, kept between tasks."""
    requests: list[tuple[int, int]] = field(default_factory=list)
    """Serials and bytes of the tasks that wait for memory: while one waits, the worker performs others, whose
    results may need more memory, too. The last one is granted first."""
    ahead: dict[int, JobState] = field(default_factory=dict)
    """Jobs whose memory was sent with their task, by its serial, until they are done."""
    refill: int = 0
    """It gets more tasks when so many pictures are left."""
    revoked: int = 0
    """Token of the `Revoke` that is not answered yet."""
    alone: bool = False
    """It runs a task that killed a worker before, and gets no other task meanwhile."""

    @property
    def items(self) -> int:
        """Number of inputs of its tasks; that of a gather job counts as one."""
        return sum(
            [len(task.job.items) if task.job.kind == "slice" else 1 for task in self.outstanding.values()]
        )

    @property
    def waiting(self) -> tuple[int, int] | None:
        """Serial and bytes of the task that is granted memory next."""
        return self.requests[-1] if self.requests else None


@dataclass(frozen=True, slots=True)
class Settled:
    """Result of a job. `placed` is set for arrays: its lease belongs to the receiver until `release`."""

    state: JobState
    kind: Literal["ok", "unchanged", "failed", "array"]
    placed: Placed | None = None
    sliced: Sliced | None = None
    """The results of a slice."""

    def outcomes(self) -> list[Outcome]:
        """The outcomes of the items of this job, for the report.

        Of a job with several items, each item that went into the file is `ok` and names it. If the file was
        not
        made, one item fails: the one that caused it, or else the first. The others are skipped.
        """
        if self.sliced:
            found = [*self.sliced.made.outcomes(self.state.job), *self.apart()]
            return sorted(found, key=attrgetter("job"))
        first, state = self.outcome(), self.state
        failure, left_out = state.failure, {each.item: each for each in state.failures}
        if len(state.job.items) == 1:
            return [_left_out(first, left_out[0]) if 0 in left_out else first]
        cause = next((index for index in range(len(state.job.items)) if index not in left_out), 0)
        if failure and 0 <= failure.item < len(state.job.items):
            cause = failure.item
        found = []
        for index, item in enumerate(state.job.items):
            own = outcome_of(item, first.status, first.outputs, job=first.job)
            if index == cause and failure and failure.item < 0 and first.status == "failed":
                # No item caused it: the message is about the file.
                error = f"{state.job.targets[0].path}: {first.error}" if state.job.targets else first.error
                own = first._replace(error=error, **_named(item))
            elif index == cause:
                own = first._replace(**_named(item))
            elif failure and first.status == "failed":
                own = own._replace(status="skipped", outputs=(), reason="incomplete")
            elif first.status == "skipped":
                own = own._replace(reason=first.reason)
            if bad := left_out.get(index):
                own = _left_out(own, bad)
            found.append(own._replace(job=first.job + index))
        return found

    def apart(self) -> list[Outcome]:
        """The outcomes of the items of a slice that are not in the columns of its result."""
        if self.sliced is None:
            return []
        results: list[Done | Failed] = [*self.sliced.done, *self.sliced.failed]
        return [_outcome_alone(self.state, result.serial, result) for result in results]

    def outcome(self) -> Outcome:
        """The outcome of this job, by its first item."""
        state, failure = self.state, self.state.failure
        if failure and (reason := SKIPS.get(failure.error)):
            notes = (*state.job.notes, *state.notes, failure.message)
            return self._skipped(reason, tuple(state.outputs), notes)
        if self.kind == "unchanged":
            same = state.job.same
            there = same.outputs if same else state.job.check or state.job.there
            return self._skipped("unchanged", there, state.job.notes)
        return outcome_of(
            state.job.item,
            "failed" if failure else "ok",
            tuple(state.outputs),
            error=f"{failure.message} {failure.fix}".strip() if failure else "",
            stage=failure.stage if failure else "",
            traceback=failure.traceback if failure else "",
            seconds=sum(state.timings.values()),
            stages=tuple(state.timings.items()),
            lost=tuple(dict.fromkeys(state.lost)),
            notes=tuple(dict.fromkeys((*state.job.notes, *state.notes))),
            job=state.job.id,
            digest=state.digest,
            kind=failure.error if failure else "",
            tries=tuple(state.tries),
            seen=state.seen,
        )

    def _skipped(self, reason: str, outputs: tuple[OutputFile, ...], notes: tuple[str, ...]) -> Outcome:
        state = self.state
        return outcome_of(
            state.job.item,
            "skipped",
            outputs,
            reason=reason,
            seconds=sum(state.timings.values()),
            notes=tuple(dict.fromkeys(notes)),
            job=state.job.id,
            digest=state.digest,
        )


def _outcome_alone(state: JobState, number: int, result: Done | Failed) -> Outcome:
    """The outcome of one item of a slice, as that of a job of its own."""
    (job,) = state.job.parts(number, number + 1)
    alone = JobState(job, state.run)
    alone.add(result)
    alone.failure = result if isinstance(result, Failed) else result.failed_output
    kind: Literal["ok", "failed"] = "failed" if alone.failure else "ok"
    return Settled(alone, kind).outcomes()[0]


def _named(item: Item) -> dict[str, Any]:
    """The fields of an outcome that say of which item it is."""
    return {"source": item.path, "source_bytes": item.size, "columns": item.columns, "listed": item.listed}


def _left_out(outcome: Outcome, bad: ItemFailure) -> Outcome:
    """The outcome of an item that is not in the file of all."""
    outcome = outcome._replace(outputs=(), lost=(), notes=(), error="")
    if reason := SKIPS.get(bad.error):
        return outcome._replace(status="skipped", reason=reason, notes=(bad.message,), kind="", stage="")
    return outcome._replace(status="failed", reason="", error=bad.message, kind=bad.error, stage="read")
