"""Deaths, hangs and other bad luck of processes: nothing is lost, everything is named."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgpar
from imgpar import testing
from imgpar.api.pipeline import Pipeline

pytestmark = pytest.mark.slow

LINUX = sys.platform == "linux"
linux = pytest.mark.skipif(not LINUX, reason="looks into /proc")
posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(12)])


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".imgpar" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state != "Z":
                    found.append(int(entry.name))
    return found


def fork_server() -> int:
    return forkserver._forkserver._forkserver_pid


# ----- kills ----------------------------------------------------------------------------------------


@linux
@pytest.mark.usefixtures("no_leaks")
def test_the_fork_server_may_be_killed(pictures: Path, tmp_path: Path):
    def strike(event):
        if event.done in (1, 5, 9):
            os.kill(fork_server(), signal.SIGKILL)

    with imgpar.Session(jobs=2) as session:
        pipe = Pipeline().apply(testing.die_once(str(tmp_path / "marker")))
        report = session.run(pipe, pictures, tmp_path / "out", to="png", on_event=strike)
    assert (report.ok, report.failed) == (12, 0)


WARM = """
import os, sys
from multiprocessing import forkserver
from imgpar.batch import PRELOAD
from imgpar.runtime import startup
startup.warm_up(PRELOAD)
pid = forkserver._forkserver._forkserver_pid
if sys.argv[3] == "killed":
    os.kill(pid, 9)
import imgpar
assert imgpar.convert(sys.argv[1], sys.argv[2], to="png", jobs=2).ok == 12
print(pid == forkserver._forkserver._forkserver_pid)
"""


@linux
@pytest.mark.parametrize("fate", ["used", "killed"])
def test_a_fork_server_begins_before_the_run(fate: str, pictures: Path, tmp_path: Path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-c", WARM, str(pictures), str(tmp_path / "out"), fate]
    run = subprocess.run(command, env=os.environ | {"TMPDIR": str(temporary)}, stdout=subprocess.PIPE)
    assert (run.returncode, run.stdout.split()) == (0, [str(fate == "used").encode()])
    assert list(temporary.iterdir()) == []


@linux
@pytest.mark.usefixtures("no_leaks")
def test_a_hang_is_ended_although_the_fork_server_is_dead(pictures: Path, tmp_path: Path):
    """What it says of its children after its death is wrong: they live."""

    def hang_on_the_last(array):
        os.kill(os.getppid(), signal.SIGKILL)
        return testing.hang(array) if np.array_equal(array, testing.pattern(96, 64, 3)) else array

    with imgpar.Session(jobs=1) as session:
        pipe = Pipeline().apply(hang_on_the_last)
        report = session.run(pipe, pictures / "3.png", tmp_path / "out", to="png", timeout=0.5)
    assert report.failed == 1
    assert "longer than 0.5 s" in report.items[0].error


@linux
def test_workers_that_are_killed_before_they_begin_do_not_end_the_run(pictures: Path, tmp_path: Path):
    kills = 0

    def strike(event):
        nonlocal kills
        if event.kind == "item":
            for pid in children(fork_server()):
                with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(pid, signal.SIGKILL)
                kills += 1

    with imgpar.Session(jobs=3) as session:
        report = session.run(Pipeline(), pictures, tmp_path / "out", to="jpg", on_event=strike)
    assert report.ok == 12
    assert kills >= 12


@linux
def test_a_worker_that_holds_pythons_lock_for_ever_ends_with_its_parent(tmp_path: Path):
    pictures = testing.write_pictures(tmp_path / "in", ["a.png"])
    code = (
        "import imgpar, sys; from imgpar import testing;"
        "imgpar.Pipeline().apply(testing.hold_gil).run(sys.argv[1], sys.argv[2], to='png', jobs=1)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(pictures), str(tmp_path / "out")], start_new_session=True
    )
    until = time.monotonic() + 30
    while len(family(parent.pid)) < 4 or not busy(parent.pid):
        assert time.monotonic() < until
    parent.kill()
    parent.wait()
    until = time.monotonic() + 2
    while (left := family(parent.pid)) and time.monotonic() < until:
        pass
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def family(leader: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, sid = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(sid) == leader and state != "Z":
                    found.append(int(entry.name))
    return found


def busy(leader: int) -> bool:
    """Whether a process of the session waits for a signal, as `hold` does."""
    for pid in family(leader):
        with contextlib.suppress(OSError):
            if "pause" in Path(f"/proc/{pid}/wchan").read_text():
                return True
            if Path(f"/proc/{pid}/syscall").read_text().startswith("34 "):
                return True
    return False


# ----- not a death ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_leaks")
def test_a_listener_that_fails_is_not_taken_for_a_dead_worker(pictures: Path, tmp_path: Path):
    def complain(event):
        if event.kind == "item":
            raise OSError("the listener's own")

    with pytest.raises(OSError, match="the listener's own"):
        imgpar.convert(pictures, tmp_path / "out", to="jpg", on_event=complain, jobs=2)


# ----- crashes while a file gets its name -----------------------------------------------------------


STEPS = range(1, 60, 5)
"""Lines of commit.py and fs.py at which the worker is killed; a commit has about 50."""


@linux
@pytest.mark.parametrize("in_place", [False, True], ids=["copies", "in place"])
def test_a_worker_may_die_at_any_line_of_a_commit(tmp_path: Path, in_place: bool):
    with imgpar.Session(jobs=1) as session:
        for step in STEPS:
            folder = tmp_path / str(step)
            pictures = testing.write_pictures(folder / "in", ["a.png"])
            once = testing.die_at(step, str(folder / "marker"))
            pipe = Pipeline().resize("50%").apply(once)
            if in_place:
                report = pipe.run(pictures, None, in_place=True, session=session)
            else:
                report = session.run(pipe, pictures, folder / "out", to="png")
            result = pictures if in_place else folder / "out"
            assert (report.ok, list(files(result))) == (1, ["a.png"])
            with Image.open(result / "a.png") as image:
                assert image.size == (48, 32)
    assert sum((tmp_path / str(step) / "marker").exists() for step in STEPS) > 6
