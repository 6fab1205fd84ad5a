"""What a worker says, held against what it was given: a worker in disorder must not reach the others.

The parent looks at every message before it acts on it. Whoever names a task that it does not have, memory
that is not its task's, a frame larger than that memory, or files that are not its job's, is taken for
crashed: it is killed, and the file that it was working on is charged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imgpar.model import CHANNELS, ITEM_BYTES, FrameRef, Target
from imgpar.names import page_path
from imgpar.runtime.clips import is_clip
from imgpar.runtime.messages import (
    Done,
    Dropped,
    Lease,
    Need,
    Offer,
    Placed,
    Task,
    ToParent,
)

LARGEST_SIDE = 1 << 31


def disorder(
    message: Any, outstanding: Mapping[int, Task], lease_of: Callable[[Task], Lease | None], *, arrays: bool
) -> str:
    """What is wrong with a message, in words; nothing when it can be believed.

    Args:
        message: whatever came out of the channel.
        outstanding: the tasks of that worker, by serial.
        lease_of: the memory of a task.
        arrays: whether frames are handed to the caller.
    """
    if not isinstance(message, ToParent):
        return f"sent something unknown ({type(message).__name__})"
    if isinstance(message, Dropped):
        return ""
    task = outstanding.get(message.serial)
    if task is None:
        return "spoke of a task that it does not have"
    lease = lease_of(task)
    match message:
        case Need(_, nbytes) if not (isinstance(nbytes, int) and nbytes > 0):
            return f"asked for {nbytes!r} bytes"
        case Offer() if lease is None or not all(
            _inside(lease, at, 1) for at in (message.offset, message.output)
        ):
            return "offered a frame outside of its memory"
        case Done():
            return _unlikely(message, task, lease, arrays=arrays)
    return ""


def _unlikely(message: Done, task: Task, lease: Lease | None, *, arrays: bool) -> str:
    if task.stage == "frame":
        return "finished a frame of another's clip with results of its own" if _results(message) else ""
    if message.unchanged:
        known = task.job.digest or task.job.check
        return "" if known and not _results(message) else "called a file unchanged that nobody knows"
    by_page = task.stage == "decode" and message.placed is None and bool(message.outputs)
    if arrays or (task.stage in ("decode", "transform") and not is_clip(task.job) and not by_page):
        if message.placed is None or message.outputs:
            return "finished a picture without saying where it is"
        return _misplaced(message.placed, lease)
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
    offset, length = placed.metadata
    if not _sane(placed.frames) or not _inside(lease, placed.frames.offset, placed.frames.nbytes):
        return "described a picture that is larger than its memory"
    if length and not _inside(lease, offset, length):
        return "put metadata outside of its memory"
    return ""


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
