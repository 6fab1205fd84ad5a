"""Modules imported once by the fork server, so that a worker starts in milliseconds.

The fork server detects the death of its parent by a pipe, which it reads only after these imports; they take
seconds on a busy machine. Until then a timer checks the parent.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
from types import FrameType

# Not getppid(): the parent may have died before this line.
_PARENT = int(os.environ.get("IMGPAR_PARENT") or os.getppid())
_INTERVAL = 0.25
_FREQUENT = (
    "simplejpeg",
    "cykooz_resizer",
    "xxhash",
    "imgpar.formats.jpeg.reader",
    "imgpar.formats.jpeg.writer",
    "imgpar.ops.resize",
    "imgpar.pixels.resampling",
    "imgpar.runtime.entry",
    "multiprocessing.popen_forkserver",
    "resource",
)
"""Modules for resizing JPEGs, the most frequent job, and for starting workers, which share their memory."""


def _check_parent(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if os.getppid() != _PARENT:
        os._exit(1)


def _load() -> None:
    gc.disable()  # collections during imports find nothing and take a tenth of the time
    importlib.import_module("imgpar.runtime.process")
    importlib.import_module("imgpar.batch.performer")
    importlib.import_module("imgpar.batch.picture.task")
    for name in _FREQUENT:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("imgpar.formats.jpeg.turbo").library()
    gc.freeze()  # workers do not scan these objects: their memory pages stay shared
    gc.enable()


if hasattr(signal, "setitimer") and not signal.getitimer(signal.ITIMER_REAL)[0]:
    _previous_handler = signal.signal(signal.SIGALRM, _check_parent)
    signal.setitimer(signal.ITIMER_REAL, _INTERVAL, _INTERVAL)
    try:
        _load()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, _previous_handler)
else:
    _load()
