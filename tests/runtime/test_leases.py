"""Leases one by one: whose they are, when they are given back, and what is told to whom."""

from __future__ import annotations

import pytest

from imgpar.core.job import Item, Job, Target
from imgpar.core.spec import FrameRef, Spec
from imgpar.runtime.arena import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.protocol import Deny, Done, Failed, Grant, Lease, Placed, Revoke, Task

SPEC = Spec(4, 4, "RGB")
GONE = Failed(0, "decode", "WorkerDiedError", "It died.", "", "")


def ledger(schedule: str = "chain", workers: int = 1, chunks: int = 64, *, arrays: bool = False) -> Ledger:
    made = Ledger(Allocator(chunks * CHUNK), schedule, arrays=arrays)
    for index in range(workers):
        made.hired(index)
    return made


def submit(book: Ledger, *numbers: int, size: int = 1000) -> None:
    for number in numbers:
        targets = (Target("jpeg", f"/out/{number}.jpg"),)
        book.submit(Job(number, (Item(f"/in/{number}.jpg", f"{number}.jpg", size, 0),), targets), 1)


def begin(book: Ledger, index: int, chunks: int = 1) -> Task:
    """The worker gets one more task and asks for memory."""
    task = book.tasks.assign(index)[0]
    assert book.need(index, task.serial, chunks * CHUNK) is None
    return task


def granted(book: Ledger, index: int, chunks: int = 1) -> Task:
    """The same, and it gets some."""
    task = begin(book, index, chunks)
    assert [who for who, message in book.leases.grants() if isinstance(message, Grant)] == [index]
    return task


def finished(book: Ledger, index: int, task: Task) -> None:
    book.done(index, Done(task.serial, ()))


# ----- fresh leases ---------------------------------------------------------------------------------


def test_a_lease_is_fresh_until_a_task_that_has_it_ends_well() -> None:
    book = ledger()
    submit(book, 0)
    task = granted(book, 0)
    assert book.workers[0].standing is not None
    assert book.workers[0].standing.fresh
    finished(book, 0, task)
    assert book.workers[0].standing is not None
    assert not book.workers[0].standing.fresh


def test_in_stages_the_jobs_lease_is_confirmed() -> None:
    book = ledger("staged")
    submit(book, 0)
    task = granted(book, 0)
    lease = book.jobs[0].lease
    assert lease is not None
    assert lease.fresh
    assert book.workers[0].standing is None
    book.done(0, Done(task.serial, (), Placed(lease, FrameRef(lease.offset, SPEC))))
    assert book.jobs[0].lease == lease._replace(fresh=False)


def test_a_worker_that_asks_gives_back_what_it_has() -> None:
    book = ledger()
    submit(book, 0)
    finished(book, 0, granted(book, 0, 2))
    submit(book, 1)
    assert book.allocator.leased == 3 * CHUNK
    begin(book, 0, 5)
    assert book.workers[0].standing is None
    assert book.allocator.leased == 0


# ----- whose turn it is -----------------------------------------------------------------------------


def test_memory_is_granted_first_come_first_served() -> None:
    book = ledger(workers=3)
    submit(book, 0, 1, 2)
    tasks = [book.tasks.assign(index)[0] for index in range(3)]
    for index in (2, 0, 1):
        book.need(index, tasks[index].serial, CHUNK)
    # Serials, not the order of asking: a task that was handed out first is the older one.
    assert [who for who, _ in book.leases.grants()] == [0, 1, 2]


def test_a_large_request_is_not_overtaken() -> None:
    book = ledger(workers=3, chunks=4)
    submit(book, 0, 1, 2)
    granted(book, 0, 2)
    begin(book, 1, 3)
    begin(book, 2, 1)
    assert [message for _, message in book.leases.grants() if isinstance(message, Grant)] == []


def test_an_eighth_more_is_given_where_it_is_there_and_else_what_was_asked_for() -> None:
    book = ledger(workers=2, chunks=18)  # the first chunk is the board
    submit(book, 0, 1)
    granted(book, 0, 8)
    assert book.allocator.leased == 9 * CHUNK
    granted(book, 1, 8)
    assert book.allocator.leased == 17 * CHUNK


