"""Inputs of `storm.py`: generated pictures and clips, reproducible by seed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

MODE = 0o640


def make_inputs(folder: Path, pictures: int, clips: int) -> Path:
    """Create a folder of small and some large pictures, and of short clips with audio."""
    for number in range(pictures):
        _make_picture(folder / f"{number % 5}", number)
    for number in range(clips):
        _make_clip(folder / "clips", number)
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        os.utime(path, ns=(10**18 + number, 10**18 + number))
        path.chmod(MODE)
    return folder


def _make_picture(folder: Path, number: int) -> None:
    import numpy as np
    from PIL import Image

    from imgpar.testing import pattern

    folder.mkdir(parents=True, exist_ok=True)
    scale = (1, 1, 1, 2, 2, 4, 6)[number % 7]
    size = (160 * scale, 120 * scale)
    noise = np.random.default_rng(number).integers(0, 24, (size[1], size[0], 3), np.uint8)
    path = folder / f"picture {number}.{('jpg', 'png', 'webp')[number % 3]}"
    Image.fromarray(pattern(*size, number) // 2 + noise).save(path)


def _make_clip(folder: Path, number: int) -> None:
    import imageio_ffmpeg

    folder.mkdir(parents=True, exist_ok=True)
    seconds = 1 + number % 3
    picture = f"testsrc2=size={160 + 32 * (number % 4)}x120:rate=25,trim=duration={seconds}"
    sound = f"sine=frequency={300 + 20 * number}:duration={seconds}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
    command += ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-shortest", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, str(folder / f"clip {number}.mp4")], check=True)
