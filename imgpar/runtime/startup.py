"""Start of worker processes, and how to begin it early. Light: imported before anything else.

Workers do not need the user's `__main__`, so it is hidden while they start: a script without the `if __name__
== "__main__"` guard does not run again in every worker, and notebooks need no precautions.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator

from imgpar.core.errors import RunError
from imgpar.core.tempfiles import SHM_FOLDER, remove_folder, temporary_folder
from imgpar.runtime.rlimits import few_files

TYPE_CHECKING = False  # `typing` takes as long to import as this module
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
_lock = threading.Lock()


def start_method() -> str:
    """Start method of workers: forkserver on Linux, spawn elsewhere; never fork."""
    return "forkserver" if sys.platform.startswith("linux") else "spawn"


def warm_up(module: str) -> None:
    """Let the fork server import a module while this process plans; returns at once.

    Args:
        module: name of the module to preload.
    """
    if start_method() != "forkserver" or few_files():
        return
    # Where it cannot start, the pool fails the same way later and reports it.
    with contextlib.suppress(OSError, RunError):
        if _is_fresh_process():
            _start_early(module)
        else:
            _start(module)


def _is_fresh_process() -> bool:
    """Whether this is a fresh process whose Python got no flags, so that the server can be started
    directly."""
    first = next(iter(sys.orig_argv[1:]), "-")  # none where Python is embedded or interactive
    plain = not first.startswith("-") or first in ("-c", "-m")
    return "multiprocessing" not in sys.modules and plain and sys.version_info < (3, 14)


def _start(module: str) -> None:
    """Start the server with `multiprocessing`, unless `_start_early` has started one."""
    from multiprocessing import forkserver, process, util

    from imgpar.runtime.stopped_processes import wake_at_exit

    wake_at_exit()
    settings: dict[str, object] = process.current_process()._config  # type: ignore[attr-defined]
    with clean_start():
        preload(module)
        if _early and "tempdir" not in settings:
            (settings["tempdir"], *known) = _early.pop()
            server: Any = forkserver._forkserver
            server._forkserver_address, server._forkserver_alive_fd, server._forkserver_pid = known
            # starting the remaining helper, the resource tracker, would compete with the server for its core
            return
        if "tempdir" not in settings:
            folder = temporary_folder()
            if len(folder) > LONGEST_FOLDER:
                remove_folder(folder)
                folder = temporary_folder(SHM_FOLDER)
            # The temporary folder is one of imgpar: if this process is killed, the next run removes it.
            settings["tempdir"] = folder
            util.Finalize(None, remove_folder, (folder,), exitpriority=-100)
        forkserver.ensure_running()


_early: list[tuple[str, str, int, int]] = []
"""A server that `multiprocessing` does not know yet: folder of its socket, address, pipe and pid."""


def _start_early(module: str) -> None:
    """Do what `ForkServer.ensure_running` does, before `multiprocessing` is imported: the first picture waits
    for the server."""
    import socket

    atexit.register(remove_folder, folder := temporary_folder(SHM_FOLDER))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address := os.path.join(folder, "listener"))
        listener.listen()
        # It ends when the last of its clients has closed the other end.
        theirs, ours = os.pipe()
        for handle in (listener.fileno(), theirs):
            os.set_inheritable(handle, True)
        call = f"main({listener.fileno()}, {theirs}, {[module]!r}, sys_path={sys.path!r})"
        code = f"from multiprocessing.forkserver import main; {call}"
        try:
            pid = os.posix_spawn(
                sys.executable, [sys.executable, "-c", code], os.environ | _child_environment()
            )
        finally:
            os.close(theirs)
    atexit.register(_wake, pid)
    _early.append((folder, address, ours, pid))


def _wake(pid: int) -> None:
    """Continue a stopped server, which would not notice that its only client ends."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGCONT)


def preload(module: str) -> None:
    """Set what the fork server imports. It is shared by the whole process: if another library started it
    first, workers import modules one by one, which is only slower."""
    from multiprocessing import forkserver

    server = forkserver._forkserver
    modules = [name for name in server._preload_modules if name != "__main__"]  # type: ignore[attr-defined]
    if module not in modules:
        forkserver.set_forkserver_preload([*modules, module])


@contextlib.contextmanager
def clean_start() -> Iterator[None]:
    """The environment in which processes are started."""
    with _lock, _hidden_main(), _environment():
        yield


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
