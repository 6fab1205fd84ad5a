"""Forks of a process with a session: gunicorn with preloading, fork pools, `os.fork` of the user."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

import imgpar
from imgpar import testing
from imgpar.core.locks import Lock
from imgpar.formats.jpeg import turbo
from imgpar.inputs.stores import objects
from imgpar.runtime import startup

pytestmark = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="there is no fork")
NAMES = ["a.png", "b.png", "c.png"]
PIPE = imgpar.Pipeline()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return testing.write_pictures(tmp_path_factory.mktemp("forks") / "in", NAMES)


@pytest.fixture(scope="module")
def session(pictures):
    """A session whose worker runs."""
    with imgpar.Session(jobs=1, memory="64M") as session:
        list(session.arrays(PIPE, pictures))
        yield session


def in_a_fork(function: Callable[[], Any]) -> Any:
    """The result of a function in a forked child, which is not daemonic."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def send() -> None:
        try:
            theirs.send(function())
        except BaseException as error:
            theirs.send(repr(error))

    child = context.Process(target=send, daemon=False)
    child.start()
    try:
        assert ours.poll(60), "the child hangs"
        return ours.recv()
    finally:
        child.join(10)
        assert child.exitcode == 0, "the child hangs at its end"


def pids(session: imgpar.Session) -> list[int]:
    return [worker.process.pid for worker in session._pool.workers.values()]


def test_a_child_takes_workers_of_its_own(session, pictures):
    def other() -> list[int]:
        list(session.arrays(PIPE, pictures))
        found = pids(session)
        session.close()
        return found

    theirs = in_a_fork(other)
    assert len(theirs) == 1
    assert theirs != pids(session)


def test_the_workers_of_the_parent_outlive_the_child(session, pictures):
    before = pids(session)
    in_a_fork(session.close)
    assert len(list(session.arrays(PIPE, pictures))) == 3
    assert pids(session) == before


def test_a_child_converts(session, pictures, tmp_path):
    assert in_a_fork(lambda: session.run(PIPE, pictures, tmp_path, to="jpg").ok) == 3


def test_a_child_of_a_session_without_processes_converts(pictures, tmp_path):
    with imgpar.Session(jobs=0, memory="64M") as session:
        list(session.arrays(PIPE, pictures))
        assert in_a_fork(lambda: session.run(PIPE, pictures, tmp_path, to="jpg").ok) == 3


def test_a_session_that_runs_while_it_is_forked_is_free_in_the_child(session, pictures, tmp_path):
    results = session.arrays(PIPE, pictures)
    next(results)
    with contextlib.closing(results):
        assert in_a_fork(lambda: session.run(PIPE, pictures, tmp_path, to="jpg").ok) == 3


def test_arrays_begun_in_the_parent_are_refused_in_the_child(session, pictures):
    results = session.arrays(PIPE, pictures)
    next(results)
    with contextlib.closing(results):
        assert "begun in another process" in in_a_fork(lambda: list(results))


def test_arrays_of_the_parent_go_on_after_a_fork(session, pictures):
    results = session.arrays(PIPE, pictures)
    next(results)
    in_a_fork(lambda: None)
    assert len(list(results)) == 2


def test_a_child_has_no_handles_of_the_workers(session):
    (worker,) = session._pool.workers.values()
    handles = [worker.channel.connection.fileno(), worker.handle, *worker.process._popen.finalizer._args]
    assert in_a_fork(lambda: [os.path.exists(f"/proc/self/fd/{handle}") for handle in handles]) == [False] * 4


def test_a_child_does_not_keep_the_fork_server_of_its_parent(session):
    handle = forkserver._forkserver._forkserver_alive_fd
    assert in_a_fork(lambda: os.path.exists(f"/proc/self/fd/{handle}")) is False


def test_a_fork_waits_while_workers_are_started():
    ours, begun = sys.modules["__main__"], threading.Event()

    def start() -> None:
        with startup.clean_start():
            begun.set()
            threading.Event().wait(0.2)

    thread = threading.Thread(target=start)
    thread.start()
    begun.wait()
    assert in_a_fork(lambda: sys.modules["__main__"] is ours) is True
    thread.join()


