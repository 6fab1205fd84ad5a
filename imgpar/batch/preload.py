"""Modules imported once by the fork server, so that a worker starts in milliseconds.

Where it starts many, it imports more before it starts the others: what other formats and functions of the
user need. So it is imported once, not in each of them, and its memory is shared.

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
_SERVER = os.getpid()
_forks = 0
"""Workers that were started."""
_FREQUENT = (
    "simplejpeg",
    "cykooz_resizer",
    "xxhash",
    "imgpar.formats.jpeg.reader",
    "imgpar.formats.jpeg.writer",
    "imgpar.ops.resize",
    "imgpar.pixels.resampling",
    "imgpar.runtime.entry",
    "logging",  # it registers a lock for forks, which must not be done during one
    "imgpar.runtime.requested",
    "resource",
)
"""Modules for resizing JPEGs, the most frequent job, and for starting workers, which share their memory."""
_FEW = 4
"""Workers that are started before more is imported: as many cores import it sooner than the server."""
_MORE = (
    "cloudpickle",
    "cv2",
    "imgpar.formats.avif",
    "imgpar.formats.backends.opencv",
    "imgpar.formats.backends.pillow",
    "imgpar.formats.png.deep",
    "imgpar.formats.png.packed",
    "imgpar.formats.png.writer",
    "imgpar.formats.webp",
    "imgpar.ops.apply",
    "numpy.ma",
    "PIL.AvifImagePlugin",
    "PIL.ImageSequence",
    "PIL.PngImagePlugin",
    "PIL.WebPImagePlugin",
)
"""Modules for common formats, and for functions of the user: 20 MiB, and 30 ms."""


def _check_parent(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if os.getppid() != _PARENT:
        os._exit(1)


def _load() -> None:
    gc.disable()  # collections during imports find nothing and take a tenth of the time
    importlib.import_module("imgpar.runtime.process")
    importlib.import_module("imgpar.batch.performer")
    importlib.import_module("imgpar.batch.picture.task")
    _import(_FREQUENT)
    importlib.import_module("imgpar.formats.jpeg.turbo").library()
    gc.freeze()  # workers do not scan these objects: their memory pages stay shared
    gc.enable()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork)


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _before_fork() -> None:
    global _forks
    if os.getpid() == _SERVER:
        _forks += 1
        if _forks == _FEW + 1:
            _load_more()


def _load_more() -> None:
    """Import what many workers would import one by one."""
    configure_opencv = importlib.import_module("imgpar.batch.performer").configure_opencv
    gc.disable()
    configure_opencv()  # some of it is read when it is loaded
    _import(_MORE)
    configure_opencv()
    gc.freeze()
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
