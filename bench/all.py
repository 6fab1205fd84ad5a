"""Everything in one go, and a table of it.

    python bench/all.py --photos FOLDER --small FOLDER --scratch /dev/shm

FOLDER is one of camera JPEGs, and one of JPEGs of about 500×375; without them only the pictures that
`workloads.py` makes are measured. Small folders are repeated (`--copies`), as starting up is not to be all.
Raw numbers, versions and README.md go to bench/runs/<date>-<cores>cores/.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from peers import HERE
from table import write_table


@dataclass(frozen=True)
class Comparison:
    """One call of compare.py."""

    name: str
    source: str
    size: int
    peers: str
    flags: tuple[str, ...] = ()


FAST = "sharp,pyvips-pool,vipsthumbnail,opencv-pool,threads,pillow-pool"
COMPARISONS = [
    Comparison("photos-1920", "photos", 1920, FAST, ("--psnr",)),
    Comparison("photos-640", "photos", 640, FAST, ("--psnr",)),
    Comparison("small-256", "small", 256, FAST, ("--psnr",)),
]
PEERS_OF_WORKLOADS = "sharp,pyvips-pool,vipsthumbnail,mogrify"


def repeated(source: Path, target: Path, count: int) -> Path:
    """A flat folder with so many copies of every file; they share their bytes where the disk allows it."""
    target.mkdir()
    for file in sorted(path for path in source.iterdir() if path.is_file()):
        for number in range(count):
            copy = target / f"{file.stem}-{number}{file.suffix}"
            try:
                os.link(file, copy)
            except OSError:
                shutil.copyfile(file, copy)
    return target


def call(script: str, *words: object) -> None:
    """One of the scripts here; what it could not do is printed, the others still run."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, str(HERE / script), *map(str, words)], check=False)
    print(
        f"-- {script} {words[0]}: {time.perf_counter() - start:.0f} s, exit code {done.returncode}",
        flush=True,
    )


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--small", type=Path)
    parser.add_argument("--copies", default="4,6", help="of each photo, of each small picture")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--scaling", default="", help="numbers of workers; default: 1, 2, 4 … up to the cores"
    )
    parser.add_argument("--share", type=float, default=1.0, help="of every workload, such as 0.05 for a try")
    parser.add_argument("--scratch", type=Path, help="where everything lies; default: the temporary folder")
    parser.add_argument("--out", type=Path, help="folder for the results")
    return parser.parse_args()


def main() -> None:
    """Runs everything and writes the table."""
    given = arguments()
    out = given.out or HERE / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{given.jobs}cores"
    common = ["--jobs", given.jobs, "--repeat", given.repeat, "--out", out]
    common += ["--scratch", given.scratch] if given.scratch else []
    copies = dict(zip(("photos", "small"), map(int, given.copies.split(",")), strict=True))
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        for work in COMPARISONS:
            if not (source := getattr(given, work.source)):
                continue
            place = Path(folder) / work.source
            if not place.exists():
                repeated(source, place, copies[work.source])
            flags = ["--name", work.name, "--size", work.size, "--peers", work.peers, *work.flags]
            call("compare.py", place, *flags, *common)
    share = [
        "--share",
        given.share,
        "--done",
        round(100_000 * given.share),
        "--million",
        round(1e6 * given.share),
    ]
    names = ["photos", "png-webp", "jpeg-avif", "mixed", "huge", "many-outputs", "done", "million", "flat"]
    quick = [2 if word == given.repeat else word for word in common]
    call("workloads.py", *names, *share, "--peers", PEERS_OF_WORKLOADS, *quick)
    counts = given.scaling or ",".join(str(1 << n) for n in range(5) if 1 << n <= given.jobs)
    call("workloads.py", "photos", "--scaling", counts, *share[:2], *quick)
    write_table(out)
    print(out / "README.md")


if __name__ == "__main__":
    main()
