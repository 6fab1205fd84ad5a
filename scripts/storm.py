"""Kill processes of imgpar at random times, and count lost files. Linux only.

    python scripts/storm.py --kills 200                       a generated folder
    python scripts/storm.py --kills 2000 --folder photos/     a folder of real files
    python scripts/storm.py --kills 200 --in-place            originals are replaced; each must stay complete
    python scripts/storm.py --kills 200 --files 0 --clips 12  clips; ffmpeg processes are killed too
    python scripts/storm.py --kills 200 --containers          two concurrent runs in separate namespaces
    python scripts/storm.py --kills 200 --edits               files are edited between the runs
    python scripts/storm.py --kills 200 --command frames --files 0 --clips 12    another command
    python scripts/storm.py --kills 200 --command assemble --to pdf              one file of all inputs

A round starts `imgpar convert` and kills processes of its session until it ends by itself: workers, the fork
server and ffmpeg (which the run must survive), in other rounds also the parent or the whole process group
(then the same command is started again and must resume). Then the folder is compared byte by byte with that
of an undisturbed run. The result is printed as a table; the exit code is 1 if anything was lost.

With --containers two runs have separate pid namespaces and one half of the inputs each; they share /dev/shm,
TMPDIR and OUT, in which each has its own folder, and a third folder into which both write single files. With
--edits files are modified in every third pause after the death of a parent, also with unchanged size and
mtime; at the end the last edit must be in its place or, in place, among the kept originals.

As root the test uses a private /dev/shm, isolated from other runs.

The bytes of a clip may depend on the number of encoder threads, and that on concurrent jobs. Each clip is
therefore encoded once per possible number of threads, and any of these results is accepted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from storm_inputs import make_inputs
from storm_kills import WEIGHTS
from storm_lane import Lane
from storm_table import Table

from imgpar.testing import own_shm


class Storm:
    """One lane, or two in containers, and the check for their leftovers."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args, self.work, self.shared = args, work, work / "tmp"
        self.shared.mkdir()
        self.table = Table()
        source = Path(args.folder or make_inputs(work / "in", args.files, args.clips)).resolve()
        count = 2 if args.containers else 1
        sources = halves(source, work) if args.containers else [source]
        self.lanes = [
            Lane(args, work / f"lane{number}", part, seed=args.seed + 10 * number, most=args.kills // count,
                 shared=self.shared, contained=args.containers)
            for number, part in enumerate(sources)
        ]  # fmt: skip

    def run(self) -> Table:
        """Run rounds until the number of kills is reached."""
        until = time.monotonic() + self.args.seconds
        rounds = 0
        while (
            self._kills() < self.args.kills // len(self.lanes) * len(self.lanes) and time.monotonic() < until
        ):
            self._round()
            rounds += 1
            if self.args.verbose:
                words = [word for lane in self.lanes for word in lane.table.words]
                print(f"{self._kills()} kills", *words, file=sys.stderr, flush=True)
        for lane in self.lanes:
            self.table.add(lane.table)
        self.table.rounds = rounds
        return self.table

    def _kills(self) -> int:
        return sum(lane.table.kills.total() for lane in self.lanes)

    def _round(self) -> None:
        out = self.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        if len(self.lanes) == 1:
            self.lanes[0].round(out)
        else:
            single = None if self.args.in_place else out / "single"
            threads = [
                threading.Thread(target=lane.round, args=(out / str(number), single))
                for number, lane in enumerate(self.lanes)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.table.count_leftovers(out, self.shared)


def halves(source: Path, work: Path) -> list[Path]:
    """Distribute the files over two lanes."""
    parts = [work / "half0", work / "half1"]
    for number, path in enumerate(sorted(path for path in source.rglob("*") if path.is_file())):
        target = parts[number % 2] / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return parts


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--kills", type=int, default=100)
    add("--seconds", type=float, default=3600.0, help="stop after so many seconds")
    add("--folder", help="folder of real files instead of generated ones")
    add("--files", type=int, default=400, help="number of generated pictures")
    add("--clips", type=int, default=0, help="number of generated clips")
    add("--rate", type=float, default=6.0, help="kills per second")
    add("--storm-seconds", type=float, nargs=2, default=(0.5, 12.0), metavar=("MIN", "MAX"),
        help="minimum and maximum duration of the kills in one run")  # fmt: skip
    add("--kinds", type=lambda text: text.split(","), default=list(WEIGHTS), help=",".join(WEIGHTS))
    add("--jobs", type=int, default=3)
    add("--memory", default="256M")
    add("--schedule", default="auto")
    add("--resize", default="50%")
    add("--to", default="")
    add("--command", default="convert", choices=("convert", "frames", "assemble", "concat"))
    add("--in-place", action="store_true")
    add("--containers", action="store_true", help="two concurrent runs in separate pid namespaces")
    add("--edits", action="store_true", help="edit files between the runs")
    add("--seed", type=int, default=1)
    add("--json", metavar="FILE", help="also write the table to this file")
    add("-v", "--verbose", action="store_true")
    return parser.parse_args()


def main() -> int:
    args = read_arguments()
    own_shm()
    with tempfile.TemporaryDirectory(prefix="storm-") as work:
        table = Storm(args, Path(work)).run()
    print("\n".join(table.lines()))
    if args.json:
        record = vars(table) | {"arguments": vars(args)}
        Path(args.json).write_text(json.dumps(record, indent=2, default=str) + "\n")
    return 0 if table.clean else 1


if __name__ == "__main__":
    sys.exit(main())
