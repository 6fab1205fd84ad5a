"""Everything in one go, and a table of it.

    python bench/all.py ~/Pictures/holiday public=/tmp/public --scratch /dev/shm

FOLDERs are sets of pictures, as `table.py` takes them; without one only the pictures that `workloads.py`
makes are measured. Raw numbers, versions and README.md go to bench/runs/<date>-<cores>cores/.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from peers import HERE
from readme import write_readme

PEERS_OF_SETS = "sharp,pyvips-pool,vipsthumbnail,opencv-pool,threads,pillow-pool"
PEERS_OF_WORKLOADS = "sharp,pyvips-pool,vipsthumbnail,mogrify"


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
    parser.add_argument("sets", nargs="*", metavar="FOLDER")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--scaling", default="", help="numbers of workers; default: 1, 2, 4 … up to the cores"
    )
    parser.add_argument("--share", type=float, default=1.0, help="of every workload, such as 0.05 for a try")
    parser.add_argument("--scratch", type=Path, help="for the made pictures; default: the temporary folder")
    parser.add_argument("--out", type=Path, help="folder for the results")
    return parser.parse_args()


def main() -> None:
    """Runs everything and writes the table."""
    given = arguments()
    out = given.out or HERE / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{given.jobs}cores"
    share = ["--share", given.share]
    common = ["--jobs", given.jobs, "--out", out]
    if given.sets:
        call("table.py", *given.sets, "--peers", PEERS_OF_SETS, "--rounds", given.repeat, *share, *common)
    made = ["--done", round(100_000 * given.share), "--million", round(1e6 * given.share)]
    names = ["photos", "png-webp", "jpeg-avif", "mixed", "huge", "many-outputs", "done", "million", "flat"]
    common += ["--repeat", min(2, given.repeat)]
    common += ["--scratch", given.scratch] if given.scratch else []
    call("workloads.py", *names, *share, *made, "--peers", PEERS_OF_WORKLOADS, *common)
    counts = given.scaling or ",".join(str(1 << n) for n in range(5) if 1 << n <= given.jobs)
    call("workloads.py", "photos", "--scaling", counts, *share, *common)
    write_readme(out)
    print(out / "README.md")


if __name__ == "__main__":
    main()
