"""Slices among other jobs, with deaths, lost pages and requests for memory in any order."""

from __future__ import annotations

import random

import pytest
from slice_outcomes import outcomes_of
from test_slices import done, sliced

from imgpar.core.job import Outcome
from imgpar.runtime.arena import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.protocol import Failed, Sliced, Task
from imgpar.runtime.records import Settled
from imgpar.runtime.slices import results_of

BAD = Failed(0, "decode", "DamagedError", "It is damaged.", "", "")


class Course:
    """One run of a ledger, in which the next event is drawn by chance."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.book = Ledger(Allocator(self.random.choice([4, 8, 64]) * CHUNK), "auto")
        self.settled: list[Outcome] = []
        self.items = self.hired = 0
        for _ in range(self.random.randint(1, 4)):
            self.hire()
        for _ in range(self.random.randint(1, 25)):
            job = sliced(self.random.choice([1, 2, 5, 32]), self.items)
            self.items += len(job.items)
            self.book.submit(job if len(job.items) > 1 else job.parts()[0], 1)

    def hire(self) -> None:
        self.book.hired(self.hired)
        self.hired += 1

    def settle(self, settled: Settled | None) -> None:
        self.settled += outcomes_of(settled) if settled else []

    def turn(self) -> None:
        book, self.book.tasks.seconds = self.book, self.random.choice([0.0, 0.0001, 0.05, 1.0])
        book.leases.grants()
        for index, worker in book.workers.items():
            if worker.revoked:
                book.leases.dropped(index, worker.revoked)
            book.tasks.assign(index)
        if busy := [at for at, worker in book.workers.items() if worker.outstanding and not worker.waiting]:
            index = self.random.choice(busy)
            self.event(index, next(iter(book.workers[index].outstanding.values())))

    def event(self, index: int, task: Task) -> None:
        book, chance, standing = self.book, self.random.random(), self.book.workers[index].standing
        if chance < 0.1:
            cause = self.random.choice(["killed", "crash", "deadline"])
            item = self.random.randint(-1, len(task.job.items) - 1) if task.job.kind == "slice" else -1
            begun = self.random.choice([task.serial, task.serial, 0])
            for settled in book.died(index, begun, cause, BAD._replace(serial=begun, item=item)):
                self.settle(settled)
            self.hire()
        elif chance < 0.25 and standing is None:
            self.settle(book.need(index, task.serial, self.random.choice([1, CHUNK, 3 * CHUNK, 99 * CHUNK])))
        elif chance < 0.28 and standing is not None and standing.fresh:
            book.no_memory(index, task.serial)
        elif task.job.kind == "slice":
            self.answer(index, task)
        elif chance < 0.9:
            self.settle(book.done(index, done(task.job.id)._replace(serial=task.serial)))
        else:
            self.settle(book.failed(index, BAD._replace(serial=task.serial)))

    def answer(self, index: int, task: Task) -> None:
        numbers = range(len(task.job.items))
        bad = {number for number in numbers if self.random.random() < 0.1}
        odd = {number for number in numbers if number not in bad and self.random.random() < 0.1}
        made = [done(task.job.id + number)._replace(serial=number) for number in numbers]
        message = Sliced(
            task.serial,
            results_of([each for each in made if each.serial not in bad | odd]),
            tuple(made[number]._replace(notes=("It is odd.",)) for number in odd),
            tuple(BAD._replace(serial=number) for number in bad),
        )
        assert not self.book.disorder(index, message)
        self.settle(self.book.sliced(index, message))


@pytest.mark.parametrize("first", range(0, 200, 40))
def test_every_item_is_settled_once_and_all_memory_is_free_at_the_end(first: int):
    for seed in range(first, first + 40):
        course = Course(seed)
        for _ in range(50_000):
            if course.book.finished:
                break
            course.turn()
        found = sorted(course.settled, key=lambda outcome: outcome.job)
        assert [outcome.source for outcome in found] == [f"/in/d/{n}.jpg" for n in range(course.items)], seed
        for worker in course.book.workers.values():
            course.book.leases.free_standing(worker)
        assert (course.book.allocator.leased, course.book.tasks.queued) == (0, 0), seed
