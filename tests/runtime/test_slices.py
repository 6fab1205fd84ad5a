"""Slices in the bookkeeping of the parent: several small pictures as one task, also where one fails."""

from __future__ import annotations

import math
import pickle

import pytest
from slice_outcomes import outcomes_of

from imgpar.core.job import Item, Job, OutputFile, Target
from imgpar.core.slices import TIMED, MadeFiles
from imgpar.runtime.arena import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.protocol import Done, Failed, Sliced, Task
from imgpar.runtime.records import WorkerState
from imgpar.runtime.serialization import pack_message, unpack_message
from imgpar.runtime.slices import is_plain, received, results_of, sent
from imgpar.runtime.task_queue import SLICE_ITEMS
from imgpar.runtime.validation import disorder

DIED = Failed(0, "decode", "WorkerDiedError", "It died.", "", "", item=2)


def sliced(length: int, first: int = 0) -> Job:
    numbers = range(first, first + length)
    items = tuple(Item(f"/in/d/{n}.jpg", f"d/{n}.jpg", 1000, n + 1, n + 2, ctime_ns=n + 3) for n in numbers)
    return Job(first, items, tuple(Target("png", f"/out/d/{n}.png") for n in numbers), kind="slice")


def done(number: int, path: str = "", **fields: object) -> Done:
    file = OutputFile(path or f"/out/d/{number}.png", 9, 4, 3, 7, 8, 6, "f" * 32)
    return Done(number, (("read", 0.5), ("encode", 0.25)), outputs=(file,), digest="c" * 32)._replace(
        **fields
    )


def book(length: int = 4, *, seconds: float = 0.001, chunks: int = 64) -> tuple[Ledger, Task]:
    """A ledger with two workers and one slice, of which the first has got a part."""
    made = Ledger(Allocator(chunks * CHUNK), "auto")
    for index in range(2):
        made.hired(index)
    made.tasks.seconds = seconds
    made.submit(sliced(length), 1)
    return made, made.tasks.assign(0)[0]


def whole(length: int = 4) -> tuple[Ledger, Task]:
    """The same with a slice that one worker has got as a whole."""
    made, _ = book(1)
    made.abandon()
    made.hired(0)
    made.tasks.seconds = 0.001
    made.submit(sliced(length), 1)
    made.submit(sliced(1000, 100), 1)
    (task, *_) = made.tasks.assign(0)
    assert len(task.job.items) == length
    return made, task


def test_a_slice_is_cut_where_its_pictures_take_long():
    _, task = book(20, seconds=1.0)
    assert len(task.job.items) == 1


def test_a_slice_is_cut_where_other_workers_would_have_nothing():
    _, task = book(20)
    assert len(task.job.items) == 2


def test_what_is_cut_off_keeps_its_numbers():
    made, task = book(20)
    second = list(made.workers[0].outstanding.values())[1]
    assert (task.job.id, second.job.id, second.job.item.path) == (0, 2, "/in/d/2.jpg")


def test_a_worker_has_one_slice_to_do_and_one_in_the_pipe():
    made, _ = whole(SLICE_ITEMS)
    assert len(made.workers[0].outstanding) == 2


def test_a_finished_slice_settles_all_of_its_items():
    made, task = whole()
    settled = made.sliced(0, Sliced(task.serial, results_of([done(n) for n in range(4)])))
    assert [outcome.job for outcome in outcomes_of(settled)] == [0, 1, 2, 3]
    assert 0 not in made.jobs


def test_a_failure_within_a_slice_is_that_of_its_item():
    made, task = whole()
    failed = Failed(1, "decode", "DamagedError", "It is damaged.", "", "")
    settled = made.sliced(0, Sliced(task.serial, results_of([done(0), done(2), done(3)]), failed=(failed,)))
    found = outcomes_of(settled)
    assert [outcome.status for outcome in found] == ["ok", "failed", "ok", "ok"]
    assert (found[1].source, found[1].kind, found[1].error) == (
        "/in/d/1.jpg",
        "DamagedError",
        "It is damaged.",
    )


def test_a_remark_within_a_slice_is_that_of_its_item():
    made, task = whole()
    with_note = done(1, notes=("It is odd.",))
    settled = made.sliced(0, Sliced(task.serial, results_of([done(0), done(2), done(3)]), (with_note,)))
    assert [outcome.notes for outcome in outcomes_of(settled)] == [(), ("It is odd.",), (), ()]


def test_a_crash_is_charged_to_the_item_of_the_slice():
    made, task = whole()
    assert made.died(0, task.serial, "crash", DIED) == []
    assert [task.job.item.path for task in made.tasks.suspects] == ["/in/d/2.jpg"]
    assert [made.jobs[number].crashes for number in range(4)] == [0, 0, 1, 0]


