"""Start of worker processes, and how to begin it early. Light: imported before anything else.

Workers do not need the user's `__main__`, so it is hidden while they start: a script without the `if __name__
== "__main__"` guard does not run again in every worker, and notebooks need no precautions.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator

from imgpar.core.errors import RunError
from imgpar.core.tempfiles import SHM_FOLDER, remove_folder, temporary_folder
from imgpar.runtime.rlimits import few_files, more_processes

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from typing import Any

LONGEST_FOLDER = 80
"""Maximum characters of the folder; the path of a socket may have at most 104 on all systems."""
PARENT = "IMGPAR_PARENT"
"""Environment variable with the pid of the parent process."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MALLOC_SETTINGS = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""glibc keeps freed memory for the next picture. Returned each time, its pages would be faulted in again, 700
a photo, which costs 2 % of the time."""
_lock = threading.RLock()
"""Held while processes are started, and by every fork: no child inherits what `clean_start` changes."""
_folder = ""
"""Of the sockets of the fork server, where imgpar has made it."""


def may_start() -> bool:
    """Whether this process may start others. Those of `multiprocessing.Pool`, Celery, Dask and `DataLoader`
    are daemonic: multiprocessing refuses them children."""
    from multiprocessing import process

    return not process.current_process().daemon


def start_method() -> str:
    """Start method of workers: forkserver on Linux, spawn elsewhere; never fork."""
    return "forkserver" if sys.platform.startswith("linux") else "spawn"


def warm_up(module: str, *, sandboxed: bool = False) -> None:
    """Let the fork server import a module while this process plans; returns at once.

    `imgpar convert` of one small JPEG takes 480 ms instead of 696 (medians of 15 runs on two cores).

    Args:
        module: name of the module to preload.
        sandboxed: whether it also loads what restricts processes.
    """
    if start_method() != "forkserver" or few_files():
        return
    # Where it cannot start, the pool fails the same way later and reports it.
    with contextlib.suppress(OSError, RunError):
        _start(module, *("imgpar.runtime.sandbox_loaded",) * sandboxed)


def _start(*modules: str) -> None:
    from multiprocessing import forkserver, util

    from imgpar.runtime.stopped_processes import wake_at_exit

    global _folder
    wake_at_exit()
    # There is no public name for the folder of the sockets. A folder of imgpar is removed by the next run if
    # this process is killed, and its path is short enough whatever TMPDIR is.
    settings = _process_settings()
    with clean_start(tracked=False):
        for module in modules:
            preload(module)
        if "tempdir" not in settings:
            folder = temporary_folder()
            if len(folder) > LONGEST_FOLDER:
                remove_folder(folder)
                folder = temporary_folder(SHM_FOLDER)
            settings["tempdir"] = _folder = folder
            util.Finalize(None, remove_folder, (folder,), exitpriority=-100)
        with _without_tracker():
            forkserver.ensure_running()


def start_tracker() -> None:
    """Start the resource tracker of multiprocessing, unless it runs. POSIX only.

    Raises:
        RunError: the system starts no further process.
    """
    if os.name == "nt":
        return
    from multiprocessing import resource_tracker

    try:
        resource_tracker.ensure_running()
    except BlockingIOError as error:
        raise RunError(
            f"No worker process can be started ({error}).",
            fix=more_processes(),
        ) from error


@contextlib.contextmanager
def _without_tracker() -> Iterator[None]:
    """Start the fork server before the resource tracker, which multiprocessing starts with it but needs only
    for workers: it takes 25 ms of a core, and one more process than a machine of two cores has room for."""
    from multiprocessing import resource_tracker

    start = resource_tracker.ensure_running
    resource_tracker.ensure_running = lambda: None
    try:
        yield
    finally:
        resource_tracker.ensure_running = start


def preload(module: str) -> None:
    """Set what the fork server imports. It is shared by the whole process: if another library started it
    first, workers import modules one by one, which is only slower."""
    from multiprocessing import forkserver

    # There is no public name for the list; the modules that the host program asked for have to stay in it.
    wanted: list[str] = forkserver._forkserver._preload_modules  # type: ignore[attr-defined]
    modules = [name for name in wanted if name != "__main__"]
    if module not in modules:
        forkserver.set_forkserver_preload([*modules, module])


@contextlib.contextmanager
def clean_start(*, tracked: bool = True) -> Iterator[None]:
    """The environment in which processes are started; with `tracked` the resource tracker runs."""
    with _lock, _hidden_main(), _known_method(), _environment(), _without_interrupts(tracked=tracked):
        yield


@contextlib.contextmanager
def _without_interrupts(*, tracked: bool) -> Iterator[None]:
    """Let processes inherit that SIGINT is blocked. Ctrl-C goes to all processes of a terminal, and would end
    the fork server with a traceback while it loads modules; its parent tells it when to stop. Here a signal
    that comes meanwhile is delivered afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if tracked:
        start_tracker()  # which unblocks SIGINT when it has started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    """Hide `__main__`: children would import it again, and workers do not need it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _known_method() -> Iterator[None]:
    """Hide a default start method that children would not know: loky, of joblib, has one of its own."""
    from multiprocessing import context

    default: Any = context._default_context
    before = default._actual_context
    if before is not None and before.get_start_method() not in default.get_all_start_methods():
        default._actual_context = None
    try:
        yield
    finally:
        default._actual_context = before


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Set the variables of `_child_environment`, and restore the environment afterwards."""
    given = _child_environment()
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _child_environment() -> dict[str, str]:
    """Variables that libraries read when they are loaded: numeric libraries start no threads."""
    kept = {name: value for name, value in _MALLOC_SETTINGS.items() if name not in os.environ}
    return dict.fromkeys(_THREAD_VARIABLES, "1") | {PARENT: str(os.getpid())} | kept


def _process_settings() -> dict[str, object]:
    from multiprocessing import process

    settings: dict[str, object] = process.current_process()._config  # type: ignore[attr-defined]
    return settings


# ----- after a fork -----------------------------------------------------------------------------------


def forget_child(process: Any) -> None:
    """In a fork: `process` is a child of its parent. multiprocessing would terminate and join it at exit, and
    keep the handle open by which it notices that its parent is gone. There is no public way to say so."""
    from multiprocessing import process as processes
    from multiprocessing import util

    processes._children.discard(process)  # type: ignore[attr-defined]
    util.close_fds(*process._popen.finalizer._args)  # type: ignore[attr-defined]


def _after_fork() -> None:
    """Let this process start a fork server of its own. multiprocessing would take that of the parent for a
    child that has died, and raise ChildProcessError."""
    _lock.release()
    if loaded := sys.modules.get("multiprocessing.forkserver"):
        server: Any = vars(loaded)["_forkserver"]
        if server._forkserver_pid is not None:
            os.close(server._forkserver_alive_fd)  # at its end the server of the parent ends
            wanted = server._preload_modules
            server.__init__()
            server._preload_modules = wanted
    if _folder and _process_settings().get("tempdir") == _folder:
        del _process_settings()["tempdir"]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork)
