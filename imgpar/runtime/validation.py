"""Checks each message of a worker against what was assigned to it: a faulty worker must not affect others.

The parent validates every message before it acts on it; types are checked during decoding (`serialization`).
A worker that names a task it does not have, memory of another task, a frame larger than its lease, files of
another job, or numbers out of range, is treated as crashed: it is killed, and the file it was processing is
charged. Answers may arrive in another order than the tasks: a worker that waits for memory performs others
meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from imgpar.core.filenames import is_part
from imgpar.core.job import OutputFile, Seen, Target
from imgpar.core.slices import TIMED, MadeFiles
from imgpar.core.spec import CHANNELS, CHROMA, ITEM_BYTES, FrameRef
from imgpar.runtime.protocol import (
    STAGES,
    Advanced,
    Done,
    Dropped,
    Failed,
    Files,
    Garbled,
    ItemFailure,
    Lease,
    Need,
    NoMemory,
    Offer,
    Placed,
    Recall,
    Sliced,
    Task,
    ToParent,
)
from imgpar.runtime.records import WorkerState

LARGEST_SIDE = 1 << 31
LARGEST = 1 << 63
"""Larger numbers do not fit into the journal."""
LONGEST_TEXT = 8000
MOST_TEXTS = 1000
LONGEST_SECONDS = 1e9
LONGEST_FACTS = 1 << 16
"""Maximum bytes of the packed parameters for the frames of a clip."""
LONGEST_RESULT = 1 << 20
"""Maximum bytes of the facts about one input."""
MOST_FILES = 1 << 18
"""Maximum files of one job."""
MOST_OFFERS = 4096
"""Maximum frames of a clip that are offered and not taken: its worker offers a few per core."""


def disorder(
    message: object,
    worker: WorkerState,
    lease_of: Callable[[Task], Lease | None],
    *,
    arrays: bool,
    facts: bool = False,
    offered: Callable[[int], int] = lambda _: 0,
    files: Callable[[Task], Sequence[OutputFile]] = lambda _: (),
) -> str:
    """What is invalid about a message, as text; empty when it is valid.

    Args:
        message: any object from the channel.
        worker: state of its sender.
        lease_of: returns the lease of a task.
        arrays: whether frames are returned to the caller.
        facts: whether facts about the inputs are returned to the caller.
        offered: returns the number of offered frames that are not taken, for the serial of a clip's task.
        files: returns the files of a task that were reported before its result.
    """
    if isinstance(message, Garbled):
        return message.problem
    if not isinstance(message, ToParent):
        return f"sent an object of unknown type ({type(message).__name__})"
    if isinstance(message, Dropped):
        return "" if message.token > 0 else "returned memory that was not requested"
    task = worker.outstanding.get(message.serial)
    if task is None:
        return "named a task that was not assigned to it"
    if any(serial == message.serial for serial, _ in worker.requests):
        return "continued a task that waits for memory"
    match message:
        case Need() | NoMemory():
            return _check_memory(message, task, lease_of(task))
        case Offer() | Advanced() | Recall():
            if task.stage == "frame" or task.job.kind != "stream":
                return "named frames of a clip that was not assigned to it"
            return _check_stream(message, lease_of(task), offered, len(task.job.items))
        case Files():
            return _check_files(message, task, len(files(task)))
        case Failed():
            return _check_failed(message, len(task.job.items))
        case Sliced():
            return _check_sliced(message, task)
        case Done() if task.job.kind == "slice":
            return "sent one result for a slice"
        case Done():
            found = _check_done(message, len(task.job.items))
            if facts or message.facts:
                return found or _check_facts(message, wanted=facts)
            made = files(task) if task.job.kind == "stream" and task.stage != "frame" else ()
            ahead = message.serial in worker.ahead
            lease = lease_of(task)
            return found or _check_results(message, task, lease, arrays=arrays, made=made, ahead=ahead)


def _check_memory(message: Need | NoMemory, task: Task, lease: Lease | None) -> str:
    if task.stage in ("encode", "frame"):
        return "sent a memory request for a task that needs none"
    if isinstance(message, Need):
        return "" if message.nbytes > 0 else f"requested {message.nbytes} bytes"
    return "" if lease is not None and lease.fresh else "rejected memory that was not granted to it"


def _check_stream(
    message: Offer | Advanced | Recall, lease: Lease | None, offered: Callable[[int], int], items: int
) -> str:
    match message:
        case Advanced(_, frames, total) if not (0 <= frames < LARGEST and 0 <= total < LARGEST):
            return "reported an invalid frame count"
        case Offer():
            if lease is None or not all(_inside(lease, at, 1) for at in (message.offset, message.output)):
                return "offered a frame outside of its lease"
            if not 0 <= message.number < LARGEST or len(message.facts) > LONGEST_FACTS:
                return "offered an invalid frame"
            if not -1 <= message.item < items:
                return "offered an item of another job"
            if offered(message.serial) >= MOST_OFFERS:
                return "offered more frames than the limit"
    return ""


# ----- results ------------------------------------------------------------------------------------


def _check_failed(message: Failed, items: int) -> str:
    if message.stage not in STAGES or not _is_class_name(message.error):
        return "failed with an unknown class of error"
    if not -1 <= message.item < items:
        return "failed with an item of another job"
    if not _texts_valid((message.error, message.message, message.fix, message.traceback)):
        return "sent text longer than the limit"
    if wrong := _check_left_out(message.failures, items):
        return wrong
    if not _is_ascii(message.digest):
        return "described an invalid file"
    return _check_timings(message.timings) or (
        "" if _texts_valid(message.notes) else "sent text longer than the limit"
    )


def _check_left_out(failures: Sequence[ItemFailure], items: int) -> str:
    """What is invalid about the items of a job that were left out."""
    if not all(0 <= each.item < items and _is_class_name(each.error) for each in failures):
        return "left out an item of another job"
    long = len(failures) > items or any(len(each.message) > LONGEST_TEXT for each in failures)
    return "sent text longer than the limit" if long else ""


def _check_output(failed: Failed | None, items: int) -> str:
    return _check_failed(failed, items) if failed else ""


def _is_class_name(text: str) -> bool:
    return text.isidentifier() and text.isascii()


def _check_done(message: Done, items: int) -> str:
    failures = message.failures
    if failures and len(failures) >= items:
        return "left out all items of the job"
    if wrong := _check_left_out(failures, items):
        return wrong
    if len(message.tries) > MOST_TEXTS or not all(0 < tries < LARGEST_SIDE for tries in message.tries):
        return "reported an invalid number of encodes"
    if not (_texts_valid(message.lost) and _texts_valid(message.notes)):
        return "sent text longer than the limit"
    if not (_is_ascii(message.digest) and all(map(_in_range, message.outputs))):
        return "described an invalid file"
    if message.seen and not _is_valid(message.seen):
        return "described an invalid input"
    return _check_timings(message.timings) or _check_output(message.failed_output, items)


def _check_timings(timings: Iterable[tuple[str, float]]) -> str:
    for stage, seconds in timings:
        # NaN is not within the limits either.
        if stage not in STAGES or not 0.0 <= seconds <= LONGEST_SECONDS:
            return "reported invalid timings"
    return ""


def _texts_valid(texts: tuple[str, ...]) -> bool:
    return len(texts) <= MOST_TEXTS and all(len(text) <= LONGEST_TEXT for text in texts)


def _is_ascii(text: str) -> bool:
    return len(text) <= LONGEST_TEXT and text.isascii()


def _in_range(file: OutputFile) -> bool:
    """Whether the values are in range, but for the inode, which may be any number; the path is compared with
    those of the job."""
    _, nbytes, width, height, mtime_ns, ctime_ns, _, digest = file
    return (
        0 <= nbytes < LARGEST
        and 0 <= width < LARGEST_SIDE
        and 0 <= height < LARGEST_SIDE
        and -LARGEST <= mtime_ns < LARGEST
        and -LARGEST <= ctime_ns < LARGEST
        and len(digest) <= LONGEST_TEXT
        and digest.isascii()
    )


def _is_valid(seen: Seen) -> bool:
    sides = all(0 <= side < LARGEST_SIDE for side in (seen.width, seen.height))
    return sides and len(seen.exif) <= LONGEST_FACTS and _is_ascii(seen.checksum)


def _check_files(message: Files, task: Task, before: int) -> str:
    """Files of a split target, before the result of the task."""
    if task.stage == "frame" or task.job.kind != "stream":
        return "named files of a clip that was not assigned to it"
    if before + len(message.outputs) > MOST_FILES:
        return "named more files than the limit"
    if not all(map(_in_range, message.outputs)):
        return "described an invalid file"
    targets = [target for target in task.job.targets if target.split]
    ours = all(any(_is_part(file.path, target) for target in targets) for file in message.outputs)
    return "" if ours else "named files of another job"


def _check_results(
    message: Done,
    task: Task,
    lease: Lease | None,
    *,
    arrays: bool,
    made: Sequence[OutputFile] = (),
    ahead: bool = False,
) -> str:
    """What is invalid about the results of a task; of a lease that was sent `ahead` it may use a part."""
    if message.failed_output and not message.outputs:
        return "reported an output that failed without any that was written"
    if task.stage == "frame":
        return "sent results with a frame of another worker's clip" if _results(message) else ""
    if message.unchanged:
        known = task.job.digest or task.job.check
        return "" if known and not _results(message) else "reported an unknown file as unchanged"
    by_page = task.stage == "decode" and message.placed is None and bool(message.outputs)
    if arrays or (task.stage in ("decode", "transform") and task.job.kind != "stream" and not by_page):
        if message.placed is None or message.outputs:
            return "finished a picture without its location"
        ends = arrays and task.stage != "decode"
        if ends and lease is not None and ahead and 0 < message.placed.lease.size <= lease.size:
            lease = lease._replace(size=message.placed.lease.size)
        return _check_placed(message.placed, lease) or (_check_array(message.placed.frames) if ends else "")
    numbers = task.targets or range(len(task.job.targets))
    targets = [task.job.targets[number] for number in numbers]
    if made:
        return "" if _are_last(message.outputs, made, targets) else "finished with files of another job"
    found = [file.path for file in message.outputs]
    if message.placed is not None or not _are_of(targets, found, every=message.failed_output is None):
        return "finished with files of another job"
    return ""


def _check_sliced(message: Sliced, task: Task) -> str:
    """What is invalid about the results of a slice: one for each item."""
    job, made = task.job, message.made
    if job.kind != "slice":
        return "sent the results of a slice that was not assigned to it"
    numbers = list(made.numbers)
    numbers += [done.serial for done in message.done]
    numbers += [failed.serial for failed in message.failed]
    if sorted(numbers) != list(range(len(job.items))):
        return "sent results that are not one for each item of a slice"
    if wrong := _check_made(made):
        return wrong
    for done in message.done:
        if done.facts:
            return _check_facts(done, wanted=False)
        part = task._replace(job=job.parts(done.serial, done.serial + 1)[0])
        if wrong := _check_done(done, 1) or _check_results(done, part, None, arrays=False):
            return wrong
    return next(filter(None, (_check_failed(failed, 1) for failed in message.failed)), "")


def _check_made(made: MadeFiles) -> str:
    """What is invalid about the columns of a slice; compared as a whole, not item by item."""
    columns = made[1:9]
    if len(made.seconds) != len(TIMED) or {len(made.numbers)} != set(map(len, (*columns, *made.seconds))):
        return "sent columns of different lengths"
    if not made.numbers:
        return ""
    ranges = [(made.bytes, 0, LARGEST), (made.width, 0, LARGEST_SIDE), (made.height, 0, LARGEST_SIDE)]
    ranges += [(made.mtime_ns, -LARGEST, LARGEST), (made.ctime_ns, -LARGEST, LARGEST)]
    if not all(low <= min(column) and max(column) < high for column, low, high in ranges):
        return "described an invalid file"
    if not all(map(_is_ascii, (*made.digest, *made.sources))):
        return "described an invalid file"
    # The sum shows NaN and infinity, which a minimum may hide.
    timed = all(0.0 <= sum(each) <= LONGEST_SECONDS and min(each) >= 0.0 for each in made.seconds)
    return "" if timed else "reported invalid timings"


def _check_facts(message: Done, *, wanted: bool) -> str:
    if not wanted:
        return "sent facts that were not requested"
    if message.unchanged or _results(message):
        return "sent results where facts were requested"
    return "" if 0 < len(message.facts) <= LONGEST_RESULT else "sent facts of an invalid length"


def _are_of(targets: list[Target], found: list[str], *, every: bool) -> bool:
    """Whether these are files of the targets, each once and at least one: of pages all, of frames and sprites
    any number.

    Args:
        targets: the outputs of the task. One that existed before may have been changed by the user and is
            kept, so its file may be missing.
        found: paths of the files.
        every: whether no other file may be missing; of targets with `either` all but one are.
    """
    left = set(found)
    if not found or len(left) < len(found):
        return False
    if any(target.split in ("frames", "sprites") for target in targets):
        return {_owner(path, targets) for path in found} == set(range(len(targets)))
    for target in targets:
        own = {target.path} & left or (_pages_of(target, left) if target.split else set())
        if not own and every and not (target.known or target.either):
            return False
        left -= own
    return not left


def _pages_of(target: Target, found: set[str]) -> set[str]:
    """The files of the pages of a target; `--pages 1,3` leaves gaps."""
    return {path for path in found if is_part(path, target.path, "pages")}


def _are_last(outputs: Sequence[OutputFile], made: Sequence[OutputFile], targets: list[Target]) -> bool:
    """Whether the files of a result complete those that were checked before."""
    owners = {_owner(file.path, targets) for file in outputs}
    owners |= {number for number, target in enumerate(targets) if target.split}
    paths = {file.path for file in (*made, *outputs)}
    return len(paths) == len(made) + len(outputs) and owners == set(range(len(targets)))


def _owner(path: str, targets: list[Target]) -> int:
    """Index of the target to which a file belongs, or −1."""
    for number, target in enumerate(targets):
        if _is_part(path, target) if target.split else path == target.path:
            return number
    return -1


def _is_part(path: str, target: Target) -> bool:
    return bool(target.split) and is_part(path, target.path, target.split)


def _results(message: Done) -> bool:
    return bool(message.outputs) or message.placed is not None


def _check_placed(placed: Placed, lease: Lease | None) -> str:
    """What is invalid about frames in a lease."""
    if lease is None or placed.lease[:2] != lease[:2]:
        return "placed a picture outside of its lease"
    offset, length = placed.header
    if not _valid_spec(placed.frames) or not _inside(lease, placed.frames.offset, placed.frames.nbytes):
        return "described a picture larger than its lease"
    if length and not _inside(lease, offset, length):
        return "placed metadata outside of its lease"
    return ""


def _check_array(frames: FrameRef) -> str:
    whole = frames.count == 1 and frames.spec.layout not in CHROMA
    return "" if whole else "returned an array that is not a single picture"


def _valid_spec(frames: FrameRef) -> bool:
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
