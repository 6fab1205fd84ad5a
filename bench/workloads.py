"""Workloads made here, so that everybody can run them: imgpar, every peer, and the limit of the codecs.

    python bench/workloads.py                       all of them
    python bench/workloads.py small png-webp        some
    python bench/workloads.py --scaling 1,2,4,8,16  one workload with so many workers

`limit` is `floor.py` ÷ cores; `in codecs` the share of workers × time that imgpar spent in decode, transform
and encode, from the first job to the last. Results go to bench/runs/<date>-<cores>cores/workloads.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from limits import limit, share_in_codecs
from machine import machine
from measure import adopt_orphans, measure
from peers import HERE, PEERS, Work, installed
from PIL import Image


def picture(width: int, height: int, seed: int) -> Image.Image:
    """Smooth shapes with some grain: neither a flat colour nor noise."""
    dice = np.random.default_rng(seed)
    coarse = Image.fromarray(dice.integers(0, 256, (9, 12, 3), np.uint8)).resize((width, height), 3)
    grain = dice.integers(-8, 9, (height, width, 1), np.int16)
    return Image.fromarray((np.asarray(coarse, np.int16) + grain).clip(0, 255).astype(np.uint8))


def pictures(folder: Path, count: int, size: tuple[int, int], suffixes: Sequence[str]) -> None:
    """So many pictures, of all these formats in turn; four different ones, the others are copies."""
    names = [f"picture-{number:05d}.{suffixes[number % len(suffixes)]}" for number in range(count)]
    for number, name in enumerate(names):
        if number >= 4:
            shutil.copyfile(folder / names[number % 4], folder / name)
            continue
        picture(*size, number).save(folder / name, **({"quality": 90} if name.endswith("jpg") else {}))


def copies(folder: Path, count: int) -> None:
    """So many tiny files in folders of a thousand."""
    picture(8, 8, 0).save(folder / "0.png")
    data = (folder / "0.png").read_bytes()
    for number in range(count):
        place = folder / f"{number // 1000:04d}"
        place.mkdir(exist_ok=True)
        (place / f"{number:07d}.png").write_bytes(data)


def one_folder(folder: Path, count: int) -> None:
    """So many names in one folder, a thousand of them for each tiny file, in no order."""
    picture(8, 8, 0).save(folder.parent / "one.png")
    data = (folder.parent / "one.png").read_bytes()
    numbers = np.random.default_rng(0).permutation(count).tolist()
    for place, number in enumerate(numbers):
        file = folder / f"IMG_{number:07d}.png"
        if place % 1000 == 0:
            file.write_bytes(data)
            first = file
        else:
            os.link(first, file)


@dataclass(frozen=True)
class Workload:
    """What is converted to what."""

    count: int
    pixels: tuple[int, int]
    suffixes: tuple[str, ...]
    size: int
    to: str
    peers: bool = True
    """False where peers cannot do it in one go."""


WORKLOADS = {
    "photos": Workload(24, (6000, 4000), ("jpg",), 1920, "jpg"),
    "small": Workload(1000, (500, 375), ("jpg",), 256, "jpg"),
    "png-webp": Workload(32, (1600, 1200), ("png",), 1280, "webp"),
    "jpeg-avif": Workload(24, (1600, 1200), ("jpg",), 800, "avif"),
    "mixed": Workload(80, (1600, 1200), ("jpg", "png", "webp", "tif"), 640, "jpg"),
    "huge": Workload(1, (12000, 8000), ("jpg",), 4000, "jpg"),
    "many-outputs": Workload(40, (3000, 2000), ("jpg",), 1280, "jpg,webp", peers=False),
}


def run_workload(name: str, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Imgpar and its peers in turn; medians and ratios, and every number."""
    load = WORKLOADS[name]
    source = made(load, folder / name, given.share)
    work = Work(source, load.size, 80, load.to, given.jobs)
    names = list(installed(["imgpar", *given.peers.split(",")])) if load.peers else ["imgpar"]
    runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in names}
    for turn in range(given.repeat + 1):
        for peer in names:
            result = run_once(peer, work, folder)
            if turn:  # the first one warms the file cache
                runs[peer].append(result)
    seconds = {peer: statistics.median(run["seconds"] for run in done) for peer, done in runs.items()}
    ours = seconds["imgpar"]
    return {
        "seconds": {peer: round(value, 3) for peer, value in seconds.items()},
        "imgpar_over": {peer: round(ours / value, 3) for peer, value in seconds.items() if peer != "imgpar"},
        "limit_seconds": round(limit(work), 3),
        "in_codecs": round(share_in_codecs(work, folder), 3),
        "runs": runs,
    }


def made(load: Workload, folder: Path, share: float) -> Path:
    """The folder with its pictures, or with a share of them."""
    folder.mkdir(parents=True)
    pictures(folder, max(1, round(load.count * share)), load.pixels, load.suffixes)
    return folder


def run_once(peer: str, work: Work, folder: Path) -> dict[str, Any]:
    """One run into an empty folder."""
    out = folder / "out"
    try:
        side = PEERS[peer]
        done = measure(side.command(work, out), out, memory=False, environment=side.environment(work))
        if done["return_code"] or not done["files"]:
            print(f"{peer} did not do {work.folder.name}: {done.get('stderr', '')}", file=sys.stderr)
        return done
    finally:
        shutil.rmtree(out, ignore_errors=True)


