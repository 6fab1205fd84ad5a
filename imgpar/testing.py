"""Real parts for tests of imgpar and of what is built on it: functions that misbehave, and pictures.

Give the functions to `Pipeline.apply`; they do what they say in a worker process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def pattern(width: int, height: int, seed: int = 0) -> Array:
    """H×W×3 uint8: gradients and a checkerboard whose colours depend on `seed`; no two seeds are equal.

    >>> pattern(64, 48).shape
    (48, 64, 3)
    """
    import numpy as np

    y, x = np.mgrid[0:height, 0:width]
    board = ((x // 8 + y // 8) % 2) * 40
    planes = [x * 215 // max(1, width - 1), y * 215 // max(1, height - 1), (x + y + 37 * seed) % 216]
    return np.stack([(plane + board + seed * (k + 3)) % 256 for k, plane in enumerate(planes)], -1).astype(
        np.uint8
    )


def write_pictures(folder: Path, names: Sequence[str], size: tuple[int, int] = (96, 64)) -> Path:
    """Write a different pattern under every name; returns the folder."""
    from PIL import Image

    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pattern(*size, seed)).save(path)
    return folder


def die(array: Array) -> Array:  # noqa: ARG001
    """End this process as the OOM killer does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def crash(array: Array) -> Array:  # noqa: ARG001
    """Crash this process as a broken C library does."""
    import ctypes

    ctypes.string_at(0)
    raise AssertionError


def hang(array: Array) -> Array:  # noqa: ARG001
    """Never come back."""
    while True:
        time.sleep(1)


def shout(array: Array) -> Array:
    """Print, as a careless function does."""
    print("a function speaks")  # noqa: T201
    return array


def fail(array: Array) -> Array:  # noqa: ARG001
    """Raise, as a wrong function does."""
    raise ZeroDivisionError("on purpose")


def die_once(marker: str) -> Any:
    """A function that kills its process the first time that it is called, and not again.

    `marker` is a path that must not exist yet; it remembers the first time.
    """

    def once(array: Array) -> Array:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return array
        return die(array)

    return once


def hold_gil(array: Array) -> Array:
    """Never come back, and never let go of Python's lock, as a C library that hangs."""
    import ctypes

    ctypes.PyDLL(None).pause()
    return array


def eat_memory(array: Array) -> Array:
    """Ask for more memory than there is, as a decoder of a hostile file does."""
    import numpy as np

    blocks = []
    while True:
        blocks.append(np.empty(64 << 20, np.uint8))
        if len(blocks) > 10_000:
            return array


_NEW_MOUNTS, _OWN_AND_BELOW = 0x20000, 0x44000
"""CLONE_NEWNS; MS_PRIVATE and MS_REC."""


def own_shm() -> bool:
    """Give this process and its children a /dev/shm of their own, so that nobody who works beside them is
    seen there; False where the system does not let us."""
    if sys.platform != "linux" or os.geteuid():
        return False
    import ctypes

    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_MOUNTS) or libc.mount(b"none", b"/", None, _OWN_AND_BELOW, None):
        return False
    return bool(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, None) == 0)


def strike_at(step: int, files: Sequence[str], *, group: bool = False, marker: str = "") -> None:
    """Let this process be killed at the `step`-th line that its thread runs in files of these names.

    With `group` every process of its group dies, as in a power cut. `marker` is a path that is made first;
    while it is there, nothing happens.
    """
    left = step

    def at_line(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if os.path.basename(frame.f_code.co_filename) not in files:
            return None
        left -= event == "line"
        if left <= 0 and not (marker and os.path.exists(marker)):
            if marker:
                Path(marker).touch()
            os.kill(0 if group else os.getpid(), signal.SIGKILL)
        return at_line

    if not (marker and os.path.exists(marker)):
        sys.settrace(at_line)


def die_at(step: int, marker: str, *, group: bool = False) -> Any:
    """A function that lets its process be killed later, at the `step`-th line of code that moves files.

    Only once: `marker` is a path that must not exist yet. When fewer lines are run, nothing happens and
    there is no marker. `group` as for `strike_at`.
    """

    def arm(array: Array) -> Array:
        strike_at(step, ("commit.py", "files.py"), group=group, marker=marker)
        return array

    return arm
