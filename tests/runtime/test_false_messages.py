"""Workers that talk nonsense: each kind of false message is sent by a real worker, through its real channel.

The parent goes on, the job of that worker is charged with a sentence, all others are done, no memory is lost.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline
from imgpar.batch.picture.task import PictureWork
from imgpar.core.job import OutputFile
from imgpar.core.spec import FrameRef, Spec
from imgpar.runtime.arena import CHUNK
from imgpar.runtime.channel import MAX_MESSAGE, ParentEnd, WorkerEnd
from imgpar.runtime.protocol import (
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
    Sliced,
    Task,
)
from imgpar.runtime.serialization import pack_message
from imgpar.runtime.worker import Worker

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="writes into a socket")]

LIAR = 3
"""Which of the pictures makes its worker lie."""
PICTURES = 6


@pytest.fixture
def session(no_leaks):
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(PICTURES)])


def speaker() -> tuple[Worker, Task]:
    """The worker that runs this function, and its task."""
    task: Task | None = None
    frame = sys._getframe()
    while frame is not None:
        me = frame.f_locals.get("self")
        if isinstance(me, PictureWork):
            task = me._task
        if isinstance(me, Worker):
            assert task is not None
            return me, task
        frame = frame.f_back
    raise AssertionError


def write(worker: Worker, data: bytes, length: int | None = None) -> None:
    """Bytes into the channel, in place of a message."""
    framed = struct.pack("!i", len(data) if length is None else length) + data
    while framed:
        framed = framed[os.write(worker._channel._connection.fileno(), framed) :]


def only_the_liar(behave):
    """A function that does something on one picture."""

    def function(array):
        return behave(array) if np.array_equal(array, testing.pattern(96, 64, LIAR)) else array

    return function


def run(session, behave, pictures: Path, **settings) -> imgpar.Report:
    """Convert all pictures; afterwards nobody holds memory."""
    settings = {"to": "png", "schedule": "chain", **settings}
    pipe = Pipeline().apply(only_the_liar(behave))
    report = session.run(pipe, pictures, pictures.parent / "out", **settings)
    arena, _ = session.open()
    assert arena.allocator.lease(1)  # takes back what was given back
    arena.allocator.free(Lease(CHUNK, CHUNK))
    assert arena.allocator.leased == 0
    return report


def charged(report: imgpar.Report) -> str:
    """Why the one file failed, when all others are done."""
    assert (report.ok, report.failed) == (PICTURES - 1, 1)
    (failure,) = report.failures
    assert Path(failure.source).name == f"{LIAR}.png"
    return failure.error


# ----- bytes that are no message --------------------------------------------------------------------

DONE = Done(7, (("decode", 0.5),), None, (OutputFile("/a", 1),), ("alpha",), ("a note",), "00ff")

BYTES = {
    "nothing": (b"", None, "sent a message of an unknown kind"),
    "unknown kind": (b"\x63" + pack_message(DONE)[1:], None, "sent a message of an unknown kind"),
    "cut": (pack_message(DONE)[:-3], None, "sent a Done that cannot be read"),
    "longer": (pack_message(DONE) + b"\0", None, "sent a Done that cannot be read"),
    "another kind": (pack_message(Recall(7))[:1] + pack_message(DONE)[1:], None, "sent a Recall that cannot"),
    "oversized": (b"abc", (1 << 31) - 1, "sent a message that is longer than 16 MiB"),
    "just too long": (b"abc", MAX_MESSAGE + 1, "sent a message that is longer than 16 MiB"),
    "negative length": (struct.pack("!Q", 1 << 40), -1, "sent a message that is longer than 16 MiB"),
    "a promise of much": (pack_message(DONE)[:2] + b"\xdd\xff\xff\xff\xff", None, "sent a Done that cannot"),
    "deep": (pack_message(DONE)[:1] + b"\x91" * 100_000, None, "sent a Done that cannot be read"),
    "not UTF-8": (
        pack_message(DONE).replace(b"a note", b"\xffnote "),
        None,
        "sent a Done that cannot be read",
    ),
}


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_that_are_no_message_are_charged(session, pictures, kind):
    data, length, words = BYTES[kind]

    def lie(array):
        write(speaker()[0], data, length)
        return testing.hang(array)

    assert words in charged(run(session, lie, pictures))


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.marker),))


@pytest.mark.parametrize("first", [b"", bytes(pack_message(DONE)[:1])], ids=["plain", "as a Done"])
def test_a_pickle_is_not_executed(session, pictures, first):
    marker = pictures.parent / "executed"
    data = first + pickle.dumps(Payload(marker))

    def lie(array):
        write(speaker()[0], data)
        return testing.hang(array)

    assert "The worker process sent a" in charged(run(session, lie, pictures))
    assert not marker.exists()


def test_a_worker_that_stops_in_the_middle_of_a_message_does_not_stop_the_parent(session, pictures):
    def lie(array):
        write(speaker()[0], b"half", 100)
        return testing.hang(array)

    assert "longer than 0.5 s" in charged(run(session, lie, pictures, timeout=0.5))


def test_a_worker_that_dies_in_the_middle_of_a_message_is_charged(session, pictures):
    def lie(array):
        write(speaker()[0], b"half", 100)
        return testing.crash(array)

    assert "SIGSEGV" in charged(run(session, lie, pictures))


# ----- messages that cannot be true -----------------------------------------------------------------


def done(task: Task, **fields: Any) -> Done:
    """What a worker says of a picture that it has written."""
    outputs = tuple(OutputFile(target.path, 1, 1, 1, 1) for target in task.job.targets)
    return Done(task.serial, (), None, outputs)._replace(**fields)


def failed(task: Task, **fields: Any) -> Failed:
    return Failed(task.serial, "decode", "DamagedError", "It is bad.", "", "")._replace(**fields)


def written(task: Task, **fields: Any) -> Done:
    return done(task, outputs=(done(task).outputs[0]._replace(**fields),))


def timed(task: Task, seconds: float, stage: str = "decode") -> Done:
    return done(task, timings=((stage, seconds),))


NAN = float("nan")
UNTRUE = {
    "no such task": (lambda task: done(task, serial=10**9), "named a task that was not assigned to it"),
    "negative serial": (lambda task: done(task, serial=-1), "named a task that was not assigned to it"),
    "nothing needed": (lambda task: Need(task.serial, 0), "requested 0 bytes"),
    "less than nothing needed": (
        lambda task: Need(task.serial, -(1 << 40)),
        "requested -1099511627776 bytes",
    ),
    "dropped unasked": (lambda _: Dropped(0), "returned memory that was not requested"),
    "a frame": (lambda task: Offer(task.serial, 0, CHUNK, CHUNK, b""), "named frames of a clip"),
    "frames": (lambda task: Advanced(task.serial, 1, 2), "named frames of a clip"),
    "a frame back": (lambda task: Recall(task.serial), "named frames of a clip"),
    "unchanged": (
        lambda task: done(task, unchanged=True, outputs=()),
        "reported an unknown file as unchanged",
    ),
    "no files": (lambda task: done(task, outputs=()), "finished with files of another job"),
    "a file outside": (lambda task: written(task, path="/etc/passwd"), "files of another job"),
    "a file above": (
        lambda task: written(task, path=f"{os.path.dirname(task.job.targets[0].path)}/../x"),
        "files of another job",
    ),
    "a file twice": (lambda task: done(task, outputs=done(task).outputs * 2), "files of another job"),
    "negative bytes": (lambda task: written(task, bytes=-1), "described an invalid file"),
    "negative width": (lambda task: written(task, width=-1), "described an invalid file"),
    "huge height": (lambda task: written(task, height=1 << 31), "described an invalid file"),
    "a time beyond the journal": (
        lambda task: written(task, mtime_ns=1 << 63),
        "described an invalid file",
    ),
    "no digest": (lambda task: done(task, digest="é"), "described an invalid file"),
    "not a number": (lambda task: timed(task, NAN), "reported invalid timings"),
    "endless": (lambda task: timed(task, float("inf")), "reported invalid timings"),
    "back in time": (lambda task: timed(task, -1.0), "reported invalid timings"),
    "unknown stage": (lambda task: timed(task, 1.0, "lunch"), "reported invalid timings"),
    "unknown stage of an error": (lambda task: failed(task, stage="lunch"), "an unknown class of error"),
    "an error of two words": (lambda task: failed(task, error="a b"), "an unknown class of error"),
    "an error in other letters": (lambda task: failed(task, error="é"), "an unknown class of error"),
    "10 MB of text": (lambda task: failed(task, message="x" * 10_000_000), "sent text longer than the limit"),
    "10 MB in a note": (
        lambda task: done(task, notes=("x" * 10_000_000,)),
        "sent text longer than the limit",
    ),
    "10 MB in a note of an error": (
        lambda task: failed(task, notes=("x" * 10_000_000,)),
        "sent text longer than the limit",
    ),
    "a million losses": (lambda task: done(task, lost=("",) * 1_000_000), "sent text longer than the limit"),
    "a failure of no time": (
        lambda task: failed(task, timings=(("decode", NAN),)),
        "reported invalid timings",
    ),
}


@pytest.mark.parametrize("kind", UNTRUE)
def test_a_message_that_cannot_be_true_is_charged(session, pictures, kind):
    make, words = UNTRUE[kind]

    def lie(array):
        worker, task = speaker()
        write(worker, pack_message(make(task)))
        return testing.hang(array)

    assert words in charged(run(session, lie, pictures))


# ----- frames that lie elsewhere --------------------------------------------------------------------


def handed(task: Task) -> Done:
    """What a worker says that hands a picture on."""
    return Done(task.serial, (), task.placed)


def at_frames(task: Task, **fields: Any) -> Done:
    """The same, of other frames in the same memory."""
    assert task.placed is not None
    ref = task.placed.frames
    facts = {"offset": ref.offset, "spec": ref.spec, "count": ref.count, **fields}
    return Done(task.serial, (), task.placed._replace(frames=FrameRef(**facts)))


def at_lease(task: Task, offset: int = 0, size: int = 0) -> Done:
    """The same, in memory that begins elsewhere or is larger."""
    assert task.placed is not None
    lease = task.placed.lease
    moved = Lease(lease.offset + offset, lease.size + size)
    return Done(task.serial, (), task.placed._replace(lease=moved))


def end_of(task: Task) -> int:
    assert task.placed is not None
    return task.placed.lease.offset + task.placed.lease.size


LARGER, OTHERS = "described a picture larger than its lease", "outside of its lease"
MISPLACED = {
    "another's memory": (lambda task: at_lease(task, offset=CHUNK), OTHERS),
    "the board": (lambda task: at_lease(task, offset=-CHUNK), OTHERS),
    "more memory": (lambda task: at_lease(task, size=CHUNK), OTHERS),
    "before it": (lambda task: at_frames(task, offset=end_of(task) - 1), LARGER),
    "behind it": (lambda task: at_frames(task, offset=0), LARGER),
    "negative offset": (lambda task: at_frames(task, offset=-1), LARGER),
    "huge": (lambda task: at_frames(task, spec=Spec(9000, 9000)), LARGER),
    "endless": (lambda task: at_frames(task, spec=Spec((1 << 31) - 1, (1 << 31) - 1)), LARGER),
    "negative size": (lambda task: at_frames(task, spec=Spec(-4, -4)), LARGER),
    "no size": (lambda task: at_frames(task, spec=Spec(0, 4)), LARGER),
    "unknown numbers": (lambda task: at_frames(task, spec=Spec(4, 4, "RGB", "complex")), LARGER),
    "unknown layout": (lambda task: at_frames(task, spec=Spec(4, 4, "XYZ")), "a Done that cannot be read"),
    "no frames": (lambda task: at_frames(task, count=0), LARGER),
    "a million frames": (lambda task: at_frames(task, count=10**6), LARGER),
    "its header elsewhere": (
        lambda task: handed(task)._replace(placed=task.placed._replace(header=(end_of(task), 1))),
        "placed metadata outside of its lease",
    ),
    "a negative header": (
        lambda task: handed(task)._replace(placed=task.placed._replace(header=(end_of(task), -1))),
        "placed metadata outside of its lease",
    ),
    "no memory": (lambda task: NoMemory(task.serial), "rejected memory that was not granted to it"),
    "nowhere": (lambda task: Done(task.serial, ()), "finished a picture without its location"),
    "files too early": (lambda task: done(task), "finished a picture without its location"),
}


@pytest.mark.parametrize("kind", MISPLACED)
def test_frames_that_lie_elsewhere_are_charged(session, pictures, kind):
    make, words = MISPLACED[kind]

    def lie(array):
        worker, task = speaker()
        write(worker, pack_message(make(task)))
        return testing.hang(array)

    assert words in charged(run(session, lie, pictures, schedule="staged"))


def frames_said(count: int, layout: str) -> Any:
    """A function whose worker says that its array is so many frames of a layout."""

    def lie(array):
        worker, task = speaker()
        lease = worker._lease(task, 1 << 20)
        ref = FrameRef(lease.offset, Spec(4, 4, layout), count)
        write(worker, pack_message(Done(task.serial, (), Placed(lease, ref))))
        return testing.hang(array)

    return lie


@pytest.mark.parametrize(("count", "layout"), [(2, "RGB"), (1, "YCC420")], ids=["several", "planes"])
def test_an_array_that_is_not_one_picture_is_charged(session, pictures, count, layout):
    pipe = Pipeline().apply(only_the_liar(frames_said(count, layout)))
    failures: list[str] = []

    def note(event):
        if event.outcome is not None and event.outcome.status == "failed":
            failures.append(event.outcome.error)

    arrays = list(session.arrays(pipe, pictures, errors="skip", on_event=note))
    assert len(arrays) == PICTURES - 1
    (error,) = failures
    assert "returned an array that is not a single picture" in error


# ----- true messages at the wrong time --------------------------------------------------------------


def test_a_result_that_is_told_twice_is_taken_once(session, pictures):
    def twice(array):
        worker, task = speaker()
        send = worker._channel.send

        def stutter(message):
            send(message)
            if isinstance(message, Done) and message.serial == task.serial:
                send(message)

        worker._channel.send = stutter
        return array

    report = run(session, twice, pictures)
    assert (report.ok, report.failed) == (PICTURES, 0)


def test_results_may_come_out_of_order(pictures):
    """Who waits for memory works on others meanwhile."""

    def hold_back(array):
        worker, _ = speaker()
        send, held = worker._channel.send, []

        def later(message):
            if isinstance(message, Done | Sliced):
                held.append(message)
            if len(held) == 2:
                for late in reversed(held):
                    send(late)
                del worker._channel.send

        worker._channel.send = later
        return array

    with imgpar.Session(jobs=1, memory="64M") as session:
        pipe = Pipeline().apply(only_on_the_first(hold_back))
        report = session.run(pipe, pictures, pictures.parent / "out", to="png", schedule="chain")
    assert (report.ok, report.failed) == (PICTURES, 0)


def only_on_the_first(behave):
    """A function that does something on the first picture."""
    return lambda array: behave(array) if np.array_equal(array, testing.pattern(96, 64, 0)) else array


def test_a_task_that_waits_for_memory_is_not_done(session, pictures):
    def lie(array):
        worker, task = speaker()
        said = pack_message(Need(task.serial, 1 << 20))
        # In one piece: between two the memory could have come.
        write(worker, said + struct.pack("!i", len(said)) + said, len(said))
        return testing.hang(array)

    assert "continued a task that waits for memory" in charged(run(session, lie, pictures))


def test_a_need_that_can_never_be_met_fails_its_job(session, pictures, monkeypatch):
    # In a slice it would be tried again alone, which finds the output of the first attempt.
    monkeypatch.setattr("imgpar.batch.slices.SMALL", 0)

    def lie(array):
        worker, task = speaker()
        write(worker, pack_message(Need(task.serial, 1 << 62)))
        return array

    assert "MiB of shared memory" in charged(run(session, lie, pictures))


def test_the_task_of_another_worker_is_not_touched(session, pictures):
    """Two pictures are at work, and the first one's worker fails the other."""
    said = pictures.parent / "said"

    def both(array):
        worker, _ = speaker()
        board, mine = worker._view.board, worker._cell
        if np.array_equal(array, testing.pattern(96, 64, 0)) and not said.exists():
            while not (others := [board[cell] for cell in (0, 8) if cell != mine and board[cell]]):
                os.sched_yield()
            said.touch()
            write(worker, pack_message(Failed(others[0], "decode", "DamagedError", "False.", "", "")))
            return testing.hang(array)
        while not said.exists():
            os.sched_yield()
        return array

    report = session.run(
        Pipeline().apply(both), pictures, pictures.parent / "out", to="png", schedule="chain", jobs=2
    )
    assert (report.ok, report.failed) == (PICTURES, 0)


