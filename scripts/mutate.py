"""Convert damaged copies of valid files, and count how many are reported as damaged.

    python scripts/mutate.py --count 20000              mutations of generated files of all formats
    python scripts/mutate.py --folder photos/           of real files
    python scripts/mutate.py --truncate                 truncation at every 5 % of the length instead

Every damaged file is converted in a run and must have a result in time, without a crash of the parent. The
table shows how often the damage was reported, how often it had no effect (same pixels), and how often it
was not detected (other pixels, no error). The damage is reproducible by seed; files that crashed a worker are
kept with --keep.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from mutate_samples import good_files

import imgpar

BATCH = 400
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
COLUMNS = ("files", "named", "harmless", "unnoticed", "died", "too long", "memory", "no line")


def flip(data: bytearray, dice: random.Random) -> None:
    """Flip some bits."""
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def overwrite(data: bytearray, dice: random.Random) -> None:
    """Overwrite bytes with a boundary value, as in a length or size field."""
    width = dice.choice((1, 2, 4))
    at = dice.randrange(max(1, min(len(data), dice.choice((64, 1024, 1 << 30))) - width))
    number = dice.choice(NUMBERS) & ((1 << 8 * width) - 1)
    data[at : at + width] = number.to_bytes(width, dice.choice(("big", "little")))


def cut(data: bytearray, dice: random.Random) -> None:
    """Remove the end."""
    del data[dice.randrange(1, len(data)) :]


def drop(data: bytearray, dice: random.Random) -> None:
    """Remove a block."""
    at = dice.randrange(len(data))
    del data[at : at + dice.choice((1, 2, 16, 200))]


def repeat(data: bytearray, dice: random.Random) -> None:
    """Duplicate a block."""
    at, size = dice.randrange(len(data)), dice.choice((1, 4, 64, 500))
    data[at:at] = data[at : at + size]


def splice(data: bytearray, dice: random.Random) -> None:
    """Copy a block to another position."""
    size = dice.choice((4, 32, 256))
    source, at = dice.randrange(len(data)), dice.randrange(len(data))
    data[at : at + size] = data[source : source + size]


DAMAGE: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip,
    flip,
    overwrite,
    cut,
    drop,
    repeat,
    splice,
)


def real_files(folder: Path, limit: int) -> dict[str, list[Path]]:
    """Files of a folder by suffix, up to a maximum size."""
    made: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size <= limit and path.suffix:
            made[path.suffix[1:].lower()].append(path)
    return made


class Experiment:
    """Runs batches of damaged files and counts."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args, self.work = args, work
        self.table: dict[str, Counter[str]] = defaultdict(Counter)
        self.session = imgpar.Session(jobs=args.jobs, memory="256M")
        self.known: dict[Path, tuple[str, tuple[str, ...]]] = {}
        """Pixels and messages of the undamaged files."""
        self.examples: dict[str, str] = {}

    def prepare(self, files: dict[str, list[Path]]) -> dict[str, list[Path]]:
        """Keep valid files only, and store their pixels."""
        folder = self.work / "good"
        names = {}
        for paths in files.values():
            for path in paths:
                copy = folder / f"{len(names):05}{path.suffix.lower()}"
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copy)
                names[str(copy)] = path
        for outcome, digest in self._convert(folder):
            if outcome.status == "ok":
                self.known[names[outcome.source]] = digest, (*outcome.notes, *outcome.lost)
        return {
            name: good for name, paths in files.items() if (good := [p for p in paths if p in self.known])
        }

    def batch(self, cases: list[tuple[str, Path, bytes]]) -> None:
        """Run over damaged files."""
        folder = self.work / "bad"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        of = {}
        for number, (name, origin, data) in enumerate(cases):
            path = folder / f"{number:05}{origin.suffix.lower()}"
            path.write_bytes(data)
            of[str(path)] = (name, origin)
        seen = set()
        for outcome, digest in self._convert(folder):
            name, origin = of[outcome.source]
            seen.add(outcome.source)
            what = self._judge(outcome, digest, self.known[origin])
            self.table[name][what] += 1
            if what in ("died", "too long") and self.args.keep:
                kept = Path(self.args.keep) / f"{what.replace(' ', '-')}-{len(self.examples)}{origin.suffix}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(outcome.source, kept)
            if what not in ("named", "harmless"):
                self.examples.setdefault(f"{name}: {what}", f"{origin.name}: {outcome.error or 'ok'}"[:300])
        for path in set(of) - seen:
            self.table[of[path][0]]["no line"] += 1
        for name, _, _ in cases:
            self.table[name]["files"] += 1

    def _convert(self, folder: Path) -> Iterator[tuple[imgpar.Outcome, str]]:
        out = self.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        report = imgpar.convert(
            [str(path) for path in sorted(folder.iterdir())],
            out,
            session=self.session,
            to="bmp,mp4",
            timeout=self.args.timeout,
            max_pixels=4_000_000,
        )
        for outcome in report.items:
            data = b"".join(Path(file.path).read_bytes() for file in outcome.outputs)
            yield outcome, hashlib.sha256(data).hexdigest()

    @staticmethod
    def _judge(outcome: imgpar.Outcome, digest: str, good: tuple[str, tuple[str, ...]]) -> str:
        if outcome.status == "ok":
            wanted, usual = good
            if digest == wanted:
                return "harmless"
            return "named" if {*outcome.notes, *outcome.lost} - {*usual} else "unnoticed"
        if "longer than" in outcome.error:
            return "too long"
        if "worker" in outcome.error and "memory" in outcome.error:
            return "memory"
        return "died" if "worker process" in outcome.error else "named"

    def lines(self) -> list[str]:
        """The table as text."""
        head = "".join(f"{name:>11}" for name in ("format", *COLUMNS))
        rows = [head]
        for name, found in sorted(self.table.items()):
            rows.append(f"{name:>11}" + "".join(f"{found[column]:>11,}" for column in COLUMNS))
        total = sum(self.table.values(), Counter())
        rows.append(f"{'all':>11}" + "".join(f"{total[column]:>11,}" for column in COLUMNS))
        return rows + [f"{what}: {example}" for what, example in sorted(self.examples.items())]


