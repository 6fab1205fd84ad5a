"""A worker lets the input of the next picture be read while it works on the one before."""

from __future__ import annotations

import ctypes
import mmap
import os
import pickle
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from imgpar.batch.performer import BatchPerformer
from imgpar.batch.picture.reading import read_ahead
from imgpar.batch.run_spec import RunSpec
from imgpar.core.job import Item, Job, Target
from imgpar.runtime.context import Context
from imgpar.runtime.protocol import Begin, Done, Stop, Task, Work
from imgpar.runtime.slices import sent
from imgpar.runtime.worker import Worker

STEPS: list[str] = []
"""What the performers of this process have done."""


class Noting:
    """Notes which inputs are read ahead, and which pictures are made."""

    def begin(self) -> None:
        STEPS.clear()

    def end(self) -> None:
        """Nothing to release."""

    def read_ahead(self, task: Task) -> None:
        STEPS.append(f"ahead {task.job.item.name}")

    def perform_together(
        self, tasks: Sequence[Task], contexts: Sequence[Context]
    ) -> list[tuple[int, Callable[[], Done]]]:
        raise NotImplementedError

    def perform(self, task: Task, context: Context) -> Done:
        assert context.task is task
        STEPS.append(task.job.item.name)
        return Done(task.serial, ())


class Parent:
    """The other end of a worker's channel: it sends what it was given, and then Stop."""

    def __init__(self, *messages: Any) -> None:
        self.left = deque([*messages, Stop()])

    def waiting(self) -> bool:
        return False

    def receive(self) -> Any:
        return self.left.popleft()

    def send(self, message: Any) -> None:
        """Results are of no interest here."""


class View:
    board = memoryview(bytearray(128)).cast("q")
    buffer = memoryview(b"")


class Log:
    def lines(self) -> list[str]:
        return []


def of(serial: int, *names: str) -> Task:
    items = tuple(Item(f"/in/{name}", name, 1000, 1) for name in names)
    targets = tuple(Target("png", f"/out/{name}.png") for name in names)
    return Task(serial, 1, "chain", Job(serial, items, targets, kind="slice" if len(names) > 1 else "frames"))


def steps_of(*tasks: Task) -> list[str]:
    begin = Begin(1, pickle.dumps(Noting()))
    Worker(0, Parent(begin, Work(tuple(map(sent, tasks)))), View(), Log()).loop()  # type: ignore[arg-type]
    return list(STEPS)


def test_the_next_input_is_read_ahead_of_a_picture() -> None:
    assert steps_of(of(1, "a"), of(2, "b")) == ["ahead b", "a", "b"]


def test_the_next_input_of_a_slice_is_read_ahead() -> None:
    assert steps_of(of(1, "a", "b", "c")) == ["ahead b", "a", "ahead c", "b", "c"]


def test_the_last_picture_of_a_slice_reads_ahead_of_the_next_task() -> None:
    assert steps_of(of(1, "a", "b"), of(2, "c"))[2:] == ["ahead c", "b", "c"]


def in_cache(path: Path) -> bool:
    """Whether all pages of a file are in memory."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        count = -(-len(pages) // mmap.PAGESIZE)
        found = (ctypes.c_ubyte * count)()
        view = (ctypes.c_ubyte * 1).from_buffer(pages)
        address, length = ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(len(pages))
        assert ctypes.CDLL(None, use_errno=True).mincore(address, length, found) == 0
        del view
    return all(state & 1 for state in found)


def out_of_cache(path: Path) -> None:
    """Drop the pages of a file; skips the test where that is impossible."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if in_cache(path):
        pytest.skip("This file system is memory.")


@pytest.mark.skipif(sys.platform != "linux", reason="mincore, fadvise")
@pytest.mark.parametrize("size", [100_000, 6 << 20])
def test_a_file_that_is_read_ahead_comes_into_the_cache(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(os.urandom(size))
    out_of_cache(path)
    performer = BatchPerformer(RunSpec("0123456789abcdef", ()))
    item = Item(str(path), path.name, size, 1)
    performer.read_ahead(Task(1, 1, "chain", Job(1, (item,), ())))
    for _ in range(100_000):  # the disk is not waited for
        if in_cache(path):
            break
    assert in_cache(path)


def test_a_file_that_is_gone_is_the_problem_of_its_own_task(tmp_path: Path) -> None:
    read_ahead(str(tmp_path / "gone.jpg"), 1000)