@pytest.mark.parametrize("cell", [0, 1, 2], ids=["serial", "tick", "stage"])
def test_a_false_board_does_not_reach_the_parent(session, pictures, cell):
    def lie(array):
        worker, _ = speaker()
        worker._view.board[worker._cell + cell] = -(1 << 62)
        write(worker, b"nonsense")
        return testing.hang(array)

    assert "sent a message of an unknown kind" in charged(run(session, lie, pictures))


def test_a_worker_that_reads_nothing_is_killed(session, pictures, monkeypatch):
    """The functions of the second run do not fit into its pipe."""
    assert run(session, np.copy, pictures, jobs=1).failed == 0
    monkeypatch.setattr("imgpar.runtime.channel.SEND_SECONDS", 2.0)
    _, pool = session.open()
    for worker in pool.workers.values():
        os.kill(worker.process.pid, signal.SIGSTOP)
    much = bytes(5 << 20)
    report = run(session, lambda array: array + len(much[:0]), pictures, on_exists="overwrite")
    assert (report.ok, report.failed) == (PICTURES, 0)


def test_a_log_of_any_length_is_read_from_its_end(tmp_path):
    from imgpar.runtime.exits import read_log

    with open(tmp_path / "log", "wb") as file:
        file.truncate(1 << 40)  # sparse: no memory holds it
        file.seek(0, os.SEEK_END)
        file.write(b"the end")
    assert read_log(str(tmp_path / "log")) == "the end"


