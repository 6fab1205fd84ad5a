"""Functions that get a frame with its neighbours: `apply(function, window=3)`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from operation_frames import Array, picture
from PIL import Image, ImageSequence
from video_clips import make_clip

import imgpar
from imgpar.core.spec import Frame, Spec
from imgpar.ops.apply import Apply


def grey_frames(*values: int) -> list[Frame]:
    """Small frames of one grey each."""
    return [Frame(Spec(4, 2, "RGB"), np.full((2, 4, 3), value, np.uint8)) for value in values]


def windows_of(window: int, *values: int) -> list[list[int]]:
    """What a function gets of frames with these greys."""
    seen = list[list[int]]()

    def look(frames: Array) -> Array:
        seen.append(frames[:, 0, 0, 0].tolist())
        return frames[len(frames) // 2]

    made = list(Apply(look, window=window).over(grey_frames(*values)))
    assert [int(frame.array[0, 0, 0]) for frame in made] == list(values)
    return seen


@pytest.mark.parametrize(
    ("window", "values", "expected"),
    [
        (3, (1, 2, 3), [[1, 1, 2], [1, 2, 3], [2, 3, 3]]),
        (5, (1, 2), [[1, 1, 1, 2, 2], [1, 1, 2, 2, 2]]),
        (5, (7,), [[7] * 5]),
        (3, (), []),
    ],
)
def test_the_first_and_the_last_frame_repeat(
    window: int, values: tuple[int, ...], expected: list[list[int]]
) -> None:
    assert windows_of(window, *values) == expected


def test_no_more_is_read_than_half_a_window_ahead() -> None:
    read = []

    def source() -> Any:
        for number, frame in enumerate(grey_frames(*range(9))):
            read.append(number)
            yield frame

    results = Apply(lambda frames: frames[1], window=3).over(source())
    next(results)
    assert read == [0, 1]


def test_a_window_is_a_copy_that_may_be_modified() -> None:
    def paint(frames: Array) -> Array:
        frames[0] = 200
        return frames[1]

    made = list(Apply(paint, window=3).over(grey_frames(1, 2, 3)))
    assert [int(frame.array[0, 0, 0]) for frame in made] == [1, 2, 3]


def test_alpha_of_the_frame_in_the_middle_stays() -> None:
    src = picture("RGBA")
    made = Apply(lambda frames: frames[1], window=3).call(src)
    np.testing.assert_array_equal(made.array[..., 3], src.array[..., 3])


@pytest.mark.parametrize("window", [0, 2, -1, 257, 1.0, "x", True])
def test_a_window_is_an_odd_number(window: Any) -> None:
    with pytest.raises(imgpar.BadValueError, match="an odd whole number from 1 to 255 for window"):
        imgpar.Pipeline().apply(np.negative, window=window)


BRIGHTER = "format=yuv420p,geq=lum='16+18*N':cb=128:cr=128"
"""Each frame is brighter than the one before."""


def span(frames: Array) -> Array:
    """Grey: eight times how many different frames a window has."""
    count = len({frame.tobytes() for frame in frames})
    return np.full(frames.shape[1:], 60 * count, np.uint8)


def greys(path: Path) -> list[int]:
    return [round(float(frame.array.mean()) / 60) for frame in imgpar.frames(path)]


def test_a_clip_keeps_frames_times_and_sound(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=12, sound=True, filters=BRIGHTER)
    made = tmp_path / "b.mp4"
    pipe = imgpar.Pipeline().resize("32").apply(span, window=3).grey()
    report = pipe.run(source, made, jobs=2, quality=100)
    assert (report.ok, greys(made)) == (1, [2, *[3] * 10, 2])

    def facts(path: Path) -> tuple[list[float], list[bytes]]:
        with av.open(str(path)) as clip:
            packets = [packet for packet in clip.demux() if packet.pts is not None]
            times = sorted(float(p.pts * p.time_base) for p in packets if p.stream.type == "video")
            return times, [bytes(p) for p in packets if p.stream.type == "audio"]

    assert facts(made) == facts(source)


def counted(path: Path) -> list[int]:
    """What `span` has painted into the frames of an animation."""
    with Image.open(path) as made:
        return [round(np.asarray(frame.convert("RGB")).mean() / 60) for frame in ImageSequence.Iterator(made)]


def test_a_clip_becomes_an_animation_with_windows(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=5, filters=BRIGHTER)
    report = imgpar.Pipeline().apply(span, window=3).run(source, tmp_path / "b.webp", lossless=True)
    assert report.ok == 1
    assert counted(tmp_path / "b.webp") == [2, 3, 2]  # equal frames are one


def test_frames_of_an_animation_are_neighbours(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), (40 * number, 0, 0)) for number in range(4)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    imgpar.Pipeline().apply(span, window=3).run(tmp_path / "a.webp", tmp_path / "b.webp", lossless=True)
    assert counted(tmp_path / "b.webp") == [2, 3, 2]  # equal frames are one


def test_single_frames_have_no_neighbours(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=3)
    with pytest.raises(imgpar.TransformError, match=r"needs the neighbours of each frame"):
        list(imgpar.frames(source, pipeline=imgpar.Pipeline().apply(span, window=3)))


def test_the_example_removes_a_flash(tmp_path: Path) -> None:
    flash = "format=yuv420p,geq=lum='if(eq(N,2),230,60)':cb=128:cr=128"
    make_clip(tmp_path / "in" / "a.mp4", frames=5, filters=flash)
    example = Path(__file__).parents[2] / "examples" / "denoise_clip.py"
    done = subprocess.run(
        [sys.executable, example, tmp_path / "in", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1 converted, 0 failed\n"
    bright = [float(frame.array.mean()) for frame in imgpar.frames(tmp_path / "out" / "a.mp4")]
    assert len(bright) == 5
    assert max(bright) < 80
