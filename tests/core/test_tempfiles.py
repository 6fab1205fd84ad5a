"""What outlives its process: the next start removes what the dead left, and nothing that somebody uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import shared_memory
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest
from conftest import ALONE
from containers import contained

from imgpar import testing
from imgpar.core import liveness, tempfiles
from imgpar.core.fs import Half, temporary_path
from imgpar.core.tempfiles import new_segment, remove_folder, remove_segment, sweep_segments, temporary_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces, /dev/shm")
alone = pytest.mark.skipif(not ALONE, reason="needs a /dev/shm of its own")

SHM = Path("/dev/shm")
CUT = """
import imgpar, os, signal, sys
def cut(event):
    if event.done == 3:
        os.killpg(0, signal.SIGKILL)
imgpar.convert(sys.argv[1], sys.argv[2], to="jpg", jobs=2, on_event=cut)
"""
FOLDER = "import imgpar.core.tempfiles as l; print(l.temporary_folder(), flush=True)"
SEGMENT = (
    "import imgpar.core.tempfiles as l; s = l.new_segment(1 << 20); print('/dev/shm/' + s.name, flush=True)"
)
SOCKET = "import imgpar.core.tempfiles as l; print(l.temporary_folder('/dev/shm'), flush=True)"
MAKERS = pytest.mark.parametrize("code", [FOLDER, SEGMENT, SOCKET], ids=["folder", "segment", "socket"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that nobody else uses."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "tmp"


def waiting(code: str) -> list[str]:
    """Python that makes something, says where, and keeps it as long as somebody listens."""
    return [sys.executable, "-c", f"{code}; input()"]


def made_by(process: subprocess.Popen[str]) -> Path:
    assert process.stdout
    return Path(process.stdout.readline().strip())


def killed(code: str) -> Path:
    """What is left of a process that was killed, and its helpers with it."""
    command = [sys.executable, "-c", f"{code}; import os; os.killpg(0, 9)"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
    return Path(done.stdout.strip())


@pytest.mark.slow
@alone
def test_the_next_run_removes_all_that_a_killed_one_left(tmp_path: Path, place: Path) -> None:
    pictures, out = testing.write_pictures(tmp_path / "in", [f"{n}.png" for n in range(40)]), tmp_path / "out"
    before = set(SHM.iterdir())
    run = subprocess.Popen([sys.executable, "-c", CUT, str(pictures), str(out)], start_new_session=True)
    assert run.wait() == -signal.SIGKILL
    half = Path(temporary_path(str(out / "39.jpg")))
    half.write_bytes(b"half of a file")
    assert list(place.iterdir())
    assert set(SHM.iterdir()) > before
    again = [sys.executable, "-m", "imgpar", "convert", str(pictures), "-o", str(out), "--to", "jpg", "-q"]
    subprocess.run(again, check=True)
    assert list(place.iterdir()) == []
    assert set(SHM.iterdir()) == before
    assert not half.exists()
    assert len(list(out.glob("*.jpg"))) == 40


@alone
def test_a_long_path_for_temporary_files_is_no_reason_to_stop(tmp_path: Path) -> None:
    """The path of a socket has at most 104 bytes."""
    pictures, long = testing.write_pictures(tmp_path / "in", ["a.png"]), tmp_path / ("long" * 20)
    long.mkdir(parents=True)
    before = set(SHM.iterdir())
    command = [sys.executable, "-m", "imgpar", "convert", str(pictures), "-o", str(tmp_path / "out"), "-q"]
    assert subprocess.run(command, env=os.environ | {"TMPDIR": str(long)}, check=False).returncode == 0
    assert list(long.iterdir()) == []
    assert set(SHM.iterdir()) == before


# ----- who is alive ---------------------------------------------------------------------------------


@MAKERS
def test_what_a_killed_process_left_is_swept(place: Path, code: str) -> None:
    left = killed(code)
    assert left.exists()
    assert left.name in sweep_segments()
    assert not left.exists()


@MAKERS
def test_what_a_process_of_another_container_uses_is_left_alone(place: Path, code: str) -> None:
    living = contained(*waiting(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    used = made_by(living)
    assert used.name not in sweep_segments()
    assert used.exists()
    living.communicate("\n")


@MAKERS
def test_what_is_used_here_is_left_alone_by_another_container(place: Path, code: str) -> None:
    living = subprocess.Popen(waiting(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    used = made_by(living)
    sweeper = contained(sys.executable, "-c", "import imgpar.core.tempfiles as l; print(l.sweep_segments())")
    assert sweeper.wait() == 0
    assert used.exists()
    living.communicate("\n")


@MAKERS
def test_what_a_killed_container_left_is_swept(place: Path, code: str) -> None:
    container = contained(*waiting(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    left = made_by(container)
    container.kill()
    container.communicate()
    assert left.name in sweep_segments()


def test_what_belongs_to_others_is_left_alone(place: Path) -> None:
    (place / "imgpar-notes").mkdir()
    (place / f"imgpar-{os.getpid()}-zz").write_text("no name of ours")
    (place / f"imgpar-{liveness.random_name()}").symlink_to(place / "imgpar-notes")
    os.mkfifo(place / f"imgpar-{liveness.random_name()}-")
    assert sweep_segments() == []
    assert len(list(place.iterdir())) == 4


@alone
def test_what_another_user_left_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/dev/shm")
    other = SHM / f"imgpar-{liveness.random_name()}"
    other.mkdir(mode=0o700)
    pid = os.fork()
    if not pid:
        os.setuid(65534)
        os._exit(len(sweep_segments()))
    assert os.waitpid(pid, 0)[1] == 0
    assert sweep_segments() == [other.name]


def test_a_fork_neither_keeps_nor_removes_what_is_its_parents(place: Path) -> None:
    folder = temporary_folder()
    pid = os.fork()
    if not pid:
        remove_folder(folder)
        os._exit(len(tempfiles._held))
    assert os.waitpid(pid, 0)[1] == 0
    assert os.path.isdir(folder)
    remove_folder(folder)
    assert list(place.iterdir()) == []


# ----- between a name and its lock ------------------------------------------------------------------


@pytest.fixture
def sweeper(place: Path) -> Iterator[None]:
    """Another process that does nothing but sweep, here and in `place`."""
    code = (
        "import sys; from imgpar.core.tempfiles import sweep_segments; from imgpar.core import fs\n"
        "print(flush=True)\n"
        "while True: sweep_segments(); fs.sweep_temporary_files(sys.argv[1])"
    )
    command = [sys.executable, "-c", code, str(place)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    yield
    assert process.poll() is None
    process.kill()
    process.communicate()


def segment(_: Path) -> tuple[str, Callable[[], None]]:
    made = new_segment(1 << 16)
    return f"/dev/shm/{made.name}", lambda: remove_segment(made)


def folder(_: Path) -> tuple[str, Callable[[], None]]:
    made = temporary_folder()
    return made, lambda: remove_folder(made)


def half(place: Path) -> tuple[str, Callable[[], None]]:
    made = Half(temporary_path(str(place / "a.jpg")))
    return made.path, made.drop


@pytest.mark.usefixtures("sweeper")
@pytest.mark.parametrize("make", [segment, folder, half])
def test_nothing_is_swept_between_its_name_and_its_lock(place: Path, make: Callable[..., object]) -> None:
    until, gone, count = time.monotonic() + 1.0, 0, 0
    while time.monotonic() < until or count <= 50:
        path, remove = make(place)
        time.sleep(0)
        gone, count = gone + (not os.path.exists(path)), count + 1
        remove()
    assert gone == 0


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="no files without a name")
def test_a_segment_is_locked_before_others_see_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    shm: Any = shared_memory._posixshmem  # type: ignore[attr-defined]
    real = shm.shm_open

    def swept(*args: object, **options: object) -> int:
        handle: int = real(*args, **options)
        found.append(sweep_segments())
        return handle

    monkeypatch.setattr(shm, "shm_open", swept)
    remove_segment(new_segment(1 << 16))
    assert found == [[]]


def test_a_segment_that_another_has_swept_is_no_warning_at_the_end() -> None:
    code = """