def test_a_log_that_became_a_pipe_is_not_waited_for(tmp_path):
    from imgpar.runtime.exits import read_log

    os.mkfifo(tmp_path / "log")
    assert read_log(str(tmp_path / "log")) == ""


# ----- types ----------------------------------------------------------------------------------------

PLACED = Placed(Lease(CHUNK, CHUNK), FrameRef(CHUNK, Spec(4, 4)), (CHUNK, 9))
TRUE = (
    Need(1, 2),
    NoMemory(1),
    Dropped(1),
    Offer(1, 2, 3, 4, b"x"),
    Advanced(1, 2, 3),
    Recall(1),
    DONE,
    DONE._replace(placed=PLACED),
    Failed(1, "decode", "DamagedError", "It is bad.", "Mend it.", "", (("decode", 0.5),), ("a",)),
)
WRONG: dict[type, tuple[Any, ...]] = {
    bool: (1, "x", ["x"]),
    int: (None, True, 1.5, "1", [1], 1 << 64),
    float: (None, "1", [1.0]),
    str: (None, 1, b"x", ["x"]),
    bytes: (None, 1, ["x"]),
    tuple: (1, "x", b"x", [1, "x"], {"x": 1}),
    type(None): (1, "x", [1], {"x": 1}),
    FrameRef: (1, "x", {"offset": 1}, {"offset": 1, "spec": 3}),
}


