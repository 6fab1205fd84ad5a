"""Many workers on few cores: how long they take to start, what each occupies, and how busy they are kept.

    python bench/sleeping_workers.py                    # 64 workers, 40 and 200 items for each
    python bench/sleeping_workers.py --memory 2 8 32 --photos PHOTOS    # PSS of each worker

A function of the user sleeps 50 ms with each picture, so that hardly any cores are needed to keep 64 workers
busy. The ideal is `items / workers × 50 ms`; the efficiency is the ideal divided by the time measured. The
first run of a session includes the start of its workers, from `Session()` on; the second finds them started.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import imgpar

SLEEP = 0.05
SIDE = 16


def slow(picture: Any) -> Any:
    """Takes 50 ms, and no core."""
    time.sleep(SLEEP)
    return picture


def make_pictures(folder: Path, count: int) -> None:
    """Small JPEG files, each with a content of its own."""
    folder.mkdir()
    for number in range(count):
        pixels = np.full((SIDE, SIDE, 3), (number >> 16, number >> 8 & 255, number & 255), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")


def cpu_seconds() -> float:
    """CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(folder: Path, out: Path, workers: int, items: int) -> dict[str, Any]:
    """The first and the second run of a session."""
    found: dict[str, Any] = {"workers": workers, "items": items}
    ideal = items / workers * SLEEP
    pipe = imgpar.Pipeline().apply(slow)
    start = time.perf_counter()
    with imgpar.Session(jobs=workers) as session:
        for run in ("first", "second"):
            cpu = cpu_seconds()
            report = session.run(pipe, folder, out / run, to="jpg")
            seconds = time.perf_counter() - start
            assert report.ok == items, report
            found[run] = {
                "seconds": round(seconds, 3),
                "efficiency": round(ideal / seconds, 3),
                "parent_cpu_seconds": round(cpu_seconds() - cpu, 3),
            }
            start = time.perf_counter()
    return found


def pss(pids: list[int]) -> float:
    """Proportional set size in MiB of some processes, without the arena they share."""
    found = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Pss_Anon", "Pss_File"):
                found += int(rest.split()[0])
    return found / 1024


def measure_memory(photos: Path, out: Path, workers: int) -> dict[str, Any]:
    """MiB of each worker: idle, and after photos."""
    found: dict[str, Any] = {"workers": workers}
    small = out / "small"
    make_pictures(small, 8 * workers)
    files = sorted(path for path in photos.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    with imgpar.Session(jobs=workers) as session:
        session.run(imgpar.Pipeline().apply(slow), small, out / "first", to="jpg")  # starts all of them
        for name in ("idle", "after photos"):
            pids = [worker.process.pid for worker in session._pool.workers.values()]  # type: ignore[union-attr]
            found[name] = {"processes": len(pids), "pss_mib_each": round(pss(pids) / len(pids), 1)}
            if name == "idle":
                count = -(-12 * workers // len(files))
                for number in range(count):
                    session.run(imgpar.Pipeline().resize(1920), files, out / f"photos-{number}", to="jpg")
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--each", type=int, nargs="+", default=[40, 200], help="items for each worker")
    parser.add_argument("--memory", type=int, nargs="+", default=[], help="numbers of workers")
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs, for --memory")
    args = parser.parse_args()
    for workers in args.memory:
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(measure_memory(args.photos, Path(scratch), workers)), flush=True)
    if args.memory:
        return
    with tempfile.TemporaryDirectory() as scratch:
        for each in args.each:
            folder = Path(scratch, f"in-{each}")
            make_pictures(folder, each * args.workers)
            print(
                json.dumps(measure(folder, Path(scratch, f"out-{each}"), args.workers, each * args.workers))
            )


if __name__ == "__main__":
    main()
