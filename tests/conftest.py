"""What tests share: pictures made on the spot, and a check that a test leaves nothing behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from imgpar.testing import own_shm

LINUX = sys.platform == "linux"
# How long an example takes depends on what else the machine does.
settings.register_profile("imgpar", deadline=None)
settings.load_profile("imgpar")
# A shell that starts the tests in the background, or nohup, has them ignore these, and what they start, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
PATIENCE = 10.0
"""Seconds that processes may take to end after a test."""
ALONE = own_shm()


def pytest_collection_finish() -> None:
    """What was collected stays until the end: no search for garbage has to go through its 600,000 objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Temporary files of these tests and of what they start have a folder of their own, and so has the
    journal of single files."""
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("own"))
    for name in ("XDG_STATE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        os.environ[name] = str(tmp_path_factory.mktemp("state"))
    tempfile.tempdir = None


PhotoMaker = Callable[..., np.ndarray]
FolderMaker = Callable[..., Path]


def make_photo(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """H×W×3 uint8 with what a photo has: slow gradients, an edge, some texture. No two seeds look alike."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    random = np.random.default_rng(seed)
    phases = random.uniform(0, 2 * np.pi, 3)
    smooth = [0.5 + 0.35 * np.sin(5 * x + 3 * y * (k + 1) + phase) for k, phase in enumerate(phases)]
    hill = 0.35 * (y > 0.3 + 0.1 * np.sin(9 * x + phases[0]))
    texture = random.normal(0, 0.01, (height, width))
    picture = np.stack(smooth, axis=-1) - (hill + texture)[..., None]
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


@pytest.fixture(scope="session")
def photo() -> PhotoMaker:
    """`photo(width, height, seed)` makes an RGB array that looks like a photo to a codec."""
    return make_photo


@pytest.fixture
def photo_folder(tmp_path: Path) -> FolderMaker:
    """`photo_folder("a.jpg", "sub/b.png", size=(96, 64))` makes a folder of different pictures."""

    def make(*names: str, size: tuple[int, int] = (96, 64), under: str = "photos") -> Path:
        folder = tmp_path / under
        folder.mkdir(parents=True, exist_ok=True)
        for seed, name in enumerate(names):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(make_photo(*size, seed=seed)).save(target)
        return folder

    return make


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fails a test that leaves a process, a shared segment or an open descriptor behind.

    The fork server and the resource tracker of multiprocessing are allowed: they live as long as Python.
    """
    gc.collect()
    descriptors, children, segments = open_descriptors(), descendants(), own_segments()
    yield
    deadline = time.monotonic() + PATIENCE
    while (left := descendants() - children) and time.monotonic() < deadline:
        multiprocessing.active_children()  # reaps those that have ended
        time.sleep(0.01)
    assert not left, f"processes left behind: {sorted(map(command_line, left))}"
    gc.collect()
    assert own_segments() <= segments
    assert open_descriptors() <= descriptors


def descendants() -> set[int]:
    """Every process below this one, the helpers of multiprocessing left out."""
    if not LINUX:
        return {child.pid for child in multiprocessing.active_children() if child.pid}
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found, size = {os.getpid()}, 0
    while size < len(found):
        size = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return found - {os.getpid(), helper(forkserver, "pid"), helper(resource_tracker, "pid")}


def helper(module: object, what: str) -> int:
    """Pid or descriptor of the fork server or the resource tracker; -1 while there is none."""
    names = {
        (forkserver, "pid"): "_forkserver._forkserver_pid",
        (forkserver, "descriptor"): "_forkserver._forkserver_alive_fd",
        (resource_tracker, "pid"): "_resource_tracker._pid",
        (resource_tracker, "descriptor"): "_resource_tracker._fd",
    }
    value = module
    for name in names[module, what].split("."):
        value = getattr(value, name, None)
    return value if isinstance(value, int) else -1


def command_line(pid: int) -> str:
    """What runs there, for the message."""
    try:
        return f"{pid} " + Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return str(pid)


def own_segments() -> set[str]:
    """Names of the shared segments that are there; none where others may have some, too."""
    return {path.name for path in Path("/dev/shm").glob("imgpar-*")} if ALONE else set()


def open_descriptors() -> set[tuple[int, str]]:
    """Number and target of every open file of this process, those of multiprocessing's helpers left out."""
    if not LINUX:
        return set()
    allowed = {helper(forkserver, "descriptor"), helper(resource_tracker, "descriptor")}
    socket_folder = multiprocessing.process.current_process()._config.get("tempdir")
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except OSError:
            continue  # the listing itself
    return {each for each in found if each[0] not in allowed and each[1] != socket_folder}
