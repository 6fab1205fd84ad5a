"""A consumer that leaves while slow jobs are in flight does not wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgpar
from imgpar import testing

Loop = Callable[[imgpar.Pipeline, Path], Iterable[object]]
LONG = 60.0
LOOPS: dict[str, Loop] = {
    "arrays": lambda pipe, folder: pipe.arrays(folder, jobs=1),
    "batches": lambda pipe, folder: pipe.batches(folder, size=1, jobs=1),
    "encode_all": lambda pipe, folder: pipe.encode_all(folder, to="png", jobs=1),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return testing.write_pictures(tmp_path_factory.mktemp("leaving") / "in", [f"{n}.png" for n in range(4)])


class SlowAfterTheFirst:
    """Returns the first picture, and keeps the next ones for a long time."""

    def __init__(self) -> None:
        self.called = False

    def __call__(self, picture: Any) -> Any:
        if self.called:
            threading.Event().wait(LONG)
        self.called = True
        return np.ascontiguousarray(picture[:4, :4])


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_left_does_not_wait_for_slow_pictures(pictures: Path, loop: str) -> None:
    began = time.monotonic()
    for _ in LOOPS[loop](imgpar.Pipeline().apply(SlowAfterTheFirst()), pictures):
        break
    assert time.monotonic() - began < LONG / 2


def test_a_session_goes_on_after_a_loop_that_was_left(pictures: Path) -> None:
    with imgpar.Session(jobs=1, memory="64M") as session:
        for _ in session.arrays(imgpar.Pipeline().apply(SlowAfterTheFirst()), pictures):
            break
        assert len(list(session.arrays(imgpar.Pipeline(), pictures))) == 4


def test_quick_pictures_leave_the_workers_as_they_are(pictures: Path) -> None:
    with imgpar.Session(jobs=1, memory="64M") as session:

        def worker() -> list[int]:
            return [worker.process.pid for worker in session._pool.workers.values()]

        before = []
        for _ in session.arrays(imgpar.Pipeline(), pictures):
            before = worker()
            break
        assert worker() == before
