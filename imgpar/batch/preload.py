"""What the fork server imports once, so that a worker starts in milliseconds.

The fork server learns of its parent's death from a pipe, but reads it only when all is imported, which takes
seconds on a busy machine. Until then a timer looks.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
from types import FrameType

# Not getppid(): the parent may be gone before this line.
_PARENT = int(os.environ.get("IMGPAR_PARENT") or os.getppid())
_SECONDS = 0.25
_FREQUENT = (
    "simplejpeg",
    "cykooz_resizer",
    "xxhash",
    "imgpar.formats.jpeg.reader",
    "imgpar.ops.resize",
    "imgpar.pixels.resampling",
    "imgpar.runtime.entry",
    "multiprocessing.popen_forkserver",
    "resource",
)
"""Most pictures are JPEGs that become smaller; workers need the rest. They share what the server has."""


def _look(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if os.getppid() != _PARENT:
        os._exit(1)


def _load() -> None:
    gc.disable()  # there is no garbage yet, and looking for it takes a tenth of the time
    importlib.import_module("imgpar.runtime.process")
    importlib.import_module("imgpar.batch.performer")
    for name in _FREQUENT:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("imgpar.formats.jpeg.turbo").library()
    gc.freeze()  # nor do workers look at what is here: its pages stay shared
    gc.enable()


if hasattr(signal, "setitimer") and not signal.getitimer(signal.ITIMER_REAL)[0]:
    _before = signal.signal(signal.SIGALRM, _look)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS, _SECONDS)
    try:
        _load()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, _before)
else:
    _load()
