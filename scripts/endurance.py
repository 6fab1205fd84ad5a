"""Endurance test with many tiny jobs: memory and descriptors of the parent must stay constant. Linux only.

    python scripts/endurance.py --jobs 100000

The inputs are copies of one picture: each is a job with an output and a journal record.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import imgpar
from imgpar.testing import write_pictures

FOLDER = 1000
"""Inputs per folder."""
SETTLED = 10_000
"""Number of jobs after which memory must be constant."""
ALLOWED_GROWTH = 0.10
"""Relative to the resident memory after the first jobs."""


def resident() -> int:
    """Resident memory of this process in bytes, without shared memory (the arena)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) << 10


def descriptors() -> int:
    """Number of open descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


def make_inputs(folder: Path, picture: Path, count: int) -> None:
    """Create copies of one picture, a thousand per folder."""
    for number in range(count):
        path = folder / f"{number // FOLDER:05}" / f"{number:08}.png"
        if number % FOLDER == 0:
            path.parent.mkdir(parents=True)
        shutil.copyfile(picture, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after so many seconds")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    samples: list[tuple[int, int, int, float]] = []
    token, started = imgpar.CancelToken(), time.monotonic()

    def watch(event: imgpar.Event) -> None:
        if event.kind == "item" and event.done % 1000 == 0:
            samples.append((event.done, resident(), descriptors(), time.monotonic() - started))
            if samples[-1][3] > args.seconds:
                token.cancel()

    work = Path(tempfile.mkdtemp(prefix="endurance-"))
    try:
        picture = write_pictures(work, ["one.png"], size=(8, 8)) / "one.png"
        make_inputs(work / "in", picture, args.jobs)
        report = imgpar.convert(work / "in", work / "out", to="bmp", jobs=2, on_event=watch, cancel=token)
        files = sum(len(found) for _, _, found in os.walk(work / "out")) - _ours(work / "out")
        return judge(args, samples, report, files)
    finally:
        shutil.rmtree(work)


def judge(
    args: argparse.Namespace, samples: list[tuple[int, int, int, float]], report: imgpar.Report, files: int
) -> int:
    """Print the samples; return 0 if memory and descriptors stayed constant and no file is missing."""
    settled = [sample for sample in samples if sample[0] >= SETTLED] or samples[-1:]
    first, most = settled[0][1], max(sample[1] for sample in settled)
    for done, memory, handles, seconds in samples[:: max(1, len(samples) // 12)]:
        speed = done / seconds
        print(f"{done:>10,} jobs  {memory / 1e6:8.1f} MB  {handles:4} descriptors  {speed:7.0f} a second")
    print(f"{report.ok:,} ok, {report.failed} failed, {files:,} files")
    print(f"memory after {settled[0][0]:,} jobs {first / 1e6:.1f} MB, then at most {most / 1e6:.1f} MB")
    flat = most <= first * (1 + ALLOWED_GROWTH) and len({sample[2] for sample in settled}) == 1
    if args.json:
        facts = {"samples": samples, "ok": report.ok, "failed": report.failed, "files": files, "flat": flat}
        Path(args.json).write_text(json.dumps(facts, indent=2) + "\n")
    return 0 if flat and report.failed == 0 and files == report.ok else 1


def _ours(out: Path) -> int:
    return sum(len(found) for _, _, found in os.walk(out / ".imgpar"))


if __name__ == "__main__":
    sys.exit(main())