def test_a_child_holds_no_lock_of_its_parent(tmp_path):
    lock = Lock(str(tmp_path / "lock"), "it")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def stay() -> None:
        theirs.send("here")
        theirs.recv()

    child = context.Process(target=stay)
    child.start()
    ours.recv()
    lock.release()
    try:
        Lock(str(tmp_path / "lock"), "it").release()  # raises OutputLockedError where it is held
    finally:
        ours.send("end")
        child.join()


def test_a_child_encodes_into_memory_of_its_own():
    room = turbo._room(1 << 16)
    room[0] = 1

    def write() -> None:
        turbo._room(1 << 16)[0] = 2

    in_a_fork(write)
    assert room[0] == 1


def test_a_store_that_was_used_before_the_fork_is_refused(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(objects, "_used", False)
    client = objects.ObjectClient("s3", "bucket", retries=0)
    assert "This process was forked" in in_a_fork(lambda: client.find("a.jpg"))


def test_a_child_does_not_end_the_clip_of_its_parent(tmp_path):
    writers = [imgpar.VideoWriter(tmp_path / "a.mp4", fps=10)]
    writers[0].write(testing.pattern(64, 48))
    in_a_fork(writers.clear)
    writers[0].write(testing.pattern(64, 48))
    writers[0].close()
    assert (tmp_path / "a.mp4").exists()


@pytest.fixture
def written(tmp_path):
    """An open clip with a frame, which the parent completes at the end with another one."""
    with imgpar.VideoWriter(tmp_path / "a.mp4", fps=10) as writer:
        writer.write(testing.pattern(64, 48))
        yield writer
        writer.write(testing.pattern(64, 48))
    assert len(list(imgpar.frames(tmp_path / "a.mp4"))) == 2


@pytest.mark.parametrize("use", [lambda one: one.write(testing.pattern(64, 48)), lambda one: one.close()])
def test_the_clip_of_a_parent_is_refused_in_the_child(written, use):
    assert "belongs to the process that began it" in in_a_fork(lambda: use(written))


@pytest.mark.parametrize("error", [None, ValueError()])
def test_a_child_that_leaves_the_block_leaves_the_clip_of_its_parent(written, error):
    assert in_a_fork(lambda: written.__exit__(type(error) if error else None, error, None)) is None


def test_a_child_does_not_cancel_the_clip_of_its_parent(written):
    assert in_a_fork(written.cancel) is None


def test_a_clip_is_closed_while_a_child_lives(tmp_path):
    writer = imgpar.VideoWriter(tmp_path / "a.mp4", fps=10)
    writer.write(testing.pattern(64, 48))
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=theirs.recv)
    child.start()
    try:
        writer.close()
    finally:
        ours.send("end")
        child.join()


# ----- os.fork and the end of the interpreter ---------------------------------------------------------

FORKED = """
    import os, sys
    import imgpar

    pipe, folder = imgpar.Pipeline(), sys.argv[1]
    session = imgpar.Session(jobs=1, memory="64M")
    list(session.arrays(pipe, folder))
    child = os.fork()
    if not child:
        {inside}
        sys.exit(7)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    (worker,) = session._pool.workers.values()
    print(ended, len(list(session.arrays(pipe, folder))), worker.process.is_alive())
"""


@pytest.mark.parametrize(
    "inside",
    [
        "len(list(session.arrays(pipe, folder)))",
        pytest.param("pass", marks=pytest.mark.slow),
        pytest.param("del session", marks=pytest.mark.slow),
    ],
)
def test_a_forked_child_ends_like_any_process(inside, pictures):
    program = textwrap.dedent(FORKED).format(inside=inside)
    done = subprocess.run(
        [sys.executable, "-c", program, str(pictures)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("7 3 True\n", "")


def test_a_function_that_forks_returns_in_its_worker_only(session, pictures):
    def forking(picture: Any) -> Any:
        os.fork()
        return picture

    assert len(list(session.arrays(PIPE.apply(forking), pictures))) == len(NAMES)


def test_the_child_of_a_function_ends_where_it_raises(session, pictures):
    def forking(picture: Any) -> Any:
        if os.fork() == 0:
            raise ValueError
        return picture

    assert len(list(session.arrays(PIPE.apply(forking), pictures))) == len(NAMES)


def test_the_child_of_a_setup_ends(session, pictures):
    class Forking:
        def setup(self) -> None:
            os.fork()

        def __call__(self, picture: Any) -> Any:
            return picture

    assert len(list(session.arrays(PIPE.apply(Forking()), pictures))) == len(NAMES)
