"""Effect of one killed worker on Pool, ProcessPoolExecutor, joblib and imgpar. Linux only.

    python scripts/compare_kills.py --rounds 10        joblib is skipped if it is not installed

Each round converts the same folder with two workers, kills one worker with SIGKILL during the run, and waits.
A run that writes no file for --patience seconds and does not exit counts as hanging.
"""

from __future__ import annotations

import argparse
import importlib.util
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

from storm_kills import session

ENGINES = ("pool", "executor", "joblib", "imgpar")
COLUMNS = ("rounds", "kills", "files", "lost", "hung", "raised")


def shrink(job: tuple[str, str]) -> str:
    """Convert one picture, as in a plain script."""
    from PIL import Image

    source, target = job
    with Image.open(source) as image:
        image.reduce(2).resize((400, 300), Image.Resampling.LANCZOS).save(target, quality=82)
    return target


def work(engine: str, source: Path, out: Path) -> None:
    """Convert a folder with one of the engines."""
    out.mkdir(exist_ok=True)
    jobs = [(str(path), str(out / f"{path.stem}.jpg")) for path in sorted(source.iterdir())]
    if engine == "pool":
        import multiprocessing

        with multiprocessing.Pool(2) as pool:
            list(pool.imap_unordered(shrink, jobs))
    elif engine == "executor":
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(2) as executor:
            list(executor.map(shrink, jobs))
    elif engine == "joblib":
        from joblib import Parallel, delayed

        Parallel(n_jobs=2)(delayed(shrink)(job) for job in jobs)
    else:
        import imgpar

        report = imgpar.convert(source, out, resize="400x300", to="jpg", jobs=2)
        sys.exit(report.exit_code)


class Comparison:
    """Rounds of all engines on one folder."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder = args, folder
        self.random = random.Random(args.seed)
        self.table: dict[str, Counter[str]] = {}
        self.words: dict[str, str] = {}

    def round(self, engine: str) -> None:
        """Run once with one kill."""
        source, out = self.folder / "in", self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        count = self.table.setdefault(engine, Counter())
        with (self.folder / "log").open("wb") as log:
            command = [sys.executable, __file__, "--engine", engine, str(source), str(out)]
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        count["rounds"] += 1
        count["files"] += self.args.files
        count["kills"] += self._kill(process, out)
        if self._hangs(process, out):
            count["hung"] += 1
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode:
            count["raised"] += 1
            self.words[engine] = (
                (self.folder / "log").read_text(errors="replace").strip().splitlines()[-1][:200]
            )
        process.wait()
        count["lost"] += self.args.files - len(made(out))
        for pid in session(process.pid):
            os.kill(pid, signal.SIGKILL)

    def _kill(self, process: subprocess.Popen[bytes], out: Path) -> bool:
        """Kill a worker when some of the files are written."""
        after = self.random.randrange(self.args.files // 10, self.args.files // 2)
        while process.poll() is None and len(made(out)) < after:
            time.sleep(0.005)
        workers = [pid for pid, kind in session(process.pid).items() if kind == "worker"]
        if not workers or process.poll() is not None:
            return False
        os.kill(self.random.choice(workers), signal.SIGKILL)
        return True

    def _hangs(self, process: subprocess.Popen[bytes], out: Path) -> bool:
        seen, since = -1, time.monotonic()
        while process.poll() is None:
            if (now := len(made(out))) != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > self.args.patience:
                return True
            time.sleep(0.05)
        return False

    def lines(self) -> list[str]:
        """The table as text."""
        rows = ["".join(f"{name:>10}" for name in ("engine", *COLUMNS))]
        for engine, count in self.table.items():
            rows.append(f"{engine:>10}" + "".join(f"{count[column]:>10,}" for column in COLUMNS))
        return rows + [f"{engine}: {words}" for engine, words in self.words.items()]


def made(out: Path) -> list[Path]:
    """The number of readable outputs."""
    return list(out.glob("*.jpg"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--patience", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    if args.engine:
        work(args.engine, Path(args.paths[0]), Path(args.paths[1]))
        return 0
    engines = [name for name in args.engines if name != "joblib" or importlib.util.find_spec("joblib")]
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        from imgpar.testing import write_pictures

        write_pictures(Path(folder) / "in", [f"{number:04}.jpg" for number in range(args.files)], (800, 600))
        comparison = Comparison(args, Path(folder))
        for _ in range(args.rounds):
            for engine in engines:
                comparison.round(engine)
        print("\n".join(comparison.lines()))
    if args.json:
        record = {"arguments": vars(args), "table": comparison.table, "words": comparison.words}
        Path(args.json).write_text(json.dumps(record, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
