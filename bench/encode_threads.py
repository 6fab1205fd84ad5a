"""`Pipeline.encode` and pyvips from threads of one process: pictures per second, and processor time for each.

python encode_threads.py [--threads 2] [--seconds 4]

The two take turns, and each is given by its best turn. pyvips has one thread per picture and its own
shrinking decoder; both write quality 80. Without pyvips only imgpar is measured.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

os.environ["VIPS_CONCURRENCY"] = "1"

import numpy as np
from PIL import Image

import imgpar

CASES = [
    (500, 375, 256, "jpg"),
    (500, 375, 256, "webp"),
    (4000, 3000, 1920, "jpg"),
    (4000, 3000, 1920, "webp"),
]
"""Size of the input, longest side of the output, and its format."""
TURNS = 3


def photo(width: int, height: int) -> bytes:
    """A JPEG with details of all sizes."""
    noise = np.random.default_rng(7)
    whole = np.zeros((height, width, 3))
    for scale in (4, 16, 64):
        small = noise.integers(0, 85, (-(-height // scale), -(-width // scale), 3), dtype=np.uint8)
        whole += np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    data = io.BytesIO()
    Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8)).save(data, "JPEG", quality=88)
    return data.getvalue()


def ours(data: bytes, size: int, to: str) -> Callable[[], bytes]:
    """A call of imgpar."""
    pipe = imgpar.Pipeline().resize(str(size))
    return lambda: pipe.encode(data, to=to, quality=80)


def theirs(data: bytes, size: int, to: str) -> Callable[[], bytes] | None:
    """A call of pyvips; None where it is not installed."""
    try:
        import pyvips
    except ImportError:
        return None
    pyvips.cache_set_max(0)

    def call() -> bytes:
        image = pyvips.Image.thumbnail_buffer(data, size, height=size, size="down")
        made: bytes = image.write_to_buffer(f".{to}", Q=80)
        return made

    return call


def measured(call: Callable[[], bytes], threads: int, seconds: float) -> tuple[float, float]:
    """Pictures per second, and milliseconds of the processor for each."""
    until = time.perf_counter() + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            call()
            done += 1
        return done

    began, spent = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(work, range(threads)))
    return done / (time.perf_counter() - began), 1000 * (time.process_time() - spent) / done


def main() -> None:
    """A line for each case and tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    for width, height, size, to in CASES:
        data = photo(width, height)
        calls = {"imgpar": ours(data, size, to), "pyvips": theirs(data, size, to)}
        best: dict[str, list[tuple[float, float]]] = {name: [] for name, call in calls.items() if call}
        for turn in range(TURNS * len(best)):
            name = [*best][turn % len(best)]
            call = calls[name]
            assert call is not None
            call()
            best[name].append(measured(call, given.threads, given.seconds))
        for name, found in best.items():
            rate, cpu = max(found)[0], min(cpu for _, cpu in found)
            print(f"{width}×{height} → {size} {to:5}{name:8}{rate:9.1f} per s {cpu:9.2f} ms of the processor")


if __name__ == "__main__":
    main()
