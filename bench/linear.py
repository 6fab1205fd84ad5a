"""What a resize in linear light costs, and how exact it is.

    python bench/linear.py FOLDER [--size 2048] [--rounds 5] [--exact 3] [--json runs/linear.json]

Converts a flat folder of photos with `imgpar convert --resize SIZE`, with `--linear` added, and with
`vipsthumbnail --linear`, alternately. The ratios are medians of the ratios within the rounds: of wall
time, and of processor time of all processes, which depends less on what else the machine does.

`--exact` pictures are compared with a resize in float64: the same Lanczos kernel, on light, without any
rounding up to the last step. The decoder is the same on both sides, and outputs are PNG. Before and after a
change: run it in both checkouts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from measure import adopt_orphans, measure
from PIL import Image

Array = np.ndarray[Any, Any]


def commands(folder: Path, out: Path, size: int, jobs: int) -> dict[str, list[str]]:
    """Name → command."""
    base = [sys.executable, "-m", "imgpar", "convert", str(folder), "-o", str(out), "-q", "-j", str(jobs)]
    base += ["--resize", str(size), "--quality", "85", "--to", "jpg"]
    vips = f"vipsthumbnail --linear --size '{size}x{size}>' -o '{out}/%s.jpg[Q=85]'"
    each = f"VIPS_CONCURRENCY=1 xargs -0 -P {jobs} -n 4 {vips}"
    many = f"mkdir '{out}' && find '{folder}' -type f -print0 | {each}"
    return {"plain": base, "linear": [*base, "--linear"], "vipsthumbnail --linear": ["sh", "-c", many]}


def weights(size: int, wanted: int) -> list[tuple[int, Array]]:
    """First source index and normalised weights of Lanczos 3 for each result index."""
    scale = size / wanted
    stretch = max(scale, 1.0)
    found = []
    for place in range(wanted):
        centre = (place + 0.5) * scale
        first = max(0, int(centre - 3 * stretch + 0.5))
        last = min(size, int(centre + 3 * stretch + 0.5))
        x = (np.arange(first, last) + 0.5 - centre) / stretch
        kernel = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
        found.append((first, kernel / kernel.sum()))
    return found


def exact(coded: Array, width: int, height: int) -> Array:
    """The resize in linear light in float64: values from 0 to 255, not rounded."""
    values = coded / 255.0
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    for wanted in (height, width):  # each turn scales the first axis, and swaps both
        scaled = [
            np.tensordot(kernel, light[first : first + len(kernel)], 1)
            for first, kernel in weights(light.shape[0], wanted)
        ]
        light = np.stack(scaled).transpose(1, 0, 2)
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def exactness(file: Path, size: int) -> dict[str, float]:
    """PSNR in dB and largest error in steps of 8 bits of one picture."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "source.png", Path(folder) / "out.png"
        with Image.open(file) as image:
            image.convert("RGB").save(source, compress_level=1)
        command = [sys.executable, "-m", "imgpar", "convert", str(source), "-o", str(out), "-q"]
        subprocess.run([*command, "--resize", str(size), "--linear", "--strip", "all"], check=True)
        made = np.asarray(Image.open(out).convert("RGB"), np.float64)
        wanted = exact(np.asarray(Image.open(source)), made.shape[1], made.shape[0])
    error = np.abs(made - wanted)
    return {
        "psnr": round(10 * np.log10(255**2 / np.mean(error**2)), 3),
        "psnr_of_rounding": round(10 * np.log10(255**2 / np.mean((wanted - np.rint(wanted)) ** 2)), 3),
        "largest": round(float(error.max()), 3),
        "differ_from_the_rounded": round(float(np.mean(made != np.rint(wanted))), 6),
    }


def take_turns(given: argparse.Namespace) -> list[dict[str, dict[str, Any]]]:
    """Measurements by name, round by round; one more round warms the file cache."""
    rounds = []
    for turn in range(given.rounds + 1):
        done = {}
        for name in commands(given.folder, Path(), given.size, given.jobs):
            with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
                out = Path(folder) / "out"
                done[name] = measure(
                    commands(given.folder, out, given.size, given.jobs)[name], out, memory=False
                )
        rounds += [done] if turn else []
    return rounds


def ratios(rounds: list[dict[str, dict[str, Any]]], base: str) -> dict[str, float]:
    """Medians of the ratios within the rounds, of wall and processor time."""
    return {
        key: round(statistics.median(done["linear"][key] / done[base][key] for done in rounds), 3)
        for key in ("seconds", "cpu_seconds")
    }


def main() -> None:
    """Take turns, print, keep the raw numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--exact", type=int, default=3, help="pictures compared with float64")
    parser.add_argument("--scratch", type=Path, help="where outputs go; default: the temporary folder")
    parser.add_argument("--json", type=Path, help="file for the raw numbers")
    given = parser.parse_args()
    adopt_orphans()
    rounds = take_turns(given)
    files = sorted(path for path in given.folder.iterdir() if path.is_file())
    result = {
        "machine": machine(),
        "folder": {"files": len(files), "bytes": sum(path.stat().st_size for path in files)},
        "size": given.size,
        "linear_over_plain": ratios(rounds, "plain"),
        "linear_over_vipsthumbnail": ratios(rounds, "vipsthumbnail --linear"),
        "exact": {path.name: exactness(path, given.size) for path in files[: given.exact]},
        "runs": rounds,
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    print(
        json.dumps({key: value for key, value in result.items() if key not in ("machine", "runs")}, indent=1)
    )


if __name__ == "__main__":
    main()
