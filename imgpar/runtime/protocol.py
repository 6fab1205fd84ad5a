"""Messages between parent and workers: ids, offsets and specs, never pixels.

Named tuples, because they pickle in a third of the time of dataclasses. Messages of a worker are not pickled
but plain data, see `serialization`; `validation` checks them against what was assigned.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from imgpar.core.job import Job, OutputFile, Seen
from imgpar.core.slices import TIMED, MadeFiles
from imgpar.core.spec import FrameRef

TaskStage = Literal["chain", "decode", "transform", "encode", "frame"]
"""`frame` is one frame of a clip that another worker decodes and encodes."""

STAGES = ("", *TIMED)
"""A worker writes the index into this tuple to the board."""


class Lease(NamedTuple):
    """A range of the arena. `fresh`: its pages may not be reserved yet."""

    offset: int
    size: int
    fresh: bool = False


class Placed(NamedTuple):
    """Decoded or transformed frames in a lease, and the packed header behind them."""

    lease: Lease
    frames: FrameRef
    header: tuple[int, int] = (0, 0)
    """Offset and length; (0, 0) where the frames are returned to the caller."""


class Offer(NamedTuple):
    """A piece of a stream job that any worker may process: worker → parent, and in the task of the helper.
    It is a decoded frame of a clip, or an item of a job that has several."""

    serial: int
    """Of the task of the job."""
    number: int
    offset: int
    """Of the decoded frame in the arena."""
    output: int
    """Offset of the result."""
    facts: bytes
    """Packed parameters of the processing; the same for all pieces."""
    item: int = -1
    """Index of the item that the helper reads; −1 for a decoded frame."""


class Task(NamedTuple):
    """One unit of work. Serials are unique in a session and never reused."""

    serial: int
    run: int
    stage: TaskStage
    job: Job
    placed: Placed | None = None
    targets: tuple[int, ...] = ()
    """Indices of the job's targets to encode; empty is all."""
    attempt: int = 0
    cores: int = 1
    """Number of threads: a single clip gets all cores, several share them."""
    piece: Offer | None = None
    """The piece, for a job of another worker."""
    lease: Lease | None = None
    """The lease in which that piece lies; or memory for an array, which the worker need not request."""
    crashers: tuple[int, ...] = ()
    """Indices of items at which earlier attempts crashed or hung; they are not tried again."""
    together: int = 1
    """Number of tasks that the worker performs together: this one and those that follow it."""


# ----- parent → worker ----------------------------------------------------------------------------


class Begin(NamedTuple):
    """A run starts: its performer, pickled once."""

    run: int
    payload: bytes


class Forget(NamedTuple):
    """A run is over; the worker drops its performer."""

    run: int


class Work(NamedTuple):
    """Tasks, performed in this order."""

    tasks: tuple[Task, ...]


class Grant(NamedTuple):
    """Memory for the task that requested it."""

    serial: int
    lease: Lease
    ahead: tuple[tuple[int, Lease], ...] = ()
    """Serials of tasks that the worker has not begun, and memory for them."""


class Deny(NamedTuple):
    """No memory: drop the task, the parent has settled its job."""

    serial: int


class Revoke(NamedTuple):
    """Release the standing lease after the tasks before this message; answer with the token."""

    token: int = 0
    """0: no answer, the worker had no tasks and its lease is free already."""


class Finished(NamedTuple):
    """A helper has processed an offered frame; the result is in place."""

    serial: int
    number: int


class Returned(NamedTuple):
    """An offered frame that was not processed."""

    serial: int
    number: int
    answer: bool = False
    """Whether this answers a `Recall`; then number −1 means that all frames have been begun."""
    crashed: bool = False
    """Whether the helper crashed or hung while it processed this."""


class Stop(NamedTuple):
    """Exit."""


# ----- worker → parent ----------------------------------------------------------------------------


class Need(NamedTuple):
    """The task holds no memory and requests `nbytes`. The standing lease is released with it."""

    serial: int
    nbytes: int
    later: bool = False
    """It returns what it was granted, because another task of the worker, begun meanwhile, waits for memory.
    Its turn is after all that wait there."""


class NoMemory(NamedTuple):
    """The lease could not be reserved: the system has no pages left."""

    serial: int


class Dropped(NamedTuple):
    """Answer to `Revoke`."""

    token: int


class Advanced(NamedTuple):
    """Progress of a clip, sent at intervals."""

    serial: int
    frames: int
    total: int


class Recall(NamedTuple):
    """The worker of a clip is idle: it requests one frame back that has not been begun."""

    serial: int


class Files(NamedTuple):
    """Some of the files of a stream with a split target, in their order; `Done` has the last ones. So one
    message never has all of a hundred thousand."""

    serial: int
    outputs: tuple[OutputFile, ...]


class ItemFailure(NamedTuple):
    """An item of a job with several that was left out of its output."""

    item: int
    """Its index in the items of the job."""
    error: str
    """Class name of the exception."""
    message: str


class Done(NamedTuple):
    """A task is finished. `placed` is set when frames are passed on, `outputs` when files were written."""

    serial: int
    timings: tuple[tuple[str, float], ...]
    placed: Placed | None = None
    outputs: tuple[OutputFile, ...] = ()
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""
    unchanged: bool = False
    """The content is the same as when the outputs were made; nothing was written."""
    failed_output: Failed | None = None
    """The first output that failed, where others of the task were written."""
    facts: bytes = b""
    """Packed result of a run that asks for facts about its inputs, and writes nothing."""
    failures: tuple[ItemFailure, ...] = ()
    """Of a job with several items: those that were left out."""
    tries: tuple[int, ...] = ()
    """Encodes of each search for a size or a quality."""
    seen: Seen | None = None
    """What the sink of the run asks about the content of the input."""


class Failed(NamedTuple):
    """A task failed; the worker itself is intact."""

    serial: int
    stage: str
    error: str
    message: str
    fix: str
    traceback: str
    timings: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()
    item: int = -1
    """Of a job with several items: index of the one that caused it; −1 is none of them."""
    failures: tuple[ItemFailure, ...] = ()
    """Of a job with several items: those that were left out."""
    digest: str = ""
    """Of the content of the input, where it is the output; empty is unknown."""


class Sliced(NamedTuple):
    """A slice is finished. Most items have become the file of their target, without remarks; the results of
    the others have the index of the item in the place of the serial."""

    serial: int
    made: MadeFiles
    done: tuple[Done, ...] = ()
    failed: tuple[Failed, ...] = ()


class Garbled(NamedTuple):
    """Data from a channel that is not a message; `problem` continues "the worker process …"."""

    problem: str


ToWorker = Begin | Forget | Work | Grant | Deny | Revoke | Finished | Returned | Stop
ToParent = Need | NoMemory | Dropped | Offer | Advanced | Recall | Files | Done | Failed | Sliced