def mutations(files: dict[str, list[Path]], seed: int) -> Iterator[tuple[str, Path, bytes]]:
    """An endless sequence of damaged files."""
    for number in range(seed, 1 << 60):
        dice = random.Random(number)
        name = dice.choice(sorted(files))
        path = dice.choice(files[name])
        data = bytearray(path.read_bytes())
        for _ in range(dice.choice((1, 1, 2, 3))):
            if len(data) > 4:
                dice.choice(DAMAGE)(data, dice)
        yield name, path, bytes(data)


def truncations(files: dict[str, list[Path]]) -> Iterator[tuple[str, Path, bytes]]:
    """Every file, truncated at every 5 % of its length."""
    for name, paths in sorted(files.items()):
        for path in paths:
            data = path.read_bytes()
            for percent in range(5, 100, 5):
                yield name, path, data[: len(data) * percent // 100]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--count", type=int, default=2000)
    add("--seconds", type=float, default=3600.0)
    add("--seed", type=int, default=1)
    add("--folder", help="folder of real files instead of generated ones")
    add("--formats", type=lambda text: text.split(","), help="only these formats, such as mp4,mkv")
    add("--largest", type=int, default=60_000, help="maximum size of real files in bytes")
    add("--truncate", action="store_true")
    add("--timeout", type=float, default=10.0)
    add("--jobs", type=int, default=2)
    add("--keep", help="folder for files that crashed a worker or timed out")
    add("--json", metavar="FILE")
    return parser.parse_args()


def main() -> int:
    args = read_arguments()
    until = time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory(prefix="mutate-") as work:
        experiment = Experiment(args, Path(work))
        with experiment.session:
            (Path(work) / "made").mkdir()
            files = (
                real_files(Path(args.folder), args.largest)
                if args.folder
                else good_files(Path(work) / "made")
            )
            wanted = args.formats or sorted(files)
            files = {name: paths for name, paths in files.items() if name in wanted}
            files = experiment.prepare(files)
            cases = truncations(files) if args.truncate else mutations(files, args.seed)
            done = 0
            while time.monotonic() < until and (args.truncate or done < args.count):
                size = BATCH if args.truncate else min(BATCH, args.count - done)
                batch = [case for case, _ in zip(cases, range(size), strict=False)]
                if not batch:
                    break
                experiment.batch(batch)
                done += len(batch)
        print("\n".join(experiment.lines()))
    if args.json:
        record = {"arguments": vars(args), "table": experiment.table, "examples": experiment.examples}
        Path(args.json).write_text(json.dumps(record, indent=2) + "\n")
    total = sum(experiment.table.values(), Counter())
    return 1 if total["no line"] else 0


if __name__ == "__main__":
    sys.exit(main())
