"""From the start of the command to the first output, and the imports alone that it needs.

    python bench/first_output.py [PICTURE] [--rounds 20] [--before FOLDER]

Converts one picture, and a folder of many copies of it, and imports the libraries of the codecs in a process
of their own, alternately. The first output is there at the time of its last status change, when it was given
its name; that time has steps of 1 to 4 ms. Prints a table of Markdown in milliseconds: the least and the
median of the rounds; the least says most on a machine that is not idle. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from measure import adopt_orphans, measure
from readme import table

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "sample_media" / "holiday" / "day 2" / "fog.jpg"
IMPORTS = "import numpy, simplejpeg, cykooz_resizer"
COPIES = 300
"""Pictures of the folder: enough that its listing and planning would be seen."""


class Spent(NamedTuple):
    """What one round of a command took, in milliseconds."""

    first: float
    """Until the first output, or the end of a command without any."""
    whole: float
    cpu: float
    """Of all its processes."""


def spent(command: list[str], out: Path, tree: Path) -> Spent:
    """Run a command once, with an older imgpar where `tree` is one."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.time_ns()
    result = measure(command, out, memory=False, environment={"PYTHONPATH": str(tree)}, folder=out.parent)
    if result["return_code"]:
        raise SystemExit(result["stderr"])
    made = [entry.stat().st_ctime_ns for entry in os.scandir(out) if entry.is_file()] if out.exists() else []
    whole = result["seconds"] * 1000
    return Spent((min(made) - start) / 1e6 if made else whole, whole, result["cpu_seconds"] * 1000)


def rounds(works: dict[str, tuple[list[str], Path]], out: Path, count: int) -> dict[str, list[Spent]]:
    """All commands alternately, after one round that is not counted."""
    found: dict[str, list[Spent]] = {name: [] for name in works}
    for number in range(count + 1):
        for name, (command, tree) in works.items():
            result = spent(command, out, tree)
            if number:
                found[name].append(result)
    return found


def row(name: str, results: list[Spent]) -> list[str]:
    """The least and the median of each figure."""
    pairs = ((min(column), statistics.median(column)) for column in zip(*results, strict=True))
    return [name, *(f"{least:.0f} ({median:.0f})" for least, median in pairs)]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="From the start of the command to the first output.")
    parser.add_argument("picture", nargs="?", type=Path, default=PICTURE)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--before", type=Path, help="the folder of an older imgpar")
    given = parser.parse_args()
    adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        one = scratch / f"one{given.picture.suffix}"
        shutil.copyfile(given.picture, one)
        many = scratch / "many"
        many.mkdir()
        for number in range(COPIES):
            os.link(one, many / f"{number}{given.picture.suffix}")
        out = scratch / "out"
        works: dict[str, tuple[list[str], Path]] = {"imports alone": ([sys.executable, "-c", IMPORTS], ROOT)}
        for about, tree in (("", ROOT), (", before", given.before)):
            if tree:
                convert = [
                    sys.executable,
                    "-m",
                    "imgpar",
                    "convert",
                    "-q",
                    "-o",
                    str(out),
                    "--resize",
                    "256x",
                ]
                works[f"one picture{about}"] = ([*convert, str(one)], tree)
                works[f"{COPIES} pictures{about}"] = ([*convert, str(many)], tree)
        found = rounds(works, out, given.rounds)
    head = ["ms: least (median)", "first output", "whole command", "CPU"]
    print("\n".join(table(head, [row(name, results) for name, results in found.items()])))


if __name__ == "__main__":
    main()
