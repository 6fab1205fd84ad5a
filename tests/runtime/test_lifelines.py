"""On Linux a program of a worker ends with it, by a pipe: from any thread, and without a fork."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgpar.runtime.sandbox import why_unsupported

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other ways")

START = """
import os, signal, sys, threading
from imgpar.video.ffmpeg import Ffmpeg

minute = ["-re", "-f", "lavfi", "-i", "testsrc", "-t", "60", "-f", "null", "-"]
"""


def script(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START + text], capture_output=True, text=True, check=False, timeout=50
    )


def ends(pid: int) -> bool:
    """Whether a process ends soon; ended by force otherwise."""
    limit = time.monotonic() + 5
    while True:
        state = "X"
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "ZX":
            return True
        if time.monotonic() > limit:
            os.kill(pid, signal.SIGKILL)
            return False
        os.sched_yield()


@pytest.mark.parametrize("place", ["Ffmpeg(minute)", "Ffmpeg(minute, brief=True)", "in_thread()"])
def test_a_killed_process_takes_its_ffmpeg_along(place: str) -> None:
    done = script(f"""
found = []
def in_thread():
    thread = threading.Thread(target=lambda: found.append(Ffmpeg(minute)))
    thread.start()
    thread.join()
    return found[0]
child = {place}
print(child.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert done.returncode == -signal.SIGKILL
    assert ends(int(done.stdout))


def test_a_process_that_is_killed_at_once_takes_a_long_ffmpeg_along() -> None:
    done = script("""
from imgpar.core.children import Lifeline

def killed(lifeline, pid):
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

Lifeline.ends = killed
Ffmpeg(minute)
""")
    assert ends(int(done.stdout))


def test_an_ffmpeg_outlives_the_thread_that_started_it() -> None:
    done = script("""
found = []
thread = threading.Thread(target=lambda: found.append(Ffmpeg(["-f", "lavfi", "-i", "testsrc", "-t", "1",
                                                             "-f", "null", "-"])))
thread.start()
thread.join()
print(found[0].wait())
""")
    assert done.stdout == "0\n"


def test_an_ffmpeg_with_little_to_do_is_started_without_a_fork() -> None:
    done = script("""
os.register_at_fork(before=lambda: print("fork"))
print(Ffmpeg(["-version"], brief=True).wait())
""")
    assert done.stdout == "0\n"


def test_the_pipe_is_closed_when_ffmpeg_has_ended() -> None:
    done = script("""
Ffmpeg(["-version"]).wait()
before = set(os.listdir("/proc/self/fd"))
Ffmpeg(["-version"]).wait()
print(set(os.listdir("/proc/self/fd")) - before)
""")
    assert done.stdout == "set()\n"


def test_an_ffmpeg_that_cannot_be_started_leaves_no_pipe_open() -> None:
    done = script("""
from imgpar.video import ffmpeg
Ffmpeg(["-version"]).wait()
before = set(os.listdir("/proc/self/fd"))
try:
    Ffmpeg(["a\\0b"])
except ValueError:
    pass
print(set(os.listdir("/proc/self/fd")) - before)
""")
    assert done.stdout == "set()\n"


def test_a_forked_child_does_not_keep_ffmpeg_alive() -> None:
    done = script("""
import time
child = Ffmpeg(minute, brief=True)
if os.fork() == 0:
    os.close(1)
    os.close(2)
    time.sleep(20)
    os._exit(0)
print(child.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert ends(int(done.stdout))


@pytest.mark.skipif(bool(why_unsupported()), reason="no sandbox here")
def test_an_ffmpeg_in_a_sandbox_ends_with_its_process() -> None:
    done = script("""
from imgpar.runtime.sandbox import Sandbox, restrict
restrict(Sandbox())
child = Ffmpeg(minute, brief=True)
print(child.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert ends(int(done.stdout))