def test_the_other_items_of_a_slice_are_tried_again_in_order():
    made, task = whole()
    made.died(0, task.serial, "crash", DIED)
    assert [state.job.id for state in made.tasks.queue][:3] == [0, 1, 3]


def test_what_a_dead_worker_has_written_of_a_slice_is_looked_for():
    made, task = whole()
    made.died(0, task.serial, "crash", DIED)
    assert made.jobs[0].attempt == 1


def test_a_slice_that_was_not_begun_stays_whole():
    made, _ = whole()
    made.died(0, 0, "crash", DIED)
    assert len(made.jobs[0].job.items) == 4


def test_a_picture_that_needs_too_much_memory_leaves_the_slice():
    made, task = whole()
    assert made.need(0, task.serial, 10**12) is None
    assert not made.waits(0, task.serial)
    assert [made.jobs[number].job.kind for number in range(4)] == ["frames"] * 4


def test_drained_items_are_counted_one_by_one():
    made, _ = whole()
    left = made.tasks.queued
    assert made.drain() == left > 900


# ----- messages -------------------------------------------------------------------------------------


def test_a_slice_arrives_as_it_was_sent():
    task = Task(5, 1, "chain", sliced(3))
    assert received(pickle.loads(pickle.dumps(sent(task)))) == task


def test_a_slice_is_sent_in_less_than_half_of_the_bytes():
    task = Task(5, 1, "chain", sliced(32))
    assert len(pickle.dumps(sent(task))) < len(pickle.dumps(task)) / 2


def test_results_arrive_as_they_were_sent():
    message = Sliced(7, results_of([done(0), done(2)]), (done(1, notes=("odd",)),))
    assert unpack_message(pack_message(message)) == message


@pytest.mark.parametrize(
    "fields",
    [{"notes": ("odd",)}, {"lost": ("EXIF",)}, {"outputs": ()}, {"unchanged": True}, {"tries": (2,)}],
    ids=str,
)
def test_results_with_more_than_a_file_are_no_columns(fields):
    assert not is_plain(done(0, **fields), "/out/d/0.png")


def rejected(made: MadeFiles | None = None, **fields: object) -> str:
    worker = WorkerState()
    worker.outstanding[7] = Task(7, 1, "chain", sliced(2))
    columns = made or results_of([done(0), done(1)])
    return disorder(Sliced(7, columns)._replace(**fields), worker, lambda _: None, arrays=False)


def test_valid_columns_are_accepted():
    assert rejected() == ""


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("numbers", (0, 0)),
        ("numbers", (0,)),
        ("numbers", (0, 2)),
        ("numbers", (-1, 0)),
        ("bytes", (1, -1)),
        ("bytes", (1, 1 << 63)),
        ("bytes", (1,)),
        ("width", (1, 1 << 31)),
        ("height", (-1, 1)),
        ("mtime_ns", (0, 1 << 63)),
        ("ctime_ns", (0, -(1 << 63) - 1)),
        ("digest", ("a", "é")),
        ("sources", ("a", "x" * 9000)),
        ("seconds", ((0.0, 0.0),) * 4),
        ("seconds", ((0.0, math.nan),) * len(TIMED)),
        ("seconds", ((0.0, math.inf),) * len(TIMED)),
        ("seconds", ((0.5, -0.1),) * len(TIMED)),
    ],
    ids=str,
)
def test_invalid_columns_are_rejected(column, values):
    assert rejected(results_of([done(0), done(1)])._replace(**{column: values})) != ""


def test_an_item_with_two_results_is_rejected():
    assert rejected(done=(done(1),)) != ""


def test_a_file_of_another_item_is_rejected():
    assert rejected(results_of([done(0)]), done=(done(1, "/out/d/0.png"),)) != ""


def test_results_of_a_slice_for_another_job_are_rejected():
    worker = WorkerState()
    worker.outstanding[7] = Task(7, 1, "chain", sliced(2).parts()[0])
    message = Sliced(7, results_of([done(0)]))
    assert "not assigned" in disorder(message, worker, lambda _: None, arrays=False)


def test_facts_within_a_slice_are_rejected():
    assert "facts" in rejected(results_of([done(0)]), done=(done(1, facts=b"x"),))


def test_one_result_for_a_slice_is_rejected():
    worker = WorkerState()
    worker.outstanding[7] = Task(7, 1, "chain", sliced(2))
    assert disorder(done(0)._replace(serial=7), worker, lambda _: None, arrays=False) != ""
