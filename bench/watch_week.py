"""A simulated week of `imgpar watch`: bursts of files, restarts by SIGKILL; counts what is missing or twice.

  python bench/watch_week.py --files 100000 --restarts 50
  python bench/watch_week.py --files 2000 --restarts 5 --minutes 1

Files arrive under temporary names, by plain writing, slowly in several pieces, and with whole folders that
are moved in. Each is made once: the log of the watch has one line for each output, and each output must be
there and readable. Memory and descriptors of the watch are sampled; it is Linux only.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

OK = re.compile(r"(\S+\.png): ok ")
SIZE = 24
"""Width and height of the pictures."""


class Watched:
    """The process under test, and what was measured of it."""

    def __init__(self, inbox: Path, out: Path, log: Path, jobs: int) -> None:
        self._command = [
            sys.executable, "-m", "imgpar", "watch", str(inbox), "-o", str(out), "--to", "webp",
            "--settle", "1s", "-v", "--log", str(log), "--log-size", "10G", "-j",
            str(jobs), "--memory", "64M",
        ]  # fmt: skip
        self._said = log.with_suffix(".err")
        self.process: subprocess.Popen[bytes] | None = None
        self.memory: list[int] = []
        self.descriptors: list[int] = []

    def start(self) -> None:
        """Start it."""
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(self._command, stderr=said)

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def sample(self) -> None:
        """Measure memory and descriptors."""
        assert self.process is not None
        folder = Path(f"/proc/{self.process.pid}")
        with contextlib.suppress(OSError, IndexError):
            pages = int((folder / "statm").read_text().split()[1])
            self.memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
            self.descriptors.append(len(os.listdir(folder / "fd")))


def picture(number: int) -> bytes:
    """A small picture, another one for each number."""
    value = number.to_bytes(4, "little")
    data = io.BytesIO()
    Image.frombytes("RGB", (SIZE, SIZE), (value * (SIZE * SIZE))[: 3 * SIZE * SIZE]).save(data, "PNG")
    return data.getvalue()


def arrive(path: Path, data: bytes, how: int, open_files: list) -> None:
    """One file comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == 0:
        path.write_bytes(data)
    elif how == 1:
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(data)
        part.rename(path)
    else:  # slowly: the rest comes with a later burst
        file = path.open("wb")
        file.write(data[:50])
        file.flush()
        open_files.append((file, data[50:]))


def finish(open_files: list) -> None:
    """The rest of what comes slowly."""
    while open_files:
        file, rest = open_files.pop()
        file.write(rest)
        file.close()


def burst(inbox: Path, folder: str, numbers: range, chance: random.Random, open_files: list) -> None:
    """Files of one burst, in one folder; one in ten such folders is moved in as a whole."""
    moved = chance.random() < 0.1
    target = inbox.parent / "coming" / folder if moved else inbox / folder
    for number in numbers:
        how = 2 if number % 500 == 7 and not moved else number % 2
        arrive(target / f"{number:06}.png", picture(number), how, open_files)
    if moved:
        final = inbox / folder
        final.parent.mkdir(parents=True, exist_ok=True)
        target.rename(final)


def done_lines(log: Path) -> collections.Counter[str]:
    """How often each input was converted, from the log."""
    found: collections.Counter[str] = collections.Counter()
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := OK.search(line):
                found[Path(match[1]).name] += 1
    return found


def week(args: argparse.Namespace, place: Path) -> dict[str, object]:
    """Run the week."""
    chance = random.Random(args.seed)
    inbox, out, log = place / "in", place / "out", place / "watch.log"
    inbox.mkdir()
    watched = Watched(inbox, out, log, args.jobs)
    watched.start()
    started, sent, kills, bursts = time.monotonic(), 0, 0, 0
    open_files: list = []
    while sent < args.files:
        size = min(args.files - sent, chance.choice((1, 20, 200, 2000, args.burst)))
        burst(inbox, f"day-{bursts % 7}/burst-{bursts:04}", range(sent, sent + size), chance, open_files)
        sent, bursts = sent + size, bursts + 1
        finish(open_files) if bursts % 2 else None
        until = time.monotonic() + chance.uniform(0, args.pause)
        while time.monotonic() < until:
            watched.sample()
            time.sleep(0.5)
        while kills < args.restarts * sent / args.files:
            watched.kill()
            kills += 1
            watched.start()
            time.sleep(chance.uniform(0.2, 4.0))
    finish(open_files)
    deadline = time.monotonic() + 60 * args.minutes
    while len(list(out.rglob("*.webp"))) < args.files and time.monotonic() < deadline:
        watched.sample()
        time.sleep(1)
    watched.sample()
    assert watched.process is not None
    watched.process.send_signal(signal.SIGTERM)
    code = watched.process.wait(120)
    made = {path.stem for path in out.rglob("*.webp")}
    twice = sorted(name for name, count in done_lines(log).items() if count > 1)
    unreadable = sum(not readable(path) for path in out.rglob("*.webp"))
    third = len(watched.memory) // 3
    return {
        "files": args.files, "bursts": bursts, "restarts": kills,
        "seconds": round(time.monotonic() - started),
        "missed": args.files - len(made), "twice": len(twice), "which": twice[:20],
        "unreadable": unreadable, "left_over": len(list(out.rglob("*.tmp"))), "exit_code": code,
        "memory_max_mb": round(max(watched.memory, default=0) / 1e6),
        "memory_last_third_mb": round(max(watched.memory[-third:], default=0) / 1e6),
        "descriptors_max": max(watched.descriptors, default=0),
        "descriptors_last": watched.descriptors[-1] if watched.descriptors else 0,
        "journal_mb": round((out / ".imgpar" / "journal.db").stat().st_size / 1e6, 1),
        "runs_folder_files": len(list(Path(os.environ["XDG_STATE_HOME"]).rglob("*.*"))),
    }  # fmt: skip


def readable(path: Path) -> bool:
    """Whether an output is a whole picture."""
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        return False
    return True


def main() -> int:
    """Run it and print what was counted as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--burst", type=int, default=10_000, help="largest burst")
    parser.add_argument("--pause", type=float, default=6.0, help="longest pause between bursts, in seconds")
    parser.add_argument("--minutes", type=float, default=10.0, help="longest wait for the end")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="watch-week-"))
    os.environ["XDG_STATE_HOME"] = str(place / "state")
    try:
        found = week(args, place)
        print(json.dumps(found, indent=1), flush=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    wrong = found["missed"] or found["twice"] or found["unreadable"] or found["exit_code"]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