def spoilt(value: Any):
    """The value as lists, with one thing in it replaced by each thing of a wrong type."""
    wrong = next(values for kind, values in WRONG.items() if isinstance(value, kind))
    yield from wrong
    if isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from ([*value[:number], change, *value[number + 1 :]] for change in spoilt(part))


def received(end: ParentEnd) -> list[Any]:
    found: list[Any] = []
    while not found:
        found = end.receive()
    return found


@pytest.mark.parametrize("message", TRUE, ids=lambda message: type(message).__name__)
def test_every_field_has_the_type_that_it_declares(message):
    import msgspec

    ours, theirs = Pipe()
    parent, worker = ParentEnd(ours), WorkerEnd(theirs)
    worker.send(message)
    assert received(parent) == [message]
    believed = []
    for wrong in [change for change in spoilt(message) if isinstance(change, list)]:
        try:
            data = msgspec.msgpack.encode(wrong)
        except OverflowError:
            continue  # there are no such numbers
        theirs.send_bytes(pack_message(message)[:1] + data)
        if not isinstance(received(parent)[0], Garbled):
            believed.append(wrong)
    assert believed == []
    parent.close()
    theirs.close()


def test_a_name_that_is_not_utf_8_travels():
    ours, theirs = Pipe()
    parent, worker = ParentEnd(ours), WorkerEnd(theirs)
    message = DONE._replace(outputs=(OutputFile("/caf\udce9/ü\0.png", 1),), placed=PLACED)
    worker.send(message)
    assert received(parent) == [message]
    parent.close()
    theirs.close()


def test_messages_that_arrive_in_pieces_are_put_together():
    ours, theirs = Pipe()
    parent = ParentEnd(ours)
    data = b"".join(struct.pack("!i", len(said)) + said for said in map(pack_message, TRUE))
    found: list[Any] = []
    for at in range(len(data)):
        os.write(theirs.fileno(), data[at : at + 1])
        found += parent.receive()
    assert found == list(TRUE)
    assert parent.receive() == []
    parent.close()
    theirs.close()
