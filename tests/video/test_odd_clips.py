"""Edit lists, frames with one time stamp, frames of another size: one rule on both paths."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from painted_clips import beeps, number_in, numbers, paint, painted
from video_clips import ffmpeg

import imgpar
from imgpar.video.probe import probe

PATHS = {
    "as it is": {},
    "native": {"quality": 85, "effort": 0},
    "frames": {"quality": 85, "effort": 0, "schedule": "staged"},
}


@pytest.fixture(scope="module")
def session():
    with imgpar.Session(jobs=2, memory="64M") as session:
        yield session


@pytest.fixture(params=PATHS)
def convert(session, tmp_path, request):
    def run(clip: Path, name: str, **settings) -> Path:
        settings = {**PATHS[request.param], **settings}
        report = imgpar.convert(
            clip, tmp_path / name, session=session, journal=str(tmp_path / "j.db"), **settings
        )
        assert report.items[0].error == ""
        return tmp_path / name

    return run


@pytest.fixture(scope="module")
def edited(tmp_path_factory) -> Path:
    """The edit list hides the first 20 of 75 frames; the sound begins where they end."""
    folder = tmp_path_factory.mktemp("edited")
    whole = paint(folder / "whole.mp4", "-c:v", "libx264", "-preset", "veryfast", "-crf", 12, "-bf", 2)
    ffmpeg("-ss", 0.8, "-i", whole, "-c", "copy", folder / "edited.mp4")
    return folder / "edited.mp4"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.avi", "out.mov"])
def test_hidden_frames_do_not_come_back(convert, edited, name):
    assert probe(str(edited)).hidden == 20
    made = numbers(convert(edited, name))
    assert [number for number, _ in made] == list(range(20, 75))


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_beeps_stay_with_their_frames(convert, edited, name):
    made = convert(edited, name)
    time_of = dict(numbers(made))
    assert beeps(made) == pytest.approx([time_of[25], time_of[50]], abs=0.04)


def test_frames_of_a_clip_with_an_edit_list(edited):
    found = [(frame.index, number_in(frame.array)) for frame in imgpar.frames(edited)]
    assert found == [(k, k + 20) for k in range(55)]


def test_a_part_of_a_clip_with_an_edit_list(convert, edited):
    made = numbers(convert(edited, "out.mp4", trim="0.5-1.5"))
    times = probe(str(edited)).times
    assert [number for number, _ in made] == [20 + k for k, time in enumerate(times) if 0.5 <= time < 1.5]


@pytest.fixture(scope="module")
def doubled(tmp_path_factory) -> Path:
    """Frames 3, 10 and 20 of 30 have the time stamp of the frame before."""
    path = tmp_path_factory.mktemp("doubled") / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libvpx", rate=25, options={"crf": "6", "b": "2M", "deadline": "realtime"}
        )
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        packets = []
        for k in range(30):
            frame = av.VideoFrame.from_ndarray(painted(k), "rgb24")
            frame.pts, frame.time_base = 40 * k, Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode()
        for k, packet in enumerate(packets):
            shown = 40 * (k - (k in (3, 10, 20)))
            packet.pts = packet.dts = round(Fraction(shown, 1000) / packet.time_base)
            container.mux(packet)
    return path


@pytest.mark.parametrize("schedule", ["auto", "staged"])
def test_two_frames_with_one_time_stamp_are_both_kept(session, doubled, tmp_path, schedule):
    settings = {"quality": 85, "effort": 0, "schedule": schedule, "journal": str(tmp_path / "j.db")}
    report = imgpar.convert(doubled, tmp_path / "out.mp4", session=session, **settings)
    assert report.items[0].error == ""
    made = numbers(tmp_path / "out.mp4")
    assert [number for number, _ in made] == list(range(30))
    assert made[3][1] - made[2][1] == pytest.approx(0.001, abs=1e-4)


def test_each_of_them_has_its_index(doubled):
    found = [(frame.index, number_in(frame.array)) for frame in imgpar.frames(doubled)]
    assert found == [(k, k) for k in range(30)]


@pytest.fixture(scope="module")
def changing(tmp_path_factory) -> Path:
    """VP8 of 96×48 that becomes 48×24 after 10 frames."""
    folder = tmp_path_factory.mktemp("changing")
    vp8 = ("-c:v", "libvpx", "-b:v", "2M", "-crf", 5)
    paint(folder / "0.webm", *vp8, frames=10, sound=False)
    paint(folder / "1.webm", *vp8, frames=10, sound=False, filters="scale=48:24:flags=neighbor")
    with av.open(str(folder / "a.webm"), "w") as made:
        stream = None
        for part in range(2):
            with av.open(str(folder / f"{part}.webm")) as source:
                stream = stream or made.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.pts = packet.dts = packet.pts + 400 * part
                        packet.stream = stream
                        made.mux(packet)
    return folder / "a.webm"


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["auto", "staged"])
@pytest.mark.parametrize(
    "settings", [{}, {"flip": "vertical"}, {"crop": "48x48+48+0"}, {"resize": "72x36"}], ids=str
)
def test_every_frame_gets_the_size_of_the_first(session, changing, tmp_path, schedule, settings):
    report = imgpar.convert(
        changing, tmp_path / "out.mp4", session=session, schedule=schedule, quality=90, effort=0,
        journal=str(tmp_path / "j.db"), **settings,
    )  # fmt: skip
    assert report.items[0].error == ""
    with av.open(str(tmp_path / "out.mp4")) as container:
        made = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert {picture.shape for picture in made} == {made[0].shape}
    assert len(made) == 20
    for one, other in zip(made[:10], made[10:], strict=True):
        assert np.abs(one.astype(float) - other).mean() < 25


def test_arrays_of_it_have_one_size(changing):
    found = list(imgpar.frames(changing))
    assert {frame.array.shape for frame in found} == {(48, 96, 3)}
    assert [number_in(frame.array) for frame in found] == [*range(10), *range(10)]
