"""CPU time of the parent process for each small picture, as a slope.

    python bench/parent_cost.py FOLDER [--items 4000] [--rounds 5]

Copies of the pictures in FOLDER are converted in a warm session, a tenth of them and all of them; the
difference of the parent's CPU time, divided by the difference of their numbers, is what one picture costs.
What does not depend on their number, the start of a run, is printed apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import tempfile
from pathlib import Path

import imgpar


def copies(source: Path, count: int, folder: Path) -> Path:
    """Copies of the pictures of a folder, a thousand in a folder."""
    pictures = sorted(path for path in source.iterdir() if path.is_file())
    for number in range(count):
        inside = folder / f"{number // 1000}"
        inside.mkdir(parents=True, exist_ok=True)
        picture = pictures[number % len(pictures)]
        shutil.copy(picture, inside / f"{number:05}{picture.suffix}")
    return folder


def parent_seconds() -> float:
    """CPU seconds of this process so far, without its children."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cost(session: imgpar.Session, source: Path, count: int, work: Path) -> float:
    """CPU seconds of the parent for one run."""
    out = Path(tempfile.mkdtemp(dir=work))
    before = parent_seconds()
    report = session.run(imgpar.Pipeline().resize("256"), source, out)
    spent = parent_seconds() - before
    if report.ok != count:
        raise SystemExit(f"{report.ok} of {count} pictures were converted.")
    shutil.rmtree(out)
    return spent


def main() -> None:
    """Measure, and print one line of JSON."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    few, many, costs, starts = options.items // 10, options.items, list[float](), list[float]()
    with tempfile.TemporaryDirectory() as work, imgpar.Session(jobs=options.jobs) as session:
        small = copies(options.folder, few, Path(work) / "few")
        large = copies(options.folder, many, Path(work) / "many")
        cost(session, small, few, Path(work))
        for _ in range(options.rounds):
            short, long = cost(session, small, few, Path(work)), cost(session, large, many, Path(work))
            costs.append((long - short) / (many - few))
            starts.append(short - few * costs[-1])
    print(
        json.dumps(
            {
                "items": many,
                "jobs": options.jobs,
                "microseconds_per_item": [round(1e6 * each, 1) for each in costs],
                "median": round(1e6 * statistics.median(costs), 1),
                "start_ms": round(1e3 * statistics.median(starts), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
