"""Measures `imgpar convert` and every peer that is installed on the same folder, in turn, and keeps the raw
numbers.

    python bench/compare.py FOLDER --name photos-1920 --size 1920 --quality 85 --to jpg --jobs 2 --repeat 5

Order: one run of each that is not counted (it warms the file cache), then A B C A B C …, each into a fresh
folder. Memory is sampled in one more run of each, so that sampling costs the timed runs nothing. The result
goes to bench/runs/<date>-<cores>cores/<name>.json.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from limits import limit, share_in_codecs
from measure import LINUX, adopt_orphans, measure
from peers import HERE, PEERS, Work, installed
from quality import psnr_of

PACKAGES = ["pillow", "numpy", "opencv-python-headless", "opencv-python", "simplejpeg", "cykooz.resizer"]


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    model = platform.processor()
    if LINUX:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (text.partition(":")[2].strip() for text in lines if text.startswith("model name")), model
        )
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    git = ["git", "-C", str(HERE), "rev-parse", "HEAD"]
    return {
        "system": platform.platform(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "commit": subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip(),
        "packages": versions,
    }


def medians(
    runs: dict[str, list[dict[str, Any]]],
    memory: dict[str, dict[str, Any]],
    quality: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """One row per peer; `ratio` is imgpar's time over the peer's, median of the rounds."""
    rows = {}
    for name, measured in runs.items():
        ratios = [
            ours["seconds"] / theirs["seconds"] for ours, theirs in zip(runs["imgpar"], measured, strict=True)
        ]
        seconds = statistics.median(run["seconds"] for run in measured)
        rows[name] = {
            "seconds": round(seconds, 3),
            "imgpar_over_this": round(statistics.median(ratios), 3),
            "images_per_second": round(measured[0]["files"] / seconds, 1),
            "cpu_seconds": round(statistics.median(run["cpu_seconds"] for run in measured), 3),
            "peak_pss_mib": round(memory[name]["peak_pss_bytes"] / 2**20),
            **{key: round(value, 2) for key, value in quality.get(name, {}).items()},
        }
    return rows


def compare(given: argparse.Namespace, work: Work, names: list[str]) -> dict[str, Any]:
    """Runs all sides in turn; medians first, then every number."""

    def run(name: str, *, memory: bool = False) -> dict[str, Any]:
        peer = PEERS[name]
        with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
            out = Path(folder) / "out"
            return measure(peer.command(work, out), out, memory=memory, environment=peer.environment(work))

    warm = {name: run(name) for name in names}
    for name, result in warm.items():
        if result["return_code"] or result["files"] != warm["imgpar"]["files"]:
            print(f"{name} did not do the same: {result}", file=sys.stderr)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(given.repeat):
        for name in names:
            runs[name].append(run(name))
    memory = {name: run(name, memory=True) for name in names}
    quality = {name: psnr_of(name, work, given.scratch) for name in names} if given.psnr else {}
    return {
        "medians": medians(runs, memory, quality),
        **beside(work, given.scratch),
        "runs": runs,
        "memory": memory,
        "quality": quality,
    }


def beside(work: Work, scratch: Path | None) -> dict[str, float]:
    """The limit of the codecs, and imgpar's share of time inside them."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        share = share_in_codecs(work, Path(folder))
    return {"limit_seconds": round(limit(work), 3), "in_codecs": round(share, 3)}


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", help="of the workload; default: the folder's")
    parser.add_argument("--peers", default=",".join(PEERS), help="names with commas; imgpar is always one")
    parser.add_argument("--size", type=int, default=1920)
    parser.add_argument("--quality", type=int, default=85)
    parser.add_argument("--to", default="jpg")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--psnr", action="store_true", help="measure the quality of the resize, too (slow)")
    parser.add_argument("--scratch", type=Path, help="where outputs go; default: the temporary folder")
    parser.add_argument("--out", type=Path, help="folder for the results")
    parser.add_argument("extra", nargs="*", help="more flags for imgpar, after --")
    return parser.parse_args()


def main() -> None:
    """Runs the comparison, prints the medians, writes the raw numbers."""
    given = arguments()
    adopt_orphans()
    versions = installed(list(dict.fromkeys(["imgpar", *given.peers.split(",")])))
    work = Work(given.folder, given.size, given.quality, given.to, given.jobs, tuple(given.extra))
    where = machine() | {"peers": versions}
    name = given.name or given.folder.resolve().name
    settings = {key: getattr(given, key) for key in ("size", "quality", "to", "jobs", "repeat", "extra")}
    result = {"workload": name, "settings": settings, "machine": where} | compare(given, work, list(versions))
    folder = given.out or HERE / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{where['cores']}cores"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    for peer, row in result["medians"].items():
        print(f"{peer:12}", " ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
