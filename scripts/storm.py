"""Kill imgpar at random moments, again and again, and count what is lost. Linux only.

    python scripts/storm.py --kills 200                       a generated folder
    python scripts/storm.py --kills 2000 --folder photos/     a real one
    python scripts/storm.py --kills 200 --in-place            originals replaced; each must stay whole

A round starts `imgpar convert` and kills processes of its session until it ends by itself: workers and the
fork server (the run must survive that), in other rounds also the parent or the whole process group (then the
same command is started again, and has to go on where it stopped). Then the folder is compared, byte by
byte, with that of an undisturbed run. What is printed is a table; the exit code is 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import hashlib
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ORPHAN_SECONDS = 2.0
"""So long may a process outlive its run."""
STUCK_SECONDS = 120.0
"""A run that nobody disturbs any more and that takes longer than this hangs."""
WEIGHTS = {"worker": 40, "forkserver": 5, "parent": 2, "group": 2}
MODE = 0o640


@dataclass
class Table:
    """What was done and what was found."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    runs: int = 0
    jobs: int = 0
    lost: int = 0
    """Inputs without their output, or whose outcome was not ok."""
    duplicated: int = 0
    """Inputs with more or fewer than one line in a report."""
    torn: int = 0
    """Outputs that differ from those of the undisturbed run, at the end or after any kill of the parent."""
    refused: int = 0
    """Runs that did not begin or did not end as they should: stale locks, false alarms, hangs."""
    processes: int = 0
    segments: int = 0
    temporary: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing at all went wrong."""
        found = (self.lost, self.duplicated, self.torn, self.refused, self.processes, self.segments)
        return not any((*found, self.temporary))

    def lines(self) -> list[str]:
        """The table, for people."""
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        rows = {
            "kills": f"{self.kills.total():,} ({kills})",
            "rounds, runs, jobs": f"{self.rounds:,}, {self.runs:,}, {self.jobs:,}",
            "lost": self.lost,
            "duplicated": self.duplicated,
            "torn": self.torn,
            "refused, stuck": self.refused,
            f"processes after {ORPHAN_SECONDS:g} s": self.processes,
            "segments after the next start": self.segments,
            "temporary files": self.temporary,
        }
        return [f"{name:30} {value}" for name, value in rows.items()] + self.words[:20]


class Storm:
    """One storm over one folder."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args = args
        self.random = random.Random(args.seed)
        self.table = Table()
        self.work = work
        self.leaders: set[int] = set()
        self.family: dict[int, str] = {}
        self.source = Path(args.folder).resolve() if args.folder else make_pictures(work / "in", args)
        self.names = sorted(
            path.relative_to(self.source) for path in self.source.rglob("*") if path.is_file()
        )
        self.environment = os.environ | {"TMPDIR": str(work / "tmp")}
        (work / "tmp").mkdir(exist_ok=True)
        self.wanted = self._undisturbed()

    def _undisturbed(self) -> dict[str, str]:
        folder = self._fresh(self.work / "calm")
        process = self._start(folder)
        code = process.wait(600)
        report = self._report()
        wanted = contents(folder)
        # Inputs that fail without any storm fail in it, too; they are not what is measured.
        self.failing = {item["source"] for item in report["items"] if item["status"] == "failed"}
        if code not in (0, 1):
            raise SystemExit(f"The undisturbed run ended with {code}: {self._log()}")
        shutil.rmtree(folder)
        return wanted

    def _fresh(self, folder: Path) -> Path:
        """An empty OUT, or in place a copy of the originals."""
        shutil.rmtree(folder, ignore_errors=True)
        if self.args.in_place:
            shutil.copytree(self.source, folder, symlinks=True)
        return folder

    def _start(self, folder: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "imgpar", "convert", "-j", str(self.args.jobs), "-q"]
        command += ["--schedule", self.args.schedule, "--report", str(self.work / "report.json")]
        command += ["--resize", self.args.resize, "--memory", self.args.memory]
        command += (
            [str(folder), "--in-place"] if self.args.in_place else [str(self.source), "-o", str(folder)]
        )
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
        self._fresh(folder)
        deadly = self.random.random() < 0.5
        for attempt in range(8):
            process = self._start(folder)
            again = self._disturb(process, deadly=deadly and attempt < 7)
            self._look_for_orphans(process.pid)
            if not again:
                break
            self._look_for_torn(folder)
        self._judge(process.returncode, folder)

    def _disturb(self, process: subprocess.Popen[bytes], *, deadly: bool) -> bool:
        """Kill until the run ends; says whether it was the parent that was killed."""
        kinds = [kind for kind in WEIGHTS if deadly or kind not in ("parent", "group")]
        kinds = [kind for kind in kinds if kind in self.args.kinds]
        limit = time.monotonic() + self.random.uniform(*self.args.storm_seconds)
        quiet = limit + STUCK_SECONDS
        while process.poll() is None:
            if time.monotonic() > quiet:
                self._say(f"stuck: {self._log()}")
                self.table.refused += 1
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return True
            time.sleep(self.random.expovariate(self.args.rate))
            if time.monotonic() > limit or self.table.kills.total() >= self.args.kills:
                time.sleep(0.05)
                continue
            kind = self.random.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
            if self._kill(process, kind) and kind in ("parent", "group"):
                process.wait()
                return True
        return False

    def _kill(self, process: subprocess.Popen[bytes], kind: str) -> bool:
        family = self.family = session(process.pid)
        if kind in ("group", "parent"):
            pids = [process.pid]
        else:
            pids = [pid for pid, found in family.items() if found == kind]
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
        until = time.monotonic() + ORPHAN_SECONDS
        while (left := session(leader)) and time.monotonic() < until:
            time.sleep(0.02)
        self.table.processes += len(left)
        for pid, kind in left.items():
            kind = self.family.get(pid, kind)
            self._say(f"left behind: {kind} {pid}")
            os.kill(pid, signal.SIGKILL)

    def _look_for_torn(self, folder: Path) -> None:
        """After the death of a parent: whatever has a final name is whole."""
        before = contents(self.source) if self.args.in_place else {}
        for name, digest in contents(folder).items():
            if digest not in (self.wanted.get(name), before.get(name)):
                self.table.torn += 1
                self._say(f"torn after a kill: {name}")

    def _judge(self, code: int, folder: Path) -> None:
        if not (self.work / "report.json").exists():
            self.table.refused += 1
            self._say(f"exit {code}: {self._log()}")
            return
        report = self._report()
        sources = Counter(item["source"] for item in report["items"])
        inputs = {str((folder if self.args.in_place else self.source) / name) for name in self.names}
        self.table.jobs += len(self.names)
        if not self.args.in_place or not self.args.to:
            self.table.duplicated += sum(sources[name] != 1 for name in inputs)
        failing = self.failing if not self.args.in_place else set()
        for item in report["items"]:
            if item["status"] == "failed" and item["source"] not in failing and not self.failing:
                self.table.lost += 1
                self._say(f"failed: {item['source']}: {item['error']}")
        found = contents(folder)
        for name, digest in self.wanted.items():
            if name not in found:
                self.table.lost += 1
                self._say(f"missing: {name}")
            elif found[name] != digest:
                self.table.torn += 1
                self._say(f"not as in the undisturbed run: {name}")
        extra = set(found) - set(self.wanted)
        self.table.duplicated += len(extra)
        self._say(*(f"too much: {name}" for name in sorted(extra)))
        if self.args.in_place:
            self._undo(folder)
        self._leftovers(folder)

    def _undo(self, folder: Path) -> None:
        """Undo gives back every original: bytes, time and mode."""
        command = [sys.executable, "-m", "imgpar", "undo", str(folder)]
        subprocess.run(command, check=False, capture_output=True, env=self.environment)
        for name in self.names:
            old, new = self.source / name, folder / name
            if not new.exists() or facts(old) != facts(new):
                self.table.lost += 1
                self._say(f"not restored: {name}")
        extra = set(contents(folder)) - set(map(str, self.names))
        self._say(*(f"left by undo: {name}" for name in sorted(extra)))
        self.table.duplicated += len(extra)

    def _leftovers(self, folder: Path) -> None:
        left = [path for path in folder.rglob("*") if path.name.endswith(".tmp")]
        left += [path for path in (self.work / "tmp").iterdir() if path.name.startswith("imgpar")]
        self.table.temporary += len(left)
        self._say(*(f"left behind: {path}" for path in left))
        shutil.rmtree(self.work / "tmp")
        (self.work / "tmp").mkdir()
        for path in Path("/dev/shm").glob("imgpar-*"):
            if int(path.name.split("-")[1]) in self.leaders:
                self.table.segments += 1
                self._say(f"left behind: {path}")
                path.unlink(missing_ok=True)

    def _say(self, *lines: str) -> None:
        self.table.words.extend(lines)


