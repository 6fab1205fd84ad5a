"""What defaults cost, in figures: ways of writing files, PNG and WebP writers, AVIF effort and threads.

    python bench/studies.py [PICTURE] [--disk FOLDER] [--memory FOLDER]

PICTURE is a photo; it is halved until it has about one megapixel. CPU seconds for encoders, wall seconds for
files. Prints tables of Markdown.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, features
from readme import table

ROUNDS = 3


def cpu(work: Callable[[], object]) -> float:
    """CPU milliseconds, the median of some rounds; threads count."""
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent) * 1000


def encoders(image: Image.Image) -> Iterator[list[str]]:
    """Milliseconds and bytes of each writer and setting."""
    bgr = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)

    def pillow(kind: str, **settings: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, kind, **settings)  # type: ignore[arg-type]
        return buffer.getvalue()

    def opencv(suffix: str, *settings: int) -> bytes:
        return cv2.imencode(suffix, bgr, list(settings))[1].tobytes()

    ways: dict[str, Callable[[], bytes]] = {}
    for level in (1, 3, 6, 9):
        ways[f"PNG, Pillow, level {level}"] = lambda level=level: pillow("PNG", compress_level=level)
        ways[f"PNG, OpenCV, level {level}"] = lambda level=level: opencv(
            ".png", cv2.IMWRITE_PNG_COMPRESSION, level
        )
    ways["PNG, OpenCV, level 1, RLE"] = lambda: opencv(
        ".png", cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE
    )
    for method in (0, 2, 4, 6):
        ways[f"WebP, q80, method {method}"] = lambda method=method: pillow("WEBP", quality=80, method=method)
    if features.check("avif"):
        for speed in (4, 6, 8, 10):
            ways[f"AVIF, q60, speed {speed}, 1 thread"] = lambda speed=speed: pillow(
                "AVIF", quality=60, speed=speed, max_threads=1
            )
    for name, way in ways.items():
        yield [name, f"{cpu(way):.0f}", f"{len(way()) / 1024:.0f}"]


def avif_threads(image: Image.Image) -> Iterator[list[str]]:
    """Wall and CPU milliseconds of one picture with more and more threads."""
    for threads in (1, 2, 4):
        before, start = time.process_time(), time.perf_counter()
        for _ in range(ROUNDS):
            image.save(io.BytesIO(), "AVIF", quality=60, speed=6, max_threads=threads)
        wall, busy = time.perf_counter() - start, time.process_time() - before
        yield [str(threads), f"{wall / ROUNDS * 1000:.0f}", f"{busy / ROUNDS * 1000:.0f}"]


def writing(folder: Path, policy: str, count: int = 200, size: int = 20_000) -> float:
    """Milliseconds a file: written under a temporary name, flushed as the policy says, renamed."""
    data, left = os.urandom(size), []
    start = time.perf_counter()
    for number in range(count):
        path = folder / f"{policy}-{number}"
        handle = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(handle, data)
        if policy == "each file":
            os.fsync(handle)
        os.close(handle)
        os.rename(f"{path}.tmp", path)
        left.append(path)
        if policy == "each 50" and len(left) == 50:
            for name in left:
                handle = os.open(name, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
            left.clear()
    return (time.perf_counter() - start) / count * 1000


def reading(folder: Path, advice: bool, count: int = 100, size: int = 1 << 20) -> float:
    """Milliseconds a file of 1 MiB that is not in the cache, read in turn; the next one is announced."""
    names = [folder / f"read-{number}" for number in range(count)]
    for name in names:
        name.write_bytes(os.urandom(size))
    os.sync()
    for name in names:
        handle = os.open(name, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    start = time.perf_counter()
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        if advice:
            handle = os.open(following, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
            os.close(handle)
        data = name.read_bytes()
        sum(data[:: 1 << 8])  # some work, during which the next one can come
    return (time.perf_counter() - start) / count * 1000


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description="What defaults cost, in figures.")
    parser.add_argument("picture", nargs="?", type=Path)
    parser.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--memory", type=Path, default=Path("/dev/shm"))
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.picture:
        image = Image.open(given.picture).convert("RGB")
        while image.width * image.height > 1_500_000:
            image = image.reduce(2)
    else:
        image = Image.effect_noise((1200, 900), 30).convert("RGB")
    print(f"{image.width} × {image.height}")
    print("\n".join(table(["writer", "CPU ms", "KiB"], list(encoders(image)))))
    if features.check("avif"):
        print("\n".join(["", *table(["AVIF threads", "wall ms", "CPU ms"], list(avif_threads(image)))]))
    rows = []
    for place in (given.disk, given.memory):
        with tempfile.TemporaryDirectory(dir=place) as name:
            folder = Path(name)
            policies = [f"{writing(folder, policy):.2f}" for policy in ("none", "each 50", "each file")]
            reads = [f"{reading(folder, advice):.2f}" for advice in (False, True)]
            rows.append([str(place), *policies, *reads])
    head = ["folder", "no fsync", "50 together", "each file", "read cold", "with fadvise"]
    print("\n".join(["", *table(head, rows)]))


if __name__ == "__main__":
    main()
