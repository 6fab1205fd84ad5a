"""Machine instructions of a worker for a small picture, counted by callgrind: load and clock do not matter.

    python scripts/instructions.py            prints them, by library
    python scripts/instructions.py --check    fails where they are outside of the band

One process performs the tasks of a run, as a worker does: read, decoded, scaled, encoded, committed. The
difference between a few pictures and many is divided by their number, so what is done once does not count.
Valgrind has to be installed.
"""

from __future__ import annotations

import argparse
import collections
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample_media" / "holiday" / "day 2" / "fog.jpg"
FEW, MANY = 5, 45
SIZE, EDGE = (500, 375), "256"
CODECS = ("_jpeg", "rust_lib", "libm.", "turbojpeg", "_pylibjxl")
"""Libraries whose instructions are the work of the codecs; libm computes the kernels of the resizer."""
BAND = {"3.11": (1100.0, 1650.0)}
"""By version of Python: thousands of instructions per picture outside of the codecs, from … to …"""


def perform(folder: Path, pictures: int) -> None:
    """Convert one picture that often, to as many files, without a parent process."""
    from imgpar.batch.performer import BatchPerformer
    from imgpar.batch.run_spec import RunSpec
    from imgpar.core.job import Job, Target
    from imgpar.inputs.batches import named_item
    from imgpar.recipe.tables import make_operation
    from imgpar.runtime.context import Context
    from imgpar.runtime.protocol import Lease, Task
    from imgpar.runtime.stage_times import StageClock

    out, log = folder / f"out{pictures}", folder / f"log{pictures}"
    operations = (make_operation("resize", EDGE),)
    performer = BatchPerformer(RunSpec("0123456789abcdef", operations, written=str(log), base=str(out)))
    performer.begin()
    buffer, board = memoryview(bytearray(16 << 20)), memoryview(bytearray(64)).cast("q")
    lease = Lease(0, len(buffer))
    item = named_item(str(folder / "a.jpg"), "a.jpg")
    for number in range(pictures):
        job = Job(number, (item,), (Target("jpeg", str(out / f"{number}.jpg")),))
        task = Task(number + 1, 1, "chain", job)
        context = Context(
            task, StageClock(board, 0), buffer, {}, lambda *_: lease, lambda *_: None, None, print  # type: ignore[arg-type]
        )  # fmt: skip
        performer.perform(task, context)


def counted(folder: Path, pictures: int) -> collections.Counter[str]:
    """Instructions by library of a process that converts this many pictures."""
    found = folder / f"callgrind{pictures}"
    counter = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={found}")
    command = (*counter, sys.executable, __file__, "--perform", str(folder), str(pictures))
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    made = len(list((folder / f"out{pictures}").glob("*.jpg")))
    if done.returncode or made != pictures:
        raise SystemExit(f"{made} of {pictures} pictures were converted.\n{done.stderr}")
    return by_library(found.read_text("utf-8", "replace"))


def _environment() -> dict[str, str]:
    """Sets have the same order in each run."""
    import os

    return {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}


def by_library(text: str) -> collections.Counter[str]:
    """The instructions of each library in a file of callgrind, callees not included."""
    names, total = dict[str, str](), collections.Counter[str]()
    library, of_callee = "", False
    for line in text.splitlines():
        if found := re.fullmatch(r"(c?ob)=(\(\d+\))\s*(.*)", line):
            kind, number, path = found.groups()
            name = names.setdefault(number, Path(path).name)
            library = name if kind == "ob" else library
        elif line.startswith("calls="):
            of_callee = True  # the next line has its costs
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            total[library] += 0 if of_callee else int(line.split()[1])
            of_callee = False
    return total


def per_picture() -> collections.Counter[str]:
    """Instructions per picture, by library."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.open(SAMPLE).convert("RGB").resize(SIZE).save(folder / "a.jpg", quality=90)
        once = (sys.executable, __file__, "--perform", name, "1")
        subprocess.run(once, check=True, env=_environment())  # what it compiles is not counted
        few, many = (counted(folder, pictures) for pictures in (FEW, MANY))
    many.subtract(few)
    return collections.Counter({name: count // (MANY - FEW) for name, count in many.items()})


def main() -> int:
    """Count, print, and compare with the band where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail where the number is outside of the band")
    parser.add_argument("--perform", nargs=2, metavar=("FOLDER", "PICTURES"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.perform:
        perform(Path(given.perform[0]), int(given.perform[1]))
        return 0
    if not shutil.which("valgrind"):
        print("Valgrind is not installed: nothing is counted.")
        return 0
    found = per_picture()
    codecs = sum(count for name, count in found.items() if any(part in name for part in CODECS))
    ours = (sum(found.values()) - codecs) / 1000
    for name, count in found.most_common(8):
        print(f"{count / 1000:10,.0f} k  {name}")
    print(f"{codecs / 1000:10,.0f} k  of the codecs")
    print(f"{ours:10,.0f} k  of everything else")
    low, high = BAND.get(f"{sys.version_info.major}.{sys.version_info.minor}", (0.0, float("inf")))
    if given.check and not low <= ours <= high:
        print(f"They should be {low:,.0f} to {high:,.0f} k. If the change is intended, correct BAND.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
