"""Clips whose frames carry their number, with a beep at every full second."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

WIDTH, HEIGHT, BITS = 96, 48, 12
BEEPS = "aevalsrc='if(lt(mod(t,1),0.05),0.8*sin(2*PI*1000*t),0)':s=48000:d={seconds}"


def painted(number: int) -> np.ndarray:
    """A picture (48×96×3, uint8) of 12 columns: white where the bit is set."""
    bits = [255 if number >> bit & 1 else 0 for bit in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8), WIDTH // BITS)
    return np.repeat(np.tile(row, (HEIGHT, 1))[..., None], 3, axis=2)


def number_in(picture: np.ndarray) -> int:
    """What `painted` painted, at any size."""
    height, width = picture.shape[:2]
    columns = [width * (2 * bit + 1) // (2 * BITS) for bit in range(BITS)]
    line = picture[height // 4 : height * 3 // 4, :, 1].mean(axis=0)
    return sum(int(line[x - 1 : x + 2].mean() > 125) << bit for bit, x in enumerate(columns))


def paint(
    path: Path, *options: object, frames: int = 75, rate: str = "25", sound: bool = True, filters: str = ""
) -> Path:
    """Frames 0, 1, 2 … at `rate` a second, encoded with `options` of ffmpeg."""
    raw = b"".join(painted(number).tobytes() for number in range(frames))
    numerator, _, denominator = rate.partition("/")
    seconds = frames * int(denominator or 1) / int(numerator)
    beeps = ["-f", "lavfi", "-i", BEEPS.format(seconds=seconds)] if sound else []
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", rate, "-i", "pipe:0"]
    chain = ",".join(filter(None, (filters, "format=yuv420p")))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, *beeps, "-vf", chain]
    command += [*map(str, options), str(path)]
    done = subprocess.run(command, input=raw, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return path


def numbers(path: Path) -> list[tuple[int, float]]:
    """Number and time of every frame, decoded from the beginning."""
    with av.open(str(path)) as clip:
        found = [(number_in(frame.to_ndarray(format="rgb24")), frame.time) for frame in clip.decode(video=0)]
    return [(number, float(time or 0)) for number, time in found]


def beeps(path: Path) -> list[float]:
    """When beeps begin, in seconds."""
    found, last = list[float](), -1.0
    with av.open(str(path)) as clip:
        rate = clip.streams.audio[0].rate
        for block in clip.decode(audio=0):
            samples = np.abs(block.to_ndarray().astype(float)).max(axis=0)
            samples = samples / 32768 if block.format.name.startswith("s16") else samples
            for at in float(block.time) + np.flatnonzero(samples > 0.2) / rate:
                if at - last > 0.3:
                    found.append(float(at))
                last = float(at)
    return found