import os, imgpar.core.tempfiles as l
one = l.new_segment(1 << 16)
os.unlink("/dev/shm/" + one.name)
l.remove_segment(one)
hold = l._hold
def beaten(path, what, flags):
    os.unlink(path)
    l._hold = hold
    return hold(path, what, flags)
l._hold = beaten
l._hold_nameless = lambda path, size: False  # as on systems without such files
l.remove_segment(l.new_segment(1 << 16))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_who_comes_after_the_sweeper_takes_another_name(tmp_path: Path) -> None:
    path = tmp_path / "a"
    handle = os.open(path, os.O_CREAT | os.O_RDWR)
    path.unlink()
    assert not liveness.hold(handle, str(path))
    os.close(handle)


# ----- where the system does not list its shared memory ---------------------------------------------

UNLISTED = """
import imgpar.core.tempfiles as l
s = l.new_segment(1 << 20, listed=False)
print(s.name, flush=True)"""


def exists(name: str) -> bool:
    return (SHM / name).exists()


def test_a_segment_that_is_not_listed_is_swept_by_its_record(place: Path) -> None:
    name = killed(UNLISTED.replace("\n", "; ").strip("; ")).name
    assert exists(name)
    assert sweep_segments(listed=False) == [f"{name}.segment"]
    assert not exists(name)
    assert list(place.iterdir()) == []


def test_a_record_whose_segment_is_gone_is_swept(place: Path) -> None:
    name = killed(UNLISTED.replace("\n", "; ").strip("; ")).name
    (SHM / name).unlink()
    assert sweep_segments(listed=False) == [f"{name}.segment"]
    assert list(place.iterdir()) == []


def test_a_segment_in_use_that_is_not_listed_is_left_alone(place: Path) -> None:
    made = new_segment(1 << 20, listed=False)
    assert sweep_segments(listed=False) == []
    assert exists(made.name)
    remove_segment(made)
    assert not exists(made.name)
    assert list(place.iterdir()) == []


def test_a_segment_that_cannot_be_made_leaves_no_record(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = SharedMemory(tempfiles.new_name(), create=True, size=1)
    monkeypatch.setattr(tempfiles, "new_name", lambda: taken.name)
    with pytest.raises(FileExistsError):
        new_segment(1 << 16, listed=False)
    assert list(place.iterdir()) == []
    taken.close()
    taken.unlink()
