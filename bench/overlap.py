"""Pictures from a server with latency: transfers and computing together, against each of them alone.

    python bench/overlap.py                                       # 2,000 pictures, 50 ms
    python bench/overlap.py --img2dataset ~/i2d/bin/img2dataset   # and against img2dataset
    python bench/overlap.py --listed 10000,100000                 # memory of the parent

download     all items are fetched by the threads of a run, and removed
compute      the same files in a local folder become shards
together     the list becomes shards: the goal is at most 1.15 × the longer of the other two
img2dataset  the same list, size and quality, 2 processes with 32 threads each: the goal is half of its time

Each is measured once per round, in turn; figures are medians.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
SIDE, QUALITY, PER_SHARD = 256, 95, 1000
SIZES = ["--resize", str(SIDE), "--enlarge", "--to", "jpg", "--quality", str(QUALITY)]
# OpenCV writes 4:2:0 and no metadata.
ALIKE = ["--subsampling", "420", "--strip", "all", "--shard", str(PER_SHARD)]
DIFFERENT = 200
"""Pictures that the server has."""


def draw(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Pictures with some detail."""
    folder.mkdir()
    random = np.random.default_rng(7)
    for number in range(count):
        small = random.random((12, 16, 3)) * 255
        picture = Image.fromarray(small.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grain = random.normal(0, 6, (size[1], size[0], 3))
        pixels = (np.asarray(picture) + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05d}.jpg", quality=88)


@contextmanager
def served(folder: Path, milliseconds: float) -> Iterator[str]:
    """The address of a server of these pictures."""
    command = [sys.executable, str(HERE / "slow_server.py"), str(folder), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def write_list(path: Path, base: str, count: int) -> None:
    """A list of that many addresses."""
    with open(path, "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "caption"])
        writer.writerows((f"{base}/{number:06d}.jpg", f"picture {number}") for number in range(count))


def timed(command: list[str], out: Path | None = None) -> float:
    """Seconds of a command; its output is removed."""
    start = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, check=False, env={**os.environ, "WANDB_MODE": "disabled"}
    )
    spent = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr.decode(errors='replace')[-2000:]}")
    if out:
        shutil.rmtree(out)
    return spent


def imgpar(*arguments: object) -> list[str]:
    """A command line of imgpar."""
    return [sys.executable, "-m", "imgpar", "convert", *map(str, arguments), "-q"]


def commands(work: Path, program: str, jobs: int, transfers: int) -> dict[str, tuple[list[str], Path | None]]:
    """What is measured, and the folder that it fills."""
    listed, out = work / "list.csv", work / "out"
    from_list = ["--files-from", listed, "--url-column", "url", "--caption-column", "caption"]
    from_list += ["--downloads", transfers, "--per-host", transfers, "--allow-private"]
    found: dict[str, tuple[list[str], Path | None]] = {
        "download": ([sys.executable, str(HERE / "download_alone.py"), str(listed), str(transfers)], None),
        "compute": (imgpar(work / "local", "-o", out, *SIZES, *ALIKE, "-j", jobs), out),
        "together": (imgpar(*from_list, "-o", out, *SIZES, *ALIKE, "-j", jobs), out),
    }
    if program:
        options = {
            "url_list": listed,
            "input_format": "csv",
            "caption_col": "caption",
            "output_format": "webdataset",
            "output_folder": out,
            "processes_count": 2,
            "thread_count": 32,
            "image_size": SIDE,
            "resize_mode": "keep_ratio_largest",
            "encode_quality": QUALITY,
            "number_sample_per_shard": PER_SHARD,
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        found["img2dataset"] = ([program, *flags], out)
    return found


def overlap(work: Path, args: argparse.Namespace) -> dict[str, object]:
    """The times of all, and their ratios."""
    draw(work / "pictures", DIFFERENT, (500, 375))
    (work / "local").mkdir()
    pictures = sorted((work / "pictures").iterdir())
    for number in range(args.count):
        os.link(pictures[number % len(pictures)], work / "local" / f"{number:06d}.jpg")
    spent: dict[str, list[float]] = {}
    with served(work / "pictures", args.latency) as base:
        write_list(work / "list.csv", base, args.count)
        for number in range(args.rounds):
            for name, (command, out) in commands(work, args.img2dataset, args.jobs, args.transfers).items():
                seconds = timed(command, out)
                spent.setdefault(name, []).append(seconds)
                print(f"round {number + 1}: {name:12} {seconds:6.2f} s", flush=True)
    median = {name: statistics.median(times) for name, times in spent.items()}
    longer = max(median["download"], median["compute"])
    result: dict[str, object] = {"seconds": median, "together / longer": median["together"] / longer}
    if args.img2dataset:
        result["together / img2dataset"] = median["together"] / median["img2dataset"]
    return result


def peak_of(command: list[str]) -> int:
    """Most resident memory of one process, without those that it starts, in bytes."""
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        ended = threading.Event()
        threading.Thread(target=lambda: (process.wait(), ended.set())).start()
        while not ended.wait(0.05):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            except OSError:
                break
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    most = max(most, int(line.split()[1]) << 10)
    return most


def memory(work: Path, args: argparse.Namespace) -> dict[str, object]:
    """Peak memory of the parent by the length of the list; small pictures without latency."""
    draw(work / "pictures", DIFFERENT, (64, 48))
    found = {}
    with served(work / "pictures", 0) as base:
        for count in map(int, args.listed.split(",")):
            listed, out = work / f"{count}.csv", work / f"out{count}"
            write_list(listed, base, count)
            flags = ["--to", "webp", "--shard", 10_000, "-j", args.jobs, "--allow-private"]
            start = time.perf_counter()
            peak = peak_of(imgpar("--files-from", listed, "-o", out, *flags))
            spent = time.perf_counter() - start
            samples = sum(json.loads(path.read_text())["successes"] for path in out.glob("*_stats.json"))
            found[count] = {"peak_mb": peak / 1e6, "seconds": spent, "samples": samples}
            print(f"{count:7} listed: {peak / 1e6:6.1f} MB, {spent:6.1f} s, {samples} samples", flush=True)
            shutil.rmtree(out)
    return {"memory": found}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="pictures in the list")
    parser.add_argument("--latency", type=float, default=50.0, help="of the server, in milliseconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="worker processes")
    parser.add_argument("--transfers", type=int, default=64, help="at a time, as many as img2dataset has")
    parser.add_argument("--img2dataset", default="", help="the program to compare with")
    parser.add_argument("--listed", default="", help="measure memory with lists of these lengths instead")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = memory(Path(folder), args) if args.listed else overlap(Path(folder), args)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
