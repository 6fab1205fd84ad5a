"""Kill imgpar at random moments, again and again, and count what is lost. Linux only.

    python scripts/storm.py --kills 200                       a generated folder
    python scripts/storm.py --kills 2000 --folder photos/     a real one
    python scripts/storm.py --kills 200 --in-place            originals replaced; each must stay whole
    python scripts/storm.py --kills 200 --files 0 --clips 12  clips, with every ffmpeg a target, too
    python scripts/storm.py --kills 200 --containers          two runs at once that do not see each other
    python scripts/storm.py --kills 200 --edits               somebody edits files between the runs

A round starts `imgpar convert` and kills processes of its session until it ends by itself: workers, the fork
server and ffmpeg (the run must survive that), in other rounds also the parent or the whole process group
(then the same command is started again, and has to go on where it stopped). Then the folder is compared, byte
by byte, with that of an undisturbed run. What is printed is a table; the exit code is 1 if anything was lost.

With --containers each of two runs has its own pid namespace, and half of the inputs; they share /dev/shm,
TMPDIR and OUT, in which each has a folder of its own, and then a third one where both write single files.
With --edits files are changed in every third pause after the death of a parent, also with their size and
time kept; what was edited last has to be in its place in the end, or, in place, among the kept originals.

As root the storm has a /dev/shm of its own: runs beside it are neither seen nor counted.

The bytes of a clip depend on how many threads its encoder has, and that on what else is in work. So each
clip is made once for every number of threads that it can get, and has to equal one of these.
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
    """One lane, or two of them in containers, and what they leave behind together."""

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
        """Rounds until there were enough kills."""
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
    """Every second file for each of two lanes."""
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
    add("--folder", help="real files instead of generated ones")
    add("--files", type=int, default=400, help="how many pictures are generated")
    add("--clips", type=int, default=0, help="how many clips are generated")
    add("--rate", type=float, default=6.0, help="kills per second")
    add("--storm-seconds", type=float, nargs=2, default=(0.5, 12.0), metavar=("MIN", "MAX"),
        help="how long one run is disturbed")  # fmt: skip
    add("--kinds", type=lambda text: text.split(","), default=list(WEIGHTS), help=",".join(WEIGHTS))
    add("--jobs", type=int, default=3)
    add("--memory", default="256M")
    add("--schedule", default="auto")
    add("--resize", default="50%")
    add("--to", default="")
    add("--in-place", action="store_true")
    add("--containers", action="store_true", help="two runs at once, each in its own pid namespace")
    add("--edits", action="store_true", help="edit files between the runs")
    add("--seed", type=int, default=1)
    add("--json", metavar="FILE", help="write the table there, too")
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