def already_done(count: int, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A second run over unchanged files, against listing them with find."""
    source, out = folder / "done", folder / "done-out"
    source.mkdir()
    copies(source, count)
    command = PEERS["imgpar"].command(Work(source, 6, 80, "png", given.jobs), out)
    subprocess.run(command, check=True)
    find = ["find", str(source), "-printf", "%s %T@ %p\\n"]
    again, listed = [], []
    for _ in range(given.repeat):
        again.append(seconds_of(command))
        listed.append(seconds_of(find))
    shutil.rmtree(out)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(again, listed, strict=True))
    return {"files": count, "imgpar": again, "find": listed, "imgpar_over_find": round(ratio, 2)}


def million(count: int, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One folder with very many files: seconds to the first output, and memory of the parent. Linux only."""
    source, out = folder / "million", folder / "million-out"
    source.mkdir()
    one_folder(source, count)
    command = PEERS["imgpar"].command(Work(source, 6, 80, "jpg", given.jobs), out)
    first: list[float] = []
    peaks: list[int] = []
    for _ in range(given.repeat):
        start = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and not any(out.glob("[!.]*")):
            time.sleep(0.005)
        first.append(time.perf_counter() - start)
        peaks.append(peak_rss(process.pid))
        process.terminate()
        process.wait()
        shutil.rmtree(out)
    return {"files": count, "first_output_seconds": first, "parent_peak_mib": peaks}


def flat(count: int, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The same folder: peak memory of the parent while the first fifth of the outputs is made. Linux only."""
    source, out = folder / "million", folder / "million-out"
    source.mkdir()
    one_folder(source, count)
    command = PEERS["imgpar"].command(Work(source, 6, 80, "jpg", given.jobs), out)
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    outputs = [count * step // 20 for step in range(1, 5)]
    peaks, seconds = [], []
    for wanted in outputs:
        while process.poll() is None and (not out.exists() or len(os.listdir(out)) <= wanted):
            time.sleep(1.0)
        peaks.append(peak_rss(process.pid))
        seconds.append(round(time.perf_counter() - start, 1))
    process.send_signal(signal.SIGINT)
    process.wait()
    return {"files": count, "outputs": outputs, "parent_peak_mib": peaks, "after_seconds": seconds}


def peak_rss(pid: int) -> int:
    """The most memory that a process had so far, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10


def seconds_of(command: list[str]) -> float:
    """Wall time of a command whose output nobody reads."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def scaling(name: str, counts: list[int], given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The same work with more and more workers; efficiency is speed-up ÷ cores in use."""
    load, cores = WORKLOADS[name], os.cpu_count() or 1
    source = made(load, folder / "scaling", given.share)
    rows: dict[str, Any] = {}
    for jobs in counts:
        work = Work(source, load.size, 80, load.to, jobs)
        seconds = statistics.median(
            run_once("imgpar", work, folder)["seconds"] for _ in range(given.repeat + 1)
        )
        first = rows.get(str(counts[0]), {}).get("seconds", seconds)
        used = min(jobs, cores)
        rows[str(jobs)] = {"seconds": round(seconds, 3), "efficiency": round(first / seconds / used, 3)}
    return {"workload": name, "cores": cores, "by_jobs": rows}


OTHERS = {"done": already_done, "million": million, "flat": flat}
"""Workloads without peers: what a run costs that is not conversion."""


def main() -> None:
    """Runs what was asked for, prints a line each, writes the raw numbers."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("names", nargs="*", help=", ".join([*WORKLOADS, *OTHERS]))
    parser.add_argument("--peers", default=",".join(list(PEERS)[1:]), help="names with commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--done", type=int, default=100_000, help="files of the workload `done`")
    parser.add_argument("--million", type=int, default=1_000_000, help="files of `million` and `flat`")
    parser.add_argument("--share", type=float, default=1.0, help="of the pictures, such as 0.1 for a try")
    parser.add_argument("--out", type=Path, help="folder for the results")
    parser.add_argument("--scaling", help="numbers of workers, with commas; for the first workload named")
    parser.add_argument("--scratch", type=Path, help="where everything lies; default: the temporary folder")
    given = parser.parse_args()
    adopt_orphans()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as users have it
    names = given.names or [*WORKLOADS, *OTHERS]
    where = machine()
    result: dict[str, Any] = {"machine": where | {"peers": installed(list(PEERS))}}
    kept = given.out or HERE / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{where['cores']}cores"
    kept.mkdir(parents=True, exist_ok=True)
    file = kept / ("scaling.json" if given.scaling else "workloads.json")
    if file.exists():
        result = json.loads(file.read_text()) | result
    for name in names:
        with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
            if given.scaling:
                counts = [int(word) for word in given.scaling.split(",")]
                result[name] = scaling(name, counts, given, Path(folder))
            elif name in OTHERS:
                count = given.done if name == "done" else given.million
                result[name] = OTHERS[name](count, given, Path(folder))
            else:
                result[name] = run_workload(name, given, Path(folder))
        print(name, json.dumps({key: value for key, value in result[name].items() if key != "runs"}))
        file.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
