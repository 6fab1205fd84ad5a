"""Memory that is sent with the tasks of arrays: when, how much, and how it comes back."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar.core.job import Item, Job
from imgpar.core.spec import FrameRef, Spec
from imgpar.runtime import scheduler
from imgpar.runtime.arena import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.protocol import Done, Failed, Grant, Lease, Placed, Task

SPEC = Spec(4, 4, "RGB")
GONE = Failed(0, "decode", "WorkerDiedError", "It died.", "", "")


def ledger(chunks: int = 64, jobs: int = 40, workers: int = 1) -> Ledger:
    """Of a run of arrays, of which the first has needed two chunks and is done."""
    made = Ledger(Allocator(chunks * CHUNK), arrays=True)
    for index in range(workers):
        made.hired(index)
    for number in range(jobs):
        made.submit(Job(number, (Item(f"/in/{number}.jpg", f"{number}.jpg", 1000, 0),)), 1)
    (task, *others) = made.tasks.assign(0)
    assert made.need(0, task.serial, 2 * CHUNK) is None
    ((_, grant),) = made.leases.grants()
    assert isinstance(grant, Grant)
    made.done(0, array_in(grant.lease, task))
    for other in others:
        made.failed(0, GONE._replace(serial=other.serial))
    made.leases.release(Lease(grant.lease.offset, CHUNK))
    return made


def array_in(lease: Lease, task: Task) -> Done:
    return Done(task.serial, (), Placed(lease, FrameRef(lease.offset, SPEC)))


def sent(book: Ledger, index: int = 0) -> list[Task]:
    """The next tasks of a worker, as they are sent."""
    return list(book.leases.ahead(index, book.tasks.assign(index)))


def in_use(book: Ledger) -> int:
    """Chunks that are leased."""
    if (probe := book.allocator.lease(1)) is not None:  # takes what was given back
        book.allocator.free(probe)
    return book.allocator.leased // CHUNK


def test_a_task_comes_with_as_much_memory_as_the_last_one_needed_and_an_eighth() -> None:
    task = sent(ledger())[0]
    assert task.lease is not None
    assert task.lease.size == 3 * CHUNK


def test_the_first_task_of_a_run_comes_without() -> None:
    book = Ledger(Allocator(64 * CHUNK), arrays=True)
    book.hired(0)
    book.submit(Job(0, (Item("/in/0.jpg", "0.jpg", 1000, 0),)), 1)
    assert [task.lease for task in sent(book)] == [None]


def test_at_most_half_of_the_memory_is_sent_ahead() -> None:
    book = ledger(chunks=13)
    assert sum(task.lease is not None for task in sent(book)) == 2


def test_nothing_is_sent_ahead_while_a_worker_waits() -> None:
    book = ledger(workers=2)
    task = sent(book)[0]
    book.need(0, task.serial, 60 * CHUNK)
    assert all(other.lease is None for other in sent(book, 1))


def test_a_worker_that_requests_memory_has_given_back_all_that_it_had_ahead() -> None:
    book = ledger()
    tasks = sent(book)
    assert in_use(book) == 3 * len(tasks)
    book.need(0, tasks[0].serial, 4 * CHUNK)
    assert in_use(book) == 0


def test_with_the_grant_it_gets_memory_for_its_other_tasks_again() -> None:
    book = ledger(chunks=400)
    tasks = sent(book)
    book.need(0, tasks[0].serial, 4 * CHUNK)
    ((_, grant),) = book.leases.grants()
    assert isinstance(grant, Grant)
    assert [serial for serial, _ in grant.ahead] == [task.serial for task in tasks[1:]]


def test_a_worker_that_dies_frees_what_it_had_ahead() -> None:
    book = ledger()
    tasks = sent(book)
    book.died(0, tasks[0].serial, "killed", GONE)
    assert in_use(book) == 0


def test_a_task_that_fails_frees_what_came_with_it() -> None:
    book = ledger()
    tasks = sent(book)
    book.failed(0, GONE._replace(serial=tasks[0].serial))
    assert in_use(book) == 3 * (len(tasks) - 1)


def test_of_what_it_does_not_need_the_receiver_of_the_array_keeps_nothing() -> None:
    book = ledger()
    tasks = sent(book)
    assert tasks[0].lease is not None
    used = tasks[0].lease._replace(size=2 * CHUNK)
    book.done(0, array_in(used, tasks[0]))
    assert in_use(book) == 3 * (len(tasks) - 1) + 1


def test_only_the_pages_that_were_used_count_as_reserved() -> None:
    book = ledger(chunks=200)
    task = next(task for task in sent(book) if task.lease and task.lease.fresh)
    assert task.lease is not None
    used = task.lease._replace(size=CHUNK)
    ours = range(task.lease.offset // CHUNK, (task.lease.offset + task.lease.size) // CHUNK)
    before = [book.allocator._reserved[chunk] for chunk in ours]
    book.done(0, array_in(used, task))
    assert [book.allocator._reserved[chunk] for chunk in ours] == [1, *before[1:]]


def test_pages_that_cannot_be_reserved_are_not_sent_again() -> None:
    book = ledger()
    task = next(task for task in sent(book) if task.lease and task.lease.fresh)
    book.no_memory(0, task.serial)
    assert task.serial not in book.workers[0].ahead


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_array_may_be_in_a_part_of_what_came_with_its_task(size: int) -> None:
    book = ledger()
    task = sent(book)[0]
    assert task.lease is not None
    assert book.disorder(0, array_in(task.lease._replace(size=size * CHUNK), task)) == ""


@pytest.mark.parametrize("size", [-1, 0, 4])
def test_but_not_in_more(size: int) -> None:
    book = ledger()
    task = sent(book)[0]
    assert task.lease is not None
    assert book.disorder(0, array_in(task.lease._replace(size=size * CHUNK), task)) != ""


def test_what_was_requested_has_to_be_returned_whole() -> None:
    book = ledger()
    task = sent(book)[0]
    book.need(0, task.serial, 4 * CHUNK)
    ((_, grant),) = book.leases.grants()
    assert isinstance(grant, Grant)
    assert book.disorder(0, array_in(grant.lease._replace(size=CHUNK), task)) != ""


def test_a_large_picture_does_not_make_the_others_hold_as_much() -> None:
    book = ledger(chunks=8192)
    for nbytes in (*[CHUNK] * 8, 4096 * CHUNK):
        book.leases.needed(nbytes)
    task = sent(book)[0]
    assert task.lease is not None
    assert task.lease.size == 9 << 20


# ----- with workers ---------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    """Of a hundred sizes; each has a colour of its own."""
    for number in range(100):
        side = 40 + 37 * number % 1500
        Image.new("RGB", (side, side // 2), (number, 2 * number, 255 - number)).save(
            tmp_path / f"{number:03}.png"
        )
    return tmp_path


def colours(session: imgpar.Session, pictures) -> list[tuple[int, ...]]:
    pipe = imgpar.Pipeline().resize("32x32", fit="cover")
    return [tuple(int(value) for value in array[16, 16]) for _, array in session.arrays(pipe, pictures)]


EXPECTED = [(number, 2 * number, 255 - number) for number in range(100)]


@pytest.mark.usefixtures("no_leaks")
def test_few_arrays_request_memory(pictures, monkeypatch):
    messages: Counter[str] = Counter()
    handle = scheduler.Scheduler._handle

    def count(self, worker, message):
        messages[type(message).__name__] += 1
        return handle(self, worker, message)

    monkeypatch.setattr(scheduler.Scheduler, "_handle", count)
    # One worker: with two it depends on the load of the machine which of them has memory ahead.
    with imgpar.Session(jobs=1) as session:
        found = colours(session, pictures)
    assert np.abs(np.subtract(found, EXPECTED)).max() <= 1
    assert messages["Need"] <= 40


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("memory", ["16M", "20M"])
def test_with_little_memory_the_arrays_are_the_same_and_all_of_it_is_free_afterwards(pictures, memory):
    with imgpar.Session(jobs=3, memory=memory) as session:
        found = colours(session, pictures)
        allocator = session.open()[0].allocator
        if (probe := allocator.lease(1)) is not None:
            allocator.free(probe)
        leased = allocator.leased
    assert np.abs(np.subtract(found, EXPECTED)).max() <= 1
    assert leased == 0
