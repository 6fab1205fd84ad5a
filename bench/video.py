"""Clips: imgpar's two paths against ffmpeg alone, and a Python function against a plain OpenCV loop.

    python bench/video.py clip.mp4 [--rounds 3]

All write 1280 pixels wide H.264 with x264's veryfast preset at CRF 20 (OpenCV's own writer: MPEG-4). The
contestants take turns; the fastest of their rounds counts. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

import imgpar

WIDTH = 1280


def function(array: np.ndarray) -> np.ndarray:
    """What is done to every frame in Python: a contrast curve and a little blur."""
    curve = (255 * (np.arange(256) / 255) ** 0.8).astype(np.uint8)
    return cv2.GaussianBlur(curve[array], (0, 0), 1.5)


def ffmpeg_alone(clip: Path, out: Path) -> None:
    """The same filter and preset in one ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i", str(clip)]
    command += [
        "-vf",
        f"scale={WIDTH}:-2:flags=lanczos",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "20",
    ]
    subprocess.run([*command, "-fps_mode", "passthrough", "-c:a", "copy", str(out)], check=True)


def opencv_loop(clip: Path, out: Path) -> None:
    """Read, resize, call, write: what people write first."""
    source = cv2.VideoCapture(str(clip))
    rate = source.get(cv2.CAP_PROP_FPS)
    writer = None
    while True:
        more, frame = source.read()
        if not more:
            break
        height = round(frame.shape[0] * WIDTH / frame.shape[1]) // 2 * 2
        frame = function(cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA))
        if writer is None:
            writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), rate, (WIDTH, height))
        writer.write(frame)
    assert writer is not None
    writer.release()


def contestants(session: imgpar.Session) -> dict[str, Callable[[Path, Path], object]]:
    """Name → what makes the clip."""
    settings = {"session": session, "quality": 80, "effort": 2}
    plain = imgpar.Pipeline().resize(f"{WIDTH}x", enlarge=True)

    def through(pipe: imgpar.Pipeline, **more: object) -> Callable[[Path, Path], object]:
        return lambda clip, out: pipe.run(clip, out, journal=str(out) + ".db", **settings, **more)

    return {
        "ffmpeg": ffmpeg_alone,
        "imgpar, native": through(plain),
        "imgpar, frames": through(plain, schedule="staged"),
        "OpenCV loop with a function": opencv_loop,
        "imgpar with the function": through(plain.apply(function)),
    }


def main() -> None:
    """Take turns, print the fastest round of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, imgpar.Session() as session:
        found = contestants(session)
        seconds: dict[str, list[float]] = {name: [] for name in found}
        for number in range(args.rounds):
            for name, make in found.items():
                out = Path(folder) / f"{number}-{len(name)}.mp4"
                start = time.perf_counter()
                make(args.clip, out)
                seconds[name].append(time.perf_counter() - start)
    base = min(seconds["ffmpeg"])
    print(f"{'':30}seconds  of ffmpeg   ({session.jobs} cores, {args.rounds} rounds)")
    for name, taken in seconds.items():
        print(f"{name:30}{min(taken):7.2f}  {min(taken) / base:9.2f}")


if __name__ == "__main__":
    main()
