"""Start of many workers: asked of the fork server at once, and what becomes of those that it never starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from multiprocessing import active_children, forkserver
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from imgpar import testing
from imgpar.core.errors import RunError
from imgpar.runtime import pool as pools
from imgpar.runtime import stopped_processes
from imgpar.runtime.arena import Arena
from imgpar.runtime.exits import NOT_STARTED
from imgpar.runtime.pool import Pool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork server")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setattr(pools, "START_SECONDS", 60.0)  # all that are asked for, however busy the machine is
    with contextlib.ExitStack() as stack:
        arena = Arena(16 << 20)
        stack.callback(arena.close)
        pool = Pool(arena)
        stack.callback(pool.close)
        yield pool


@pytest.fixture
def stopped_server() -> Iterator[int]:
    """Pid of the fork server, which does not run until the test ends."""
    forkserver.ensure_running()
    pid = forkserver._forkserver._forkserver_pid
    os.kill(pid, signal.SIGSTOP)
    yield pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("no_leaks")
def test_workers_are_asked_for_before_the_fork_server_has_answered(pool: Pool, stopped_server: int) -> None:
    started = pool.start(8)
    os.kill(stopped_server, signal.SIGCONT)
    assert [worker.process.pid for worker in started] == [None] * 8


@pytest.mark.usefixtures("no_leaks")
def test_their_pids_are_known_when_it_has_answered(pool: Pool) -> None:
    started = pool.start(2)
    pool.settle()
    assert all(isinstance(worker.process.pid, int) for worker in started)


@pytest.mark.usefixtures("no_leaks")
def test_an_answer_is_left_for_the_pool_when_multiprocessing_polls_its_children(pool: Pool) -> None:
    # Whoever reads it first has it: a worker without an answer had no deadline.
    (worker,) = pool.start(1)
    assert wait([worker.request.sentinel], 60.0)
    active_children()
    pool.ready(1.0)
    assert worker.request is None


@pytest.mark.usefixtures("no_leaks")
def test_starting_many_leaves_the_loop_time_for_others(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "START_SECONDS", 0.0)
    assert len(pool.start(64)) == 1


@pytest.mark.usefixtures("no_leaks")
def test_a_worker_that_is_killed_before_it_has_started_ends(pool: Pool) -> None:
    (worker,) = pool.start(1)
    pool.kill(worker)
    assert pool.reap(worker)[0] == -signal.SIGKILL


@pytest.mark.usefixtures("no_leaks")
def test_workers_of_a_fork_server_that_dies_were_not_started(pool: Pool, stopped_server: int) -> None:
    started = pool.start(3)
    os.kill(stopped_server, signal.SIGKILL)
    assert [pool.reap(worker)[0] for worker in started] == [NOT_STARTED] * 3


@pytest.mark.usefixtures("no_leaks")
def test_the_next_worker_comes_from_another_fork_server(pool: Pool, stopped_server: int) -> None:
    lost = pool.start(1)[0]
    os.kill(stopped_server, signal.SIGKILL)
    pool.reap(lost)
    (worker,) = pool.start(1)
    pool.settle()
    assert worker.process.pid is not None


@pytest.mark.usefixtures("no_leaks")
def test_no_guard_is_left_where_no_worker_can_be_started(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(forkserver, "connect_to_new_process", refused)
    monkeypatch.setattr(pools, "START_TRIES", 1)
    with pytest.raises(RunError, match="too many open files"):
        pool.start(1)
    assert "imgpar-server-watch" not in [thread.name for thread in threading.enumerate()]


def test_a_fork_server_that_falls_silent_again_is_continued_again(monkeypatch: pytest.MonkeyPatch) -> None:
    continued = threading.Semaphore(0)
    monkeypatch.setattr(stopped_processes, "wake", continued.release)
    monkeypatch.setattr(stopped_processes, "WAKE_SECONDS", 0.01)
    monkeypatch.setattr(stopped_processes, "KILL_SECONDS", 1e9)
    with stopped_processes.ServerWatch() as watch:
        assert continued.acquire(timeout=60)
        watch.heard()
        assert continued.acquire(timeout=60)


@pytest.mark.slow
def test_more_workers_than_may_be_killed_are_lost_and_the_run_goes_on(tmp_path: Path) -> None:
    pictures = testing.write_pictures(tmp_path / "in", [f"{number:03}.png" for number in range(120)])
    code = """
        import os, signal, sys
        from multiprocessing import forkserver
        import imgpar
        from imgpar.runtime import pool
        session = imgpar.Session(jobs=60)
        session.open()
        start, killed = pool.Pool.start, []
        def start_and_kill(self, count):
            server = forkserver._forkserver._forkserver_pid
            if not killed:
                os.kill(server, signal.SIGSTOP)
            started = start(self, count)
            if not killed and len(self.workers) == 60:
                killed.append(server)
                os.kill(server, signal.SIGKILL)
            return started
        pool.Pool.start = start_and_kill
        report = session.run(imgpar.Pipeline(), sys.argv[1], sys.argv[2], to="jpg")
        session.close()
        print(report.ok, report.failed, len(killed))"""
    command = [sys.executable, "-c", textwrap.dedent(code), str(pictures), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr) == ("120 0 1\n", "")


def test_what_the_fork_server_imports_for_many_workers_disturbs_none(tmp_path: Path) -> None:
    """Modules that register locks for forks must not be imported during one."""
    pictures = testing.write_pictures(tmp_path / "in", [f"{number}.png" for number in range(12)])
    code = """
        import sys
        import imgpar
        report = imgpar.convert(sys.argv[1], sys.argv[2], to="jpg", jobs=6)
        print(report.ok)"""
    command = [sys.executable, "-c", textwrap.dedent(code), str(pictures), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("12\n", "")
