"""Programs of workers end with them where the system does nothing for it: by process groups."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from imgpar import testing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

SCRIPT = """
import os, signal, sys
import imgpar
from imgpar.core import children

children.IN_GROUPS = True  # instead of the signal of Linux
source, out, *rest = sys.argv[1:]
parent = os.getpid()

def start(victim):
    # The first time an ffmpeg of a minute, and SIGKILL for the worker or its parent meanwhile.
    def started(array):
        from imgpar.video.ffmpeg import Ffmpeg

        marker = out + ".pid"
        if not os.path.exists(marker):
            minute = ["-re", "-f", "lavfi", "-i", "testsrc", "-t", "60", "-f", "null", "-"]
            child = Ffmpeg(minute)
            with open(marker, "w") as file:
                file.write(str(child.process.pid))
            os.kill(victim or os.getpid(), signal.SIGKILL)
            child.wait()
        return array
    return imgpar.Pipeline().apply(started)
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", ["a.png"])


def run(text: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT + textwrap.dedent(text), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)


def ends(pid: int) -> bool:
    """Whether a process ends soon; ended by force otherwise."""
    limit = time.monotonic() + 5
    while runs(pid):
        if time.monotonic() > limit:
            os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_ffmpeg_does_not_outlive_its_killed_worker(method: str, pictures: Path, tmp_path: Path) -> None:
    text = """
        with imgpar.Session(jobs=1, start_method=rest[0]) as session:
            report = session.run(start(victim=0), source, out, to="png")
            print(report.ok, report.failed)"""
    done = run(text, pictures, tmp_path / "out", method)
    assert (done.stdout, done.stderr) == ("1 0\n", "")
    assert ends(int((tmp_path / "out.pid").read_text()))


def test_ffmpeg_does_not_outlive_the_killed_parent(pictures: Path, tmp_path: Path) -> None:
    text = """
        with imgpar.Session(jobs=1, start_method="spawn") as session:
            session.run(start(victim=parent), source, out, to="png")"""
    assert run(text, pictures, tmp_path / "out").returncode == -signal.SIGKILL
    assert ends(int((tmp_path / "out.pid").read_text()))


def test_the_reason_of_a_death_is_still_known(pictures: Path, tmp_path: Path) -> None:
    text = """
        def crash(array):
            os.kill(os.getpid(), signal.SIGSEGV)

        with imgpar.Session(jobs=1, start_method="spawn") as session:
            report = session.run(imgpar.Pipeline().apply(crash), source, out, to="png")
            print(report.items[0].error)"""
    assert "SIGSEGV" in run(text, pictures, tmp_path / "out").stdout
