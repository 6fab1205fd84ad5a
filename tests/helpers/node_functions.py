"""Functions for pictures that do something to their worker, or to its node."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imgpar.core.job import ItemFacts


class Marked:
    """Does something to the picture of a name, in the worker."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self._name, self._act, self._here = name, act, False

    def reset(self, item: ItemFacts) -> None:
        self._here = item.path.endswith(self._name)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        if self._here:
            self._act()
        return array


def end_worker() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def end_node() -> None:
    os.killpg(os.getsid(0), signal.SIGKILL)


def sleep_on_a() -> None:
    if os.environ["NODE"] == "a":
        time.sleep(0.2)


class HeldOnA:
    """On node a, wait until a named pipe has somebody who writes to it."""

    def __init__(self, pipe: Path) -> None:
        self._pipe = str(pipe)

    def __call__(self) -> None:
        if os.environ["NODE"] == "a":
            os.close(os.open(self._pipe, os.O_RDONLY))
