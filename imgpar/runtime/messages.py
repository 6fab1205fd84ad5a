"""What parent and workers say to each other. Small by design: ids, offsets and specs, never pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgpar.model import FrameRef, Header, Job, OutputFile

TaskStage = Literal["chain", "decode", "transform", "encode"]

STAGES = ("", "read", "decode", "transform", "encode", "commit")
"""What a worker writes on the board is the place in this list."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A piece of the arena. `fresh` says that its pages may not be reserved yet."""

    offset: int
    size: int
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """Decoded or transformed frames in a lease, and the pickled metadata behind them."""

    lease: Lease
    frames: FrameRef
    metadata: tuple[int, int]
    """Offset and length."""
    header: Header
    """Without its metadata blocks."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing for a worker to do. Serials are unique in a session and never used again."""

    serial: int
    run: int
    stage: TaskStage
    job: Job
    placed: Placed | None = None
    targets: tuple[int, ...] = ()
    """Which of the job's targets to encode; empty is all."""
    attempt: int = 0


# ----- parent → worker ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """A run starts: its recipe and limits, pickled once."""

    run: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Forget:
    """A run is over; the worker drops its recipe."""

    run: int


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks, to be done in this order."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """Memory for the task that asked."""

    serial: int
    lease: Lease


@dataclass(frozen=True, slots=True)
class Deny:
    """There will be no memory: drop the task, the parent has settled its outcome."""

    serial: int


@dataclass(frozen=True, slots=True)
class Revoke:
    """Give the standing lease back when the tasks before this message are done; answer with the token."""

    token: int = 0
    """0 wants no answer: the worker had no tasks, so its lease is free already."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Exit."""


# ----- worker → parent ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """The task holds no memory and needs this much. The standing lease is given back with it."""

    serial: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class NoMemory:
    """The lease could not be reserved: the system has no pages left."""

    serial: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Answer to Revoke."""

    token: int


@dataclass(frozen=True, slots=True)
class Done:
    """A task is finished. `placed` is set when frames are handed on, `outputs` when files were written."""

    serial: int
    timings: tuple[tuple[str, float], ...]
    placed: Placed | None = None
    outputs: tuple[OutputFile, ...] = ()
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""
    unchanged: bool = False
    """The content is what it was when the outputs were made; nothing was written."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A task could not be done; the worker is well."""

    serial: int
    stage: str
    error: str
    message: str
    fix: str
    traceback: str
    timings: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()


ToWorker = Begin | Forget | Work | Grant | Deny | Revoke | Stop
ToParent = Need | NoMemory | Dropped | Done | Failed
