"""Checks of the machine for `imgpar doctor`: cores, memory, disks, worker processes, ffmpeg."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from imgpar.cli.check import Check
from imgpar.core.cgroups import memory_left
from imgpar.core.install_hint import pip

MIB = 1 << 20
GIB = 1 << 30
SHM = "/dev/shm"  # noqa: S108 - where Linux mounts POSIX shared memory


def check_machine() -> Iterator[Check]:
    """All checks of the machine in output order."""
    checks = (check_ffmpeg, check_cores, check_memory, check_shared_memory, check_workers, check_sandbox)
    for check in checks:
        yield _guarded(check)
    yield check_space("temporary files", tempfile.gettempdir(), "Set TMPDIR to a folder with more space.")
    yield check_space("this folder", os.getcwd(), "Name a folder on another disk with -o.")


def _guarded(check: Callable[[], Check]) -> Check:
    """Run a check; an exception becomes a failed check."""
    try:
        return check()
    except Exception as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Check("fail", name, f"{type(error).__name__}: {error}")


def check_ffmpeg() -> Check:
    """The ffmpeg binary used for clips."""
    import imageio_ffmpeg

    fix = f"{pip('imageio-ffmpeg')}, or set IMAGEIO_FFMPEG_EXE to an ffmpeg."
    try:
        path = imageio_ffmpeg.get_ffmpeg_exe()
        done = subprocess.run([path, "-version"], capture_output=True, timeout=20, check=True)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return Check("warn", "ffmpeg", f"does not start, so clips cannot be processed: {error}", fix)
    version = done.stdout.decode(errors="replace").split(" Copyright")[0].removeprefix("ffmpeg version ")
    return Check("ok", "ffmpeg", f"{version} at {path}")


def check_cores() -> Check:
    """Cores available to this process, by CPU affinity and container quota."""
    from imgpar.runtime.cores import available_cores

    return Check("ok", "cores", f"{available_cores()} of {os.cpu_count() or 1} available (default of --jobs)")


def check_memory() -> Check:
    """Available memory."""
    free = _free_memory()
    if not free:
        return Check("ok", "memory", "the amount of free memory is unknown")
    text = f"{free / GIB:.1f} GiB free"
    if free < GIB:
        return Check("warn", "memory", text, "Close other programs, or use --memory 256M and fewer --jobs.")
    return Check("ok", "memory", text)


def _free_memory() -> int:
    """Bytes available without swapping, within the container's limit; 0 if unknown."""
    free: list[int] = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free.append(int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) << 10)
    if (left := memory_left()) is not None:
        free.append(max(1, left))
    return min(free, default=0)


def check_shared_memory() -> Check:
    """Free shared memory for the arena."""
    if not os.path.isdir(SHM):
        return Check("ok", "shared memory", "provided by the system, without /dev/shm")
    free = shutil.disk_usage(SHM).free
    text = f"{free / MIB:.0f} MiB free in /dev/shm"
    if free < 512 * MIB:
        fix = "Start the container with --shm-size=2g; until then imgpar uses anonymous memory."
        return Check("warn", "shared memory", text, fix)
    return Check("ok", "shared memory", text)


def check_workers() -> Check:
    """Whether a worker process starts, and its start-up time."""
    from imgpar.runtime.startup import start_method

    method = start_method()
    context: Any = multiprocessing.get_context(method)
    began = time.perf_counter()
    process = context.Process(target=time.sleep, args=(0,))
    process.start()
    process.join(30)
    if process.exitcode != 0:
        process.kill()
        process.join()
        return Check("fail", "workers", f"a process started by {method} did not exit within 30 s")
    return Check("ok", "workers", f"start by {method} in {(time.perf_counter() - began) * 1000:.0f} ms")


def check_sandbox() -> Check:
    """Whether worker processes can be restricted (--sandbox)."""
    from imgpar.runtime.sandbox import why_unsupported

    if why := why_unsupported():
        return Check("ok", "sandbox", f"none: {why[0].lower()}{why[1:]}")
    return Check("ok", "sandbox", "works, for files and sockets (--sandbox)")


def check_space(name: str, folder: str, fix: str) -> Check:
    """Whether a folder is writable and has free space."""
    free = shutil.disk_usage(folder).free
    text = f"{free / GIB:.1f} GiB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Check("warn", name, f"{folder} is not writable", fix)
    return Check("warn", name, text, fix) if free < GIB else Check("ok", name, text)