def test_a_grant_says_what_it_is_for() -> None:
    book = ledger()
    submit(book, 0)
    task = begin(book, 0)
    ((index, message),) = book.leases.grants()
    assert (index, message) == (0, Grant(task.serial, book.workers[0].standing))  # type: ignore[arg-type]
    assert book.workers[0].waiting is None
    assert book.leases.grants() == []


# ----- standing leases are taken back ---------------------------------------------------------------


def test_a_busy_worker_is_told_to_give_its_standing_lease_back_and_once_only() -> None:
    book = ledger(workers=2, chunks=4)
    submit(book, *range(8))
    finished(book, 0, granted(book, 0, 3))
    book.tasks.assign(0)
    assert book.workers[0].outstanding
    begin(book, 1, 3)
    ((index, message),) = book.leases.grants()
    assert index == 0
    assert isinstance(message, Revoke)
    assert message.token == book.workers[0].revoked > 0
    assert book.leases.grants() == []
    assert book.owes(0)


def test_it_is_given_back_for_the_token_that_was_told() -> None:
    book = ledger(workers=2, chunks=4)
    submit(book, *range(8))
    finished(book, 0, granted(book, 0, 3))
    book.tasks.assign(0)
    begin(book, 1, 3)
    ((_, message),) = book.leases.grants()
    assert isinstance(message, Revoke)
    book.leases.dropped(0, message.token + 1)
    assert book.workers[0].revoked == message.token
    assert book.allocator.leased > 0
    book.leases.dropped(0, message.token)
    assert book.workers[0].revoked == 0
    assert book.allocator.leased == 0
    assert [who for who, _ in book.leases.grants()] == [1]


def test_an_idle_worker_is_told_with_a_token_of_zero() -> None:
    book = ledger(workers=2, chunks=4)
    submit(book, 0)
    finished(book, 0, granted(book, 0, 3))
    submit(book, 1)
    task = begin(book, 1, 3)
    assert book.leases.grants() == [(0, Revoke(0)), (1, Grant(task.serial, book.workers[1].standing))]  # type: ignore[arg-type]
    assert book.workers[0].standing is None


def test_at_the_end_all_standing_leases_are_taken_back() -> None:
    book = ledger(workers=2)
    submit(book, 0, 1)
    tasks = [granted(book, index, 2) for index in (0, 1)]
    for index in (0, 1):
        finished(book, index, tasks[index])
    assert book.allocator.leased > 0
    book.leases.retire()
    assert book.allocator.leased == 0
    assert [worker.standing for worker in book.workers.values()] == [None, None]


# ----- pages that cannot be had ---------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["chain", "staged"])
def test_lost_pages_are_nobodys(schedule: str) -> None:
    book = ledger(schedule, chunks=8)
    submit(book, 0)
    task = granted(book, 0, 4)
    book.no_memory(0, task.serial)
    assert book.workers[0].standing is None
    assert book.jobs[0].lease is None
    assert book.allocator.largest < 8 * CHUNK


# ----- arrays, in order -----------------------------------------------------------------------------


def array(book: Ledger, index: int, task: Task) -> Lease:
    """The task is done; the lease that its receiver gets, which is what the frames take of it."""
    lease = book.jobs[task.job.id].lease
    assert lease is not None
    settled = book.done(index, Done(task.serial, (), Placed(lease, FrameRef(lease.offset, SPEC))))
    assert settled is not None
    assert settled.kind == "array"
    assert settled.placed is not None
    assert settled.placed.lease == Lease(lease.offset, CHUNK, False)
    return settled.placed.lease


def test_the_lease_of_an_array_goes_to_its_receiver() -> None:
    book = ledger(arrays=True)
    submit(book, 0)
    lease = array(book, 0, granted(book, 0))
    assert book.workers[0].standing is None
    assert book.allocator.leased == CHUNK
    book.leases.release(lease)
    book.leases.grants()
    assert book.allocator.lease(book.allocator.largest) is not None


