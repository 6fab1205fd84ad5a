"""Clips: imgpar's two paths against ffmpeg alone, and Python functions against plain OpenCV loops.

    python bench/video.py clip.mp4 [--rounds 3] [--json runs/clip.json]

All write 1280 pixels wide H.264 with x264's veryfast preset at CRF 20. There are three loops for each
function: one with PyAV, which scales with the same kernel and has as many threads for the encoder as imgpar;
one that sends its frames to an ffmpeg with the same encoder; and one with OpenCV's own writer, which makes
MPEG-4: it costs less, and is larger or worse. `blur` is OpenCV's, which takes all cores by itself; `grade` is
plain numpy; `python` is a loop in Python of about 30 ms. The contestants take turns; what counts is the
median of the ratios within the rounds. Every output's frames are counted. Run it on a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import imageio_ffmpeg
import numpy as np

import imgpar
from imgpar.video.native import encoder_threads

WIDTH = 1280
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"]

Make = Callable[[Path, Path], object]
Function = Callable[[np.ndarray], np.ndarray]


def blur(array: np.ndarray) -> np.ndarray:
    """A light function: a contrast curve and a little blur."""
    curve = (255 * (np.arange(256) / 255) ** 0.8).astype(np.uint8)
    return cv2.GaussianBlur(curve[array], (0, 0), 1.5)


def grade(array: np.ndarray) -> np.ndarray:
    """A heavier one: an S-curve, more saturation and darker corners, as people write it with numpy."""
    height, width = array.shape[:2]
    colours = array.astype(np.float32) / 255
    colours = colours * colours * (3 - 2 * colours)
    grey = colours.mean(axis=2, keepdims=True)
    colours = grey + 1.2 * (colours - grey)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    colours *= (1 - 0.25 * (x * x + y * y)).astype(np.float32)[..., None]
    return (np.clip(colours, 0, 1) * 255).astype(np.uint8)


def python(array: np.ndarray) -> np.ndarray:
    """30 ms of Python that holds the interpreter's lock, on a processor of 2024."""
    total = 0
    for number in range(1_400_000):
        total += number & 7
    array[0, 0, 0] = total & 255
    return array


FUNCTIONS: dict[str, Function] = {"blur": blur, "grade": grade, "python": python}


def ffmpeg_alone(clip: Path, out: Path) -> None:
    """The same filter and preset in one ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i", str(clip)]
    command += ["-vf", f"scale={WIDTH}:-2:flags=lanczos", *X264]
    command += ["-fps_mode", "passthrough", "-c:a", "copy", "-movflags", "+faststart"]
    subprocess.run([*command, str(out)], check=True)


def made_frames(clip: Path, function: Function) -> Iterator[np.ndarray]:
    """Read, resize, call: what people write first."""
    source = cv2.VideoCapture(str(clip))
    while True:
        more, frame = source.read()
        if not more:
            return
        height = round(frame.shape[0] * WIDTH / frame.shape[1]) // 2 * 2
        yield function(cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA))


def rate_of(clip: Path) -> float:
    """Frames a second."""
    return float(cv2.VideoCapture(str(clip)).get(cv2.CAP_PROP_FPS))


def loop_mpeg4(clip: Path, out: Path, function: Function) -> None:
    """… and write, with OpenCV's own writer."""
    frames = made_frames(clip, function)
    first = next(frames)
    size = (first.shape[1], first.shape[0])
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), rate_of(clip), size)
    writer.write(first)
    for frame in frames:
        writer.write(frame)
    writer.release()