def session(leader: int) -> dict[int, str]:
    """Living processes of a session by their kind; the leader's pid is the session's number."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent, _, sid = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(sid) != leader or state == "Z":
            continue
        if int(entry.name) == leader:
            found[leader] = "parent"
        elif b"resource_tracker" in words:
            found[int(entry.name)] = "tracker"
        elif b"forkserver" in words and int(parent) == leader:
            found[int(entry.name)] = "forkserver"
        else:
            found[int(entry.name)] = "worker"
    return found


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file that has a final name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in visible(folder)
    }


def visible(folder: Path) -> Iterator[Path]:
    """Files below a folder, without imgpar's own."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if ".imgpar" not in inside.parts and not path.name.endswith(".tmp") and path.is_file():
            yield path


def facts(path: Path) -> tuple[bytes, int, int]:
    """What undo has to bring back."""
    status = path.stat()
    return path.read_bytes(), status.st_mtime_ns, status.st_mode


def make_pictures(folder: Path, args: argparse.Namespace) -> Path:
    """A folder of small and some large pictures; the same seed makes the same ones."""
    import numpy as np
    from PIL import Image

    from imgpar.testing import pattern

    for number in range(args.files):
        scale = (1, 1, 1, 2, 2, 4, 6)[number % 7]
        size = (160 * scale, 120 * scale)
        path = folder / f"{number % 5}" / f"picture {number}.{('jpg', 'png', 'webp')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 24, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pattern(*size, number) // 2 + noise).save(path)
        os.utime(path, ns=(10**18 + number, 10**18 + number))
        path.chmod(MODE)
    return folder


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--kills", type=int, default=100)
    add("--seconds", type=float, default=3600.0, help="stop after so many seconds")
    add("--folder", help="real files instead of generated ones")
    add("--files", type=int, default=400, help="how many files are generated")
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
