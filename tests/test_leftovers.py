"""What a run that was killed with everything it had leaves behind, and that the next start removes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgpar import testing
from imgpar.commit import temporary_path
from imgpar.leftovers import sweep, temporary_folder
from imgpar.model import Target

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can tell whose they are")

CUT = """
import imgpar, os, signal, sys
def cut(event):
    if event.done == 3:
        os.killpg(0, signal.SIGKILL)
imgpar.convert(sys.argv[1], sys.argv[2], to="jpg", jobs=2, on_event=cut)
"""


def segments_of(pid: int) -> list[Path]:
    """Shared memory of a process."""
    return list(Path("/dev/shm").glob(f"imgpar-{pid}-*"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that nobody else uses."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "tmp"


def test_the_next_run_removes_all_that_a_killed_one_left(tmp_path: Path, place: Path) -> None:
    pictures, out = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(40)]), tmp_path / "out"
    run = subprocess.Popen([sys.executable, "-c", CUT, str(pictures), str(out)], start_new_session=True)
    assert run.wait() == -signal.SIGKILL
    half = Path(temporary_path(Target("jpeg", str(out / "39.jpg")), f"{run.pid}-1", 7))
    half.write_bytes(b"half of a file")
    assert list(place.iterdir())
    assert segments_of(run.pid)
    again = [sys.executable, "-m", "imgpar", "convert", str(pictures), "-o", str(out), "--to", "jpg", "-q"]
    subprocess.run(again, check=True)
    assert list(place.iterdir()) == []
    assert segments_of(run.pid) == []
    assert not half.exists()
    assert len(list(out.glob("*.jpg"))) == 40


def test_a_long_path_for_temporary_files_is_no_reason_to_stop(tmp_path: Path) -> None:
    """The path of a socket has at most 104 bytes."""
    pictures, long = testing.write_pictures(tmp_path / "in", ["a.png"]), tmp_path / ("long" * 20)
    long.mkdir(parents=True)
    command = [sys.executable, "-m", "imgpar", "convert", str(pictures), "-o", str(tmp_path / "out"), "-q"]
    run = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(long)})
    assert run.wait() == 0
    assert list(long.iterdir()) == []
    assert segments_of(run.pid) == []


def test_temporary_folders_of_a_killed_process_are_swept(place: Path) -> None:
    code = "import os; from imgpar.leftovers import *; open(temporary_folder() + '/a', 'w')"
    subprocess.run([sys.executable, "-c", f"{code}; os.kill(os.getpid(), 9)"], check=False)
    (left,) = place.iterdir()
    assert left.name in sweep()
    assert list(place.iterdir()) == []


def test_temporary_folders_of_the_living_and_of_others_are_left_alone(place: Path) -> None:
    own = Path(temporary_folder())
    (place / "imgpar-notes").mkdir()
    (place / f"imgpar-{os.getpid()}-zz").write_text("no name of ours")
    assert sweep() == []
    assert len(list(place.iterdir())) == 3
    own.rmdir()
