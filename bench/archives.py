"""How long small pictures take from a folder and from archives of it.

    python bench/archives.py [COUNT] [KIND,KIND…]

Prints the wall time of each, and the processor time, which is what to compare on a busy machine.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "helpers"))

import numpy as np
from packing import KINDS, packed_folder
from PIL import Image

import imgpar


def main(count: int, kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "in"
        random = np.random.default_rng(1)
        for number in range(count):
            path = folder / f"{number % 20:02}" / f"{number:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            small = random.integers(0, 256, (12, 16, 3), np.uint8)
            Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(path, quality=85)
        given = {"folder": folder}
        given |= {kind: packed_folder(folder, Path(place) / f"in.{kind}") for kind in kinds}
        with imgpar.Session(jobs=2) as session:
            imgpar.convert(folder, Path(place) / "warm", resize="160", session=session)
            for number, (name, path) in enumerate(given.items()):
                wall, used = time.perf_counter(), _used()
                report = imgpar.convert(path, Path(place) / f"out-{number}", resize="160", session=session)
                wall, used = time.perf_counter() - wall, _used() - used
                assert report.ok == count, report
                files = path.rglob("*") if path.is_dir() else [path]
                megabytes = sum(file.stat().st_size for file in files) / 1e6
                print(f"{name:8} {megabytes:6.1f} MB  {wall:6.2f} s wall  {used:6.2f} s of the parent")


def _used() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 2000,
        sys.argv[2].split(",") if len(sys.argv) > 2 else list(KINDS),
    )
    print(f"load {os.getloadavg()[0]:.1f}")
