"""`--trim`: exactly the frames with start ≤ t < stop, and everything else begins and ends with them."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from painted_clips import beeps, numbers, paint
from video_clips import ffmpeg

import imgpar
from imgpar.formats.option_values import parse_span
from imgpar.formats.options import EncodeOptions
from imgpar.video.alignment import check_alignment
from imgpar.video.plan import make_plan
from imgpar.video.probe import probe

pytestmark = pytest.mark.slow

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", 16, "-g", 20, "-bf", 2)
PAUSE = "setpts=if(gte(N\\,40)\\,PTS+2/TB\\,PTS)"
UNEVEN = "setpts=PTS+mod(N*N\\,3)*0.009/TB"
KINDS = {"even": ("25", ""), "ntsc": ("30000/1001", ""), "pause": ("25", PAUSE), "uneven": ("25", UNEVEN)}


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Path]:
    """75 frames each, with beeps."""
    folder = tmp_path_factory.mktemp("clips")
    passed = ("-fps_mode", "passthrough", "-enc_time_base", "1:90000")
    return {
        name: paint(folder / f"{name}.mp4", *H264, *passed, rate=rate, filters=filters)
        for name, (rate, filters) in KINDS.items()
    }


@pytest.fixture(params=["auto", "staged"])
def cut(session, tmp_path, request):
    """`cut(clip, "1-2", "out.mkv")` gives the part, by one path or the other."""

    def run(clip: Path, span: str, name: str = "out.mp4", **settings) -> Path:
        settings = {"effort": 0, "schedule": request.param, **settings}
        report = imgpar.convert(
            clip, tmp_path / name, trim=span, session=session, journal=str(tmp_path / "j.db"),
            on_exists="overwrite", **settings,
        )  # fmt: skip
        assert report.items[0].error == ""
        return tmp_path / name

    return run


def within(clip: Path, start: str, stop: str) -> list[int]:
    """Numbers of the frames with start ≤ t < stop, in exact fractions."""
    with av.open(str(clip)) as container:
        stamps = sorted(packet.pts for packet in container.demux(video=0) if packet.pts is not None)
        base, zero = container.streams.video[0].time_base, Fraction(container.start_time, 1_000_000)
    times = [stamp * base - zero for stamp in stamps]
    return [number for number, time in enumerate(times) if Fraction(start) <= time < Fraction(stop)]


@pytest.mark.parametrize("span", ["0.5-2", "1.04-1.08", "1.01-2.23", "0-1.5"])
@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_frames_of_the_part(cut, clips, kind, span):
    made = cut(clips[kind], span)
    assert [number for number, _ in numbers(made)] == within(clips[kind], *span.split("-"))


def test_frames_on_both_sides_of_a_pause(cut, clips):
    made = numbers(cut(clips["pause"], "1.2-3.8"))
    assert [number for number, _ in made] == list(range(30, 45))
    assert np.diff([time for _, time in made]).max() == pytest.approx(2.04, abs=0.002)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", KINDS)
def test_any_part(cut, clips, kind, seed):
    chance = random.Random(seed)
    start = round(chance.uniform(0, 1.5), chance.randint(1, 3))
    stop = round(start + chance.uniform(0.2, 0.9), chance.randint(1, 3))
    if kind == "pause" and start > 1.3:
        stop += 2
    made = cut(clips[kind], f"{start}-{stop}")
    assert [number for number, _ in numbers(made)] == within(clips[kind], str(start), str(stop))


def starts_and_end(path: Path) -> tuple[dict[str, float], float]:
    """When the first packet of each kind is shown, and when the last one ends."""
    first, end = dict[str, float](), 0.0
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is not None and packet.size:
                time = float(packet.pts * packet.time_base)
                kind = packet.stream.type
                first[kind] = min(first.get(kind, time), time)
                end = max(end, time + float((packet.duration or 0) * packet.time_base))
    return first, end


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4", "out.mov"])
def test_copied_sound_begins_with_the_picture(cut, clips, name):
    made = cut(clips["even"], "1.5-2.5", name)
    first, end = starts_and_end(made)
    assert first["audio"] - first["video"] == pytest.approx(0, abs=0.022)
    assert end == pytest.approx(1, abs=0.045)


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4", "out.webm"])
def test_beeps_stay_with_their_frames(cut, clips, name):
    made = cut(clips["even"], "0.7-2.6", name)
    time_of = dict(numbers(made))
    assert beeps(made) == pytest.approx([time_of[25], time_of[50]], abs=0.025)


def test_no_subtitle_outlasts_the_part(cut, clips, tmp_path):
    cues = tmp_path / "cues.srt"
    cues.write_text("1\n00:00:00,200 --> 00:00:02,900\nlong\n\n2\n00:00:02,950 --> 00:00:03,000\nlate\n")
    ffmpeg(
        "-i", clips["even"], "-i", cues, "-map", 0, "-map", 1, "-c", "copy", "-c:s", "srt", tmp_path / "s.mkv"
    )
    made = cut(tmp_path / "s.mkv", "0.4-1.4", "out.mkv")
    with av.open(str(made)) as container:
        shown = [(float(packet.pts * packet.time_base), float(packet.duration * packet.time_base))
                 for packet in container.demux(subtitles=0) if packet.size]  # fmt: skip
    assert shown == [pytest.approx((0, 1), abs=0.03)]
    assert starts_and_end(made)[1] == pytest.approx(1, abs=0.045)


@pytest.mark.parametrize("name", ["out.m4a", "out.wav"])
def test_sound_alone(session, clips, tmp_path, name):
    settings = {"trim": "0.7-2.6", "session": session, "journal": str(tmp_path / "j.db")}
    assert imgpar.convert(clips["even"], tmp_path / name, **settings).items[0].error == ""
    assert beeps(tmp_path / name) == pytest.approx([0.3, 1.3], abs=0.025)


def test_sound_that_begins_early_is_noticed(clips, tmp_path):
    """ffmpeg's own way of cutting into Matroska keeps the sound from the key frame on."""
    wrong = tmp_path / "wrong.mkv"
    ffmpeg("-ss", 1.5, "-t", 1, "-i", clips["even"], "-c:v", "libx264", "-g", 25, "-c:a", "copy", wrong)
    clip = probe(str(clips["even"]))
    plan = make_plan(clip, "mkv", (), EncodeOptions(trim=parse_span("1.5-2.5")))
    with pytest.raises(imgpar.EncodeError, match=r"begins .* seconds early"):
        check_alignment(plan, plan.timing.retimed(clip), probe(str(wrong)))


def test_a_part_between_two_frames_keeps_each_frame_once_in_an_avi(cut, clips) -> None:
    part = cut(clips["even"], "0.5-2.02", "out.avi")
    assert [number for number, _ in numbers(part)] == within(clips["even"], "0.5", "2.02")
    assert beeps(part)[0] == pytest.approx(0.48, abs=0.045)
