"""Wall time, CPU time, peak memory and files of one command and everything that it starts."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform == "linux"


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind, so that all CPU time is counted."""
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def measure(
    command: list[str],
    out: Path,
    *,
    memory: bool,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """One run: wall seconds, CPU seconds of all its processes, files and bytes written, peak PSS.

    `folder` is where it runs: `python -m` looks there first.
    """
    os.sync()  # the disk does nothing of the run before, such as deletions
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # As users have it: with this variable each run would compile every module anew.
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    variables |= environment or {}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables, cwd=folder
    )
    peak = PeakMemory(process.pid) if memory else None
    _, errors = process.communicate()
    wall = time.perf_counter() - start
    orphans = reap_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    files = [path for path in out.rglob("*") if path.is_file() and ".imgpar" not in path.parts]
    result = {
        "seconds": wall,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "return_code": process.returncode,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "processes_outliving_the_run": orphans,
    }
    if process.returncode:
        result["stderr"] = errors.decode(errors="replace")[-2000:]
    return result | ({"peak_pss_bytes": peak.stop()} if peak else {})


def reap_orphans() -> int:
    """Waits for what the run left behind (the fork server ends a moment later); says how many there were."""
    count, deadline = 0, time.monotonic() + 10
    while LINUX and time.monotonic() < deadline:
        try:
            found, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        count += found > 0
        if not found:
            time.sleep(0.01)
    return count


class PeakMemory:
    """Samples the proportional set size of a process and all below it: shared pages count once."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()

    def _sample(self) -> None:
        while LINUX and not self.over.wait(0.05):
            self.peak = max(self.peak, sum(pss(pid) for pid in descendants(self.pid)))

    def stop(self) -> int:
        """Ends the sampling; returns bytes, 0 where the system cannot tell."""
        self.over.set()
        self.thread.join()
        return self.peak


def descendants(root: int) -> set[int]:
    """The process and everything that it started, directly or not."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    family, grown = {root}, True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in family} - family
        family |= children
        grown = bool(children)
    return family


def pss(pid: int) -> int:
    """Proportional set size in bytes; 0 when the process has just ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
