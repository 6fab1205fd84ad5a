"""Kills of `storm.py` in one run: SIGKILL to processes of its session until it ends by itself. Linux only."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

from storm_table import ORPHAN_SECONDS, Table

STUCK_SECONDS = 300.0
"""Seconds after which a run without further kills counts as hanging."""
LOOK_SECONDS = 0.02
WEIGHTS = {"worker": 40, "forkserver": 5, "ffmpeg": 10, "parent": 2, "group": 2}
DEADLY = ("parent", "group")
CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""Starts a command as pid 1 of a new pid namespace, which ends with all its children."""


class Killer:
    """Kills processes and counts them."""

    def __init__(self, args: argparse.Namespace, table: Table, seed: int, most: int) -> None:
        self.args, self.table, self.most = args, table, most
        self.random = random.Random(seed)
        self.family: dict[int, str] = {}

    def disturb(self, process: subprocess.Popen[bytes], log: Path, *, deadly: bool) -> bool:
        """Kill processes until the run ends; returns whether the parent was killed."""
        kinds = [kind for kind in WEIGHTS if deadly or kind not in DEADLY]
        kinds = [kind for kind in kinds if kind in self.args.kinds]
        limit = time.monotonic() + self.random.uniform(*self.args.storm_seconds)
        looks = 0
        while process.poll() is None:
            if time.monotonic() > limit or self.table.kills.total() >= self.most:
                # Polls are counted instead of seconds, because the whole test may be suspended.
                time.sleep(LOOK_SECONDS)
                looks += 1
                if looks * LOOK_SECONDS > STUCK_SECONDS:
                    return self._stuck(process, log)
                continue
            time.sleep(self.random.expovariate(self.args.rate))
            kind = self.random.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
            if self._kill(process, kind) and kind in DEADLY:
                process.wait()
                return True
        return False

    def _stuck(self, process: subprocess.Popen[bytes], log: Path) -> bool:
        self.table.say(f"stuck: {log.read_text(errors='replace')[-1500:]}")
        self.table.refused += 1
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True

    def _kill(self, process: subprocess.Popen[bytes], kind: str) -> bool:
        family = self.family = session(process.pid)
        pids = [process.pid] if kind in DEADLY else [pid for pid, found in family.items() if found == kind]
        if not pids or process.poll() is not None:
            return False
        if kind == "group":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        elif not end(self.random.choice(pids), process.pid):
            return False
        self.table.kills[kind] += 1
        return True

    def look_for_orphans(self, leader: int) -> None:
        """Check that all processes of a run end with it."""
        looks = 0
        while (left := session(leader)) and looks * LOOK_SECONDS < ORPHAN_SECONDS:
            time.sleep(LOOK_SECONDS)
            looks += 1
        self.table.processes += len(left)
        for pid, kind in left.items():
            self.table.say(f"left behind: {self.family.get(pid, kind)} {pid}")
            end(pid, leader)


def end(pid: int, leader: int) -> bool:
    """Kill a process if it still belongs to the session, because process ids are reused."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if _facts(pid)[2:3] != [str(leader)]:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def session(leader: int) -> dict[int, str]:
    """Running processes of a session by kind; the session id is the pid of its leader."""
    found: dict[int, tuple[int, bytes]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        state, parent, sid = _facts(int(entry.name)) or ("Z", "", "")
        if state != "Z" and sid == str(leader):
            with contextlib.suppress(OSError):
                found[int(entry.name)] = int(parent), (entry / "cmdline").read_bytes()
    main = leader
    if found.get(leader, (0, b""))[1].startswith(b"unshare\0"):  # of a container
        main = next((pid for pid, (parent, _) in found.items() if parent == leader), leader)
    return {pid: _kind(pid, parent, (leader, main), words) for pid, (parent, words) in found.items()}


def _facts(pid: int) -> list[str]:
    """State, parent and session of a process; empty if it has exited."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [words[0], words[1], words[3]]


def _kind(pid: int, parent: int, mains: tuple[int, int], words: bytes) -> str:
    if pid in mains:
        return "parent"
    if b"resource_tracker" in words:
        return "tracker"
    if b"forkserver" in words and parent in mains:
        return "forkserver"
    return "ffmpeg" if b"ffmpeg" in words.split(b"\0")[0] else "worker"
