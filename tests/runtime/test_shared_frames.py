"""Frames that are offered: who gets them, what comes back, when memory is free again."""

from __future__ import annotations

import pytest

from imgpar.batch.clip.frame_program import FrameFacts
from imgpar.batch.clip.helper import Helper
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import TransformError
from imgpar.core.job import Item, Job, OutputFile, Target
from imgpar.core.limits import Limits
from imgpar.runtime.arena import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.protocol import (
    Advanced,
    Done,
    Failed,
    Finished,
    Grant,
    Lease,
    Need,
    NoMemory,
    Offer,
    Recall,
    Returned,
    Task,
)
from imgpar.runtime.serialization import pack
from imgpar.runtime.validation import LONGEST_FACTS, MOST_OFFERS
from imgpar.video.clip import Picture, Stream
from imgpar.video.encoders import Encoding
from imgpar.video.plane_layout import PlaneLayout


def clip(number: int = 0) -> Job:
    item = Item("/in/a.mp4", "a.mp4", 1000, 0)
    return Job(number, (item,), (Target("mp4", "/out/a.mp4"),), kind="stream")


def failed(serial: int) -> Failed:
    return Failed(serial, "transform", "TransformError", "on purpose", "", "")


@pytest.fixture(params=["auto", "staged", "chain"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Worker 0 has a clip and its memory, worker 1 has nothing."""
    ledger = Ledger(Allocator(8 * CHUNK), request.param)
    ledger.hired(0)
    ledger.hired(1)
    ledger.submit(clip(), 1)
    (task,) = ledger.tasks.assign(0)
    ledger.need(0, task.serial, 2 * CHUNK)
    ((_, grant),) = ledger.leases.grants()
    assert isinstance(grant, Grant)
    return ledger


def offer(ledger: Ledger, *numbers: int) -> int:
    (task,) = ledger.held(0)
    for number in numbers:
        ledger.offer(0, Offer(task.serial, number, CHUNK, CHUNK + 64, b""))
    return task.serial


def test_an_idle_worker_gets_frames(ledger: Ledger) -> None:
    offer(ledger, 5, 6, 7)
    tasks = ledger.tasks.assign(1)
    assert [(task.stage, task.piece.number) for task in tasks] == [("frame", 5), ("frame", 6)]


def test_the_worker_of_the_clip_gets_nothing_else(ledger: Ledger) -> None:
    offer(ledger, 5)
    ledger.submit(clip(1), 1)
    assert ledger.tasks.assign(0) == ()


def test_a_finished_frame_is_told_to_the_worker_of_the_clip(ledger: Ledger) -> None:
    serial = offer(ledger, 5)
    (task,) = ledger.tasks.assign(1)
    assert ledger.done(1, Done(task.serial, ())) is None
    assert ledger.leases.grants() == [(0, Finished(serial, 5))]


def test_a_frame_that_fails_elsewhere_comes_back(ledger: Ledger) -> None:
    serial = offer(ledger, 5)
    (task,) = ledger.tasks.assign(1)
    assert ledger.failed(1, failed(task.serial)) is None
    assert ledger.leases.grants() == [(0, Returned(serial, 5))]


def test_a_helper_that_dies_gives_the_frame_back_and_nothing_is_charged(ledger: Ledger) -> None:
    serial = offer(ledger, 5, 6)
    first, _ = ledger.tasks.assign(1)
    assert ledger.died(1, first.serial, "crash", failed(first.serial)) == []
    assert {message for _, message in ledger.leases.grants()} == {Returned(serial, 5), Returned(serial, 6)}
    assert ledger.jobs[0].crashes == 0


def test_a_frame_that_nobody_has_begun_can_be_called_back(ledger: Ledger) -> None:
    serial = offer(ledger, 5)
    ledger.recall(0, serial)
    ledger.recall(0, serial)
    assert ledger.leases.grants() == [
        (0, Returned(serial, 5, answer=True)),
        (0, Returned(serial, -1, answer=True)),
    ]
    assert ledger.tasks.assign(1) == ()


def test_the_memory_of_a_clip_is_kept_while_a_helper_uses_it(ledger: Ledger) -> None:
    serial = offer(ledger, 5, 6, 7)
    tasks = ledger.tasks.assign(1)
    settled = ledger.failed(0, failed(serial))
    assert settled is not None
    assert ledger.allocator.leased >= 2 * CHUNK
    assert not ledger.finished
    for task in tasks:
        ledger.done(1, Done(task.serial, ()))
    assert ledger.allocator.leased == 0
    assert ledger.finished
    assert ledger.tasks.assign(1) == ()  # frame 7 went with its clip


def test_a_clip_that_begins_again_gets_other_memory_than_its_helpers_still_use(ledger: Ledger) -> None:
    serial = offer(ledger, 5)
    (task,) = ledger.tasks.assign(1)
    ledger.died(0, serial, "crash", failed(serial))
    ledger.hired(2)
    (again,) = ledger.tasks.assign(2)
    assert again.attempt == 1
    ledger.need(2, again.serial, 2 * CHUNK)
    ((_, grant),) = ledger.leases.grants()
    assert isinstance(grant, Grant)
    assert grant.lease.offset >= 3 * CHUNK
    ledger.done(1, Done(task.serial, ()))
    assert ledger.leases.grants() == []  # nobody waits for that frame any more
    assert ledger.allocator.leased == grant.lease.size


def test_abandoning_a_run_frees_everything(ledger: Ledger) -> None:
    serial = offer(ledger, 5)
    ledger.tasks.assign(1)
    ledger.failed(0, failed(serial))
    ledger.abandon()
    assert ledger.allocator.leased == 0


# ----- what cannot be true --------------------------------------------------------------------------

INSIDE, OUTSIDE = CHUNK, 3 * CHUNK + CHUNK


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Offer(0, 1, OUTSIDE, INSIDE, b""), "offered a frame outside of its lease"),
        (Offer(0, 1, INSIDE, OUTSIDE, b""), "offered a frame outside of its lease"),
        (Offer(0, 1, 0, INSIDE, b""), "offered a frame outside of its lease"),
        (Offer(0, 1, INSIDE, -1, b""), "offered a frame outside of its lease"),
        (Offer(0, -1, INSIDE, INSIDE, b""), "offered an invalid frame"),
        (Offer(0, 1, INSIDE, INSIDE, bytes(LONGEST_FACTS + 1)), "offered an invalid frame"),
        (Advanced(0, -1, 9), "reported an invalid frame count"),
        (Advanced(0, 1, 1 << 63), "reported an invalid frame count"),
    ],
)
def test_frames_that_cannot_be_are_not_believed(
    ledger: Ledger, message: Offer | Advanced, words: str
) -> None:
    (task,) = ledger.held(0)
    assert ledger.disorder(0, message._replace(serial=task.serial)) == words


@pytest.mark.parametrize(
    "message",
    [Offer(0, 1, INSIDE, INSIDE + 64, b""), Advanced(0, 1, 2), Recall(0)],
    ids=lambda m: type(m).__name__,
)
def test_what_is_true_of_frames_is_believed(ledger: Ledger, message: Offer | Advanced | Recall) -> None:
    (task,) = ledger.held(0)
    assert ledger.disorder(0, message._replace(serial=task.serial)) == ""


def test_offers_without_end_are_not_believed(ledger: Ledger) -> None:
    serial = offer(ledger, *range(MOST_OFFERS))
    words = "offered more frames than the limit"
    assert ledger.disorder(0, Offer(serial, 1, INSIDE, INSIDE, b"")) == words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Need(0, 5), "sent a memory request for a task that needs none"),
        (NoMemory(0), "sent a memory request for a task that needs none"),
        (Recall(0), "named frames of a clip that was not assigned to it"),
        (Done(0, (), None, (OutputFile("/out/a.mp4", 1),)), "sent results with a frame"),
    ],
)
def test_a_helper_speaks_of_its_frame_only(ledger: Ledger, message: Need | Done, words: str) -> None:
    offer(ledger, 5)
    (task,) = ledger.tasks.assign(1)
    assert words in ledger.disorder(1, message._replace(serial=task.serial))


@pytest.mark.parametrize(("offset", "output"), [(0, CHUNK), (CHUNK, 2 * CHUNK - 8)], ids=["before", "behind"])
def test_a_helper_touches_nothing_outside_of_the_memory_of_the_clip(offset: int, output: int) -> None:
    """The worker of a clip may say anything of its frames."""
    arena = bytearray(b"\7" * 3 * CHUNK)
    picture = Picture(Stream(0, "video", "h264"), 16, 16, "yuv420p", 8, False, "420")
    layout = PlaneLayout("yuv420p", 16, 16, "420")
    encoding = Encoding("libx264", "yuv420p", (), True, "420", 8, False)
    piece = Offer(1, 0, offset, output, pack((FrameFacts(picture, encoding), layout)))
    task = Task(2, 1, "frame", clip(), piece=piece, lease=Lease(CHUNK, CHUNK))
    with pytest.raises(TransformError):
        Helper().work(task, RunSpec("run", limits=Limits()), memoryview(arena))
    assert arena == b"\7" * 3 * CHUNK