def loop_x264(clip: Path, out: Path, function: Function) -> None:
    """… and write, through an ffmpeg with the encoder that the others have."""
    frames = made_frames(clip, function)
    first = next(frames)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    command += ["-s", f"{first.shape[1]}x{first.shape[0]}", "-r", str(rate_of(clip)), "-i", "-"]
    command += [*X264, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write(first)
        for frame in frames:
            child.stdin.write(frame)
    assert child.returncode == 0


def loop_pyav(clip: Path, out: Path, function: Function) -> None:
    """Read, scale, call and write with PyAV: decoder and encoder in threads, the function in this one."""
    with av.open(str(clip)) as source, av.open(str(out), "w", options={"movflags": "+faststart"}) as target:
        stream = source.streams.video[0]
        stream.thread_type = "AUTO"
        height = round(stream.height * WIDTH / stream.width) // 2 * 2
        options = {"preset": "veryfast", "crf": "20"}
        encoder: Any = target.add_stream("libx264", rate=stream.average_rate, options=options)
        encoder.width, encoder.height, encoder.pix_fmt = WIDTH, height, "yuv420p"
        threads = encoder_threads("libx264", WIDTH, height, stream.frames, 1)
        encoder.codec_context.thread_count = threads
        encoder.codec_context.time_base = stream.time_base
        for frame in source.decode(stream):
            array = frame.to_ndarray(format="rgb24", width=WIDTH, height=height, interpolation="LANCZOS")
            made = av.VideoFrame.from_ndarray(function(array), format="rgb24")
            made.pts, made.time_base = frame.pts, frame.time_base
            target.mux(encoder.encode(made))
        target.mux(encoder.encode())


def contestants(session: imgpar.Session) -> dict[str, Make]:
    """Name → what makes the clip."""
    settings: dict[str, Any] = {"session": session, "quality": 80, "effort": 2}
    plain = imgpar.Pipeline().resize(f"{WIDTH}x", enlarge=True)

    def through(pipe: imgpar.Pipeline, **more: Any) -> Make:
        def make(clip: Path, out: Path) -> None:
            report = pipe.run(clip, out, journal=str(out) + ".db", **settings, **more)
            if report.ok != 1:
                raise SystemExit(f"{out}: {report.items[0]}")

        return make

    found: dict[str, Make] = {
        "ffmpeg": ffmpeg_alone,
        "imgpar, native": through(plain),
        "imgpar, frames": through(plain, schedule="staged"),
    }
    for name, function in FUNCTIONS.items():
        found[f"{name}: PyAV loop"] = partial(loop_pyav, function=function)
        found[f"{name}: OpenCV loop, MPEG-4"] = partial(loop_mpeg4, function=function)
        found[f"{name}: OpenCV loop, x264"] = partial(loop_x264, function=function)
        found[f"{name}: imgpar"] = through(plain.apply(function))
    return found


def frames_in(path: Path) -> int:
    """Packets of the first video stream."""
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


def take_turns(clip: Path, found: dict[str, Make], rounds: int) -> Iterator[dict[str, float]]:
    """Seconds of each contestant, round by round."""
    wanted = frames_in(clip)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            seconds = {}
            for place, (name, make) in enumerate(found.items()):
                out = Path(folder) / f"{number}-{place}.mp4"
                start = time.perf_counter()
                make(clip, out)
                seconds[name] = time.perf_counter() - start
                if (count := frames_in(out)) != wanted:
                    raise SystemExit(f"{name} wrote {count} of {wanted} frames.")
                out.unlink()
            yield seconds


def facts(clip: Path, jobs: int) -> dict[str, Any]:
    """The clip, the machine and the versions."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        words = f"{stream.width}×{stream.height} {stream.codec_context.name}"
    return {
        "clip": clip.name,
        "picture": words,
        "frames": frames_in(clip),
        "cores": jobs,
        "system": platform.platform(),
        "python": platform.python_version(),
        "imgpar": imgpar.__version__,
        "av": av.__version__,
        "ffmpeg": imageio_ffmpeg.get_ffmpeg_version(),
        "opencv": cv2.__version__,
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }


def ratio(rounds: list[dict[str, float]], name: str, base: str) -> float:
    """Median of the ratios within the rounds."""
    return statistics.median(seconds[name] / seconds[base] for seconds in rounds)


def show(rounds: list[dict[str, float]], about: dict[str, Any]) -> None:
    """A line for each contestant."""
    print(f"{about['clip']}: {about['picture']}, {about['frames']} frames, {about['cores']} cores")
    heads = "seconds  frames/s  ÷ ffmpeg  ÷ PyAV loop  ÷ loop, x264  ÷ loop, MPEG-4"
    print(f"{'':30}{heads}   ({len(rounds)} rounds)")
    for name in rounds[0]:
        seconds = statistics.median(taken[name] for taken in rounds)
        line = f"{name:30}{seconds:7.2f}{about['frames'] / seconds:10.1f}"
        own = name.partition(":")[0]
        loops = ("PyAV loop", "OpenCV loop, x264", "OpenCV loop, MPEG-4")
        bases = [f"{own}: {loop}" for loop in loops] if ":" in name else []
        for width, base in zip((10, 13, 14, 16), ["ffmpeg", *bases], strict=False):
            line += f"{ratio(rounds, name, base):{width}.2f}" if base in rounds[0] else " " * width
        print(line)


def main() -> None:
    """Take turns, print the table, keep the raw seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of contestants' names, with commas")
    parser.add_argument("--json", type=Path, help="add the raw seconds to this file")
    args = parser.parse_args()
    # An ordinary end also when it is told to stop: workers and shared memory go with the session.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with imgpar.Session() as session:
        words = args.only.split(",")
        found = {name: make for name, make in contestants(session).items() if any(w in name for w in words)}
        about = facts(args.clip, session.jobs)
        old = json.loads(args.json.read_text()) if args.json and args.json.exists() else []
        rounds: list[dict[str, float]] = []
        for seconds in take_turns(args.clip, found, args.rounds):
            rounds.append(seconds)
            if args.json:  # written as soon as it is there
                args.json.write_text(json.dumps([*old, {**about, "seconds": rounds}], indent=1) + "\n")
    show(rounds, about)


if __name__ == "__main__":
    main()
