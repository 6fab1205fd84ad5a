"""How fast frames of a clip become arrays: imgpar.frames, PyAV and decord.

    python bench/clip_frames.py [CLIP] [--threads 1,0] [--rounds 5] [--batch 16] [--single 40]

Without CLIP, 600 frames of 1280×720 in H.264 are made. Every reader delivers RGB of 8 bits, in a process of
its own, with the same number of decoder threads (0 is automatic), and each array is kept until the next one
is there. Rounds alternate between the readers; the table shows the medians of frames per second and of
processor time per frame, including opening the clip. `single` reads as many frames as given by number, in
random order. decord is left out where it is not installed; DECORD names a Python that has it.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def counted(arrays: Iterable[Any]) -> int:
    """Number of arrays, each kept until the next one is there."""
    count, kept = 0, None
    for array in arrays:
        count, kept = count + 1, array
    assert kept is not None
    return count


def read_imgpar(clip: str, threads: int) -> int:
    import imgpar

    return counted(frame.array for frame in imgpar.frames(clip, threads=threads))


def read_batches(clip: str, threads: int) -> int:
    import imgpar

    size = int(os.environ.get("BATCH", "16"))
    return sum(len(batch) for batch in imgpar.frames(clip, threads=threads, batch=size))


def read_pyav(clip: str, threads: int) -> int:
    import av

    with av.open(clip) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        return counted(frame.to_ndarray(format="rgb24") for frame in container.decode(stream))


def read_decord(clip: str, threads: int) -> int:
    import decord

    reader = decord.VideoReader(clip, num_threads=threads)
    return counted(frame.asnumpy() for frame in reader)


def numbers(count: int) -> list[int]:
    return random.Random(5).sample(range(count), min(count, int(os.environ.get("SINGLE", "40"))))


def single_imgpar(clip: str, threads: int) -> int:
    import imgpar

    wanted = numbers(int(os.environ["FRAMES"]))
    return counted(frame.array for frame in imgpar.frames(clip, threads=threads, index=wanted))


def single_decord(clip: str, threads: int) -> int:
    import decord

    reader = decord.VideoReader(clip, num_threads=threads)
    return counted(reader[number].asnumpy() for number in numbers(len(reader)))


READERS = {
    "imgpar": read_imgpar,
    "imgpar, batches": read_batches,
    "PyAV": read_pyav,
    "decord": read_decord,
    "imgpar, single": single_imgpar,
    "decord, single": single_decord,
}


def measure(name: str, clip: str, threads: int) -> tuple[int, float, float]:
    """In this process: number of frames, wall time, and processor time of all threads in seconds."""
    read_first = READERS[name]
    if "imgpar" in name:
        import imgpar

        next(imgpar.frames(clip))  # imports
    elif name == "PyAV":
        import av  # noqa: F401
    else:
        import decord  # noqa: F401
    wall, used = time.perf_counter(), time.process_time()
    count = read_first(clip, threads)
    return count, time.perf_counter() - wall, time.process_time() - used


def apart(name: str, clip: str, threads: int) -> tuple[int, float, float] | None:
    """`measure` in a process of its own; None where the reader is not installed."""
    python = os.environ.get("DECORD", sys.executable) if "decord" in name else sys.executable
    command = [python, __file__, "--measure", name, "--threads", str(threads), clip]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    count, wall, used = done.stdout.split()
    return int(count), float(wall), float(used)


def make_clip(path: Path) -> None:
    import imageio_ffmpeg

    source = "testsrc2=size=1280x720:rate=30,noise=alls=6:allf=t,trim=end_frame=600"
    options = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", str(path)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, *options]
    subprocess.run(command, check=True)


def table(clip: str, threads: list[int], rounds: int) -> None:
    import imgpar

    found = imgpar.describe(clip)
    os.environ["FRAMES"] = str(getattr(found, "frames", 0))
    print("| reader | threads | frames/s | processor, ms per frame |\n| --- | --- | --- | --- |")
    for count in threads:
        results: dict[str, list[tuple[int, float, float]]] = {name: [] for name in READERS}
        for _ in range(rounds):
            for name, results_of in results.items():
                if (result := apart(name, clip, count)) is not None:
                    results_of.append(result)
        for name, measured in results.items():
            if measured:
                rate = statistics.median(frames / wall for frames, wall, _ in measured)
                used = statistics.median(1000 * cpu / frames for frames, _, cpu in measured)
                print(f"| {name} | {count or 'automatic'} | {rate:.0f} | {used:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clip", nargs="?")
    parser.add_argument("--threads", default="1,0")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", default="16")
    parser.add_argument("--single", default="40")
    parser.add_argument("--measure", choices=READERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(*measure(given.measure, given.clip, int(given.threads)))
        return
    os.environ.update(BATCH=given.batch, SINGLE=given.single)
    with tempfile.TemporaryDirectory() as folder:
        clip = given.clip or str(Path(folder) / "clip.mp4")
        if not given.clip:
            make_clip(Path(clip))
        table(clip, [int(text) for text in given.threads.split(",")], given.rounds)


if __name__ == "__main__":
    main()
