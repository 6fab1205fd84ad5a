"""The runtime runs whatever a run sends: here jobs that are no pictures."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from imgpar.core.errors import SourceError
from imgpar.core.job import Item, Job, OutputFile, Target
from imgpar.runtime.arena import Arena
from imgpar.runtime.context import Context
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.pool import Pool
from imgpar.runtime.protocol import Begin, Done, Task
from imgpar.runtime.scheduler import CancelToken, Scheduler


class Reverse(NamedTuple):
    """Writes each input backwards, through shared memory."""

    marker: str = ""

    def begin(self) -> None:
        """Nothing to prepare."""

    def end(self) -> None:
        """Nothing to release."""

    def read_ahead(self, task: Task) -> None:
        """Its inputs are read at once."""

    def perform_together(
        self, tasks: Sequence[Task], contexts: Sequence[Context]
    ) -> list[tuple[int, Callable[[], Done]]]:
        """No tasks share work."""
        raise NotImplementedError

    def perform(self, task: Task, context: Context) -> Done:
        """One file."""
        with context.clock.during("read"):
            data = Path(task.job.item.path).read_bytes()
        if data == b"bad":
            raise SourceError("It is bad.")
        if data == b"deadly" and not os.path.exists(self.marker):
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        lease = context.lease(len(data))
        room = context.buffer[lease.offset : lease.offset + len(data)]
        room[:] = data[::-1]
        (target,) = task.job.targets
        Path(target.path).write_bytes(room)
        return Done(task.serial, context.clock.timings(), outputs=(OutputFile(target.path, len(data)),))


@pytest.fixture
def pool() -> Iterator[tuple[Arena, Pool]]:
    with contextlib.ExitStack() as stack:
        arena = Arena(64 << 20)
        stack.callback(arena.close)
        pool = Pool(arena)
        stack.callback(pool.close)
        yield arena, pool


def run(pool: tuple[Arena, Pool], folder: Path, contents: list[bytes]) -> dict[str, Any]:
    """Outcomes by the names of the inputs."""
    jobs = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.txt"
        path.write_bytes(content)
        target = Target("text", str(folder / f"{number}.out"))
        jobs.append(Job(number, (Item(str(path), path.name, len(content), 1),), (target,), kind="file"))
    arena, workers = pool
    ended: list[Any] = []
    # The worker imports this module by its name, as it would import any performer.
    begin = Begin(1, pickle.dumps(Reverse(str(folder / "marker"))))
    ledger = Ledger(arena.allocator, "auto")
    scheduler = Scheduler(
        workers, ledger, begin, limit=2, timeout=None, sink=ended.append, cancel=CancelToken()
    )
    scheduler.run(iter(jobs))
    return {os.path.basename(one.state.job.item.path): one.outcome() for one in ended}


@pytest.mark.usefixtures("no_leaks")
def test_jobs_that_are_no_pictures_are_done(pool: tuple[Arena, Pool], tmp_path: Path) -> None:
    found = run(pool, tmp_path, [b"abc", b"hello"])
    assert {name: outcome.status for name, outcome in found.items()} == {"0.txt": "ok", "1.txt": "ok"}
    assert (tmp_path / "1.out").read_bytes() == b"olleh"


@pytest.mark.usefixtures("no_leaks")
def test_what_a_performer_raises_is_the_outcome(pool: tuple[Arena, Pool], tmp_path: Path) -> None:
    found = run(pool, tmp_path, [b"bad", b"good"])
    assert (found["0.txt"].status, found["0.txt"].error) == ("failed", "It is bad.")
    assert (tmp_path / "1.out").read_bytes() == b"doog"


@pytest.mark.usefixtures("no_leaks")
def test_a_performer_that_is_killed_is_tried_again(pool: tuple[Arena, Pool], tmp_path: Path) -> None:
    found = run(pool, tmp_path, [b"deadly", b"good"])
    assert {outcome.status for outcome in found.values()} == {"ok"}
    assert (tmp_path / "0.out").read_bytes() == b"yldaed"
