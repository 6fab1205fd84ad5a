"""Processes that are stopped (SIGSTOP) while others wait for them: the run ends all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from video_clips import make_clip

from imgpar import testing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="a fork server, /proc")]

SECONDS = 40
"""Long after everything that is made shorter below; a run that waits for ever is ended."""
SETTINGS = """
import os, signal, sys, time
from multiprocessing import forkserver, resource_tracker
import imgpar
from imgpar.runtime import pool, stopped_processes, watchdog
stopped_processes.WAKE_SECONDS = watchdog.STOPPED_SECONDS = 1
pictures, out = sys.argv[1:]

def stop(pid):
    os.kill(pid, signal.SIGSTOP)

def server():
    return forkserver._forkserver._forkserver_pid

def tracker():
    return resource_tracker._resource_tracker._pid

def told(report):
    print(report.ok, report.failed, flush=True)
"""


def script(pictures: Path, out: Path, text: str) -> tuple[str, str]:
    """What a program prints; nothing of it may be there afterwards."""
    code = SETTINGS + textwrap.dedent(text)
    command = [sys.executable, "-c", code, str(pictures), str(out)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        # Both ends of the pipes are closed only when all its processes are gone, stopped ones, too.
        return process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"it never ends: {process.communicate()}")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", [f"{number:02}.png" for number in range(12)])


def test_a_fork_server_that_was_stopped_before_the_run(pictures, tmp_path):
    text = """
        session = imgpar.Session(jobs=2)
        session.open()
        stop(server())
        told(session.run(imgpar.Pipeline(), pictures, out, to="jpg"))
        session.close()"""
    assert script(pictures, tmp_path / "out", text) == ("12 0\n", "")


def test_a_fork_server_that_does_not_wake_up_is_replaced(pictures, tmp_path):
    """The next one gets more time: it has to load modules first."""
    text = """
        stopped_processes.wake, stopped_processes.KILL_SECONDS = lambda: None, 4
        send = stopped_processes._send
        def kill(pid, number):
            stopped_processes.KILL_SECONDS = 60
            send(pid, number)
        stopped_processes._send = kill
        session = imgpar.Session(jobs=2)
        session.open()
        stop(server())
        told(session.run(imgpar.Pipeline(), pictures, out, to="jpg"))
        session.close()"""
    assert script(pictures, tmp_path / "out", text) == ("12 0\n", "")


def test_fork_servers_that_never_answer_end_the_run_with_a_sentence(pictures, tmp_path):
    text = """
        stopped_processes.wake, stopped_processes.KILL_SECONDS = lambda: None, 4
        start = pool.Pool._start
        def stopped_start(self):
            forkserver.ensure_running()
            stop(server())
            return start(self)
        pool.Pool._start = stopped_start
        try:
            imgpar.convert(pictures, out, to="jpg", jobs=2)
        except imgpar.RunError as error:
            print(error)"""
    said, _ = script(pictures, tmp_path / "out", text)
    assert said == (
        "The process that starts the workers did not answer for 60 s, twice. "
        "Find out what blocks new processes, and run again.\n"
    )


def test_a_fork_server_that_is_stopped_during_the_run(pictures, tmp_path):
    """A worker dies afterwards: another one has to be started, and in the end all of them end."""
    text = """
        def halt(event):
            if event.done == 3 and event.kind == "item":
                stop(server())
                os.kill(next(iter(session._pool.workers.values())).process.pid, signal.SIGKILL)
        session = imgpar.Session(jobs=2)
        told(session.run(imgpar.Pipeline(), pictures, out, to="jpg", on_event=halt))
        session.close()"""
    assert script(pictures, tmp_path / "out", text) == ("12 0\n", "")


def test_a_resource_tracker_that_is_stopped(pictures, tmp_path):
    text = """
        session = imgpar.Session(jobs=2)
        session.open()
        stop(tracker())
        told(session.run(imgpar.Pipeline(), pictures, out, to="jpg"))
        session.close()"""
    assert script(pictures, tmp_path / "out", text) == ("12 0\n", "")


def test_a_fork_server_that_nobody_needed_ends_with_its_parent(pictures, tmp_path):
    text = """
        from imgpar.batch import PRELOAD
        from imgpar.runtime import startup
        startup.warm_up(PRELOAD)
        stop(server())"""
    assert script(pictures, tmp_path / "out", text) == ("", "")


def test_a_worker_that_is_stopped_before_it_begins(pictures, tmp_path):
    text = """
        start = pool.Pool.start
        started = []
        def begin(self, count):
            workers = start(self, count)
            if not started:
                self.settle()
                stop(workers[0].process.pid)
            started.extend(workers)
            return workers
        pool.Pool.start = begin
        told(imgpar.convert(pictures, out, to="jpg", jobs=2))"""
    assert script(pictures, tmp_path / "out", text) == ("12 0\n", "")


def test_a_worker_that_is_stopped_in_a_picture(pictures, tmp_path):
    text = """
        marker = os.path.join(os.path.dirname(out), "marker")
        def once(array):
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return array
            os.kill(os.getpid(), signal.SIGSTOP)
            return array
        told(imgpar.Pipeline().apply(once).run(pictures, out, to="jpg", jobs=2))"""
    assert script(pictures, tmp_path / "out", text) == ("12 0\n", "")


@pytest.mark.parametrize("who", ["worker", "ffmpeg"])
def test_a_clip_has_no_deadline_but_its_stopped_worker_or_ffmpeg_is_killed(tmp_path, who):
    clip = make_clip(tmp_path / "in" / "a.mp4", size=(640, 480), frames=300)
    text = f"""
        seen = []
        def halt(event):
            if event.kind == "frames" and not seen:
                seen.append(event)
                worker = next(iter(session._pool.workers.values())).process.pid
                children = list(stopped_processes._children(worker))
                for pid in children if {who!r} == "ffmpeg" else [worker]:
                    stop(pid)
        session = imgpar.Session(jobs=1)
        told(session.run(imgpar.Pipeline().blur(3), pictures, out, to="mp4", on_event=halt))
        print(len(seen))
        session.close()"""
    assert script(clip, tmp_path / "out", text) == ("1 0\n1\n", "")
