"""Kill processes of `imgpar info` at random times, and compare its lines with those of a calm run. Linux.

    python scripts/storm_info.py --kills 200

Every input must have its line, as in a calm run, unless its job was killed five times in a row.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from storm_inputs import make_inputs
from storm_kills import Killer
from storm_lane import GIVEN_UP
from storm_table import Table

from imgpar.testing import own_shm


def start(folder: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    """Describe the files of a folder as lines of JSON."""
    command = [sys.executable, "-m", "imgpar", "info", "-r", "--json", "-j", str(jobs), str(folder)]
    with out.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)


def lines(out: Path) -> dict[str, str]:
    """The line of each file, by its path."""
    found = [line for line in out.read_text().splitlines() if line.startswith("{")]
    return {json.loads(line)["path"]: line for line in found}


def judge(table: Table, calm: dict[str, str], found: dict[str, str]) -> None:
    """Compare the lines of a run with those of a calm one."""
    table.jobs += len(calm)
    for path, line in calm.items():
        if path not in found:
            table.lost += 1
            table.say(f"no line: {path}")
        elif GIVEN_UP in found[path]:
            table.given_up += 1
        elif found[path] != line:
            table.torn += 1
            table.say(f"another line: {found[path]}")


def main() -> int:
    """Run rounds until the number of kills is reached; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--files", type=int, default=600)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--rate", type=float, default=12.0, help="kills per second")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.kinds, args.storm_seconds = ["worker", "forkserver", "ffmpeg"], (0.5, 12.0)
    own_shm()
    table, kills = Table(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="storm-") as work:
        source, out = make_inputs(Path(work) / "in", args.files, args.clips), Path(work) / "lines"
        start(source, out, args.jobs).wait()
        calm = lines(out)
        while kills.total() < args.kills:
            table.kills = Counter()
            killer = Killer(args, table, args.seed + table.rounds, args.kills)
            process = start(source, out, args.jobs)
            killer.disturb(process, out, deadly=False)
            killer.look_for_orphans(process.pid)
            judge(table, calm, lines(out))
            kills += table.kills
            table.rounds += 1
            table.runs += 1
    table.kills = kills
    print("\n".join(table.lines()))
    return 0 if table.clean else 1


if __name__ == "__main__":
    sys.exit(main())
