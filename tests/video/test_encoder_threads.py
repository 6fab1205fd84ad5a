"""Threads of an encoder whose output depends on them follow from the output: short clips take one."""

from __future__ import annotations

from fractions import Fraction

from imgpar.formats.options import EncodeOptions
from imgpar.ops.resize import Resize
from imgpar.pixels.sizes import Geometry
from imgpar.video.clip import Clip, Picture, Stream
from imgpar.video.native import native_arguments
from imgpar.video.plan import make_plan


def encoder_threads(width: int, height: int, frames: int, to: int) -> str:
    """What ffmpeg is told for a clip of 25 frames a second that is scaled to a width."""
    stream, rate = Stream(0, "video", "h264"), Fraction(25)
    picture = Picture(stream, width, height, "yuv420p", 8, False, "420", rate=rate, time_base=1 / rate)
    times = tuple(number / 25 for number in range(frames))
    clip = Clip("/in/a.mp4", "mov,mp4", frames / 25, picture, (stream,), times=times)
    plan = make_plan(clip, "mp4", [Resize(Geometry(width=to))], EncodeOptions())
    found = native_arguments(plan, clip, "/out/a.mp4", 4, 5)
    return found[found.index("-threads:v:0") + 1]


def test_a_short_clip_has_one_encoder_thread() -> None:
    assert encoder_threads(1280, 720, 25, 640) == "1"


def test_a_long_clip_has_as_many_as_the_height_of_the_output_allows() -> None:
    assert encoder_threads(1920, 1080, 1000, 1280) == "6"


def test_a_clip_that_becomes_small_has_one() -> None:
    assert encoder_threads(3840, 2160, 1000, 320) == "1"