def test_an_array_that_failed_is_not_waited_for() -> None:
    book = ledger(workers=2, arrays=True)
    submit(book, 0, 1)
    first, second = book.tasks.assign(0)[0], book.tasks.assign(1)[0]
    book.need(1, second.serial, CHUNK)
    assert book.leases.grants() == []
    settled = book.failed(0, Failed(first.serial, "decode", "DamagedError", "bad", "", ""))
    assert settled is not None
    assert [who for who, _ in book.leases.grants()] == [1]


def test_jobs_that_were_never_begun_are_not_waited_for_either() -> None:
    book = ledger(arrays=True)
    submit(book, 0, 1, 2, size=100 << 20)
    task, behind = book.tasks.assign(0)
    assert (task.job.id, behind.job.id) == (0, 1)
    assert book.drain() == 1
    book.need(0, task.serial, CHUNK)
    assert [who for who, _ in book.leases.grants()] == [0]
    array(book, 0, task)
    book.need(0, behind.serial, CHUNK)
    assert [who for who, _ in book.leases.grants()] == [0]
    array(book, 0, behind)
    assert book.finished
    submit(book, 3)
    granted(book, 0)


def test_an_array_that_is_made_again_is_wanted_before_later_ones() -> None:
    book = ledger(workers=2, arrays=True)
    submit(book, 0, 1, 2)
    first, second = book.tasks.assign(0)[0], book.tasks.assign(1)[0]
    assert (first.job.id, second.job.id) == (0, 1)
    book.died(0, first.serial, "crash", GONE)
    book.hired(2)
    book.need(1, second.serial, CHUNK)
    assert book.leases.grants() == []
    (again,) = book.tasks.assign(2)
    assert again.job.id == 0
    book.need(2, again.serial, CHUNK)
    assert [who for who, _ in book.leases.grants()] == [2, 1]


def test_who_waits_with_a_later_array_makes_way_and_begins_again() -> None:
    book = ledger(workers=1, arrays=True)
    submit(book, 0, 1, size=5 << 20)
    first, second = book.tasks.assign(0)
    assert (first.job.id, second.job.id) == (0, 1)
    book.need(0, second.serial, CHUNK)
    assert book.leases.stalled is True
    assert book.leases.stuck is False
    assert book.leases.grants() == [(0, Deny(second.serial))]
    assert list(book.workers[0].outstanding) == [first.serial]
    assert book.workers[0].waiting is None
    assert [state.job.id for state in book.tasks.queue] == [1]


# ----- stuck ----------------------------------------------------------------------------------------


def test_who_can_have_its_memory_is_not_stuck_and_asking_costs_none() -> None:
    book = ledger(chunks=4, arrays=True)
    submit(book, 0)
    begin(book, 0, 2)
    before = book.allocator.leased
    assert book.leases.stuck is False
    assert book.allocator.leased == before
    assert [who for who, _ in book.leases.grants()] == [0]
    assert book.leases.stuck is False


def test_while_somebody_works_nobody_is_stuck() -> None:
    book = ledger(workers=2, chunks=4, arrays=True)
    submit(book, 0, 1)
    granted(book, 0, 3)
    begin(book, 1, 3)
    assert book.leases.stalled is False
    assert book.leases.stuck is False


# ----- what a worker owes ---------------------------------------------------------------------------


def test_a_worker_owes_what_it_was_given_until_it_waits_or_has_answered() -> None:
    book = ledger()
    assert not book.owes(0)
    submit(book, 0)
    task = book.tasks.assign(0)[0]
    assert book.owes(0)
    book.need(0, task.serial, CHUNK)
    assert not book.owes(0)
    book.leases.grants()
    assert book.owes(0)
    assert book.held(0) == (task,)
    finished(book, 0, task)
    assert not book.owes(0)
    assert book.held(0) == ()
    assert book.held(99) == ()
