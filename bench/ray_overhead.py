"""What a Ray cluster costs beside the engine of one machine, on the same files and cores.

    python bench/ray_overhead.py FOLDER [--few 100 --many 1000] [--rounds 3] [--resize 256]

A cluster of two nodes with one CPU each on this machine against two workers, alternately. CPU seconds are
those of all processes, those of Ray included; the slope between few and many files is the cost of a file, and
the rest is the start of the cluster, of the run and of its workers. Linux only; needs `imgpar[ray]`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: orphans become children of this process, so that their CPU time is counted."""


def copies(source: Path, count: int, folder: Path) -> Path:
    """So many copies of the pictures of a folder."""
    folder.mkdir()
    pictures = sorted(path for path in source.iterdir() if path.is_file())
    for number in range(count):
        picture = pictures[number % len(pictures)]
        shutil.copy(picture, folder / f"{number:06}{picture.suffix}")
    return folder


def convert(folder: Path, out: Path, resize: str, *engine: str) -> float:
    """Wall seconds of one command."""
    command = [
        sys.executable,
        "-m",
        "imgpar",
        "convert",
        str(folder),
        "-o",
        str(out),
        "--resize",
        resize,
        "-q",
    ]
    begun = time.monotonic()
    subprocess.run([*command, *engine], check=True)
    return time.monotonic() - begun


def on_cluster(folder: Path, out: Path, resize: str) -> float:
    """The same on two nodes, which are started before and stopped afterwards."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for cpus in (0, 1, 1):
            cluster.add_node(num_cpus=cpus, object_store_memory=80 << 20, include_dashboard=False)
        return convert(folder, out, resize, "--engine", "ray", "--ray-address", cluster.address)
    finally:
        cluster.shutdown()


def measure(engine: str, folder: Path, resize: str) -> None:
    """One measurement, in a process of its own: wall seconds of the command, CPU seconds of everything."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out"
        wall = on_cluster(folder, out, resize) if engine == "ray" else convert(folder, out, resize, "-j", "2")
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"wall": wall, "cpu": sum(each.ru_utime + each.ru_stime for each in used)}))


def measured(engine: str, folder: Path, resize: str) -> dict[str, float]:
    """The same, from its own process."""
    command = [sys.executable, __file__, str(folder), "--one", engine, "--resize", resize]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure, and print a line of JSON for each engine."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resize", default="256")
    parser.add_argument("--one", choices=("local", "ray"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.folder, options.resize)
        return
    found: dict[str, list[tuple[dict[str, float], dict[str, float]]]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as work:
        few = copies(options.folder, options.few, Path(work) / "few")
        many = copies(options.folder, options.many, Path(work) / "many")
        for _ in range(options.rounds):
            for engine, rounds in found.items():
                rounds.append((measured(engine, few, options.resize), measured(engine, many, options.resize)))
    for engine, rounds in found.items():
        line: dict[str, object] = {"engine": engine, "few": options.few, "many": options.many}
        for what in ("cpu", "wall"):
            slopes = [(long[what] - short[what]) / (options.many - options.few) for short, long in rounds]
            rest = [
                short[what] - options.few * slope for (short, _), slope in zip(rounds, slopes, strict=True)
            ]
            line |= {f"{what}_ms_per_file": round(1000 * statistics.median(slopes), 2)}
            line |= {f"{what}_s_start": round(statistics.median(rest), 1)}
        print(json.dumps(line))


if __name__ == "__main__":
    main()
