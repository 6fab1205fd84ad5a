"""Frames that are offered: who gets them, what comes back, when memory is free again."""

from __future__ import annotations

import pytest

from imgpar.model import Item, Job, Target
from imgpar.runtime.frames import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.messages import Done, Failed, Finished, Grant, Offer, Returned


def clip(number: int = 0) -> Job:
    return Job(number, Item("/in/a.mp4", "a.mp4", 1000, 0), (Target("mp4", "/out/a.mp4"),))


def failed(serial: int) -> Failed:
    return Failed(serial, "transform", "TransformError", "on purpose", "", "")


@pytest.fixture
def ledger() -> Ledger:
    """Worker 0 has a clip and its memory, worker 1 has nothing."""
    ledger = Ledger(Allocator(8 * CHUNK))
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
