"""Entries of a plan that wait: the same come out, in order, and many take little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from imgpar.batch.planned import Entry, Planned
from imgpar.core.job import Item, Job, Outcome, Target


def chunks(count: int) -> Iterator[list[Entry]]:
    """Chunks of 100 jobs of a list."""
    for start in range(0, count, 100):
        yield [_job(number) for number in range(start, start + 100)]


def _job(number: int) -> Job:
    address = f"https://example.com/pictures/{number:06d}.jpg"
    columns = (("caption", f"picture {number}"), ("licence", "CC0"))
    item = Item(address, f"{number:06d}.jpg", 0, 0, source=1, columns=columns)
    return Job(number, (item,), (Target("webp", f"/data/out/{number:06d}.webp"),))


def test_entries_come_out_as_they_went_in() -> None:
    planned, given = Planned(), list(chunks(3000))
    given.insert(15, [Outcome("/a.jpg", "skipped", job=7), _job(8)])
    for chunk in given:
        planned.extend(chunk)
    every = [entry for chunk in given for entry in chunk]
    assert (planned.length, planned.items) == (3002, 3002)
    assert [planned.popleft() for _ in every] == every
    assert (planned.length, planned.items) == (0, 0)
    with pytest.raises(IndexError):
        planned.popleft()


def test_many_entries_take_little_memory() -> None:
    planned = Planned()
    for chunk in chunks(2000):
        planned.extend(chunk)
    tracemalloc.start()
    try:
        for chunk in chunks(5000):
            planned.extend(chunk)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 5000 * 150
