"""A worker keeps no memory that the parent has taken back: somebody else's frames lie there by then."""

from __future__ import annotations

import pytest

from imgpar.core.job import Item, Job
from imgpar.runtime.protocol import Grant, Lease, Need, Task
from imgpar.runtime.worker import Worker


class Parent:
    """The other end of a worker's channel: it takes back what a worker had, and grants a piece behind it."""

    def __init__(self) -> None:
        self.asked: list[Need] = []

    def send(self, message: Need) -> None:
        self.asked.append(message)

    def receive(self) -> Grant:
        return Grant(self.asked[-1].serial, Lease(4096 * len(self.asked), self.asked[-1].nbytes))


class View:
    """An arena without memory."""

    board = [0] * 16
    buffer = memoryview(b"")

    def reserve(self, lease: Lease) -> None:
        """All pages are there."""


def task(serial: int, stage: str) -> Task:
    return Task(serial, 1, stage, Job(serial, (Item("/a.jpg", "a.jpg", 1, 0),), ()))


@pytest.mark.parametrize("stage", ["decode", "transform"])
def test_who_asks_for_a_job_gives_the_standing_lease_back(stage: str):
    parent = Parent()
    worker = Worker(0, parent, View(), None)  # type: ignore[arg-type]
    first = worker._lease(task(1, "chain"), 1000, standing=True)
    worker._lease(task(2, stage), 1000)
    again = worker._lease(task(3, "chain"), 1000, standing=True)
    assert len(parent.asked) == 3
    assert again != first
