"""What a worker says, held against what it was given: a worker in disorder must not reach the others.

The parent looks at every message before it acts on it; types are checked where the bytes are read (`plain`).
Whoever names a task that it does not have, memory that is not its task's, a frame larger than that memory,
files that are not its job's, or numbers that cannot be, is taken for crashed: it is killed, and the file that
it was working on is charged. Answers may come in another order than the tasks: who waits for memory does
others meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from imgpar.core.filenames import page_path
from imgpar.core.model import (
    CHANNELS,
    CHROMA,
    ITEM_BYTES,
    FrameRef,
    OutputFile,
    Target,
)
from imgpar.runtime.protocol import (
    STAGES,
    Advanced,
    Done,
    Dropped,
    Failed,
    Garbled,
    Lease,
    Need,
    NoMemory,
    Offer,
    Placed,
    Recall,
    Task,
    ToParent,
)
from imgpar.runtime.records import WorkerState

LARGEST_SIDE = 1 << 31
LARGEST = 1 << 63
"""Numbers of more bits do not fit into the journal."""
LONGEST_TEXT = 8000
MOST_TEXTS = 1000
LONGEST_SECONDS = 1e9
LONGEST_FACTS = 1 << 16
"""Bytes that describe what is to be done with the frames of a clip."""
_TIMES = [number for number, name in enumerate(OutputFile._fields[1:]) if name.endswith("_ns")]
"""Which facts of a file, behind its path, are times; a number of an inode may be larger."""
MOST_OFFERS = 4096
"""Frames of a clip that nobody has taken: its worker has a few for each core."""


def disorder(
    message: object,
    worker: WorkerState,
    lease_of: Callable[[Task], Lease | None],
    *,
    arrays: bool,
    offered: Callable[[int], int] = lambda _: 0,
) -> str:
    """What is wrong with a message, in words; nothing when it can be believed.

    Args:
        message: whatever came out of the channel.
        worker: who said it.
        lease_of: the memory of a task.
        arrays: whether frames are handed to the caller.
        offered: how many frames of a clip, by the serial of its task, are offered and not taken.
    """
    if isinstance(message, Garbled):
        return message.problem
    if not isinstance(message, ToParent):
        return f"sent something unknown ({type(message).__name__})"
    if isinstance(message, Dropped):
        return "" if message.token > 0 else "gave memory back that nobody asked for"
    task = worker.outstanding.get(message.serial)
    if task is None:
        return "spoke of a task that it does not have"
    if worker.waiting and worker.waiting[0] == message.serial:
        return "went on with a task that waits for memory"
    match message:
        case Need() | NoMemory():
            return _wrong_memory(message, task, lease_of(task))
        case Offer() | Advanced() | Recall():
            if task.stage == "frame" or task.job.kind != "stream":
                return "spoke of frames of a clip that it does not have"
            return _wrong_frames(message, lease_of(task), offered)
        case Failed():
            return _wrong_words(message)
        case Done():
            return _wrong_report(message) or _unlikely(message, task, lease_of(task), arrays=arrays)


def _wrong_memory(message: Need | NoMemory, task: Task, lease: Lease | None) -> str:
    if task.stage in ("encode", "frame"):
        return "spoke of memory for a task that needs none"
    if isinstance(message, Need):
        return "" if message.nbytes > 0 else f"asked for {message.nbytes} bytes"
    return "" if lease is not None and lease.fresh else "could not take memory that it was not given"


def _wrong_frames(
    message: Offer | Advanced | Recall, lease: Lease | None, offered: Callable[[int], int]
) -> str:
    match message:
        case Advanced(_, frames, total) if not (0 <= frames < LARGEST and 0 <= total < LARGEST):
            return "counted frames that cannot be"
        case Offer():
            if lease is None or not all(_inside(lease, at, 1) for at in (message.offset, message.output)):
                return "offered a frame outside of its memory"
            if not 0 <= message.number < LARGEST or len(message.facts) > LONGEST_FACTS:
                return "offered a frame that cannot be"
            if offered(message.serial) >= MOST_OFFERS:
                return "offered more frames than it has memory for"
    return ""


# ----- results ------------------------------------------------------------------------------------


def _wrong_words(message: Failed) -> str:
    if message.stage not in STAGES or not (message.error.isidentifier() and message.error.isascii()):
        return "failed with an error that does not exist"
    if not _brief((message.error, message.message, message.fix, message.traceback)):
        return "told more than it may"
    return _wrong_times(message.timings) or ("" if _brief(message.notes) else "told more than it may")


def _wrong_report(message: Done) -> str:
    if not (_brief(message.lost) and _brief(message.notes)):
        return "told more than it may"
    if not (_plain(message.digest) and all(map(_possible, message.outputs))):
        return "described a file that cannot be"
    return _wrong_times(message.timings)


def _wrong_times(timings: Iterable[tuple[str, float]]) -> str:
    times = dict(timings)
    for stage, seconds in times.items():
        # Not a number is not within the limits either.
        if stage not in STAGES or not 0.0 <= seconds <= LONGEST_SECONDS:
            return "measured times that cannot be"
    return ""


def _brief(texts: tuple[str, ...]) -> bool:
    return len(texts) <= MOST_TEXTS and all(len(text) <= LONGEST_TEXT for text in texts)


def _plain(text: str) -> bool:
    return len(text) <= LONGEST_TEXT and text.isascii()


def _possible(file: OutputFile) -> bool:
    """Whether there can be such a file; its path is compared with the job's."""
    if not (0 <= file.bytes < LARGEST and 0 <= file.width < LARGEST_SIDE and 0 <= file.height < LARGEST_SIDE):
        return False
    facts: tuple[Any, ...] = file[1:]
    if any(isinstance(fact, str) and not _plain(fact) for fact in facts):
        return False
    return all(-LARGEST <= facts[number] < LARGEST for number in _TIMES)


