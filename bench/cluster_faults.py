"""Faults of a Ray cluster: what was killed, what was lost, what was made twice, how long it took to go on.

    python bench/cluster_faults.py FOLDER [--items 200] [--resize 1024]

A cluster of two nodes with one CPU each on this machine. In the middle of a run a node, its process,
a worker, or the run itself is killed; the run itself is begun again. Needs `imgpar[ray]`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray_overhead import copies

import imgpar
from imgpar.core.job import Event
from imgpar.engines.members import NodeState, Shards

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}


class Watched:
    """Hears of a run, and does something to it in the middle."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._left, self._act = number, act
        self._acted = self._last = 0.0
        self.pause, self.noticed = 0.0, 0.0
        """Longest time without a result, and the time until the loss was noticed, after the act."""

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.kind == "note" and self._acted and "lost" in event.text:
            self.noticed = self.noticed or now - self._acted
        if event.kind != "item":
            return
        if self._acted:
            self.pause = max(self.pause, now - max(self._last, self._acted))
        self._last, self._left = now, self._left - 1
        if self._left == 0:
            self._acted = now
            threading.Thread(target=self._act).start()


def counted_deaths() -> dict[str, int]:
    """Count what lost nodes give back, and how much of that was written already."""
    counts, died = {"given_back": 0, "made_twice": 0}, Shards.died

    def count(self: Shards, member: NodeState) -> Any:
        noted = self._written()
        jobs = [each for job in member.jobs.values() for each in job.each()]
        counts["given_back"] += len(jobs)
        counts["made_twice"] += sum(
            os.path.exists(job.targets[0].path) and job.targets[0].path in noted for job in jobs
        )
        return died(self, member)

    Shards.died = count  # type: ignore[method-assign]
    return counts


def processes(word: bytes) -> list[int]:
    """The processes whose command line begins with a word, or contains it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def kill_worker() -> None:
    """End a worker of a node: a child of the fork server, which is a child of the process of the node."""
    servers = [child for node in processes(b"ray::Node") for child in children(node)]
    os.kill(next(worker for server in servers for worker in children(server)), signal.SIGKILL)


def main() -> None:
    """Measure, and print a line of JSON for each fault."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--resize", default="1024")
    options = parser.parse_args()
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    nodes = [
        cluster.add_node(num_cpus=cpus, object_store_memory=80 << 20, include_dashboard=False)
        for cpus in (0, 1, 1)
    ]
    faults: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "a worker": kill_worker,
        "the process on a node": lambda: os.kill(processes(b"ray::Node")[0], signal.SIGKILL),
        "a node": lambda: cluster.remove_node(nodes[1], allow_graceful=False),
    }
    counts = counted_deaths()
    with tempfile.TemporaryDirectory() as work:
        photos = copies(options.folder, options.items, Path(work) / "in")
        ray = {"engine": "ray", "ray_address": cluster.address}
        for number, (what, act) in enumerate(faults.items()):
            counts.update(given_back=0, made_twice=0)
            watched = Watched(options.items // 4, act)
            out = Path(work) / f"out{number}"
            report = imgpar.convert(photos, out, resize=options.resize, on_event=watched, **ray)
            there = sum(1 for path in out.iterdir() if path.is_file())
            line = {"killed": what, "items": options.items, "ok": report.ok, "lost": options.items - there}
            line |= {**counts, "noticed_s": round(watched.noticed, 2), "pause_s": round(watched.pause, 2)}
            print(json.dumps(line | {"run_s": round(report.seconds, 1)}), flush=True)
        print(json.dumps(killed_run(photos, Path(work) / "killed", cluster.address, options)), flush=True)
    cluster.shutdown()


def killed_run(photos: Path, out: Path, address: str, options: argparse.Namespace) -> dict[str, object]:
    """A run that is killed and begun again."""
    command = [sys.executable, "-m", "imgpar", "convert", str(photos), "-o", str(out), "-q"]
    command += ["--resize", options.resize, "--engine", "ray", "--ray-address", address]
    run = subprocess.Popen(command)

    def written() -> dict[str, int]:
        return {path.name: path.stat().st_ctime_ns for path in out.glob("[!.]*") if path.is_file()}

    while len(written()) < options.items // 4:
        time.sleep(0.02)
    run.kill()
    run.wait()
    before, begun = written(), time.monotonic()
    first: list[float] = []

    def listen(event: Event) -> None:
        if event.kind == "item" and event.outcome and event.outcome.status == "ok" and not first:
            first.append(time.monotonic() - begun)

    report = imgpar.convert(
        photos, out, resize=options.resize, engine="ray", ray_address=address, on_event=listen
    )
    after = written()
    return {
        "killed": "the run", "items": options.items, "there": len(before), "ok": report.ok,
        "skipped": report.skipped, "lost": options.items - len(after),
        "made_twice": sum(after[name] != before[name] for name in before), "first_new_s": round(first[0], 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()
