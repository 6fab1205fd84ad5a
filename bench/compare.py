"""Measures `imgpar convert` and a plain Pillow pool on the same folder, in turn, and keeps the raw numbers.

    python bench/compare.py FOLDER --name photos --size 1920 --quality 85 --to jpg --jobs 2 --repeat 5

Order: one run of each that is not counted (it warms the file cache), then A B A B …, each into a fresh
folder. Memory is sampled in two more runs of its own, so that sampling costs the timed runs nothing.
The result goes to bench/runs/<date>-<cores>cores/<name>.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measure import LINUX, adopt_orphans, measure

HERE = Path(__file__).resolve().parent
PACKAGES = [
    "imgpar",
    "pillow",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "simplejpeg",
    "cykooz.resizer",
]


def imgpar_command(given: argparse.Namespace, out: Path) -> list[str]:
    """The run that is measured."""
    command = [sys.executable, "-m", "imgpar", "convert", str(given.folder), "-o", str(out), "-q"]
    command += [
        "--resize",
        str(given.size),
        "--quality",
        str(given.quality),
        "--to",
        given.to,
        "-j",
        str(given.jobs),
    ]
    return [*command, *given.extra]


def baseline_command(given: argparse.Namespace, out: Path) -> list[str]:
    """The run it is measured against."""
    command = [sys.executable, str(HERE / "pool_baseline.py"), str(given.folder), str(out)]
    command += ["--size", str(given.size), "--quality", str(given.quality), "--to", given.to]
    return [*command, "--jobs", str(given.jobs)]


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    model = platform.processor()
    if LINUX:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model
        )
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    commit = subprocess.run(
        ["git", "-C", str(HERE), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "system": platform.platform(),
        "processor": model,
        "cores": cores,
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "packages": versions,
    }


def summary(
    runs: dict[str, list[dict[str, Any]]], memory: dict[str, dict[str, Any]], images: int
) -> dict[str, Any]:
    """Medians of each side, and how many times as fast imgpar is."""
    result: dict[str, Any] = {}
    for name, measured in runs.items():
        seconds = statistics.median(run["seconds"] for run in measured)
        result[name] = {
            "seconds": seconds,
            "images_per_second": images / seconds,
            "cpu_seconds": statistics.median(run["cpu_seconds"] for run in measured),
            "peak_pss_mib": memory[name]["peak_pss_bytes"] / 2**20,
        }
    return result | {"times_as_fast": result["baseline"]["seconds"] / result["imgpar"]["seconds"]}


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", help="of the workload; default: the folder's")
    parser.add_argument("--size", type=int, default=1920)
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--to", default="jpg")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--scratch", type=Path, help="where outputs go; default: the temporary folder")
    parser.add_argument("extra", nargs="*", help="more flags for imgpar, after --")
    return parser.parse_args()


def compare(given: argparse.Namespace) -> dict[str, Any]:
    """Runs both sides in turn; medians first, then every number."""

    def run(name: str, *, memory: bool = False) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
            out = Path(folder) / "out"
            return measure(SIDES[name](given, out), out, memory=memory)

    warm = {name: run(name) for name in SIDES}
    counts = {name: result["files"] for name, result in warm.items()}
    if len(set(counts.values())) > 1 or any(result["return_code"] for result in warm.values()):
        print(f"The two did not do the same: {warm}", file=sys.stderr)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    for _ in range(given.repeat):
        for name in SIDES:
            runs[name].append(run(name))
    memory = {name: run(name, memory=True) for name in SIDES}
    return {"medians": summary(runs, memory, counts["baseline"]), "runs": runs, "memory": memory}


def main() -> None:
    """Runs the comparison, prints the medians, writes the raw numbers."""
    given = arguments()
    adopt_orphans()
    where = machine()
    name = given.name or given.folder.resolve().name
    settings = {key: getattr(given, key) for key in ("size", "quality", "to", "jobs", "repeat", "extra")}
    result = {"workload": name, "settings": settings, "machine": where} | compare(given)
    folder = HERE / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{where['cores']}cores"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["medians"], indent=1))


SIDES: dict[str, Callable[[argparse.Namespace, Path], list[str]]] = {
    "imgpar": imgpar_command,
    "baseline": baseline_command,
}

if __name__ == "__main__":
    main()
