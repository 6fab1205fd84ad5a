"""Clips for tests, made on the spot: small, with known frames, times, sound and tags."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration={seconds}")


def ffmpeg(*arguments: object) -> None:
    """Run the binary that imgpar uses; its messages are shown when it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    frames: int = 25,
    sound: bool = False,
    filters: str = "",
    options: tuple[object, ...] = ("-preset", "ultrafast", "-crf", "12"),
) -> Path:
    """`frames` frames at 25 a second of a moving test picture; with `sound` a tone of the same length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=size={size[0]}x{size[1]}:rate=25,trim=end_frame={frames}" + (
        filters and f",{filters}"
    )
    tone = [part.format(seconds=frames / 25) for part in TONE] if sound else []
    ffmpeg("-f", "lavfi", "-i", source, *tone, *options, path)
    return path


def rotated(source: Path, path: Path, degrees: int) -> Path:
    """The same stream with a display matrix; ffmpeg counts counterclockwise."""
    ffmpeg("-display_rotation", -degrees, "-i", source, "-c", "copy", path)
    return path


def make_uneven(path: Path, times: list[float], size: tuple[int, int] = (64, 48), last: float = 0) -> Path:
    """Frames that are shown at these seconds (the last one for `last`); frame k has the grey 10 · k."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 12800)
        for k, seconds in enumerate(times):
            array = np.full((size[1], size[0], 3), 10 * k % 250, np.uint8)
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts, frame.time_base = round(seconds * 12800), Fraction(1, 12800)
            container.mux(stream.encode(frame))
        for packet in stream.encode():
            if last and packet.pts == frame.pts:
                packet.duration = round(last / packet.time_base)
            container.mux(packet)
    return path


def decoded(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Times and frames (H×W×3, as stored) of the largest video stream."""
    with av.open(str(path)) as container:
        stream = max(container.streams.video, key=lambda stream: stream.width)
        found = [(float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24")) for frame in
                 container.decode(stream)]  # fmt: skip
    return [time for time, _ in found], [array for _, array in found]


def kinds(path: Path) -> list[str]:
    """Kind and codec of every stream."""
    with av.open(str(path)) as container:
        return [
            f"{s.type} {s.codec_context.codec.canonical_name}" for s in container.streams if s.codec_context
        ]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Decibels between two pictures of 8 bits."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
