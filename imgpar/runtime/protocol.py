"""What parent and workers say to each other. Small by design: ids, offsets and specs, never pixels.

Named tuples, because they are pickled in a third of the time of dataclasses. What a worker says is no pickle
but plain data, see `plain`; whether it can be true is for `claims`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from imgpar.core.model import FrameRef, Job, OutputFile

TaskStage = Literal["chain", "decode", "transform", "encode", "frame"]
"""`frame` is one frame of a clip that another worker decodes and encodes."""

STAGES = ("", "read", "decode", "transform", "encode", "commit")
"""What a worker writes on the board is the place in this list."""


class Lease(NamedTuple):
    """A piece of the arena. `fresh` says that its pages may not be reserved yet."""

    offset: int
    size: int
    fresh: bool = False


class Placed(NamedTuple):
    """Decoded or transformed frames in a lease, and the packed header behind them."""

    lease: Lease
    frames: FrameRef
    header: tuple[int, int] = (0, 0)
    """Offset and length; none where the frames are handed to the caller."""


class Offer(NamedTuple):
    """A frame of a clip that any worker may work on: worker → parent, and in the task for the helper."""

    serial: int
    """Of the clip's task."""
    number: int
    offset: int
    """Where the decoded frame lies."""
    output: int
    """Where the result shall lie."""
    facts: bytes
    """What is to be done, packed; the same for all frames."""


class Task(NamedTuple):
    """One thing for a worker to do. Serials are unique in a session and never used again."""

    serial: int
    run: int
    stage: TaskStage
    job: Job
    placed: Placed | None = None
    targets: tuple[int, ...] = ()
    """Which of the job's targets to encode; empty is all."""
    attempt: int = 0
    cores: int = 1
    """How many threads it may run: a lone clip has all cores, one of many its share."""
    piece: Offer | None = None
    """The frame, of a clip that another worker has."""
    lease: Lease | None = None
    """In which the frame lies."""


# ----- parent → worker ----------------------------------------------------------------------------


class Begin(NamedTuple):
    """A run starts: its recipe and limits, pickled once."""

    run: int
    payload: bytes


class Forget(NamedTuple):
    """A run is over; the worker drops its recipe."""

    run: int


class Work(NamedTuple):
    """Tasks, to be done in this order."""

    tasks: tuple[Task, ...]


class Grant(NamedTuple):
    """Memory for the task that asked."""

    serial: int
    lease: Lease


class Deny(NamedTuple):
    """There will be no memory: drop the task, the parent has settled its outcome."""

    serial: int


class Revoke(NamedTuple):
    """Give the standing lease back when the tasks before this message are done; answer with the token."""

    token: int = 0
    """0 wants no answer: the worker had no tasks, so its lease is free already."""


class Finished(NamedTuple):
    """A helper has worked on a frame that was offered; its result lies where it shall."""

    serial: int
    number: int


class Returned(NamedTuple):
    """A frame that was offered comes back undone."""

    serial: int
    number: int
    answer: bool = False
    """Whether this answers a `Recall`; then −1 says that all frames have been begun."""


class Stop(NamedTuple):
    """Exit."""


# ----- worker → parent ----------------------------------------------------------------------------


class Need(NamedTuple):
    """The task holds no memory and needs this much. The standing lease is given back with it."""

    serial: int
    nbytes: int


class NoMemory(NamedTuple):
    """The lease could not be reserved: the system has no pages left."""

    serial: int


class Dropped(NamedTuple):
    """Answer to Revoke."""

    token: int


class Advanced(NamedTuple):
    """A clip is being written: now and then its worker says how far it is."""

    serial: int
    frames: int
    total: int


class Recall(NamedTuple):
    """The clip's worker has nothing to do: it takes one frame back that nobody has begun."""

    serial: int


class Done(NamedTuple):
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


class Failed(NamedTuple):
    """A task could not be done; the worker is well."""

    serial: int
    stage: str
    error: str
    message: str
    fix: str
    traceback: str
    timings: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()


class Garbled(NamedTuple):
    """What came out of a channel and is no message; `problem` goes on from "the worker process"."""

    problem: str


ToWorker = Begin | Forget | Work | Grant | Deny | Revoke | Finished | Returned | Stop
ToParent = Need | NoMemory | Dropped | Offer | Advanced | Recall | Done | Failed