def _unlikely(message: Done, task: Task, lease: Lease | None, *, arrays: bool) -> str:
    if task.stage == "frame":
        return "finished a frame of another's clip with results of its own" if _results(message) else ""
    if message.unchanged:
        known = task.job.digest or task.job.check
        return "" if known and not _results(message) else "called a file unchanged that nobody knows"
    by_page = task.stage == "decode" and message.placed is None and bool(message.outputs)
    if arrays or (task.stage in ("decode", "transform") and task.job.kind != "stream" and not by_page):
        if message.placed is None or message.outputs:
            return "finished a picture without saying where it is"
        ends = arrays and task.stage != "decode"
        return _misplaced(message.placed, lease) or (_no_array(message.placed.frames) if ends else "")
    numbers = task.targets or range(len(task.job.targets))
    targets = [task.job.targets[number] for number in numbers]
    found = sorted(file.path for file in message.outputs)
    # What was there already may be the user's by now, and stays; at least one is made.
    wanted = sorted(target.path for target in targets if target.path in found or not target.known)
    if message.placed is not None or not found or not (found == wanted or _are_pages(found, targets)):
        return "finished with files that are not its job's"
    return ""


def _are_pages(found: list[str], targets: list[Target]) -> bool:
    """Whether these are the files of all pages of outputs that are split."""
    if not targets or not all(target.split for target in targets):
        return False
    numbers = range(1, len(found) // len(targets) + 1)
    return found == sorted(page_path(target.path, number) for target in targets for number in numbers)


def _results(message: Done) -> bool:
    return bool(message.outputs) or message.placed is not None


def _misplaced(placed: Placed, lease: Lease | None) -> str:
    """What is wrong with frames in a lease."""
    if lease is None or placed.lease[:2] != lease[:2]:
        return "put a picture into memory that is not its own"
    offset, length = placed.header
    if not _sane(placed.frames) or not _inside(lease, placed.frames.offset, placed.frames.nbytes):
        return "described a picture that is larger than its memory"
    if length and not _inside(lease, offset, length):
        return "put metadata outside of its memory"
    return ""


def _no_array(frames: FrameRef) -> str:
    whole = frames.count == 1 and frames.spec.layout not in CHROMA
    return "" if whole else "made an array that is not one picture"


def _sane(frames: FrameRef) -> bool:
    spec = frames.spec
    return (
        0 < spec.width < LARGEST_SIDE
        and 0 < spec.height < LARGEST_SIDE
        and spec.layout in CHANNELS
        and spec.dtype in ITEM_BYTES
        and frames.count > 0
    )


def _inside(lease: Lease, offset: int, nbytes: int) -> bool:
    return lease.offset <= offset and nbytes > 0 and offset + nbytes <= lease.offset + lease.size
