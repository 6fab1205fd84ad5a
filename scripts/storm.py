"""Kill imgpar at random moments, again and again, and count what is lost. Linux only.

    python scripts/storm.py --kills 200                       a generated folder
    python scripts/storm.py --kills 2000 --folder photos/     a real one
    python scripts/storm.py --kills 200 --in-place            originals replaced; each must stay whole
    python scripts/storm.py --kills 200 --files 0 --clips 12  clips, with every ffmpeg a target, too

A round starts `imgpar convert` and kills processes of its session until it ends by itself: workers, the fork
server and ffmpeg (the run must survive that), in other rounds also the parent or the whole process group
(then the same command is started again, and has to go on where it stopped). Then the folder is compared, byte
by byte, with that of an undisturbed run. What is printed is a table; the exit code is 1 if anything was lost.

The bytes of a clip depend on how many threads its encoder has, and that on what else is in work. So each
clip is made once for every number of threads that it can get, and has to equal one of these.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from storm_inputs import make_inputs
from storm_table import ORPHAN_SECONDS, Table, contents, facts, session

STUCK_SECONDS = 300.0
"""A run that nobody disturbs any more and that takes longer than this hangs."""
LOOK_SECONDS = 0.02
WEIGHTS = {"worker": 40, "forkserver": 5, "ffmpeg": 10, "parent": 2, "group": 2}
GIVEN_UP = "every time it was tried"
"""What a job says that was killed five times in a row while no other one was."""
DEADLY = ("parent", "group")
CLIPS = {".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi"}


class Storm:
    """One storm over one folder."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args = args
        self.random = random.Random(args.seed)
        self.table = Table()
        self.work = work
        self.leaders: set[int] = set()
        self.family: dict[int, str] = {}
        self.source = Path(args.folder or make_inputs(work / "in", args.files, args.clips)).resolve()
        files = [path for path in self.source.rglob("*") if path.is_file()]
        self.names = sorted(path.relative_to(self.source) for path in files)
        self.environment = os.environ | {"TMPDIR": str(work / "tmp")}
        (work / "tmp").mkdir(exist_ok=True)
        self.failing: set[str] = set()
        """Inputs that fail without any storm fail in it, too; they are not what is measured."""
        self.wanted = self._undisturbed(self.source, args.jobs)
        for threads in range(1, args.jobs + 1):
            for name in self.names:
                if name.suffix.lower() in CLIPS:
                    self._alone(name, threads)

    def _undisturbed(self, source: Path, jobs: int) -> dict[str, set[str]]:
        folder = self._fresh(self.work / "calm", source)
        code = self._start(folder, source, jobs).wait(1800)
        if code not in (0, 1):
            raise SystemExit(f"The undisturbed run ended with {code}: {self._log()}")
        self.failing |= {item["source"] for item in self._report()["items"] if item["status"] == "failed"}
        wanted = {name: {digest} for name, digest in contents(folder).items()}
        shutil.rmtree(folder)
        return wanted

    def _alone(self, name: Path, threads: int) -> None:
        """What becomes of a clip that has the encoder's threads of so many workers."""
        folder = self.work / "alone"
        (folder / name).parent.mkdir(parents=True)
        shutil.copy2(self.source / name, folder / name)
        for made, digests in self._undisturbed(folder, threads).items():
            self.wanted.setdefault(made, set()).update(digests)
        shutil.rmtree(folder)

    def _fresh(self, folder: Path, source: Path) -> Path:
        """An empty OUT, or in place a copy of the originals."""
        shutil.rmtree(folder, ignore_errors=True)
        if self.args.in_place:
            shutil.copytree(source, folder, symlinks=True)
        return folder

    def _start(self, folder: Path, source: Path, jobs: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "imgpar", "convert", "-j", str(jobs), "-q"]
        command += ["--schedule", self.args.schedule, "--report", str(self.work / "report.json")]
        command += ["--resize", self.args.resize, "--memory", self.args.memory]
        command += [str(folder), "--in-place"] if self.args.in_place else [str(source), "-o", str(folder)]
        command += ["--to", self.args.to] if self.args.to else []
        (self.work / "report.json").unlink(missing_ok=True)
        self.table.runs += 1
        with (self.work / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=self.environment
            )
        self.leaders.add(process.pid)
        return process

    def _report(self) -> dict:
        return json.loads((self.work / "report.json").read_text())

    def _log(self) -> str:
        return (self.work / "log").read_text(errors="replace")[-1500:]

    # ----- a round --------------------------------------------------------------------------------

    def run(self) -> Table:
        """Rounds until there were enough kills."""
        until = time.monotonic() + self.args.seconds
        while self.table.kills.total() < self.args.kills and time.monotonic() < until:
            self._round(self.work / "out")
            self.table.rounds += 1
            if self.args.verbose:
                print(f"{self.table.kills.total()} kills", *self.table.words, file=sys.stderr, flush=True)
        return self.table

    def _round(self, folder: Path) -> None:
        self._fresh(folder, self.source)
        deadly = self.random.random() < 0.5
        for attempt in range(8):
            process = self._start(folder, self.source, self.args.jobs)
            again = self._disturb(process, deadly=deadly and attempt < 7)
            self._look_for_orphans(process.pid)
            if not again:
                break
            self._look_for_torn(folder)
        self._judge(process.returncode, folder)

    def _disturb(self, process: subprocess.Popen[bytes], *, deadly: bool) -> bool:
        """Kill until the run ends; says whether it was the parent that was killed."""
        kinds = [kind for kind in WEIGHTS if deadly or kind not in DEADLY]
        kinds = [kind for kind in kinds if kind in self.args.kinds]
        limit = time.monotonic() + self.random.uniform(*self.args.storm_seconds)
        looks = 0
        while process.poll() is None:
            if time.monotonic() > limit or self.table.kills.total() >= self.args.kills:
                # Looks are counted, not seconds: the whole storm may stand still for a while.
                time.sleep(LOOK_SECONDS)
                looks += 1
                if looks * LOOK_SECONDS > STUCK_SECONDS:
                    return self._stuck(process)
                continue
            time.sleep(self.random.expovariate(self.args.rate))
            kind = self.random.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
            if self._kill(process, kind) and kind in DEADLY:
                process.wait()
                return True
        return False

    def _stuck(self, process: subprocess.Popen[bytes]) -> bool:
        self.table.say(f"stuck: {self._log()}")
        self.table.refused += 1
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True

    def _kill(self, process: subprocess.Popen[bytes], kind: str) -> bool:
        family = self.family = session(process.pid)
        pids = [process.pid] if kind in DEADLY else [pid for pid, found in family.items() if found == kind]
        if not pids or process.poll() is not None:
            return False
        try:
            if kind == "group":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                os.kill(self.random.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.table.kills[kind] += 1
        return True

    # ----- what is left ---------------------------------------------------------------------------

    def _look_for_orphans(self, leader: int) -> None:
        looks = 0
        while (left := session(leader)) and looks * LOOK_SECONDS < ORPHAN_SECONDS:
            time.sleep(LOOK_SECONDS)
            looks += 1
        self.table.processes += len(left)
        for pid, kind in left.items():
            self.table.say(f"left behind: {self.family.get(pid, kind)} {pid}")
            os.kill(pid, signal.SIGKILL)

    def _look_for_torn(self, folder: Path) -> None:
        """After the death of a parent: whatever has a final name is whole."""
        before = contents(self.source) if self.args.in_place else {}
        for name, digest in contents(folder).items():
            if digest not in self.wanted.get(name, ()) and digest != before.get(name):
                self.table.torn += 1
                self.table.say(f"torn after a kill: {name}")

    def _judge(self, code: int, folder: Path) -> None:
        if not (self.work / "report.json").exists():
            self.table.refused += 1
            self.table.say(f"exit {code}: {self._log()}")
            return
        given_up = self._judge_lines(folder)
        if given_up and not self.args.in_place:  # a plain second run makes what is missing
            self._start(folder, self.source, self.args.jobs).wait(STUCK_SECONDS)
        self._judge_files(contents(folder), given_up if self.args.in_place else set())
        if self.args.in_place:
            self._undo(folder)
        self.table.count_leftovers(folder, self.work / "tmp", self.leaders)

    def _judge_lines(self, folder: Path) -> set[str]:
        """Every input has one line, and it is a good one; returns those that were killed too often."""
        given_up = set()
        items = self._report()["items"]
        sources = Counter(item["source"] for item in items)
        inputs = {str((folder if self.args.in_place else self.source) / name) for name in self.names}
        self.table.jobs += len(self.names)
        if not self.args.in_place or not self.args.to:
            self.table.duplicated += sum(sources[name] != 1 for name in inputs)
        failing = {Path(name).name for name in self.failing}
        for item in items:
            if item["status"] == "failed" and GIVEN_UP in item["error"]:
                given_up.add(Path(item["source"]).name)
            elif item["status"] == "failed" and Path(item["source"]).name not in failing:
                self.table.lost += 1
                self.table.say(f"failed: {item['source']}: {item['error']}")
        self.table.given_up += len(given_up)
        return given_up

    def _judge_files(self, found: dict[str, str], given_up: set[str]) -> None:
        """The folder is that of an undisturbed run, but originals that were given up are as they were."""
        before = contents(self.source) if given_up else {}
        for name, digests in self.wanted.items():
            if Path(name).name in given_up:
                digests = {before.get(name, "")}
            if name not in found:
                self.table.lost += 1
                self.table.say(f"missing: {name}")
            elif found[name] not in digests:
                self.table.torn += 1
                self.table.say(f"not as in the undisturbed run: {name}")
        extra = sorted(set(found) - set(self.wanted))
        self.table.duplicated += len(extra)
        self.table.say(*(f"too much: {name}" for name in extra))

    def _undo(self, folder: Path) -> None:
        """Undo gives back every original: bytes, time and mode."""
        command = [sys.executable, "-m", "imgpar", "undo", str(folder)]
        subprocess.run(command, check=False, capture_output=True, env=self.environment)
        for name in self.names:
            old, new = self.source / name, folder / name
            if not new.exists() or facts(old) != facts(new):
                self.table.lost += 1
                self.table.say(f"not restored: {name}")
        extra = sorted(set(contents(folder)) - set(map(str, self.names)))
        self.table.say(*(f"left by undo: {name}" for name in extra))
        self.table.duplicated += len(extra)


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
    add("--seed", type=int, default=1)
    add("--json", metavar="FILE", help="write the table there, too")
    add("-v", "--verbose", action="store_true")
    return parser.parse_args()


def main() -> int:
    args = read_arguments()
    with tempfile.TemporaryDirectory(prefix="storm-") as work:
        table = Storm(args, Path(work)).run()
    print("\n".join(table.lines()))
    if args.json:
        record = vars(table) | {"arguments": vars(args)}
        Path(args.json).write_text(json.dumps(record, indent=2, default=str) + "\n")
    return 0 if table.clean else 1


if __name__ == "__main__":
    sys.exit(main())
